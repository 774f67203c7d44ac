package media

import (
	"bytes"
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

func newTestSweeper(t testing.TB) *Sweeper {
	t.Helper()
	w, err := NewSweeper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// await waits in the kernel until the socket has a packet or an error; loopback delivers at once.
func await(t testing.TB, s *Socket) {
	t.Helper()
	fds := []unix.PollFd{{Fd: s.fd, Events: unix.POLLIN}}
	if n, err := unix.Poll(fds, 2000); err != nil || n != 1 {
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

// A port where nobody listens answers by ICMP; neither sending nor sweeping minds, and the packet that
// waits behind the answer is taken in the same sweep.
func TestPortUnreachable(t *testing.T) {
	w := newTestSweeper(t)
	a, b, gone := openTest(t, "127.0.0.1"), openTest(t, "127.0.0.1"), openTest(t, "127.0.0.1")
	to := gone.Local()
	gone.Close()
	// Only a connected socket hears of it.
	connect := func(to netip.AddrPort) {
		if err := unix.Connect(int(a.fd), &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
			t.Fatal(err)
		}
	}
	connect(to)
	if err := w.Send(a, []byte("x"), to); err != nil {
		t.Fatal(err)
	}
	await(t, a)
	connect(b.Local())
	if err := w.Send(b, []byte("y"), a.Local()); err != nil {
		t.Fatal(err)
	}
	got := 0
	w.Sweep([]*Socket{a}, func(_ int, p []byte, _ netip.AddrPort, _ time.Duration) {
		if string(p) == "y" {
			got++
		}
	})
	if s := w.Stats(); got != 1 || s.Failed != 1 {
		t.Errorf("the packet after the ICMP answer came %d times; %+v", got, s)
	}
}

func TestSweep(t *testing.T) {
	w := newTestSweeper(t)
	socks := []*Socket{openTest(t, "127.0.0.1"), nil, openTest(t, "::1"), openTest(t, "127.0.0.1")}
	from4, from6 := openTest(t, "127.0.0.1"), openTest(t, "::1")
	for k := range 11 {
		if err := w.Send(from4, []byte{byte(k)}, socks[0].Local()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Send(from6, []byte{100}, socks[2].Local()); err != nil {
		t.Fatal(err)
	}
	if err := w.Send(from4, bytes.Repeat([]byte{7}, packetSize+1), socks[3].Local()); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Socket{socks[0], socks[2], socks[3]} {
		await(t, s)
	}
	type arrival struct {
		i    int
		b    byte
		from netip.AddrPort
	}
	var got []arrival
	sweep := func() []arrival {
		got = got[:0]
		w.Sweep(socks, func(i int, b []byte, from netip.AddrPort, at time.Duration) {
			got = append(got, arrival{i, b[0], from})
			if now := Now(); at > now || at < now-time.Second {
				t.Errorf("arrival %v, now %v", at, now)
			}
		})
		return got
	}
	first := sweep()
	if len(first) != SweepLimit+1 || first[0] != (arrival{0, 0, from4.Local()}) || first[7].b != 7 || first[8] != (arrival{2, 100, from6.Local()}) {
		t.Errorf("first sweep: %v", first)
	}
	if second := sweep(); len(second) != 3 || second[0].b != 8 || second[2].b != 10 {
		t.Errorf("second sweep: %v", second)
	}
	if third := sweep(); len(third) != 0 {
		t.Errorf("third sweep: %v", third)
	}
	if s := w.Stats(); s.Received != 12 || s.Limited != 1 || s.Truncated != 1 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
}

func TestSocketsDoNotAllocate(t *testing.T) {
	w := newTestSweeper(t)
	a, b := openTest(t, "127.0.0.1"), openTest(t, "127.0.0.1")
	socks := []*Socket{b}
	packet := make([]byte, 172)
	var io IO = w
	taken := 0
	each := func(int, []byte, netip.AddrPort, time.Duration) { taken++ }
	if n := testing.AllocsPerRun(200, func() {
		_ = io.Send(a, packet, b.Local())
		_ = io.Send(a, packet, netip.AddrPort{})
		_ = io.Send(a, packet, netip.MustParseAddrPort("255.255.255.255:9"))
		io.Sweep(socks, each)
		io.Flush()
	}); n != 0 {
		t.Errorf("sweeper: %v allocations", n)
	}
	if taken < 100 {
		t.Errorf("only %d packets came", taken)
	}
	buf := make([]byte, 1500)
	if n := testing.AllocsPerRun(200, func() {
		_ = a.Send(packet, b.Local())
		b.Receive(buf)
	}); n != 0 {
		t.Errorf("socket: %v allocations", n)
	}
	if n := testing.AllocsPerRun(200, func() { SleepUntil(Now()) }); n != 0 {
		t.Errorf("clock: %v allocations", n)
	}
}

func BenchmarkSweep(b *testing.B) {
	const legs = 1000
	w := newTestSweeper(b)
	socks, peers := make([]*Socket, legs), make([]*Socket, legs)
	for i := range socks {
		socks[i], peers[i] = openTest(b, "127.0.0.1"), openTest(b, "127.0.0.1")
	}
	packet := make([]byte, 172)
	each := func(int, []byte, netip.AddrPort, time.Duration) {}
	perPacket := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/legs, "ns/socket")
	}
	b.Run("empty", func(b *testing.B) {
		for b.Loop() {
			w.Sweep(socks, each)
		}
		perPacket(b)
	})
	b.Run("one packet each", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			for i := range socks {
				_ = w.Send(peers[i], packet, socks[i].Local())
			}
			b.StartTimer()
			w.Sweep(socks, each)
		}
		perPacket(b)
	})
	b.Run("send", func(b *testing.B) {
		for b.Loop() {
			for i := range socks {
				_ = w.Send(socks[i], packet, peers[i].Local())
			}
			b.StopTimer()
			w.Sweep(peers, each)
			b.StartTimer()
		}
		perPacket(b)
	})
}
