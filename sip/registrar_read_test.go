package sip

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// readREGISTER reads a REGISTER as it would come from a socket; ok is false when the edge refuses it.
func readREGISTER(t testing.TB, lines ...string) (registration, *Refusal, bool) {
	t.Helper()
	text := "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKx\r\nFrom: <sip:alice@example.com>;tag=1\r\n" +
		"To: <sip:alice@example.com>\r\nCall-ID: x\r\nCSeq: 7 REGISTER\r\n" + strings.Join(append(lines, ""), "\r\n") + "Content-Length: 0\r\n\r\n"
	source := netip.MustParseAddrPort("198.51.100.1:5060")
	res := NewEdge(EdgeConfig{}).newMender().mend([]byte(text), source, false)
	req, ok := res.message.(*sipgo.Request)
	if !ok {
		return registration{}, nil, false
	}
	l := &listener{local: netip.MustParseAddrPort("192.0.2.254:5060")}
	r, refusal := readRegistration(req, &flow{listener: l, source: source, remote: source}, 3)
	return r, refusal, true
}

func TestReadRegistration(t *testing.T) {
	const uuid = `+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"`
	for _, tt := range []struct {
		name  string
		lines []string
		want  []string // uri, q, instance, reg-id, expires
		all   bool
		path  []string
		code  int
	}{
		{"query", nil, nil, false, nil, 0},
		{"plain", []string{"Contact: <sip:alice@198.51.100.1>"}, []string{"sip:alice@198.51.100.1 1000  0 -1"}, false, nil, 0},
		{"Expires", []string{"Contact: <sip:a@h>", "Expires: 600"}, []string{"sip:a@h 1000  0 600"}, false, nil, 0},
		{"expires before Expires", []string{"Contact: <sip:a@h>;expires=60", "Expires: 600"}, []string{"sip:a@h 1000  0 60"}, false, nil, 0},
		{"malformed expires: as if none", []string{"Contact: <sip:a@h>;expires=soon", "Expires: 600"}, []string{"sip:a@h 1000  0 -1"}, false, nil, 0},
		{"expires beyond all numbers", []string{"Contact: <sip:a@h>;expires=99999999999999999999"}, []string{"sip:a@h 1000  0 -1"}, false, nil, 0},
		{"several, with q", []string{"m: <sip:a@h>;q=0.5, \"B\" <sip:b@h;transport=tcp>;Q=0.75;expires=0", "Contact: sip:c@h;q=1.0"},
			[]string{"sip:a@h 500  0 -1", "sip:b@h;transport=tcp 750  0 0", "sip:c@h 1000  0 -1"}, false, nil, 0},
		{"outbound", []string{"Supported: path, outbound", "Contact: <sip:a@h;ob>;" + uuid + ";reg-id=2"},
			[]string{"sip:a@h;ob 1000 <urn:uuid:00000000-0000-1000-8000-000A95A0E128> 2 -1"}, false, nil, 0},
		{"reg-id without outbound", []string{"Contact: <sip:a@h>;reg-id=2;" + uuid},
			[]string{"sip:a@h 1000 <urn:uuid:00000000-0000-1000-8000-000A95A0E128> 0 -1"}, false, nil, 0},
		{"an instance with what sipgo takes for ends", []string{`Contact: <sip:a@h>;+sip.instance="<urn:x;a=b>";expires=90`}, []string{"sip:a@h 1000 <urn:x;a=b> 0 90"}, false, nil, 0},
		{"URI kept as it is", []string{"Contact: <sip:+19725552222@gw1.example.net;unknownparam;pn-x=a%3Ab?Route=%3Csip:e%3E>"},
			[]string{"sip:+19725552222@gw1.example.net;unknownparam;pn-x=a%3Ab?Route=%3Csip:e%3E 1000  0 -1"}, false, nil, 0},
		{"all", []string{"Contact: *", "Expires: 0"}, nil, true, nil, 0},
		{"all, with Expires", []string{"Contact: *", "Expires: 1"}, nil, true, nil, 400},
		{"all, without Expires", []string{"Contact: *"}, nil, true, nil, 400},
		{"all and one more", []string{"Contact: *", "Contact: <sip:a@h>", "Expires: 0"}, []string{"sip:a@h 1000  0 0"}, true, nil, 400},
		{"Path", []string{"Path: <sip:p1.example.com;lr>,<sip:p2.example.com;lr;ob>", "Path: <sip:p3.example.com;lr>"}, nil, false,
			[]string{"sip:p1.example.com;lr", "sip:p2.example.com;lr;ob", "sip:p3.example.com;lr"}, 0},
		{"Path malformed", []string{"Path: <sip:>"}, nil, false, nil, 400},
		{"Path not of SIP", []string{"Path: <tel:1>"}, nil, false, nil, 400},
		{"Path too long", []string{"Path: " + strings.Repeat("<sip:p;lr>,", pathsMost) + "<sip:p;lr>"}, nil, false, nil, 400},
		{"too many contacts", []string{"Contact: <sip:a@h>,<sip:b@h>,<sip:c@h>,<sip:d@h>"}, []string{"sip:a@h 1000  0 -1", "sip:b@h 1000  0 -1", "sip:c@h 1000  0 -1"}, false, nil, 403},
		{"a contact too long", []string{"Contact: <sip:" + strings.Repeat("a", contactMost) + "@h>"}, nil, false, nil, 400},
		{"an instance too long", []string{`Contact: <sip:a@h>;+sip.instance="` + strings.Repeat("a", instanceMost+1) + `"`}, nil, false, nil, 400},
	} {
		r, refusal, ok := readREGISTER(t, tt.lines...)
		if !ok {
			t.Errorf("%s: refused by the edge", tt.name)
			continue
		}
		code := 0
		if refusal != nil {
			code = refusal.Code
		}
		var got []string
		for _, c := range r.contacts {
			got = append(got, fmt.Sprintf("%s %d %s %d %d", c.uri, c.q, c.instance, c.regID, c.expires))
		}
		if code != tt.code || r.all != tt.all || !slices.Equal(got, tt.want) || !slices.Equal(r.path, tt.path) {
			t.Errorf("%s:\ngot  %q %v %q %d\nwant %q %v %q %d", tt.name, got, r.all, r.path, code, tt.want, tt.all, tt.path, tt.code)
		}
	}
	r, _, _ := readREGISTER(t, "User-Agent: "+strings.Repeat("x", 300))
	if len(r.userAgent) != userAgentMost || r.callID != "x" || r.cseq != 7 || r.transport != "UDP" || r.flow != "" ||
		r.source.String() != "198.51.100.1:5060" || r.local.String() != "192.0.2.254:5060" {
		t.Errorf("%+v", r)
	}
}

func TestReadQ(t *testing.T) {
	for s, want := range map[string]int{"1": 1000, "1.0": 1000, "0": 0, "0.": 0, "0.7": 700, "0.07": 70, "0.123": 123, "0.1234": 1000, "0.x": 1000, "": 1000, "-1": 1000, "2": 1000} {
		if got := readQ(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}

// Where a phone may want to be called. (RG-3)
func TestStrayContact(t *testing.T) {
	for uri, ok := range map[string]bool{
		"sip:a@198.51.100.1:5070": true, "sips:a@198.51.100.1": true, "sip:a@[::ffff:198.51.100.1]": true,
		"sip:a@10.1.2.3": true, "sip:a@192.168.0.1": true, "sip:a@100.64.1.1": true, "sip:a@0.0.0.0": true, "sip:a@[fe80::1]": true,
		"sip:x7@df7jal23ls0d.invalid;transport=ws": true,
		"sip:a@198.51.100.2":                       false, "sip:+49900123@sip.carrier.net": false, "tel:+49900123": false,
		"sip:a@[2001:db8::1]": false, "http://example.com": false, "sip:tea@example.com": false,
	} {
		ct := bindingOf(t, uri, -1)
		if why := strayContact(&ct.parsed, phoneA); (why == "") != ok {
			t.Errorf("%s: %q", uri, why)
		}
	}
}

// FuzzRegister: whatever Contact, Expires and Path say, reading them ends well, within the limits, and what is bound can be
// told to the phone and read back.
func FuzzRegister(f *testing.F) {
	f.Add(`<sip:a@h>;expires=60;q=0.5;+sip.instance="<urn:uuid:1>";reg-id=1`, "600", "<sip:p;lr>")
	f.Add("*", "0", "")
	f.Add(`"x" <sip:a@[::1]:5060;transport=tcp?x=y>,sip:b@h;q=1`, "x", "sip:p,<sip:q;ob>")
	f.Fuzz(func(t *testing.T, contacts, expires, path string) {
		lines := []string{"Supported: outbound", "Contact: " + contacts, "Expires: " + expires}
		if path != "" {
			lines = append(lines, "Path: "+path)
		}
		r, refusal, ok := readREGISTER(t, lines...)
		if !ok || refusal != nil {
			return
		}
		if len(r.contacts) > 3 || len(r.path) > pathsMost {
			t.Fatalf("%d contacts, %d of Path", len(r.contacts), len(r.path))
		}
		c := testRegistrar()
		bound, err := c.register(nil, r, noon)
		if err != nil {
			return
		}
		for i := range bound {
			b := &bound[i]
			if len(b.Contact) > contactMost || len(b.Instance) > instanceMost || b.Q < 0 || b.Q > 1000 || !b.Expires.After(noon) {
				t.Fatalf("%+v", *b)
			}
			back, refusal, ok := readREGISTER(t, "Supported: outbound", "Contact: "+b.contactValue(noon))
			if !ok || refusal != nil || len(back.contacts) != 1 {
				t.Fatalf("%s: not read back: %v", b.contactValue(noon), refusal)
			}
			ct := back.contacts[0]
			ct.expires = -1
			if got := back.binding(ct, b.Since, b.Expires); !ct.is(*b) || got.Q != b.Q || !reflect.DeepEqual(got.RegID, b.RegID) {
				t.Fatalf("%+v, read back %+v", *b, got)
			}
		}
	})
}
