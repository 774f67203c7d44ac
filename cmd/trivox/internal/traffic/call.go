package traffic

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// caller makes the calls of one socket: INVITE, ACK, and after a while BYE.
type caller struct {
	socket *socket
	opts   Signal
	target target
	sdp    []byte
	creds  []*credentials // of the users, in turn
	names  []string
	turn   int
	first  int               // room of the first call, so that the sockets do not all call the same
	acks   map[uint64][]byte // of calls that are up, by the transaction of their INVITE
	held   []*call           // that are up, the next to be hung up first
}

// call is one call.
type call struct {
	user      int
	uri       string
	callID    string
	tag       string
	cseq      uint32
	began     time.Time // when its first INVITE was sent
	invite    uint64    // transaction that was answered with 2xx
	contact   string    // where requests in the dialog go
	to, route string    // headers of them
	due       time.Time // for its BYE
}

func newCaller(s *socket, o Signal, t target, sink netip.AddrPort, number, of int) *caller {
	family := "IP4"
	if sink.Addr().Is6() {
		family = "IP6"
	}
	c := &caller{socket: s, opts: o, target: t, acks: map[uint64][]byte{}, first: number * max(1, o.Rooms/of)}
	c.sdp = fmt.Appendf(nil, "v=0\r\no=- 1 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0 8\r\na=sendrecv\r\n",
		family, sink.Addr(), family, sink.Addr(), sink.Port())
	for n := number; n < o.Users; n += of {
		c.names = append(c.names, o.name(n))
		c.creds = append(c.creds, &credentials{user: o.name(n), password: o.Password, only: o.Algorithm})
	}
	s.extra = func(branch uint64) []byte { return c.acks[branch] } // a 2xx that came again: RFC 3261, 13.2.2.4
	return c
}

func (c *caller) begin(now time.Time) bool {
	if len(c.names) == 0 {
		return false
	}
	n := c.turn
	c.turn++
	k := &call{
		user: n % len(c.names), uri: c.opts.room(c.target, (c.first+n)%c.opts.Rooms), began: now,
		callID: fmt.Sprintf("load-%s-%d-%x", c.socket.local, n, now.UnixNano()), tag: fmt.Sprintf("%x", n),
	}
	c.invite(now, k, 0)
	return true
}

// invite sends an INVITE.
func (c *caller) invite(now time.Time, k *call, challenges int) {
	s := c.socket
	n, branch := s.branch()
	k.cseq++
	m := c.head("INVITE", k.uri, branch, k)
	m = fmt.Appendf(m, "To: <%s>\r\nContact: <sip:%s@%s>\r\n", k.uri, c.names[k.user], s.local)
	m = c.creds[k.user].append(m, "INVITE", k.uri)
	m = fmt.Appendf(m, "Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n", len(c.sdp))
	s.send(now, n, append(m, c.sdp...), true, func(now time.Time, code int, res []byte) {
		switch {
		case code/100 == 2:
			c.answered(now, k, n, res)
			return
		case code != 0:
			s.write(c.refusedACK(k, branch, res))
		}
		if code == 401 && challenges < 2 && c.creds[k.user].challenged(res) {
			s.result.Challenged++
			c.invite(now, k, challenges+1)
			return
		}
		s.finish(now, 0, failure("INVITE", code))
	})
}

// head begins a request: all that every one of a call has but To.
func (c *caller) head(method, uri, branch string, k *call) []byte {
	return fmt.Appendf(nil, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=%s\r\nMax-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=%s\r\n"+
		"Call-ID: %s\r\nCSeq: %d %s\r\nUser-Agent: trivox-load\r\n",
		method, uri, c.socket.local, branch, c.names[k.user], c.opts.Domain, k.tag, k.callID, k.cseq, method)
}

// refusedACK is the one of a transaction that was refused. RFC 3261, 17.1.1.3
func (c *caller) refusedACK(k *call, branch string, res []byte) []byte {
	return fmt.Appendf(c.head("ACK", k.uri, branch, k), "To: %s\r\nContent-Length: 0\r\n\r\n", header(res, "To", "t"))
}

// answered sends the ACK, and keeps the call until its BYE is due.
func (c *caller) answered(now time.Time, k *call, invite uint64, res []byte) {
	s := c.socket
	s.result.setUp.add(now.Sub(k.began))
	k.invite, k.to = invite, fmt.Sprintf("To: %s\r\n", header(res, "To", "t"))
	k.contact = string(address(header(res, "Contact", "m")))
	if k.contact == "" {
		k.contact = k.uri
	}
	route := all(res, "Record-Route", "")
	slices.Reverse(route)
	for _, r := range route {
		k.route += fmt.Sprintf("Route: %s\r\n", r)
	}
	_, branch := s.branch()
	ack := c.head("ACK", k.contact, branch, k)
	ack = append(append(append(ack, k.to...), k.route...), "Content-Length: 0\r\n\r\n"...)
	c.acks[invite] = ack
	s.write(ack)
	k.due = now.Add(time.Duration(c.opts.Hold * float64(time.Second)))
	if c.opts.Hold == 0 {
		c.bye(now, k)
		return
	}
	c.held = append(c.held, k)
}

// bye ends a call.
func (c *caller) bye(now time.Time, k *call) {
	s := c.socket
	began := now
	n, branch := s.branch()
	k.cseq++
	m := c.head("BYE", k.contact, branch, k)
	m = append(append(append(m, k.to...), k.route...), "Content-Length: 0\r\n\r\n"...)
	s.send(now, n, m, false, func(now time.Time, code int, _ []byte) {
		delete(c.acks, k.invite)
		why := ""
		if code/100 != 2 {
			why = failure("BYE", code)
		}
		s.finish(now, now.Sub(began), why)
	})
}

// tick hangs up what is due; all calls last equally long, so those that were answered first are.
func (c *caller) tick(now time.Time) {
	for len(c.held) > 0 && !now.Before(c.held[0].due) {
		k := c.held[0]
		c.held = c.held[1:]
		c.bye(now, k)
	}
}

func (c *caller) stop(now time.Time) {
	for _, k := range c.held {
		c.bye(now, k)
	}
	c.held = nil
}

func (c *caller) idle() bool { return len(c.held) == 0 }

// asked answers what the server asks in a call.
func (c *caller) asked(req []byte) string {
	method, _, _ := strings.Cut(string(req[:min(len(req), 16)]), " ")
	switch method {
	case "BYE":
		c.socket.result.Dropped++
		return "200 OK"
	case "OPTIONS", "NOTIFY":
		return "200 OK"
	}
	return "488 Not Acceptable Here"
}
