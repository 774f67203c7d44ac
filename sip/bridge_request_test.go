package sip

import (
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// Who calls, as the phone is told: only who has proved it, or is trusted, is asserted. (ID-1)
func TestBridgeCaller(t *testing.T) {
	ours := func(host string) string {
		if host == "example.com" || host == "192.0.2.5" {
			return "example.com"
		}
		return ""
	}
	for _, tt := range []struct {
		name     string
		who      Identity
		domain   func(string) string
		outside  bool
		from     string
		asserted string
		alert    string
	}{
		{"a user of ours", Identity{URI: "sip:alice@example.com", Display: `Alice "A"`, User: "alice@example.com"}, ours, false,
			`"Alice \"A\"" <sip:alice@example.com>`, `"Alice \"A\"" <sip:alice@example.com>`, "info"},
		{"a user with an odd name", Identity{URI: "sip:a%20b@example.com", User: "a b@example.com"}, ours, false, `<sip:a%20b@example.com>`, `<sip:a%20b@example.com>`, "info"},
		{"a trusted PBX", Identity{URI: "sip:+4930@pbx.example.net:5070;user=phone", Trusted: true}, ours, false,
			`<sip:+4930@pbx.example.net>`, `<sip:+4930@pbx.example.net>`, "info"},
		{"a number", Identity{URI: "tel:+4930;phone-context=x", Trusted: true}, ours, false, `<sip:+4930@example.com>`, `<sip:+4930@example.com>`, "info"},
		{"by our address", Identity{URI: "sip:100@192.0.2.5"}, ours, false, `<sip:100@example.com>`, "", ""},
		{"by an address of its own", Identity{URI: "sip:100@192.168.7.7"}, ours, false, `<sip:100@example.com>`, "", ""},
		{"no domains", Identity{URI: "sip:100@127.0.0.1:9"}, nil, false, `<sip:100@example.com>`, "", ""},
		{"anonymous", Identity{URI: "sip:alice@example.com", Display: "Alice", User: "alice@example.com", Anonymous: true}, ours, false,
			`"Anonymous" <sip:anonymous@anonymous.invalid>`, "", "info"},
		{"by TLS", Identity{URI: "sips:alice@example.com"}, ours, false, `<sips:alice@example.com>`, "", ""},
		{"broken", Identity{URI: "::"}, ours, false, `<sip:anonymous@anonymous.invalid>`, "", ""},
		{"to outside", Identity{URI: "sip:alice@example.com", User: "alice@example.com"}, ours, true, `<sip:alice@example.com>`, "", ""},
	} {
		s := &Server{cfg: Config{Domain: tt.domain, Rooms: newRooms()}}
		if err := s.cfg.fill(); err != nil {
			t.Fatal(err)
		}
		invite := sipgo.NewRequest(sipgo.INVITE, sipgo.Uri{Host: "x"})
		for range 10 {
			invite.AppendHeader(sipgo.NewHeader("Alert-Info", "info"))
			invite.AppendHeader(sipgo.NewHeader("Priority", "urgent"))
		}
		b := &bridge{server: s, who: tt.who, invite: invite}
		target := target{ours: !tt.outside, aor: sipgo.Uri{Scheme: "sip", User: "bob", Host: "example.com"}, uri: sipgo.Uri{Host: "192.0.2.9"}}
		d := &dialog{server: s, bridge: b, calling: &calling{target: target}, contact: &sipgo.ContactHeader{Address: target.uri}}
		d.localURI, d.id.local = b.callerURI(target), "1"
		req := d.newInvite()
		if got := header(req, "from"); got != tt.from+";tag=1" {
			t.Errorf("%s: From %s, want %s", tt.name, got, tt.from)
		}
		if got := header(req, "p-asserted-identity"); got != tt.asserted {
			t.Errorf("%s: asserted %s, want %s", tt.name, got, tt.asserted)
		}
		if got := header(req, "alert-info"); got != tt.alert {
			t.Errorf("%s: Alert-Info %q, want %q", tt.name, got, tt.alert)
		}
		if n := len(req.GetHeaders("priority")); n != passedHeadersMax {
			t.Errorf("%s: %d passed on", tt.name, n)
		}
	}
}

func TestBridgeMaxForwardsCopied(t *testing.T) {
	for in, want := range map[int]int{-1: 69, 70: 69, 255: 69, 10: 9, 1: 0, 0: 0} {
		invite := sipgo.NewRequest(sipgo.INVITE, sipgo.Uri{Host: "x"})
		if in >= 0 {
			f := sipgo.MaxForwardsHeader(in)
			invite.AppendHeader(&f)
		}
		if got := (&bridge{invite: invite}).forwards(); int(got) != want {
			t.Errorf("%d: %d, want %d", in, got, want)
		}
	}
}

// The ways to a URI elsewhere, and where there are none.
func TestBridgeWays(t *testing.T) {
	udp, _ := startServer(t, "udp", Config{Rooms: newRooms()})
	for uri, ok := range map[string]bool{
		"sip:x@127.0.0.1": true, "sip:x@127.0.0.1;transport=udp": true, "sip:x@127.0.0.1;transport=tcp": false, "sip:x@127.0.0.1;transport=tls": false,
		"sips:x@127.0.0.1": false, "sip:x@127.0.0.1;transport=ws": false, "sip:x@[::1]": false, "sip:x@nowhere.invalid": false,
	} {
		u, err := callable(uri)
		if err != nil {
			t.Fatal(err)
		}
		if f, err := (&servers{server: udp, uri: u}).next(t.Context()); (err == nil) != ok {
			t.Errorf("%s: %+v, %v", uri, f, err)
		}
	}
	for _, uri := range []string{"", "tel:+49", "sip:", "mailto:x@y"} {
		if _, err := callable(uri); err == nil {
			t.Errorf("%q can be called", uri)
		}
	}
}
