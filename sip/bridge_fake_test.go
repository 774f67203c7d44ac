package sip

import (
	"context"
	"crypto/tls"
	"net/netip"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

const bobSDP = "v=0\r\no=- 5 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"

// office is a server for calls between users, and what it works with.
type office struct {
	t        *testing.T
	server   *Server
	addr     netip.AddrPort
	network  string
	rooms    *fakeRooms
	location *fakeLocation
	tls      *tls.Config // of phones
	gateways *liveDNS    // nil: phones of users are called
}

// openOffice starts a server where every user but tea is one of example.com.
func openOffice(t *testing.T, network string, direct bool, c Config) *office {
	t.Helper()
	o := &office{t: t, network: network, rooms: newRooms(), location: newLocation()}
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
	if network == "tls" {
		ca := newAuthority(t)
		c.TLS, o.tls = ca.server("127.0.0.1"), ca.client("127.0.0.1")
	}
	o.server, o.addr = startServer(t, network, c)
	return o
}

// bind registers b for bob.
func (o *office) bind(b Binding) { o.bindTo("bob", b) }

func (o *office) bindTo(user string, b Binding) {
	_, _ = o.location.Update(context.Background(), user, "example.com", func(old []Binding) ([]Binding, error) { return append(old, b), nil })
}

// newPhone makes a phone of the server's network.
func (o *office) newPhone() *phone {
	o.t.Helper()
	if o.network == "tls" {
		return newTLSPhone(o.t, o.addr, o.tls)
	}
	return newPhone(o.t, o.network, o.addr)
}

// caller makes a phone that calls bob.
func (o *office) caller() *phone {
	o.t.Helper()
	p := o.newPhone()
	p.user = "bob"
	return p
}

// phone makes a phone that is registered as bob's with the preference q.
func (o *office) phone(q int) *phone {
	o.t.Helper()
	return o.phoneOf("bob", q)
}

// phoneOf makes a phone that is registered as a user's.
func (o *office) phoneOf(user string, q int) *phone {
	o.t.Helper()
	p := o.newPhone()
	p.request("OPTIONS", "") // the server has the connection when it answers
	p.response("OPTIONS", 200)
	source := addrPort(p.conn.LocalAddr())
	b := Binding{
		Contact: "sip:" + user + "@" + source.String() + ";ob", Q: q, Expires: time.Now().Add(time.Hour), Since: time.Now(),
		Transport: strings.ToUpper(o.network), Source: source, Local: o.addr,
	}
	for c := range o.server.connsOf(source) {
		b.Flow = c.token
	}
	o.bindTo(user, b)
	p.contact = "<" + b.Contact + ">"
	return p
}

// connsOf yields the connections from source.
func (s *Server) connsOf(source netip.AddrPort) func(func(*streamConn) bool) {
	return func(yield func(*streamConn) bool) {
		s.edge.mu.Lock()
		defer s.edge.mu.Unlock()
		for c := range s.edge.conns {
			if c.source == source && !yield(c) {
				return
			}
		}
	}
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

// callerDialog is the caller's side of the one call that there is.
func (o *office) callerDialog() *dialog {
	o.t.Helper()
	o.server.mu.Lock()
	defer o.server.mu.Unlock()
	for _, d := range o.server.dialogs {
		if !d.callee {
			return d
		}
	}
	o.t.Fatal("there is no call")
	return nil
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

// fail lets every look-up fail with err.
func (l *fakeLocation) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}
