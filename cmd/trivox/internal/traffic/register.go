package traffic

import (
	"fmt"
	"time"
)

// registrar registers the users of one socket in turn.
type registrar struct {
	socket  *socket
	uri     string // of the domain
	expires int
	free    []*registrant // the one that waits the longest first
}

// registrant is one user's phone: one Contact, one Call-ID, and a nonce that is used over and over.
type registrant struct {
	aor, contact string
	callID       string
	cseq         uint32
	creds        credentials
	began        time.Time
}

func newRegistrar(s *socket, r Register, t target, number, of int) *registrar {
	g := &registrar{socket: s, uri: "sip:" + r.Domain, expires: r.Expires}
	for n := number; n < r.Users; n += of {
		name := r.name(n)
		g.free = append(g.free, &registrant{
			aor: "sip:" + name + "@" + r.Domain, contact: "sip:" + name + "@" + s.local,
			callID: fmt.Sprintf("load-%d-%x", n, time.Now().UnixNano()),
			creds:  credentials{user: name, password: r.Password, only: r.Algorithm},
		})
	}
	return g
}

func (g *registrar) begin(now time.Time) bool {
	if len(g.free) == 0 {
		return false
	}
	u := g.free[0]
	g.free = g.free[1:]
	u.began = now
	g.send(now, u, 0)
	return true
}

// send sends a REGISTER; challenges are those that this one has had.
func (g *registrar) send(now time.Time, u *registrant, challenges int) {
	s := g.socket
	n, branch := s.branch()
	u.cseq++
	m := fmt.Appendf(nil, "REGISTER %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=%s\r\nMax-Forwards: 70\r\nFrom: <%s>;tag=%x\r\nTo: <%s>\r\n"+
		"Call-ID: %s\r\nCSeq: %d REGISTER\r\nContact: <%s>;expires=%d\r\nUser-Agent: trivox-load\r\n",
		g.uri, s.local, branch, u.aor, u.cseq, u.aor, u.callID, u.cseq, u.contact, g.expires)
	m = append(u.creds.append(m, "REGISTER", g.uri), "Content-Length: 0\r\n\r\n"...)
	s.send(now, n, m, false, func(now time.Time, code int, res []byte) {
		if code == 401 && challenges < 2 && u.creds.challenged(res) { // the second one: the nonce had become stale
			s.result.Challenged++
			g.send(now, u, challenges+1)
			return
		}
		g.free = append(g.free, u)
		why := ""
		if code/100 != 2 {
			why = failure("REGISTER", code)
		}
		s.finish(now, now.Sub(u.began), why)
	})
}

func (g *registrar) tick(time.Time) {}

func (g *registrar) stop(time.Time) {}

func (g *registrar) idle() bool { return true }

func (g *registrar) asked([]byte) string { return "200 OK" }
