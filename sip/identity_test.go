package sip

import (
	"net/netip"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// inviteWith is an INVITE as it would come from a socket.
func inviteWith(t testing.TB, from string, lines ...string) *sipgo.Request {
	t.Helper()
	text := "INVITE sip:tea@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKx\r\nFrom: " + from + ";tag=1\r\n" +
		"To: <sip:tea@example.com>\r\nCall-ID: x\r\nCSeq: 7 INVITE\r\n" + strings.Join(append(lines, ""), "\r\n") + "Content-Length: 0\r\n\r\n"
	res := NewEdge(EdgeConfig{}).newMender().mend([]byte(text), netip.MustParseAddrPort("198.51.100.1:5060"), false)
	req, ok := res.message.(*sipgo.Request)
	if !ok {
		t.Fatalf("refused by the edge: %+v", res.problem)
	}
	return req
}

// Who calls, to others. (ID-1, ID-2, ID-3)
func TestIdentity(t *testing.T) {
	const alice, anonymous = `"Alice" <sip:alice@example.com>`, anonymousURI
	pbx, stranger := phoneA, phoneB
	s, err := NewServer(Config{Rooms: newRooms(), TrustIdentity: func(a netip.Addr) bool { return a == pbx }})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, from   string
		lines        []string
		source       netip.Addr
		user         string
		uri, display string
		anonymous    bool
	}{
		{"From", alice, nil, stranger, "", "sip:alice@example.com", "Alice", false},
		{"From is a telephone", "<tel:+4930123>", nil, stranger, "", "tel:+4930123", "", false},
		{"proved", `"Al" <sip:x@elsewhere.net>`, nil, stranger, "alice@example.com", "sip:alice@example.com", "Al", false},
		{"proved, a name with escapes", alice, nil, stranger, "a b@example.com", "sip:a%20b@example.com", "Alice", false},
		{"asserted by nobody we trust", alice, []string{"P-Asserted-Identity: <sip:boss@example.com>"}, stranger, "", "sip:alice@example.com", "Alice", false},
		{"asserted", alice, []string{`P-Asserted-Identity: "Bob \"B\"" <sip:bob@pbx.example.com;user=phone>`}, pbx, "", "sip:bob@pbx.example.com;user=phone", `Bob "B"`, false},
		{"asserted, before what is proved", alice, []string{"P-Asserted-Identity: <sip:bob@h>"}, pbx, "alice@example.com", "sip:bob@h", "Alice", false},
		{"telephone and SIP URI", alice, []string{"P-Asserted-Identity: <tel:+1>, <sip:bob@h>"}, pbx, "", "sip:bob@h", "Alice", false},
		{"in two lines", alice, []string{"P-Asserted-Identity: tel:+1", "P-Asserted-Identity: sips:bob@h"}, pbx, "", "sips:bob@h", "Alice", false},
		{"telephone alone", alice, []string{"P-Asserted-Identity: tel:+1"}, pbx, "", "tel:+1", "Alice", false},
		{"malformed: as if none", alice, []string{"P-Asserted-Identity: <sip:>, http://x, <sip:" + strings.Repeat("a", identityMost) + "@h>"}, pbx, "", "sip:alice@example.com", "Alice", false},
		{"too many", alice, []string{"P-Asserted-Identity: http://1, http://2, http://3, http://4, sip:bob@h"}, pbx, "", "sip:alice@example.com", "Alice", false},
		{"Remote-Party-ID", alice, []string{`Remote-Party-ID: "Bob" <sip:bob@h>;party=calling;screen=yes;privacy=off`}, pbx, "", "sip:bob@h", "Bob", false},
		{"Remote-Party-ID of the called", alice, []string{`Remote-Party-ID: <sip:bob@h>;party=called`}, pbx, "", "sip:alice@example.com", "Alice", false},
		{"Remote-Party-ID of the called, private", alice, []string{`Remote-Party-ID: <sip:carol@h>;party=called;privacy=full, <sip:bob@h>`}, pbx, "", "sip:bob@h", "Alice", false},
		{"a name without end", `"` + strings.Repeat("A", 300) + `" <sip:alice@example.com>`, nil, stranger, "", "sip:alice@example.com", strings.Repeat("A", displayMost), false},
		{"a URI without end", "<sip:" + strings.Repeat("a", identityMost) + "@h>", nil, stranger, "", anonymous, "", false},
		{"Remote-Party-ID, private", alice, []string{`Remote-Party-ID: <sip:bob@h>;privacy=full`}, pbx, "", anonymous, "", true},
		{"Remote-Party-ID of a stranger", alice, []string{`Remote-Party-ID: <sip:bob@h>;privacy=full`}, stranger, "", "sip:alice@example.com", "Alice", false},
		{"P-Asserted-Identity before it", alice, []string{`Remote-Party-ID: <sip:bob@h>;privacy=full`, "P-Asserted-Identity: <sip:carol@h>"}, pbx, "", "sip:carol@h", "Alice", false},
		{"Privacy: id", alice, []string{"Privacy: id;critical"}, stranger, "alice@example.com", anonymous, "", true},
		{"Privacy: user", alice, []string{"Privacy: session; user"}, stranger, "", anonymous, "", true},
		{"Privacy: none", alice, []string{"Privacy: none"}, stranger, "", "sip:alice@example.com", "Alice", false},
		{"Privacy of who is asserted", alice, []string{"Privacy: id", "P-Asserted-Identity: <sip:bob@h>"}, pbx, "", anonymous, "", true},
		{"anonymous", `"Anonymous" <sip:anonymous@anonymous.invalid>`, nil, stranger, "alice@example.com", anonymous, "", true},
		{"anonymous at home", `<sip:Anonymous@example.com>`, nil, stranger, "alice@example.com", anonymous, "", true},
	} {
		got := s.identify(inviteWith(t, tt.from, tt.lines...), tt.source, tt.user, tt.source == pbx)
		want := Identity{URI: tt.uri, Display: tt.display, User: tt.user, Trusted: tt.source == pbx, Anonymous: tt.anonymous}
		if got != want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", tt.name, got, want)
		}
	}
}

// A user may not call as another. (ID-2)
func TestClaims(t *testing.T) {
	c, _, _ := guarded(newRooms())
	s, err := NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		from  string
		lines []string
		rule  string
	}{
		{"<sip:alice@example.com>", nil, ""},
		{"<sip:%61lice@EXAMPLE.com:5070>", nil, ""},
		{"<sip:alice@192.0.2.254>", nil, ""}, // the address of the server
		{"<sip:anonymous@anonymous.invalid>", nil, ""},
		{"<sip:anonymous@example.com>", nil, ""},
		{"<sip:alice@elsewhere.net>", nil, ""}, // nobody of ours, and not what others see
		{"<tel:+1>", nil, ""},
		{"<sip:bob@example.com>", nil, "identity.from"},
		{"<sip:alice@example.org>", nil, "identity.from"},
		{"<sips:bob@example.com>", nil, "identity.from"},
		{"<sip:tea@example.com>", nil, "identity.from"},
		{"<sip:alice@example.com>", []string{"P-Preferred-Identity: <sip:alice@example.com>, <tel:+1>"}, ""},
		{"<sip:alice@example.com>", []string{"P-Preferred-Identity: <sip:bob@example.com>"}, "identity.preferred"},
		{"<sip:anonymous@anonymous.invalid>", []string{"P-Preferred-Identity: <sip:bob@example.com>"}, "identity.preferred"},
	} {
		rule := ""
		if d := s.claims(inviteWith(t, tt.from, tt.lines...), "alice@example.com"); d != nil {
			rule = d.rule
			if d.Code != 403 || d.Warning == "" {
				t.Errorf("%s %q: %+v", tt.from, tt.lines, d)
			}
		}
		if rule != tt.rule {
			t.Errorf("%s %q: rule %q, want %q", tt.from, tt.lines, rule, tt.rule)
		}
	}
}

// FuzzIdentity: whatever headers say who calls, what comes of it is a URI that can be written into a header.
func FuzzIdentity(f *testing.F) {
	f.Add(`"Bob" <sip:bob@h>, tel:+1`, `<sip:x@y>;party=calling;privacy=full`, "id")
	f.Add(`sip:a@[::1]`, `"`, ";;,")
	s, err := NewServer(Config{Rooms: newRooms(), TrustIdentity: func(netip.Addr) bool { return true }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, asserted, remote, privacy string) {
		req := sipgo.NewRequest(sipgo.INVITE, sipgo.Uri{Scheme: "sip", Host: "h"})
		req.AppendHeader(&sipgo.FromHeader{Address: sipgo.Uri{Scheme: "sip", User: "alice", Host: "example.com"}})
		for name, v := range map[string]string{"P-Asserted-Identity": asserted, "Remote-Party-ID": remote, "Privacy": privacy} {
			req.AppendHeader(sipgo.NewHeader(name, v))
		}
		id := s.identify(req, phoneA, "", true)
		if p, ok := readURI([]byte(id.URI)); !ok || len(id.URI) > identityMost || !p.isSIP() && !strings.EqualFold(string(p.scheme), "tel") {
			t.Errorf("%q", id.URI)
		}
		if id.Anonymous && (id.URI != anonymousURI || id.Display != "") {
			t.Errorf("%+v", id)
		}
	})
}

// Whatever a user is called, the URI that names him leads back to him.
func FuzzEscapeUser(f *testing.F) {
	f.Add("alice")
	f.Add("a b@c%\"<>ü;/?:&=+$,")
	f.Fuzz(func(t *testing.T, user string) {
		text := "sip:" + escapeUser(user) + "@example.com"
		var uri sipgo.Uri
		if _, ok := readURI([]byte(text)); user == "" || !ok || sipgo.ParseUri(text, &uri) != nil {
			if user != "" {
				t.Fatalf("%q: %s", user, text)
			}
			return
		}
		if got := room(&uri); got != user {
			t.Errorf("%q: %s: %q", user, text, got)
		}
	})
}
