package media

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func openTest(t testing.TB, addr string) *Socket {
	t.Helper()
	s, err := OpenSocket(netip.AddrPortFrom(netip.MustParseAddr(addr), 0), 46)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// await waits in the kernel until the socket has a packet or an error; loopback delivers at once.
func await(t testing.TB, s *Socket) {
	t.Helper()
	fds := []unix.PollFd{{Fd: s.fd, Events: unix.POLLIN}}
	if n, err := unix.Poll(fds, 20000); err != nil || n != 1 {
		t.Fatalf("nothing arrives: %d, %v", n, err)
	}
}

func TestSocketSendReceive(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"} {
		a, b := openTest(t, addr), openTest(t, addr)
		before := time.Now().UnixNano()
		if err := a.Send([]byte("hello"), b.Local()); err != nil {
			t.Fatal(err)
		}
		await(t, b)
		buf := make([]byte, 100)
		n, from, stamp, ok := b.Receive(buf)
		if !ok || string(buf[:n]) != "hello" || from != a.Local() {
			t.Errorf("%s: %q from %v, %v", addr, buf[:n], from, ok)
		}
		if stamp < before || stamp > time.Now().UnixNano() {
			t.Errorf("%s: stamp %d is not between sending and now", addr, stamp)
		}
		if _, _, _, ok := b.Receive(buf); ok {
			t.Errorf("%s: an empty socket gives a packet", addr)
		}
	}
}

func TestSocketIsMarked(t *testing.T) {
	for _, c := range []struct {
		addr         string
		level, class int
	}{{"127.0.0.1", unix.IPPROTO_IP, unix.IP_TOS}, {"::1", unix.IPPROTO_IPV6, unix.IPV6_TCLASS}} {
		s := openTest(t, c.addr)
		if got, err := unix.GetsockoptInt(int(s.fd), c.level, c.class); err != nil || got != 46<<2 {
			t.Errorf("%s: traffic class %#x, %v", c.addr, got, err)
		}
		size, err := unix.GetsockoptInt(int(s.fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
		if err != nil || size > 2*receiveBuffer {
			t.Errorf("%s: receive buffer %d, %v", c.addr, size, err)
		}
	}
}

func TestSocketRefuses(t *testing.T) {
	for _, c := range []struct {
		addr netip.AddrPort
		dscp int
	}{
		{netip.AddrPort{}, 0},
		{netip.AddrPortFrom(loopback, 0), 64},
		{netip.AddrPortFrom(loopback, 0), -1},
		{netip.MustParseAddrPort("192.0.2.1:0"), 0}, // not ours
		{netip.MustParseAddrPort("[fe80::1%eth0]:0"), 0},
	} {
		if s, err := OpenSocket(c.addr, c.dscp); err == nil {
			t.Errorf("%v opens", c)
			s.Close()
		}
	}
	taken := openTest(t, "127.0.0.1")
	if _, err := OpenSocket(taken.Local(), 0); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("a taken port: %v", err)
	}
}

// An address that cannot be sent to is an error value, and the socket still works afterwards.
func TestSendToBadAddresses(t *testing.T) {
	w := newTestSweeper(t)
	for _, own := range []string{"127.0.0.1", "::1"} {
		s, sink := openTest(t, own), openTest(t, own)
		bad := []netip.AddrPort{
			{},
			netip.MustParseAddrPort("0.0.0.0:4000"),
			netip.MustParseAddrPort("[::]:4000"),
			netip.MustParseAddrPort("[::ffff:0.0.0.0]:4000"),
			netip.MustParseAddrPort("127.0.0.1:0"),
			netip.MustParseAddrPort("[::1]:0"),
			netip.MustParseAddrPort("255.255.255.255:4000"),
			netip.MustParseAddrPort("224.0.0.1:4000"),
			netip.MustParseAddrPort("[ff02::1]:4000"),
		}
		if own == "127.0.0.1" {
			bad = append(bad, netip.MustParseAddrPort("[::1]:4000"))
		} else {
			bad = append(bad, netip.MustParseAddrPort("127.0.0.1:4000"))
		}
		for _, to := range bad {
			if err := w.Send(s, []byte("x"), to); err == nil {
				t.Errorf("from %s to %v: sent", own, to)
			}
			if err := s.Send([]byte("x"), to); err == nil {
				t.Errorf("from %s to %v: sent by the socket", own, to)
			}
		}
		if err := w.Send(s, []byte("ok"), sink.Local()); err != nil {
			t.Errorf("after bad addresses: %v", err)
		}
	}
	if got := w.Stats(); got.Unsent != 20 || got.Sent != 2 {
		t.Errorf("%+v", got)
	}
	if err := w.Send(openTest(t, "127.0.0.1"), make([]byte, 70000), netip.MustParseAddrPort("127.0.0.1:9")); !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("a packet too long: %v", err)
	}
}
