package sip

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

func mustURI(t *testing.T, s string) sipgo.Uri {
	t.Helper()
	var u sipgo.Uri
	if err := sipgo.ParseUri(s, &u); err != nil {
		t.Fatal(err)
	}
	return u
}

// Which way a request of ours goes. RFC 3261, 12.2.1.1 (Q28)
func TestWay(t *testing.T) {
	for _, tt := range []struct {
		name, target, route, source string
		uri                         string
		nat                         bool
	}{
		{"public Contact", "sip:a@192.0.2.1:5080", "", "192.0.2.1:1111", "sip:a@192.0.2.1:5080", false},
		{"Contact elsewhere", "sip:a@192.0.2.9", "", "192.0.2.1:1111", "sip:a@192.0.2.9", false},
		{"private Contact behind NAT", "sip:a@192.168.1.5:5060", "", "192.0.2.1:1111", "sip:a@192.168.1.5:5060", true},
		{"private Contact on the same network", "sip:a@192.168.1.5:5060", "", "192.168.1.5:5060", "sip:a@192.168.1.5:5060", false},
		{"unspecified Contact", "sip:a@0.0.0.0", "", "192.0.2.1:1111", "sip:a@0.0.0.0", true},
		{"browser", "sip:a@xyz.invalid", "", "192.0.2.1:1111", "sip:a@xyz.invalid", true},
		{"IPv6", "sip:a@[2001:db8::1]:5070", "", "[2001:db8::1]:9", "sip:a@[2001:db8::1]:5070", false},
		{"route set", "sip:a@192.168.1.5", "sip:proxy.example.com;lr", "192.0.2.1:1111", "sip:proxy.example.com;lr", false},
	} {
		d := &dialog{record: record{target: mustURI(t, tt.target)}, flow: &flow{source: netip.MustParseAddrPort(tt.source)}}
		if tt.route != "" {
			d.routes = []sipgo.Uri{mustURI(t, tt.route)}
		}
		w := d.way()
		if w.uri.String() != tt.uri || w.nat != tt.nat {
			t.Errorf("%s: %s nat %v, want %s nat %v", tt.name, w.uri.String(), w.nat, tt.uri, tt.nat)
		}
	}
}

// The route set becomes Route headers; a strict router takes the Request-URI. RFC 3261, 12.2.1.1
func TestRouteSet(t *testing.T) {
	s, err := NewServer(Config{Rooms: newRooms()})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		routes []string
		uri    string
		want   []string
	}{
		{"none", nil, "sip:a@192.0.2.1", nil},
		{"loose", []string{"sip:p1;lr", "sip:p2;lr"}, "sip:a@192.0.2.1", []string{"<sip:p1;lr>", "<sip:p2;lr>"}},
		{"strict", []string{"sip:p1", "sip:p2;lr"}, "sip:p1", []string{"<sip:p2;lr>", "<sip:a@192.0.2.1>"}},
	} {
		d := &dialog{server: s, record: record{target: mustURI(t, "sip:a@192.0.2.1")}}
		for _, r := range tt.routes {
			d.routes = append(d.routes, mustURI(t, r))
		}
		req := d.newRequest(sipgo.BYE)
		if got := req.Recipient.String(); got != tt.uri {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.uri)
		}
		var got []string
		for _, h := range req.GetHeaders("route") {
			got = append(got, h.Value())
		}
		if len(got) != len(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
			continue
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
			}
		}
	}
}

// Record-Route is echoed in the 200 and used for BYE, in order; the remote target follows Contact.
// RFC 3261, 12.1.1, 12.2.2 (UA-3)
func TestTargetRefreshAndRoutes(t *testing.T) {
	rooms := newRooms()
	_, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	me := p.conn.LocalAddr().String()
	res := p.call("Record-Route: <sip:"+me+";lr>, <sip:192.0.2.7;lr>", "Record-Route: <sip:192.0.2.8;lr>")
	var rr []string
	for _, h := range res.GetHeaders("record-route") {
		rr = append(rr, h.Value())
	}
	if len(rr) != 3 || rr[1] != "<sip:192.0.2.7;lr>" || rr[2] != "<sip:192.0.2.8;lr>" {
		t.Errorf("Record-Route %v", rr)
	}
	leg := rooms.leg(t)
	p.contact = "<sip:moved@192.0.2.1:5099>"
	p.request("UPDATE", "")
	p.response("UPDATE", 200)
	leg.call.HangUp(Cause{})
	bye := p.asked("BYE") // comes to the first route, which is this phone
	if bye.Recipient.String() != "sip:moved@192.0.2.1:5099" || len(bye.GetHeaders("route")) != 3 {
		t.Errorf("%s", bye)
	}
	p.reply(bye, 200, "")
}

// Over UDP a request goes to the Contact, not to where the call came from.
func TestByeGoesToContact(t *testing.T) {
	rooms := newRooms()
	_, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	elsewhere, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = elsewhere.Close() }()
	p.contact = "<sip:alice@" + elsewhere.LocalAddr().String() + ">"
	p.call()
	rooms.leg(t).call.HangUp(Cause{})
	bye := receive(t, elsewhere)
	if bye.Method != sipgo.BYE {
		t.Errorf("%s", bye)
	}
	p.reply(bye, 200, "") // from whatever address
}

// receive reads one request; the socket's own deadline bounds the wait.
func receive(t *testing.T, c net.PacketConn) *sipgo.Request {
	t.Helper()
	buf := make([]byte, 65536)
	if err := c.SetReadDeadline(deadline()); err != nil {
		t.Fatal(err)
	}
	n, _, err := c.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	m, err := sipgo.NewParser().ParseSIP(buf[:n])
	if err != nil {
		t.Fatal(err)
	}
	req, _ := m.(*sipgo.Request)
	return req
}

// listenStream gives nil when another has the port.
func listenStream(t *testing.T, at string) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	listen, _ := l.(*net.TCPListener)
	return listen
}

// newPhoneOnBoth is a phone by UDP whose port is listened to by TCP, too.
func newPhoneOnBoth(t *testing.T, server netip.AddrPort) (*phone, *net.TCPListener) {
	t.Helper()
	for range 100 {
		p := newPhone(t, "udp", server)
		if listen := listenStream(t, p.conn.LocalAddr().String()); listen != nil {
			return p, listen
		}
	}
	t.Fatal("no port is free for both")
	return nil, nil
}

// accept waits for the server to connect.
func accept(t *testing.T, l *net.TCPListener) net.Conn {
	t.Helper()
	if err := l.SetDeadline(deadline()); err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Over TCP a request goes by the connection of the call, and when that is closed by a new one to
// the Contact.
func TestByeOverNewConnection(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "tcp", Config{Rooms: rooms})
	p := newPhone(t, "tcp", addr)
	listen := listenStream(t, "127.0.0.1:0")
	if listen == nil {
		t.Fatal("no port is free")
	}
	defer func() { _ = listen.Close() }()
	p.contact = "<sip:alice@" + listen.Addr().String() + ";transport=tcp>"
	p.call()
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	p.close()
	eventually(t, func() bool { return s.Snapshot().Edge.Conns == 0 })
	leg.call.HangUp(Cause{})
	c := accept(t, listen)
	again := &phone{t: t, network: "tcp", conn: c, server: addr, in: make(chan sipgo.Message, 8), done: make(chan struct{})}
	go again.read()
	t.Cleanup(again.close)
	again.reply(again.asked("BYE"), 200, "")
	eventually(t, func() bool { return s.Snapshot().Dialogs == 0 })
}

// The advertised address stands in Contact and Via.
func TestAdvertisedAddress(t *testing.T) {
	rooms := newRooms()
	public := netip.MustParseAddr("203.0.113.5")
	_, addr := startServer(t, "udp", Config{Rooms: rooms, Advertise: func(netip.Addr) netip.Addr { return public }})
	p := newPhone(t, "udp", addr)
	res := p.call()
	want := netip.AddrPortFrom(public, addr.Port()).String()
	if got := header(res, "contact"); got != "<sip:tea@"+want+">;isfocus" {
		t.Errorf("Contact %s", got)
	}
	rooms.leg(t).call.HangUp(Cause{})
	bye := p.asked("BYE")
	if v := bye.Via(); v.Host != public.String() || v.Port != int(addr.Port()) {
		t.Errorf("Via %s", v.Value())
	}
	p.reply(bye, 200, "")
}

// A Contact with transport=tcp is called over TCP though the call came over UDP; when nobody
// listens there the BYE takes the way the call came.
func TestByeChangesTransport(t *testing.T) {
	for _, listening := range []bool{true, false} {
		rooms := newRooms()
		_, addr := startServer(t, "udp", Config{Rooms: rooms})
		p, listen := newPhoneOnBoth(t, addr)
		if !listening {
			_ = listen.Close()
		}
		p.contact = "<sip:alice@" + listen.Addr().String() + ";transport=tcp>"
		p.call()
		rooms.leg(t).call.HangUp(Cause{})
		if !listening {
			p.reply(p.asked("BYE"), 200, "")
			continue
		}
		c := accept(t, listen)
		again := &phone{t: t, network: "tcp", conn: c, server: addr, in: make(chan sipgo.Message, 8), done: make(chan struct{})}
		go again.read()
		bye := again.asked("BYE")
		if v := bye.Via(); v.Transport != "TCP" {
			t.Errorf("Via %s", v.Value())
		}
		again.reply(bye, 200, "")
		again.close()
		_ = listen.Close()
	}
}
