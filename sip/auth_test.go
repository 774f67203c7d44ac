package sip

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// logText is a log that a test reads.
type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Who may not call is told so, and nothing else, while there are no users. DESIGN 10 (USERS 24)
func TestForbiddenSource(t *testing.T) {
	var log logText
	s, net := startOnEther(t, Config{Rooms: newRooms(), Logger: slog.New(slog.NewTextHandler(&log, nil)), Allowed: allowNone})
	p := net.phone(t, "198.51.100.1:5060")
	for _, method := range []string{"OPTIONS", "INVITE", "BYE", "REGISTER", "NONSENSE"} {
		p.request(method, "")
		res := p.response(method, 403)
		if method == "INVITE" {
			p.refusedACK(res)
		}
	}
	if n := s.Snapshot(); n.Forbidden != 5 {
		t.Errorf("%d forbidden", n.Forbidden)
	}
	if !strings.Contains(log.String(), "rule=nobody") {
		t.Errorf("the log does not name the rule:\n%s", log.String())
	}
	loop := net.phone(t, "127.0.0.1:5060")
	loop.call() // open, as long as there are no users
}

// With the first user begins deny by default, on loopback too. DESIGN 10
func TestLoopbackWithUsers(t *testing.T) {
	rooms := newRooms()
	c, d, _ := guarded(rooms)
	d.accounts = map[string]Account{}
	_, net := startOnEther(t, c)
	p := net.phone(t, "127.0.0.1:5060")
	p.call()
	if who := rooms.leg(t).call.Caller; !who.Trusted || who.User != "" {
		t.Errorf("%+v", who)
	}
	d.change("alice@example.com", func(a *Account) { *a = newDirectory("alice@example.com").accounts["alice@example.com"] })
	q := net.phone(t, "127.0.0.1:5070")
	q.request("INVITE", offerSDP)
	q.refusedACK(q.response("INVITE", 401))
}

// A stranger is asked for a password, best algorithm first, and is who he proves to be. RFC 7616; RFC 8760 (RG-5)
func TestInviteIsChallenged(t *testing.T) {
	for _, tt := range []struct {
		name  string
		proof credentialsOf
		from  string
		user  string
	}{
		{"SHA-256", aliceProof, "", "alice@example.com"},
		{"MD5 alone", credentialsOf{"alice", "alice-secret", MD5}, "", "alice@example.com"},
		{"user name with domain", credentialsOf{"alice@example.com", "alice-secret", ""}, "", "alice@example.com"},
		{"the other domain", credentialsOf{"carol", "carol-secret", ""}, "sip:carol@example.org", "carol@example.org"},
		{"From elsewhere", aliceProof, "sip:alice@elsewhere.net", "alice@example.com"},
		{"anonymous", aliceProof, "sip:anonymous@anonymous.invalid", "alice@example.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rooms := newRooms()
			c, _, _ := guarded(rooms)
			s, net := startOnEther(t, c)
			p := net.phone(t, "198.51.100.1:5060")
			p.from, p.uri = tt.from, "sip:tea@example.com"
			p.proved(tt.proof, "INVITE", offerSDP)
			res := p.response("INVITE", 200)
			p.toTag, _ = res.To().Params.Get("tag")
			p.ack(p.seq, "") // not challenged, as nothing in the dialog is
			leg := rooms.leg(t)
			if who := leg.call.Caller; who.User != tt.user || who.Trusted || who.Anonymous != strings.Contains(tt.from, "anonymous") {
				t.Errorf("%+v", who)
			}
			leg.want(t, "answer", "confirmed")
			p.request("OPTIONS", "")
			p.response("OPTIONS", 200)
			p.request("BYE", "")
			p.response("BYE", 200)
			if n := s.Snapshot(); n.Challenged != 1 || n.Authenticated != 1 || n.WrongPassword != 0 || n.Invites != 1 {
				t.Errorf("%+v", n)
			}
		})
	}
}

// Nothing tells who exists: neither what is asked, nor what is answered. (RG-5)
func TestNobodyKnowsWhoExists(t *testing.T) {
	c, _, _ := guarded(newRooms())
	s, net := startOnEther(t, c)
	answers := func(at, user string) (first, second string) {
		p := net.phone(t, at)
		p.from, p.uri = "sip:"+user+"@example.com", "sip:tea@example.com"
		p.request("INVITE", offerSDP)
		asked := p.response("INVITE", 401)
		p.refusedACK(asked)
		p.request("INVITE", offerSDP, credentialsOf{user, "guess", ""}.answer(t, asked, "INVITE", p.uri, 1))
		res := p.response("INVITE", 403)
		p.refusedACK(res)
		return strings.Join([]string{asked.Reason, string(challenges(t, asked)[0]), string(challenges(t, asked)[1])}, " "), res.Reason + header(res, "warning")
	}
	a1, a2 := answers("198.51.100.1:5060", "alice")
	b1, b2 := answers("198.51.100.2:5060", "ghost")
	if a1 != b1 || a2 != b2 {
		t.Errorf("who exists got %q, %q; who does not %q, %q", a1, a2, b1, b2)
	}
	if n := s.Snapshot(); n.WrongPassword != 2 {
		t.Errorf("%d wrong passwords", n.WrongPassword)
	}
}

// What a phone sends wrongly, and what it is told. RFC 7616, 3.3, 3.4 (RG-5)
func TestCredentialsRefused(t *testing.T) {
	c, d, _ := guarded(newRooms())
	d.change("bob@example.com", func(a *Account) { a.Disabled = true })
	s, net := startOnEther(t, c)
	p := net.phone(t, "198.51.100.1:5060")
	p.uri = "sip:tea@example.com"
	ask := func() *sipgo.Response {
		p.request("INVITE", offerSDP)
		res := p.response("INVITE", 401)
		p.refusedACK(res)
		return res
	}
	try := func(line string, code int) *sipgo.Response {
		t.Helper()
		p.request("INVITE", offerSDP, line)
		res := p.response("INVITE", code)
		p.refusedACK(res)
		return res
	}
	proof := func(c credentialsOf, uri string) string { return c.answer(t, ask(), "INVITE", uri, 1) }

	try("Authorization: Digest nonsense", 400)
	try(proof(aliceProof, "sip:milk@example.com"), 400)
	if res := try(proof(credentialsOf{"bob", "bob-secret", ""}, p.uri), 403); !strings.Contains(header(res, "warning"), "may not use") {
		t.Errorf("%s", res)
	}
	try(proof(credentialsOf{"bob", "wrong", ""}, p.uri), 403)

	// A nonce that is not ours, or was another's: a new one, whatever the password is.
	good := proof(aliceProof, p.uri)
	forged := strings.Replace(good, `nonce="`, `nonce="AAAA`, 1)
	if res := try(forged, 401); !isStale(res) {
		t.Errorf("%s", res)
	}
	other := net.phone(t, "198.51.100.2:5060")
	other.uri = p.uri
	other.request("INVITE", offerSDP, good)
	if res := other.response("INVITE", 401); !isStale(res) || !slices.Equal(challenges(t, res), []Algorithm{SHA256}) {
		t.Errorf("%s", res)
	}
	wrong := s.Snapshot().WrongPassword
	try(strings.Replace(forged, "response=", "x=\"\", response=", 1), 401)
	if n := s.Snapshot().WrongPassword; n != wrong {
		t.Error("a password was checked against a nonce that was not given out")
	}

	// An algorithm that was not asked for.
	try(strings.Replace(good, "algorithm=SHA-256", "algorithm=SHA-512-256", 1), 401)

	d.fail(errors.New("disk on fire"))
	if res := try(good, 503); header(res, "retry-after") == "" || strings.Contains(res.String(), "fire") {
		t.Errorf("%s", res)
	}
}

// A nonce serves several requests as long as its count goes up, and none twice. (RG-5)
func TestNonceCountOnTheWire(t *testing.T) {
	c, _, _ := guarded(newRooms())
	_, net := startOnEther(t, c)
	p := net.phone(t, "198.51.100.1:5060")
	p.uri = "sip:nobody@example.com"
	p.request("INVITE", offerSDP)
	asked := p.response("INVITE", 401)
	p.refusedACK(asked)
	for _, step := range []struct{ count, code int }{{1, 404}, {2, 404}, {5, 404}, {4, 404}, {5, 401}, {2, 401}, {6, 404}} {
		p.request("INVITE", offerSDP, aliceProof.answer(t, asked, "INVITE", p.uri, step.count))
		res := p.response("INVITE", step.code)
		p.refusedACK(res)
		if step.code == 401 && !isStale(res) {
			t.Errorf("count %d: %s", step.count, res)
		}
	}
}

// Phones of RFC 2069 know no qop and no algorithm; a nonce is good for one of their requests.
func TestRFC2069Phone(t *testing.T) {
	c, _, _ := guarded(newRooms())
	_, net := startOnEther(t, c)
	p := net.phone(t, "198.51.100.1:5060")
	p.uri = "sip:nobody@example.com"
	p.request("INVITE", offerSDP)
	asked := p.response("INVITE", 401)
	p.refusedACK(asked)
	line := credentialsOf{"alice", "alice-secret", MD5}.answer(t, asked, "INVITE", p.uri, 1)
	_, nonce, _ := strings.Cut(line, `nonce="`)
	nonce, _, _ = strings.Cut(nonce, `"`)
	ha1, ha2 := hashed(MD5, "alice", "example.com", "alice-secret"), hashed(MD5, "INVITE", "sip", "nobody@example.com")
	line = `Authorization: Digest username="alice", realm="example.com", nonce="` + nonce + `", uri="` + p.uri + `", response="` + hashed(MD5, ha1, nonce, ha2) + `"`
	for i, code := range []int{404, 401} {
		p.request("INVITE", offerSDP, line)
		res := p.response("INVITE", code)
		p.refusedACK(res)
		if code == 401 && !isStale(res) {
			t.Errorf("request %d: %s", i, res)
		}
	}
}

// Which algorithms phones are asked for: the server's, or the user's own, or what last worked. (RG-5)
func TestChallengeOrder(t *testing.T) {
	c, d, _ := guarded(newRooms())
	c.Digest = []Algorithm{SHA512256, SHA256, MD5}
	d.change("bob@example.com", func(a *Account) { a.Algorithms = []Algorithm{MD5} })
	d.change("carol@example.org", func(a *Account) { delete(a.HA1, SHA512256) })
	_, net := startOnEther(t, c)
	ask := func(at, from string) []Algorithm {
		p := net.phone(t, at)
		p.from = from
		p.request("INVITE", offerSDP)
		res := p.response("INVITE", 401)
		p.refusedACK(res)
		return challenges(t, res)
	}
	for i, tt := range []struct {
		from string
		want []Algorithm
	}{
		{"sip:alice@example.com", c.Digest}, {"sip:ghost@example.com", c.Digest}, {"sip:who@elsewhere.net", c.Digest},
		{"sip:bob@example.com", []Algorithm{MD5}}, {"sip:carol@example.org", []Algorithm{SHA256, MD5}},
	} {
		if got := ask("198.51.100.1:"+string(rune('1'+i))+"000", tt.from); !slices.Equal(got, tt.want) {
			t.Errorf("%s is asked %v, want %v", tt.from, got, tt.want)
		}
	}
	// An old phone gets in at its second try, and at the first from then on.
	p := net.phone(t, "198.51.100.9:5060")
	p.uri = "sip:nobody@example.com"
	for i, want := range [][]Algorithm{c.Digest, {MD5}, {MD5}} {
		p.request("INVITE", offerSDP)
		res := p.response("INVITE", 401)
		p.refusedACK(res)
		if got := challenges(t, res); !slices.Equal(got, want) {
			t.Errorf("try %d: asked %v, want %v", i, got, want)
		}
		if i > 0 {
			p.request("INVITE", offerSDP, aliceProof.answer(t, res, "INVITE", p.uri, 1))
			p.refusedACK(p.response("INVITE", 404))
		}
	}
}

// Nobody is asked for a password whom the settings trust; what is refused before is told as ever. (UA-1, UA-6)
func TestWhoIsNotAsked(t *testing.T) {
	rooms := newRooms()
	c, _, _ := guarded(rooms)
	c.Allowed = func(a netip.Addr) (bool, string) { return a == phoneB, "allow" }
	_, net := startOnEther(t, c)
	friend, stranger := net.phone(t, "198.51.100.2:5060"), net.phone(t, "198.51.100.1:5060")
	friend.call()
	if who := rooms.leg(t).call.Caller; !who.Trusted || who.User != "" {
		t.Errorf("%+v", who)
	}
	friend.toTag = ""
	friend.request("OPTIONS", "")
	friend.response("OPTIONS", 200)
	stranger.request("OPTIONS", "")
	stranger.response("OPTIONS", 403)
	stranger.uri = "sip:example.com"
	stranger.request("OPTIONS", "") // a phone's keep-alive
	res := stranger.response("OPTIONS", 200)
	if header(res, "allow") != allowRegisterHeader.Value() || header(res, "supported") != "timer, path, outbound" {
		t.Errorf("%s", res)
	}
	stranger.uri = ""
	for method, code := range map[string]int{"SUBSCRIBE": 405, "BYE": 481, "NONSENSE": 501} {
		stranger.request(method, "")
		stranger.response(method, code)
	}
	stranger.request("INVITE", offerSDP, "Require: magic")
	stranger.refusedACK(stranger.response("INVITE", 420))
	stranger.user = "nobody"
	stranger.request("INVITE", offerSDP, "Require: magic") // what rooms there are is not told
	stranger.refusedACK(stranger.response("INVITE", 420))
	stranger.from, stranger.uri = "sip:x@elsewhere.net", "sip:tea@elsewhere.net"
	stranger.request("INVITE", offerSDP)
	stranger.refusedACK(stranger.response("INVITE", 403))
	stranger.write("CANCEL sip:tea@h SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKq;rport\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: q\r\nCSeq: 1 CANCEL\r\n\r\n")
	stranger.response("CANCEL", 481)
}

// A user calls as himself, and neither passwords nor what they hash to reach the log. (ID-2)
func TestCallAsAnother(t *testing.T) {
	var log logText
	c, d, _ := guarded(newRooms())
	c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	_, net := startOnEther(t, c)
	p := net.phone(t, "198.51.100.1:5060")
	p.from, p.uri = "sip:bob@example.com", "sip:tea@example.com"
	line := p.proved(aliceProof, "INVITE", offerSDP)
	res := p.response("INVITE", 403)
	p.refusedACK(res)
	if !strings.Contains(header(res, "warning"), "may not call as bob@example.com") {
		t.Errorf("%s", res)
	}
	text := log.String()
	if !strings.Contains(text, "rule=identity.from") || !strings.Contains(text, "source=198.51.100.1:5060") {
		t.Errorf("the log does not say why:\n%s", text)
	}
	_, response, _ := strings.Cut(line, "response=")
	for _, secret := range []string{"alice-secret", strings.Trim(response, `"`), d.accounts["alice@example.com"].HA1[SHA256]} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

func TestAuthConfigChecked(t *testing.T) {
	for _, c := range []Config{
		{Rooms: newRooms(), Digest: []Algorithm{"MD4"}},
		{Rooms: newRooms(), Digest: []Algorithm{MD5, MD5}},
		{Rooms: newRooms(), Directory: newDirectory()},
		{Rooms: newRooms(), Registrar: RegistrarConfig{Min: 24 * time.Hour}},
	} {
		if _, err := NewServer(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}
