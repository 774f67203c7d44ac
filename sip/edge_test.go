package sip

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"golang.org/x/sys/unix"
)

// packets is a datagram socket in memory: reads give what arrive is given.
type packets struct {
	arrive chan packet
	sent   chan packet
	closed chan struct{}
}

type packet struct {
	b    []byte
	addr netip.AddrPort
	err  error
}

func newPackets() *packets {
	return &packets{arrive: make(chan packet), sent: make(chan packet, 16), closed: make(chan struct{})}
}

func (p *packets) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case in := <-p.arrive:
		return copy(b, in.b), net.UDPAddrFromAddrPort(in.addr), in.err
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

func (p *packets) WriteTo(b []byte, to net.Addr) (int, error) {
	p.sent <- packet{b: bytes.Clone(b), addr: addrPort(to)}
	return len(b), nil
}

func (p *packets) Close() error                     { close(p.closed); return nil }
func (p *packets) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(peer) }
func (p *packets) SetDeadline(time.Time) error      { return nil }
func (p *packets) SetReadDeadline(time.Time) error  { return nil }
func (p *packets) SetWriteDeadline(time.Time) error { return nil }

// serveUDP runs an edge over p until the test ends.
func serveUDP(t *testing.T, e *Edge, p *packets, h Handler) {
	t.Helper()
	done := make(chan error)
	go func() { done <- e.ServeUDP(p, h) }()
	t.Cleanup(func() {
		_ = p.Close()
		if err := <-done; err != nil {
			t.Errorf("ServeUDP: %v", err)
		}
	})
}

// Nothing is kept of a peer: sipgo's pool grows by one entry for each (LIBRARIES 1, trap 2).
func TestPeersLeaveNothing(t *testing.T) {
	e, p, n := NewEdge(EdgeConfig{}), newPackets(), 0
	serveUDP(t, e, p, func(sip.Message, netip.AddrPort, net.Conn, time.Time) { n++ })
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	message := []byte(sound("Content-Length: 0"))
	from := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 5060)
	}
	p.arrive <- packet{b: message, addr: from(0)}
	before := heap()
	const sources = 20000
	for i := range sources {
		p.arrive <- packet{b: message, addr: from(i + 1)}
		p.arrive <- packet{b: []byte("\r\n\r\n"), addr: from(i + 1)}
	}
	p.arrive <- packet{addr: from(0)} // taken once all before are done with
	grown := heap() - before
	for range 5 { // what is not the edge's may be collected later
		grown = min(grown, heap()-before)
	}
	if grown > 200<<10 {
		t.Errorf("%d bytes after %d sources", grown, sources)
	}
	if s := e.Snapshot(); s.Messages != sources+1 || s.Junk < sources {
		t.Errorf("%+v", s)
	}
}

// What keeps a NAT open is no message (Q27).
func TestJunkIsIgnored(t *testing.T) {
	e, p := NewEdge(EdgeConfig{}), newPackets()
	got := make(chan sip.Message, 1)
	serveUDP(t, e, p, func(m sip.Message, _ netip.AddrPort, _ net.Conn, _ time.Time) { got <- m })
	junk := []string{"", "\r\n", "\r\n\r\n", "jaK", "\x00\x00\x00\x00", "SIP/2.0 200 OK", strings.Repeat("\x00", 100), strings.Repeat("\r\n", 50),
		"\x80\x00" + strings.Repeat("rtp", 50), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"}
	for _, b := range junk {
		p.arrive <- packet{b: []byte(b), addr: peer}
	}
	p.arrive <- packet{b: []byte(sound()), addr: peer}
	<-got
	if s := e.Snapshot(); s.Junk != uint64(len(junk)) || s.Messages != 1 || s.Answered+s.Unanswered != 0 {
		t.Errorf("%+v", s)
	}
	if len(p.sent) != 0 {
		t.Errorf("answered %q", (<-p.sent).b)
	}
}

// An error of the socket does not end the reading of it.
func TestReadErrorsPass(t *testing.T) {
	e, p := NewEdge(EdgeConfig{}), newPackets()
	got := make(chan sip.Message, 1)
	serveUDP(t, e, p, func(m sip.Message, _ netip.AddrPort, _ net.Conn, _ time.Time) { got <- m })
	for range 3 {
		p.arrive <- packet{err: syscall.ENOBUFS}
	}
	p.arrive <- packet{b: []byte(sound()), addr: peer}
	<-got
	if s := e.Snapshot(); s.ReadErrors != 3 {
		t.Errorf("%+v", s)
	}
}

// The largest datagrams pass, in and out (traps 3 and TR-1): sipgo reads 32 KiB and sends 1300 bytes.
func TestLargeDatagrams(t *testing.T) {
	_, addr := startServer(t, "udp", Config{Rooms: newRooms()})
	conn := tortureConn(t, "udp", addr)
	message := optionsFrom(conn, "udp")
	for i := 0; len(message) < 60000; i++ {
		line := fmt.Sprintf("\r\nVia: SIP/2.0/UDP h%d.example;branch=z9hG4bK%s", i, strings.Repeat("b", 900))
		message = bytes.Replace(message, []byte("\r\nFrom:"), []byte(line+"\r\nFrom:"), 1)
	}
	send(t, conn, message)
	got := finalAnswer(t, conn, "udp")
	isOptions(t, got)
	if len(got) < 59000 {
		t.Errorf("answer of %d bytes to %d", len(got), len(message))
	}
}

// Each socket answers for itself, whatever other sockets the peer uses (trap 8), IPv6 among them.
func TestSocketsAnswerForThemselves(t *testing.T) {
	s, _ := startServer(t, "udp", Config{Rooms: newRooms()})
	listen := func(network, at string) netip.AddrPort {
		a, err := s.Listen(network, at)
		if err != nil {
			t.Fatal(err)
		}
		return addrPort(a)
	}
	client, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	a, b := listen("udp", "127.0.0.1:0"), listen("udp", "127.0.0.1:0")
	for i, to := range []netip.AddrPort{a, b, a, a, b, b, a} {
		message := strings.Replace(sound(), "198.51.100.7:5070;branch=z9hG4bK1", fmt.Sprintf("x.example;rport;branch=z9hG4bK%d", i), 1)
		if _, err := client.WriteTo([]byte(message), net.UDPAddrFromAddrPort(to)); err != nil {
			t.Fatal(err)
		}
		_ = client.SetReadDeadline(time.Now().Add(patience))
		_, from, err := client.ReadFrom(make([]byte, maxPacket))
		if err != nil || addrPort(from) != to {
			t.Fatalf("%v answered for %v, %v", from, to, err)
		}
	}
	for _, network := range []string{"udp", "tcp"} {
		to := listen(network, "[::]:0")
		conn := tortureConn(t, network, netip.AddrPortFrom(netip.IPv6Loopback(), to.Port()))
		send(t, conn, optionsFrom(conn, network))
		got := finalAnswer(t, conn, network)
		isOptions(t, got)
		if want := fmt.Sprintf(";received=::1;rport=%d", addrPort(conn.LocalAddr()).Port()); !bytes.Contains(got, []byte(want)) {
			t.Errorf("no %s in\n%s", want, got)
		}
		// One port, both families.
		if other := listen(network, fmt.Sprintf("0.0.0.0:%d", to.Port())); other.Port() != to.Port() {
			t.Errorf("%v and %v", other, to)
		}
	}
}

// Without rport the answer goes to the port in Via, at the source address (RFC 3261, 18.2.2; Q28),
// from the edge as from the server.
func TestAnswerToSentBy(t *testing.T) {
	_, addr := startServer(t, "udp", Config{Rooms: newRooms()})
	from := tortureConn(t, "udp", addr)
	to, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = to.Close() }()
	for code, message := range map[string]string{"200": sound(), "400": change("CSeq", "CSeq: x")} {
		via := fmt.Sprintf("phone.example:%d;", addrPort(to.LocalAddr()).Port())
		send(t, from, []byte(strings.Replace(message, "198.51.100.7:5070;", via, 1)))
		buf := make([]byte, maxPacket)
		_ = to.SetReadDeadline(time.Now().Add(patience))
		n, _, err := to.ReadFrom(buf)
		if err != nil || !strings.HasPrefix(string(buf[:n]), "SIP/2.0 "+code) || !strings.Contains(string(buf[:n]), via) ||
			!strings.Contains(string(buf[:n]), ";received=127.0.0.1") {
			t.Errorf("%v: %s", err, buf[:n])
		}
	}
}

// A client of RFC 2543, which knows no tags, is called and hangs up; it never sees one in From.
func TestClientWithoutTags(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		rooms := newRooms()
		s, addr := startServer(t, network, Config{Rooms: rooms})
		conn := tortureConn(t, network, addr)
		say := func(method string, seq int, to, body string) []byte {
			send(t, conn, fmt.Appendf(nil, "%s sip:tea@%s SIP/2.0\r\nVia: SIP/2.0/%s %s\r\nFrom: <sip:old@phones.example>\r\nTo: %s\r\nCall-ID: old\r\n"+
				"CSeq: %d %s\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
				method, addr, strings.ToUpper(network), conn.LocalAddr(), to, seq, method, len(body), body))
			if method == "ACK" {
				return nil
			}
			got := finalAnswer(t, conn, network)
			if !bytes.HasPrefix(got, []byte("SIP/2.0 200 ")) || !bytes.Contains(got, []byte("\r\nFrom: <sip:old@phones.example>\r\n")) {
				t.Fatalf("%s %s answered\n%s", network, method, got)
			}
			return got
		}
		var res reading
		res.read(say("INVITE", 1, "<sip:tea@rooms.example>", offerSDP))
		to := string(res.first(toHeader).value)
		say("ACK", 1, to, "")
		leg := rooms.leg(t)
		leg.want(t, "answer", "confirmed")
		say("BYE", 2, to, "")
		leg.want(t, "end")
		if n := s.edge.Snapshot(); n.NoTag != 3 {
			t.Errorf("%+v", n)
		}
	}
}

// SIP packets carry CS3 unless set otherwise.
func TestMark(t *testing.T) {
	tos := func(c any) (got int) {
		raw, err := c.(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		_ = raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TOS) })
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for dscp, want := range map[int]int{0: 24 << 2, 46: 46 << 2, -1: 0} {
		e := NewEdge(EdgeConfig{DSCP: dscp})
		p, err := e.ListenPacket(context.Background(), "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := e.ListenStream(context.Background(), "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c, err := e.Dial(context.Background(), addrPort(l.Addr()), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []any{p.(*datagrams).PacketConn, l, c.(*streamConn).Conn} {
			if got := tos(c); got != want {
				t.Errorf("DSCP %d: TOS %d of %T, want %d", dscp, got, c, want)
			}
		}
		e.Close()
		_, _ = p.Close(), l.Close()
		if _, err := e.Dial(context.Background(), addrPort(l.Addr()), nil); err == nil {
			t.Error("a closed edge dials")
		}
	}
}

// Addresses that cannot be listened to say so.
func TestListenFails(t *testing.T) {
	e := NewEdge(EdgeConfig{})
	if _, err := e.ListenPacket(context.Background(), "127.0.0.1:x"); err == nil || !strings.Contains(err.Error(), "127.0.0.1:x") {
		t.Error(err)
	}
	if _, err := e.ListenStream(context.Background(), "127.0.0.1:99999"); err == nil || !strings.Contains(err.Error(), "127.0.0.1:99999") {
		t.Error(err)
	}
}
