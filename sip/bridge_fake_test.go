package sip

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

const bobSDP = "v=0\r\no=- 5 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"

// fakeLocation keeps bindings in memory.
type fakeLocation struct {
	mu   sync.Mutex
	of   map[string][]Binding
	fail error
}

func (l *fakeLocation) Bindings(_ context.Context, user, domain string) ([]Binding, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of[user+"@"+domain], l.fail
}

func (l *fakeLocation) Update(_ context.Context, user, domain string, change func([]Binding) ([]Binding, error)) ([]Binding, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, err := change(l.of[user+"@"+domain])
	if err == nil {
		l.of[user+"@"+domain] = b
	}
	return b, err
}

func (l *fakeLocation) breaks(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

func (l *fakeLocation) add(b Binding) {
	_, _ = l.Update(context.Background(), "bob", "example.com", func(old []Binding) ([]Binding, error) { return append(old, b), nil })
}

// fakeDirectory knows bob, and eve who is disabled.
type fakeDirectory struct{ fail error }

func (d fakeDirectory) Account(_ context.Context, user, domain string) (Account, error) {
	if user != "bob" && user != "eve" {
		return Account{}, ErrNoAccount
	}
	return Account{User: user, Domain: domain, Disabled: user == "eve"}, d.fail
}
func (d fakeDirectory) Any(context.Context) (bool, error) { return true, nil }

// office is a server for calls between users, and what it works with.
type office struct {
	t        *testing.T
	server   *Server
	addr     netip.AddrPort
	network  string
	rooms    *fakeRooms
	location *fakeLocation
}

// openOffice starts a server where every user but tea is one of example.com.
func openOffice(t *testing.T, network string, direct bool, c Config) *office {
	t.Helper()
	o := &office{t: t, network: network, rooms: newRooms(), location: &fakeLocation{of: map[string][]Binding{}}}
	if c.Rooms == nil {
		c.Rooms = o.rooms
	}
	c.Location = o.location
	if c.Route == nil {
		c.Route = func(_ context.Context, c Call) (Route, error) {
			if c.User == "tea" {
				return Route{}, nil
			}
			return Route{User: c.User, Domain: "example.com", Direct: direct}, nil
		}
	}
	o.server, o.addr = startServer(t, network, c)
	return o
}

// caller makes a phone that calls bob.
func (o *office) caller() *phone {
	p := newPhone(o.t, o.network, o.addr)
	p.user = "bob"
	return p
}

// phone makes a phone that is registered as bob's with the preference q.
func (o *office) phone(q int) *phone {
	o.t.Helper()
	p := newPhone(o.t, o.network, o.addr)
	p.request("OPTIONS", "") // the server has the connection when it answers
	p.response("OPTIONS", 200)
	source := addrPort(p.conn.LocalAddr())
	b := Binding{
		Contact: "sip:bob@" + source.String() + ";ob", Q: q, Expires: time.Now().Add(time.Hour), Since: time.Now(),
		Transport: map[string]string{"udp": "UDP", "tcp": "TCP"}[o.network], Source: source, Local: o.addr,
	}
	o.location.add(b)
	p.contact = "<" + b.Contact + ">"
	return p
}

// rung waits for an INVITE that makes a dialog; what p sends then belongs to it.
func (p *phone) rung() *sipgo.Request {
	p.t.Helper()
	req := p.asked("INVITE")
	for req.To().Params.Has("tag") {
		req = p.asked("INVITE")
	}
	p.seq = 0
	p.callID = req.CallID().Value()
	p.fromTag = "b" + newTag()
	p.toTag, _ = req.From().Params.Get("tag")
	req.To().Params.Add("tag", p.fromTag) // so that every reply has the same
	return req
}

// take answers an INVITE with 200 and waits for its ACK.
func (p *phone) take(req *sipgo.Request, body string, extra ...string) *sipgo.Request {
	p.t.Helper()
	p.reply(req, 200, body, append(extra, "Contact: "+p.contact, "Allow: INVITE, ACK, BYE, UPDATE")...)
	return p.asked("ACK")
}

// connect lets a call bob and b answer; both legs have told so.
func (o *office) connect(a, b *phone) (legA, legB *fakeLeg) {
	o.t.Helper()
	a.request("INVITE", offerSDP)
	req := b.rung()
	legA, legB = o.rooms.leg(o.t), o.rooms.leg(o.t)
	b.reply(req, 180, "")
	a.response("INVITE", 180)
	b.take(req, bobSDP)
	a.answered()
	if legA.call.Direct {
		legA.want(o.t, "confirmed")
		legB.want(o.t, "confirmed")
	} else {
		legA.want(o.t, "answer", "confirmed")
		legB.want(o.t, "offer", "setanswer", "confirmed")
	}
	return legA, legB
}

// answered takes the 200 of the INVITE and acknowledges it.
func (p *phone) answered() *sipgo.Response {
	p.t.Helper()
	res := p.response("INVITE", 200)
	p.toTag, _ = res.To().Params.Get("tag")
	p.ack(int(res.CSeq().SeqNo), "")
	return res
}

// quiet waits until nothing is left of any call.
func (o *office) quiet(legs ...*fakeLeg) {
	o.t.Helper()
	eventually(o.t, func() bool {
		n := o.server.Snapshot()
		return n.Dialogs == 0 && n.Pending == 0 && n.ServerTransactions == 0
	})
	for _, l := range legs {
		if l.ends != 1 {
			o.t.Errorf("%s was ended %d times", l.id, l.ends)
		}
	}
}
