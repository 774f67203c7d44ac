package media

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

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
