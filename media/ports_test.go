package media

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// fakeKernel counts the sockets that are open and refuses what a test says.
type fakeKernel struct {
	mu     sync.Mutex
	opened []*Socket
	refuse func(port uint16) error
}

func (k *fakeKernel) open(addr netip.AddrPort, _ int) (*Socket, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.refuse != nil {
		if err := k.refuse(addr.Port()); err != nil {
			return nil, err
		}
	}
	fd, err := unix.Dup(int(os.Stderr.Fd())) // a descriptor that is the test's own to close
	if err != nil {
		return nil, err
	}
	s := &Socket{fd: int32(fd), local: addr}
	k.opened = append(k.opened, s)
	return s, nil
}

func (k *fakeKernel) openCount() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for _, s := range k.opened {
		if s.fd >= 0 {
			n++
		}
	}
	return n
}

func newTestPorts(t *testing.T, lo, hi uint16, rest time.Duration, k *fakeKernel) *Ports {
	t.Helper()
	p, err := NewPorts(lo, hi, rest)
	if err != nil {
		t.Fatal(err)
	}
	p.open = k.open
	return p
}

func TestPortsRange(t *testing.T) {
	for _, c := range []struct {
		lo, hi uint16
		pairs  int
		first  uint16
	}{
		{10000, 10001, 1, 10000},
		{10000, 10002, 1, 10000},
		{9999, 10003, 2, 10000},
		{10001, 10004, 1, 10002},
		{65534, 65535, 1, 65534},
		{10000, 19999, 5000, 10000},
		{10000, 10000, 0, 0},
		{10001, 10002, 0, 0},
		{19999, 10000, 0, 0},
		{0, 100, 0, 0},
		{65535, 65535, 0, 0},
	} {
		p, err := NewPorts(c.lo, c.hi, 0)
		if (err == nil) != (c.pairs > 0) {
			t.Errorf("%d-%d: error %v", c.lo, c.hi, err)
			continue
		}
		if err == nil && (p.Size() != c.pairs || p.lo != c.first) {
			t.Errorf("%d-%d: %d pairs from %d, want %d from %d", c.lo, c.hi, p.Size(), p.lo, c.pairs, c.first)
		}
		if err == nil && int(p.hi)+1 > int(c.hi) {
			t.Errorf("%d-%d: RTCP port %d is beyond the range", c.lo, c.hi, int(p.hi)+1)
		}
	}
	if _, err := NewPorts(10000, 10001, -time.Second); err == nil {
		t.Error("a negative quarantine is taken")
	}
}

func TestPortsPairsAreEvenAndOdd(t *testing.T) {
	k := &fakeKernel{}
	p := newTestPorts(t, 20000, 20019, 0, k)
	var got []uint16
	for range 10 {
		pair, err := p.BindAt(0, loopback, 46)
		if err != nil {
			t.Fatal(err)
		}
		rtp, rtcp := pair.RTP.Local().Port(), pair.RTCP.Local().Port()
		if rtp&1 != 0 || rtcp != rtp+1 {
			t.Errorf("pair %d and %d", rtp, rtcp)
		}
		got = append(got, rtp)
		defer pair.CloseAt(0)
	}
	slices.Sort(got)
	if len(slices.Compact(got)) != 10 {
		t.Errorf("ports handed out twice: %v", got)
	}
	if p.InUse() != 10 || p.FreeAt(0) != 0 {
		t.Errorf("in use %d, free %d", p.InUse(), p.FreeAt(0))
	}
	_, err := p.BindAt(0, loopback, 46)
	if !errors.Is(err, ErrNoPorts) || !strings.Contains(err.Error(), "10 are in calls") || !strings.Contains(err.Error(), "--rtp-ports") {
		t.Errorf("exhausted: %v", err)
	}
}

func TestPortsQuarantine(t *testing.T) {
	k := &fakeKernel{}
	p := newTestPorts(t, 20000, 20001, 10*time.Second, k)
	pair, err := p.BindAt(time.Second, loopback, 46)
	if err != nil {
		t.Fatal(err)
	}
	pair.CloseAt(2 * time.Second)
	pair.CloseAt(3 * time.Second) // does nothing
	if k.openCount() != 0 || p.InUse() != 0 {
		t.Errorf("%d sockets open, %d pairs in use after close", k.openCount(), p.InUse())
	}
	for _, c := range []struct {
		now  time.Duration
		free int
	}{{2 * time.Second, 0}, {12*time.Second - 1, 0}, {12 * time.Second, 1}} {
		if got := p.FreeAt(c.now); got != c.free {
			t.Errorf("at %v: %d free, want %d", c.now, got, c.free)
		}
		_, err := p.BindAt(c.now, loopback, 46)
		if (err == nil) != (c.free > 0) {
			t.Errorf("at %v: %v", c.now, err)
		}
		if err != nil && !strings.Contains(err.Error(), "1 rest for 10s") {
			t.Errorf("at %v: %v", c.now, err)
		}
	}
}

func TestPortsSkipsTaken(t *testing.T) {
	taken := map[uint16]bool{20000: true, 20003: true, 20004: true, 20005: true}
	k := &fakeKernel{refuse: func(port uint16) error {
		if taken[port] {
			return unix.EADDRINUSE
		}
		return nil
	}}
	p := newTestPorts(t, 20000, 20007, 0, k)
	pair, err := p.BindAt(0, loopback, 46)
	if err != nil || pair.RTP.Local().Port() != 20006 {
		t.Fatalf("%v, %v", pair, err)
	}
	if k.openCount() != 2 {
		t.Errorf("%d sockets are open, want the pair's two", k.openCount())
	}
	_, err = p.BindAt(0, loopback, 46)
	if !errors.Is(err, ErrNoPorts) || !strings.Contains(err.Error(), "3 are taken by other programs") {
		t.Errorf("%v", err)
	}
	clear(taken) // the other program has ended
	if _, err := p.BindAt(0, loopback, 46); err != nil {
		t.Errorf("after the other program: %v", err)
	}
}

// Every way in which opening the first or the second socket fails leaves no socket and no pair
// behind (USERS 23: a half-bound pair leaked a socket a call).
func TestPortsNoHalfPairs(t *testing.T) {
	for _, fault := range []error{unix.EADDRINUSE, unix.EMFILE, unix.EADDRNOTAVAIL, unix.EACCES} {
		for _, odd := range []uint16{0, 1} {
			k := &fakeKernel{refuse: func(port uint16) error {
				if port&1 == odd {
					return fault
				}
				return nil
			}}
			p := newTestPorts(t, 20000, 20009, time.Second, k)
			for range 100 {
				if _, err := p.BindAt(0, loopback, 46); err == nil {
					t.Fatalf("%v on port %%2=%d: bound", fault, odd)
				}
			}
			if k.openCount() != 0 || p.InUse() != 0 || p.FreeAt(0) != 5 {
				t.Errorf("%v on port %%2=%d: %d sockets open, %d in use, %d free", fault, odd, k.openCount(), p.InUse(), p.FreeAt(0))
			}
		}
	}
}

func TestPortsConcurrent(t *testing.T) {
	k := &fakeKernel{}
	p := newTestPorts(t, 20000, 20099, 0, k)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var mine []*Pair
			for i := range 200 {
				if pair, err := p.BindAt(0, loopback, 46); err == nil {
					mine = append(mine, pair)
				}
				if i%3 == 2 && len(mine) > 0 {
					mine[0].CloseAt(0)
					mine = mine[1:]
				}
			}
			for _, pair := range mine {
				pair.CloseAt(0)
			}
		})
	}
	wg.Wait()
	if p.InUse() != 0 || p.FreeAt(0) != 50 || k.openCount() != 0 {
		t.Errorf("in use %d, free %d, sockets %d", p.InUse(), p.FreeAt(0), k.openCount())
	}
}

// Real sockets: what is bound is bound, and what is closed can be bound again.
func TestPortsReal(t *testing.T) {
	anchor, err := OpenSocket(netip.AddrPortFrom(loopback, 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer anchor.Close()
	taken := anchor.Local().Port()
	lo := min(max(taken, 1024)-1, 65500)
	p, err := NewPorts(lo, lo+20, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		pair, err := p.Bind(loopback, 46)
		if err != nil {
			t.Fatal(err)
		}
		if pair.RTP.Local().Port() == taken || pair.RTCP.Local().Port() == taken {
			t.Errorf("port %d is bound twice", taken)
		}
		pair.Close()
	}
	if p.InUse() != 0 {
		t.Errorf("%d in use", p.InUse())
	}
}

func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		lo, hi, klo, khi, first, last uint16
		ok                            bool
	}{
		{10000, 19999, 32768, 60999, 0, 0, false},
		{30000, 40000, 32768, 60999, 32768, 40000, true},
		{32768, 32769, 1024, 65535, 32768, 32769, true},
		{60999, 65535, 32768, 60999, 60999, 60999, true},
		{61000, 65535, 32768, 60999, 0, 0, false},
		{10, 5, 0, 20, 0, 0, false},
	} {
		first, last, ok := Overlap(c.lo, c.hi, c.klo, c.khi)
		if ok != c.ok || ok && (first != c.first || last != c.last) {
			t.Errorf("%+v: %d-%d %v", c, first, last, ok)
		}
	}
}
