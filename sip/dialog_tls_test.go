package sip

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// A call by TLS with hold and resume, ended by either side; all of it by the one connection. (SE-5)
func TestCallByTLS(t *testing.T) {
	ca := newAuthority(t)
	rooms := newRooms()
	s, addr := startServer(t, "tls", Config{Rooms: rooms, TLS: ca.server("127.0.0.1")})
	for _, byUs := range []bool{true, false} {
		p := newTLSPhone(t, addr, ca.client("127.0.0.1"))
		res := p.call()
		if got, want := header(res, "contact"), "<sip:tea@"+addr.String()+";transport=tls>;isfocus"; got != want {
			t.Errorf("Contact %s, want %s", got, want)
		}
		leg := rooms.leg(t)
		leg.want(t, "answer", "confirmed")
		for range 2 { // hold, resume
			p.call()
			leg.want(t, "answer")
		}
		if !byUs {
			p.request("BYE", "")
			p.response("BYE", 200)
		} else {
			leg.call.HangUp(Cause{Code: 200})
			bye := p.asked("BYE")
			if v := bye.Via(); v.Transport != "TLS" || v.Port != int(addr.Port()) {
				t.Errorf("Via %s", v.Value())
			}
			p.reply(bye, 200, "")
		}
		leg.want(t, "end")
	}
	if n := s.edge.Snapshot(); n.Secured != 2 || n.Insecure != 0 {
		t.Errorf("%+v", n)
	}
}

// A sips URI is served by TLS, and answered with a sips Contact that names no transport; routes are kept. RFC 3261,
// 12.1.1; RFC 5630, 3.1.4 (SE-5)
func TestSecureURI(t *testing.T) {
	ca := newAuthority(t)
	rooms := newRooms()
	_, addr := startServer(t, "tls", Config{Rooms: rooms, TLS: ca.server("127.0.0.1")})
	p := newTLSPhone(t, addr, ca.client("127.0.0.1"))
	p.scheme, p.contact = "sips", "<sips:alice@"+p.conn.LocalAddr().String()+">"
	res := p.call("Record-Route: <sips:proxy.example.invalid;lr>")
	if got, want := header(res, "contact"), "<sips:tea@"+addr.String()+">;isfocus"; got != want {
		t.Errorf("Contact %s, want %s", got, want)
	}
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	p.request("OPTIONS", "")
	p.response("OPTIONS", 200)
	leg.call.HangUp(Cause{Code: 200})
	bye := p.asked("BYE")
	if bye.Recipient.Scheme != "sips" || header(bye, "route") != "<sips:proxy.example.invalid;lr>" {
		t.Errorf("%s", bye)
	}
	p.reply(bye, 200, "")
	leg.want(t, "end")
}

// callee is where a phone listens, by TLS and by UDP and TCP in clear at the same port.
type callee struct {
	addr   netip.AddrPort
	secure chan *phone
	clear  net.PacketConn
}

// newCallee listens with a certificate of name.
func newCallee(t *testing.T, ca *authority, name string) *callee {
	t.Helper()
	for range 100 {
		l, err := tls.Listen("tcp", "127.0.0.1:0", ca.server(name))
		if err != nil {
			t.Fatal(err)
		}
		u, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			_ = l.Close()
			continue
		}
		c := &callee{addr: addrPort(l.Addr()), secure: make(chan *phone, 4), clear: u}
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					close(c.secure)
					return
				}
				p := &phone{t: t, network: "tls", conn: conn, server: c.addr, in: make(chan sipgo.Message, 8), done: make(chan struct{})}
				go p.read()
				c.secure <- p
			}
		}()
		t.Cleanup(func() {
			_ = l.Close()
			_ = u.Close()
			for p := range c.secure {
				p.close()
			}
		})
		return c
	}
	t.Fatal("no port is free for both")
	return nil
}

// What a URI wants by TLS goes by TLS to a peer whose certificate is that of the URI, and else nowhere: when the
// connection of the call is gone, and when the call came in clear. RFC 3261, 26.2.2; RFC 5922, 7
func TestNothingInsteadOfTLS(t *testing.T) {
	ca := newAuthority(t)
	for _, tt := range []struct {
		name, network, certificate, contact string
		blind                               bool
		want                                bool
	}{
		{"a connection that is gone", "tls", "127.0.0.1", "<sip:alice@%s;transport=tls>", false, true},
		{"and a Contact that names no transport", "tls", "127.0.0.1", "<sip:alice@%s>", false, true},
		{"and a sips Contact", "tls", "127.0.0.1", "<sips:alice@%s>", false, true},
		{"the certificate of another", "tls", "example.com", "<sip:alice@%s;transport=tls>", false, false},
		{"the certificate of another, which is not looked at", "tls", "example.com", "<sip:alice@%s;transport=tls>", true, true},
		{"by UDP", "udp", "127.0.0.1", "<sip:alice@%s;transport=tls>", false, true},
		{"by UDP, sips", "udp", "127.0.0.1", "<sips:alice@%s>", false, true},
		{"by UDP, the certificate of another", "udp", "example.com", "<sips:alice@%s>", false, false},
		{"by TCP, sips", "tcp", "127.0.0.1", "<sips:alice@%s>", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rooms := newRooms()
			c := ca.server("127.0.0.1")
			c.InsecureSkipVerify = tt.blind
			s, addr := startServer(t, tt.network, Config{Rooms: rooms, TLS: c, Timers: Timers{T1: 20 * time.Millisecond}})
			to := newCallee(t, ca, tt.certificate)
			var p *phone
			if tt.network == "tls" {
				p = newTLSPhone(t, addr, ca.client("127.0.0.1"))
			} else {
				p = newPhone(t, tt.network, addr)
			}
			p.contact = fmt.Sprintf(tt.contact, to.addr)
			p.call()
			leg := rooms.leg(t)
			leg.want(t, "answer", "confirmed")
			if tt.network == "tls" {
				_ = p.conn.Close()
				eventually(t, func() bool { return s.edge.Snapshot().Conns == 0 })
			}
			leg.call.HangUp(Cause{Code: 200})
			if tt.want {
				again := <-to.secure
				bye := again.asked("BYE")
				if v := bye.Via(); v.Transport != "TLS" {
					t.Errorf("Via %s", v.Value())
				}
				again.reply(bye, 200, "")
				again.close()
			}
			leg.want(t, "end")
			if !tt.want {
				eventually(t, func() bool { return s.edge.Snapshot().Insecure == 1 })
			}
			_ = to.clear.SetReadDeadline(deadline().Add(-patience))
			if n, _, err := to.clear.ReadFrom(make([]byte, 2000)); err == nil {
				t.Errorf("%d bytes in clear", n)
			}
		})
	}
}

// A peer behind NAT whose connection is gone is not looked for at an address of its own network (Q28).
func TestNATAndConnectionGone(t *testing.T) {
	ca := newAuthority(t)
	rooms := newRooms()
	s, addr := startServer(t, "tls", Config{Rooms: rooms, TLS: ca.server("127.0.0.1")})
	p := newTLSPhone(t, addr, ca.client("127.0.0.1"))
	p.contact = "<sip:alice@10.1.2.3:5061;transport=tls>"
	p.call()
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	_ = p.conn.Close()
	eventually(t, func() bool { return s.edge.Snapshot().Conns == 0 })
	leg.call.HangUp(Cause{Code: 200})
	leg.want(t, "end")
}

// RFC 3261, 19.1.2 and 26.2.2
func TestWhereURILeads(t *testing.T) {
	s, err := NewServer(Config{Rooms: newRooms(), Resolver: dns{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ uri, transport, addr string }{
		{"sip:a@192.0.2.1", "", "192.0.2.1:5060"},
		{"sip:a@192.0.2.1;transport=UDP", "UDP", "192.0.2.1:5060"},
		{"sip:a@192.0.2.1;transport=tcp", "TCP", "192.0.2.1:5060"},
		{"sip:a@192.0.2.1;transport=tls", "TLS", "192.0.2.1:5061"},
		{"sip:a@192.0.2.1:5070;transport=TLS", "TLS", "192.0.2.1:5070"},
		{"sips:a@192.0.2.1", "TLS", "192.0.2.1:5061"},
		{"sips:a@[2001:db8::1];transport=tcp", "TLS", "[2001:db8::1]:5061"},
		{"sip:a@192.0.2.1;transport=sctp", "", "192.0.2.1:5060"},
	} {
		var uri sipgo.Uri
		if err := sipgo.ParseUri(tt.uri, &uri); err != nil {
			t.Fatal(err)
		}
		transport := transportOf(uri)
		found, err := s.locate(t.Context(), uri, transport)
		if err != nil {
			t.Fatal(err)
		}
		h, err := found.next(t.Context())
		if transport != tt.transport || err != nil || h.network != transport || h.remote.String() != tt.addr || found.more() {
			t.Errorf("%s: %q %v, %v", tt.uri, transport, h, err)
		}
	}
}
