package sip

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"trivox/sip/limits"
)

// A flood of INVITEs and of wrong REGISTERs from one source beside a good caller at another: he is always served, and
// nothing grows. (SE-6, STYLE 16)
func TestFloodBesideGoodCaller(t *testing.T) {
	const floods, most = 3000, 256
	rooms := newRooms()
	c, _, _ := guarded(rooms)
	c.Guard = Guard{Everyone: true, Config: limits.Config{
		Most: most, Invite: limits.Rate{PerMinute: 600, Burst: 50}, Register: limits.Rate{PerMinute: 600, Burst: 50},
	}}
	s, net := startOnEther(t, c)
	bad := net.phone(t, "127.0.0.2:5060")
	stop := make(chan struct{})
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		for i := 0; i < floods; i++ {
			select {
			case <-stop:
				return
			default:
			}
			method := []string{"INVITE", "REGISTER"}[i%2]
			uri := []string{"sip:tea@example.com", "sip:example.com"}[i%2]
			m := fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bKf%d;rport\r\nFrom: <sip:alice@example.com>;tag=1\r\n"+
				"To: <sip:alice@example.com>\r\nCall-ID: f%[3]d\r\nCSeq: 1 %[1]s\r\nAuthorization: Digest username=\"alice\", realm=\"example.com\", "+
				"nonce=\"x\", uri=\"%[2]s\", response=\"0\", qop=auth, nc=00000001, cnonce=\"c\"\r\nContent-Length: 0\r\n\r\n", method, uri, i)
			if _, err := bad.conn.Write([]byte(m)); err != nil {
				return
			}
			// It comes from ever new sources, too.
			ghost := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 5060)
			net.in <- datagram{ghost, []byte(strings.ReplaceAll(m, "127.0.0.2", ghost.Addr().String()))}
		}
	}()
	longest := time.Duration(0)
	for range 10 {
		good := net.phone(t, "127.0.0.1:5060")
		good.uri = "sip:tea@example.com"
		begun := time.Now()
		good.request("INVITE", offerSDP)
		asked := good.final(401)
		good.refusedACK(asked)
		good.request("INVITE", offerSDP, aliceProof.answer(t, asked, "INVITE", good.uri, 1))
		res := good.final(200)
		longest = max(longest, time.Since(begun))
		good.toTag, _ = res.To().Params.Get("tag")
		good.ack(good.seq, "")
		good.request("BYE", "")
		good.response("BYE", 200)
	}
	<-flooded
	close(stop)
	t.Logf("the good caller was asked and answered within %v", longest)
	n := s.Snapshot()
	if n.Answered != 10 || n.Dropped["rate"]+n.Dropped["banned"] < floods/2 || n.Dropped["banned"] == 0 {
		t.Errorf("answered %d, over the rate %d, dropped %v", n.Answered, n.OverRate, n.Dropped)
	}
	s.guard.mu.Lock()
	sources, users, offences := s.guard.limiter.Sizes()
	s.guard.mu.Unlock()
	if sources > 3*most || users > 2*most || offences > most {
		t.Errorf("%d sources, %d users, %d offences, most %d of each", sources, users, offences, most)
	}
	if n := s.auth.nonces.len(); n > 10 {
		t.Errorf("%d nonces are kept", n)
	}
}

// final waits for the final response to the request sent last; those to earlier ones may be repeated when ACK is late.
func (p *phone) final(code int) *sipgo.Response {
	p.t.Helper()
	for {
		m := p.next()
		switch got := statusOf(m); {
		case got == 0 || int(m.CSeq().SeqNo) != p.seq:
		case got != code:
			p.t.Fatalf("answered %d, want %d\n%s", got, code, m)
		default:
			res, _ := m.(*sipgo.Response)
			return res
		}
	}
}

// guess has a phone try a wrong password for a user.
func guess(t *testing.T, p *phone, user string) int {
	t.Helper()
	p.uri, p.from, p.to = "sip:example.com", "sip:"+user+"@example.com", "sip:"+user+"@example.com"
	p.request("REGISTER", "")
	asked := p.response("REGISTER", 401)
	p.request("REGISTER", "", credentialsOf{user, "guess", ""}.answer(t, asked, "REGISTER", p.uri, 1))
	for {
		if code := statusOf(p.next()); code != 0 {
			return code
		}
	}
}

// Guessing bans: a user at that source first, the source when there are several. Others go on. (SE-6)
func TestGuessingBans(t *testing.T) {
	rooms := newRooms()
	c, _, _ := guarded(rooms)
	s, net := startOnEther(t, c)
	p := net.phone(t, "198.51.100.1:5060")
	for i := range 4 {
		if code := guess(t, p, "alice"); code != 403 {
			t.Fatalf("guess %d: %d", i, code)
		}
	}
	if code := guess(t, p, "alice"); code != 503 { // has to wait, and the password is not looked at
		t.Errorf("after 4 guesses: %d", code)
	}
	office := registrant(t, net, "198.51.100.2:5060")
	office.register(200) // alice herself, elsewhere
	i := 0
	for ; len(s.Bans()) == 0; i++ {
		if code := guess(t, p, fmt.Sprintf("user%d", i)); code != 403 {
			t.Fatalf("guess at user %d: %d", i, code)
		}
	}
	b := s.Bans()[0]
	if b.Source != netip.MustParsePrefix("198.51.100.1/32") || b.User != "" || b.Reason != "password" || b.Count != 1 || i != 46 {
		t.Errorf("after %d users: %+v", i, b)
	}
	p.request("REGISTER", "")
	eventually(t, func() bool { return s.Snapshot().Dropped["banned"] == 1 })
	if !s.Lift(netip.MustParseAddr("198.51.100.1")) || s.Lift(netip.MustParseAddr("198.51.100.1")) || len(s.Bans()) != 0 {
		t.Error("not lifted")
	}
	p.from, p.to = office.from, office.to
	p.register(200)
	if n := s.Snapshot(); n.Banned != 1 || n.WrongPassword != 50 {
		t.Errorf("%d bans, %d wrong passwords", n.Banned, n.WrongPassword)
	}
}

// A wrong password is only counted of who has received our challenge: nobody can have another banned.
func TestNobodyIsBannedByOthers(t *testing.T) {
	c, _, _ := guarded(newRooms())
	s, net := startOnEther(t, c)
	thief := registrant(t, net, "198.51.100.66:5060")
	thief.request("REGISTER", "")
	line := credentialsOf{"alice", "guess", ""}.answer(t, thief.response("REGISTER", 401), "REGISTER", thief.uri, 1)
	victim := registrant(t, net, "198.51.100.1:5060") // in whose name the thief sends
	for range 100 {
		victim.request("REGISTER", "", line)
		if res := victim.response("REGISTER", 401); !isStale(res) {
			t.Fatalf("%s", res)
		}
	}
	if n := s.Snapshot(); n.WrongPassword != 0 || len(s.Bans()) != 0 {
		t.Errorf("%d wrong passwords, bans %+v", n.WrongPassword, s.Bans())
	}
	victim.register(200)
}

// Whom the settings trust, and loopback, is not limited unless everyone is, and that can change while the server runs.
func TestExempt(t *testing.T) {
	c, _, _ := guarded(newRooms())
	c.Allowed = func(a netip.Addr) (bool, string) { return a == phoneB, "allow" }
	c.Guard.Invite = limits.Rate{PerMinute: 1, Burst: 1}
	s, net := startOnEther(t, c)
	burst := func(at string) (codes []int) {
		p := net.phone(t, at)
		p.user = "nobody"
		for range 3 {
			p.request("INVITE", offerSDP)
			for {
				if code := statusOf(p.next()); code != 0 {
					codes = append(codes, code)
					break
				}
			}
		}
		return codes
	}
	for at, want := range map[string]string{"127.0.0.1:5060": "[401 401 401]", "198.51.100.2:5060": "[404 404 404]", "198.51.100.1:5060": "[401 503 503]"} {
		if got := fmt.Sprint(burst(at)); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
	for range 100 {
		s.Failed(phoneB, "alice@example.com", "pin")
	}
	if len(s.Bans()) != 0 {
		t.Error("who is trusted was banned")
	}
	g := c.Guard
	g.Everyone = true
	s.SetGuard(g)
	if got := fmt.Sprint(burst("198.51.100.2:5070")); got != "[404 503 503]" {
		t.Errorf("everyone: %s", got)
	}
	for range 10 {
		s.Failed(phoneB, "alice@example.com", "pin")
	}
	if b := s.Bans(); len(b) != 1 || b[0].User != "alice@example.com" || b[0].Reason != "pin" {
		t.Errorf("%+v", b)
	}
}

// A user who has proved who he is is limited, wherever he calls from.
func TestUserOverHisRate(t *testing.T) {
	c, _, _ := guarded(newRooms())
	c.Guard.UserInvite = limits.Rate{PerMinute: 1, Burst: 1}
	s, net := startOnEther(t, c)
	for i, code := range []int{404, 503} {
		p := net.phone(t, fmt.Sprintf("198.51.100.%d:5060", i+1))
		p.uri = "sip:nobody@example.com"
		p.proved(aliceProof, "INVITE", offerSDP)
		res := p.response("INVITE", code)
		p.refusedACK(res)
		if code == 503 && header(res, "retry-after") == "" {
			t.Errorf("%s", res)
		}
	}
	if n := s.Snapshot(); n.OverRate != 1 {
		t.Errorf("%d over the rate", n.OverRate)
	}
}

// Scanners hear nothing. (SE-6)
func TestScannersHearNothing(t *testing.T) {
	c, _, _ := guarded(newRooms())
	c.Allowed = func(a netip.Addr) (bool, string) { return a == phoneB, "allow" }
	s, net := startOnEther(t, c)
	p, friend := net.phone(t, "198.51.100.1:5060"), net.phone(t, "198.51.100.2:5060")
	for _, name := range []string{"friendly-scanner", "sipvicious 0.3", "VaxSIPUserAgent/3.1", "sipcli/v1.8", "Pplsip"} {
		p.request("OPTIONS", "", "User-Agent: "+name)
		p.request("INVITE", offerSDP, "User-Agent: "+name)
	}
	eventually(t, func() bool { return s.Snapshot().Dropped["scanner"] == 10 })
	p.uri = "sip:example.com"
	p.request("OPTIONS", "", "User-Agent: Telephone/1.0")
	p.response("OPTIONS", 200) // the first answer it gets
	friend.request("OPTIONS", "", "User-Agent: friendly-scanner")
	friend.response("OPTIONS", 200)
	g := c.Guard
	g.AnswerScanners = true
	s.SetGuard(g)
	p.request("OPTIONS", "", "User-Agent: friendly-scanner")
	p.response("OPTIONS", 200)
}

// A repeated request is no new one, and what belongs to a call is not counted.
func TestRepetitionsAreNotCounted(t *testing.T) {
	c, _, _ := guarded(newRooms())
	c.Guard.Invite = limits.Rate{PerMinute: 1, Burst: 2}
	c.Guard.Register = limits.Rate{PerMinute: 1, Burst: 1}
	_, net := startOnEther(t, c)
	p := net.phone(t, "198.51.100.1:5060")
	p.uri = "sip:tea@example.com"
	p.request("INVITE", offerSDP)
	asked := p.response("INVITE", 401)
	p.raw("INVITE", p.seq, offerSDP)
	p.response("INVITE", 401)
	p.refusedACK(asked)
	p.request("INVITE", offerSDP, aliceProof.answer(t, asked, "INVITE", p.uri, 1))
	res := p.response("INVITE", 200)
	p.toTag, _ = res.To().Params.Get("tag")
	p.ack(p.seq, "")
	for range 5 {
		p.request("OPTIONS", "")
		p.response("OPTIONS", 200)
	}
	tag := p.toTag
	p.toTag = "gone"
	for _, code := range []int{481, 503} { // of no call
		p.request("INFO", "")
		p.response("INFO", code)
	}
	p.toTag = tag
	p.request("BYE", "")
	p.response("BYE", 200)
}

// What is repeated for ever is a flood like any other: it is not answered for ever. (SE-6)
func TestRepetitionsWithoutEnd(t *testing.T) {
	c, _, _ := guarded(newRooms())
	c.Guard.Invite = limits.Rate{PerMinute: 1, Burst: 1}
	c.Guard.Register = limits.Rate{PerMinute: 1, Burst: 1}
	s, net := startOnEther(t, c)
	for i, method := range []string{"REGISTER", "INVITE", "CANCEL"} {
		p := net.phone(t, fmt.Sprintf("198.51.100.%d:5060", i+1))
		p.uri = "sip:tea@example.com"
		p.request(strings.Replace(method, "CANCEL", "INVITE", 1), "")
		p.response(strings.Replace(method, "CANCEL", "INVITE", 1), 401)
		before := s.Snapshot().Dropped["banned"]
		for range 200 {
			p.raw(method, p.seq, "")
		}
		eventually(t, func() bool { return s.Snapshot().Dropped["banned"] > before })
		if b := s.Bans(); len(b) != i+1 || b[i].Reason != "flood" {
			t.Errorf("%s: %+v", method, b)
		}
	}
}

// Who connects too often is closed before a handshake costs anything. (SE-6)
func TestConnectionsOverRate(t *testing.T) {
	c, _, _ := guarded(newRooms())
	c.Guard = Guard{Everyone: true, Config: limits.Config{Register: limits.Rate{PerMinute: 1, Burst: 2}}}
	s, addr := startServer(t, "tcp", c)
	first, second, third := newPhone(t, "tcp", addr), newPhone(t, "tcp", addr), newPhone(t, "tcp", addr)
	<-third.done
	first.uri, second.uri = "sip:example.com", "sip:example.com"
	first.request("OPTIONS", "")
	first.response("OPTIONS", 200)
	second.request("OPTIONS", "") // connections and requests are counted apart
	second.response("OPTIONS", 200)
	if n := s.Snapshot(); n.Edge.OverRate != 1 || n.Edge.Accepted != 2 || n.Dropped["rate"] != 1 {
		t.Errorf("%+v, %v", n.Edge, n.Dropped)
	}
}

// Connections of who is banned are not taken, and those that are open are read no more.
func TestBannedConnections(t *testing.T) {
	c, _, _ := guarded(newRooms())
	c.Guard.Everyone = true
	s, addr := startServer(t, "tcp", c)
	p := newPhone(t, "tcp", addr)
	p.uri = "sip:example.com"
	p.request("OPTIONS", "")
	p.response("OPTIONS", 200)
	for range 50 {
		s.Failed(netip.MustParseAddr("127.0.0.1"), "", "pin")
	}
	p.request("OPTIONS", "")
	<-p.done // closed by the server
	q := newPhone(t, "tcp", addr)
	<-q.done
	if n := s.Snapshot(); n.Dropped["banned"] != 2 || n.Edge.Refused != 2 {
		t.Errorf("%v", n.Dropped)
	}
}
