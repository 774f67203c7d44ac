package sip

import (
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// What a Reason says to a person. RFC 3326, 2
func TestCauseText(t *testing.T) {
	for _, tt := range []struct {
		headers []string
		want    string
	}{
		{nil, ""},
		{[]string{`SIP;cause=200;text="Call completed elsewhere"`}, "Call completed elsewhere"},
		{[]string{`Q.850;cause=16;text="Terminated"`}, "Terminated"},
		{[]string{`Q.850 ; cause=16, SIP ;cause=200 ; TEXT="a, b; c"`}, "a, b; c"},
		{[]string{"Q.850;cause=16", `SIP;text="second"`, `SIP;text="third"`}, "second"},
		{[]string{`SIP;text="say \"yes\""`}, `say "yes"`},
		{[]string{`SIP;x-text="no";cause=1`}, ""},
		{[]string{`SIP;x=";text=no";cause=1`}, ""},
		{[]string{"SIP;text=bare"}, "bare"},
		{[]string{"SIP;text=two words"}, "two words"},
		{[]string{`SIP;text="open`}, `"open`},
		{[]string{"", ";", "SIP", `SIP;text=`, `SIP;text=""`}, ""},
	} {
		req := sipgo.NewRequest(sipgo.BYE, sipgo.Uri{Scheme: "sip", Host: "h"})
		for _, v := range tt.headers {
			req.AppendHeader(sipgo.NewHeader("Reason", v))
		}
		if got := causeText(req); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.headers, got, tt.want)
		}
	}
}
