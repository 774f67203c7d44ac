package policy

import (
	"strings"
	"testing"
)

// Whom patterns let call, and whom no way of writing a URI gets past them.
func TestDial(t *testing.T) {
	for _, c := range []struct {
		pattern, uri string
		out          string // what is called; "": refused
	}{
		{"*@pbx.example.com", "sip:anna@pbx.example.com", "sip:anna@pbx.example.com"},
		{"*@pbx.example.com", "sip:anna@PBX.Example.COM.", "sip:anna@pbx.example.com"},
		{"*@PBX.example.com.", "sip:anna@pbx.example.com:5060;transport=TCP", "sip:anna@pbx.example.com:5060;transport=tcp"},
		{"*@pbx.example.com", "sips:anna@pbx.example.com:5061;transport=tcp", "sips:anna@pbx.example.com:5061"},
		{"*@pbx.example.com:5061", "sip:anna@pbx.example.com;transport=tls", "sip:anna@pbx.example.com;transport=tls"},
		{"*@pbx.example.com:*", "sip:anna@pbx.example.com:9", "sip:anna@pbx.example.com:9"},
		{"*@*.example.com", "sip:anna@de.example.com;lr;x=y;method=BYE;user=phone", "sip:anna@de.example.com;user=phone"},
		{"+49*@gw.example.com:5080", "sip:%2B4930%31@gw.example.com:5080", "sip:+49301@gw.example.com:5080"},
		{"*@192.0.2.1", "sip:*21%23@192.0.2.1", "sip:*21%23@192.0.2.1"},
		{"*@192.0.2.1", "sip:1@[::ffff:192.0.2.1]", "sip:1@192.0.2.1"},
		{"*@[2001:db8::1]:5080", "sip:1@[2001:DB8:0::1]:5080", "sip:1@[2001:db8::1]:5080"},

		{"*@pbx.example.com", "sip:anna@pbx.example.com:5080", ""},
		{"*@pbx.example.com", "sip:anna@pbx.example.com:5061", ""},
		{"*@pbx.example.com", "sip:anna@pbx.example.com:0", ""},
		{"*@pbx.example.com:5080", "sip:anna@pbx.example.com", ""},
		{"*@pbx.example.com", "sip:anna@pbx.example.com.evil.example", ""},
		{"*@pbx.example.com", "sip:anna@evil.example@pbx.example.com", ""},
		{"*@pbx.example.com", "sip:anna%40pbx.example.com@evil.example", ""},
		{"*@pbx.example.com", "sip:anna@evil.example;x=@pbx.example.com", ""},
		{"*@pbx.example.com", "sip:anna@evil.example?to=x@pbx.example.com", ""},
		{"*@pbx.example.com", "sip:anna@pbx.example.com?Route=%3Csip:evil.example%3E", ""},
		{"*@pbx.example.com", "sip:anna@pbx.example.com;maddr=203.0.113.1", ""},
		{"*@pbx.example.com", "sip:anna@pbx.example.com;user=phone;MADDR=203.0.113.1", ""},
		{"*@pbx.example.com", "sip:anna@pbx.example.com;transport=udp;transport=tls", ""},
		{"*@pbx.example.com", "sip:anna@pbx.example.com;transport=sctp", ""},
		{"*@pbx.example.com", "sip:anna:secret@pbx.example.com", ""},
		{"*@pbx.example.com", "sip:pbx.example.com", ""},
		{"*@pbx.example.com", "sip:@pbx.example.com", ""},
		{"*@pbx.example.com", "sip://anna@pbx.example.com", ""},
		{"*@pbx.example.com", "sip:anna@pbx..example.com", ""},
		{"*@pbx.example.com", "sip:anna@%70bx.example.com", ""},
		{"*@pbx.example.com", "tel:+4930", ""},
		{"*@pbx.example.com", "http:anna@pbx.example.com", ""},
		{"*@pbx.example.com", "", ""},
		{"+49*@gw", "sip:+4330@gw", ""},
		{"+49*@gw", "sip:0049@gw", ""},
		{"+49*@gw", "sip:%252B49@gw", ""},
		{"+49*@gw", "sip:+49%@gw", ""}, {"+49*@gw", "sip:+49%4@gw", ""}, {"+49*@gw", "sip:+49%zz@gw", ""}, {"+49*@gw", "sip:+49%+1@gw", ""},
		{"+49*@gw", "sip:+4930;rn=+1900555@gw;user=phone", ""}, // the gateway would dial that
		{"+49*@gw", "sip:+4930%3Bphone-context=+1900@gw", ""},
		{"+49*@gw", "sip:+4930&SIP%2F0900@gw", ""},
		{"+49*@gw", "sip:+4930%00900@gw", ""}, {"+49*@gw", "sip:+4930%0d%0aX@gw", ""}, {"+49*@gw", "sip:+49%2C900@gw", ""},
		{"+49*@gw", "sip:+4930%C3%A4@gw", ""},
		{"anna@gw", "sip:ANNA@gw", ""},
		{"*@192.0.2.1", "sip:1@192.0.2.01", ""}, {"*@192.0.2.1", "sip:1@3221225985", ""}, {"*@192.0.2.1", "sip:1@0xc0.0.2.1", ""},
		{"*@[2001:db8::1]", "sip:1@2001:db8::1", ""}, {"*@[fe80::1]", "sip:1@[fe80::1%25eth0]", ""},
	} {
		var d Dial
		if err := d.UnmarshalText([]byte(c.pattern)); err != nil {
			t.Fatalf("%q: %v", c.pattern, err)
		}
		got := ""
		target, err := ReadTarget(c.uri)
		if err == nil && d.Matches(target) {
			got = target.String()
		}
		if got != c.out || err != nil && err.Error() == "" {
			t.Errorf("%q lets %q call %q, want %q (%v)", c.pattern, c.uri, got, c.out, err)
		}
		if d.String() != c.pattern || (Dial{}).Matches(target) {
			t.Errorf("%q reads as %q", c.pattern, d)
		}
	}
}

func TestDialPattern(t *testing.T) {
	for _, bad := range []string{"", "pbx.example.com", "@pbx.example.com", "*@", "*@:5060", "*@pbx:0", "*@pbx:65536", "*@pbx:", "*@pbx:50*",
		"*@2001:db8::1", "*@[2001:db8::*]", "*@a b", "*@a/b", "sip:*@pbx", "%2B49*@pbx", "a b@pbx", "*@a..b", strings.Repeat("1", maxPattern) + "@a"} {
		if err := new(Dial).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	for pattern, anywhere := range map[string]bool{"*@*": true, "+49*@*:*": true, "*@*.*": true, "*@*.com": false, "*@gw": false} {
		var d Dial
		if err := d.UnmarshalText([]byte(pattern)); err != nil || d.Anywhere() != anywhere {
			t.Errorf("%q is anywhere: %v, %v", pattern, d.Anywhere(), err)
		}
	}
	if (Dial{}).Anywhere() {
		t.Error("the zero pattern is anywhere")
	}
}

// FuzzReadTarget: what is called is what was judged: the URI made of a target reads as that target, has one host and no
// parameter that was not looked at.
func FuzzReadTarget(f *testing.F) {
	for _, s := range []string{"sip:+49@gw.example.com:5080;transport=tls;user=phone", "sips:a@[2001:db8::1]", "sip:%2B%23@A.", "sip:a@b;maddr=c?d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		target, err := ReadTarget(s)
		if err != nil {
			return
		}
		again, err := ReadTarget(target.String())
		if target.Secure {
			target.Transport = ""
		}
		if err != nil || again != target {
			t.Errorf("%q: %q, read again %+v, %v; want %+v", s, target, again, err, target)
		}
		uri := target.String()
		if strings.Count(uri, "@") != 1 || strings.ContainsAny(uri, "?&,<>\"\r\n ") || strings.Contains(uri, "maddr=") {
			t.Errorf("%q: %q", s, uri)
		}
	})
}
