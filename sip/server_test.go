package sip

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

func deadline() time.Time { return time.Now().Add(patience) }

func TestConfigChecked(t *testing.T) {
	for _, c := range []Config{
		{},
		{Rooms: newRooms(), MinSE: 30 * time.Second},
		{Rooms: newRooms(), SessionExpires: 60 * time.Second},
	} {
		if _, err := NewServer(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

// Limits are hit, counted, and do not stay hit.
func TestLimits(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms, Limits: Limits{Dialogs: 2}, RetryAfter: 3 * time.Second})
	a, b, c := newPhone(t, "udp", addr), newPhone(t, "udp", addr), newPhone(t, "udp", addr)
	a.call()
	b.call()
	c.request("INVITE", offerSDP)
	res := c.response("INVITE", 503)
	if header(res, "retry-after") != "3" {
		t.Errorf("Retry-After %q", header(res, "retry-after"))
	}
	c.refusedACK(res)
	a.request("BYE", "")
	a.response("BYE", 200)
	c.call()
	if n := s.Snapshot(); n.Limited != 1 || n.Dialogs != 2 {
		t.Errorf("%+v", n)
	}
}

func TestPendingLimit(t *testing.T) {
	rooms := newRooms()
	release := rooms.hold()
	rooms.enter = func(ctx context.Context, _ Call, _ *fakeLeg) error { release.wait(); return nil }
	s, addr := startServer(t, "udp", Config{Rooms: rooms, Limits: Limits{Pending: 1}})
	a, b := newPhone(t, "udp", addr), newPhone(t, "udp", addr)
	a.request("INVITE", offerSDP)
	eventually(t, func() bool { return s.Snapshot().Pending == 1 })
	b.request("INVITE", offerSDP)
	b.refusedACK(b.response("INVITE", 503))
	release.open()
	a.response("INVITE", 200)
	eventually(t, func() bool { return s.Snapshot().Pending == 0 })
}

// 2,000 calls made and ended leave nothing behind: dialogs, pending, goroutines. Every tenth is
// cancelled or refused, every third hung up by the room.
func TestCallsLeaveNothing(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	goroutines := runtime.NumGoroutine()
	for i := range 2000 {
		p.callID, p.toTag, p.seq, p.user = fmt.Sprintf("many%d", i), "", 0, "tea"
		switch {
		case i%10 == 0:
			p.user = "nobody"
			p.request("INVITE", offerSDP)
			p.refusedACK(p.response("INVITE", 404))
		case i%3 == 0:
			p.call()
			rooms.leg(t).call.HangUp(Cause{})
			p.reply(p.asked("BYE"), 200, "")
		default:
			p.call()
			rooms.leg(t)
			p.request("BYE", "")
			p.response("BYE", 200)
		}
	}
	eventually(t, func() bool {
		n := s.Snapshot()
		return n.Dialogs == 0 && n.Pending == 0 && n.ClientTransactions == 0
	})
	eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines })
}

// Both address families, at once. (TR-1)
func TestIPv6(t *testing.T) {
	rooms := newRooms()
	s, _ := startServer(t, "udp", Config{Rooms: rooms})
	a, err := s.Listen("udp", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	p := newPhone(t, "udp", addrPort(a))
	res := p.call()
	if got, want := header(res, "contact"), "<sip:tea@"+a.String()+">;isfocus"; got != want {
		t.Errorf("Contact %s, want %s", got, want)
	}
	leg := rooms.leg(t)
	if leg.call.Host != "::1" {
		t.Errorf("host %q", leg.call.Host)
	}
	leg.call.HangUp(Cause{})
	p.reply(p.asked("BYE"), 200, "")
}

// A wildcard socket tells the caller the address that it called.
func TestWildcardSocket(t *testing.T) {
	rooms := newRooms()
	s, _ := startServer(t, "udp", Config{Rooms: rooms})
	a, err := s.Listen("udp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	port := addrPort(a).Port()
	p := newPhone(t, "udp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
	res := p.call()
	if got, want := header(res, "contact"), fmt.Sprintf("<sip:tea@127.0.0.1:%d>;isfocus", port); got != want {
		t.Errorf("Contact %s, want %s", got, want)
	}
	if l := rooms.leg(t); l.call.Local.String() != "127.0.0.1" {
		t.Errorf("local %v", l.call.Local)
	}
}

// BenchmarkCall measures INVITE, 200, ACK, BYE, 200 with callers in the same process.
func BenchmarkCall(b *testing.B) {
	rooms := benchRooms{}
	s, err := NewServer(Config{Rooms: rooms})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	a, err := s.Listen("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		p := newPhone(b, "udp", addrPort(a))
		for pb.Next() {
			p.callID, p.toTag, p.seq = newTag(), "", 0
			p.call()
			p.request("BYE", "")
			p.response("BYE", 200)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// BenchmarkCallMemory measures what a call keeps: established, and after its end for 64*T1.
func BenchmarkCallMemory(b *testing.B) {
	s, err := NewServer(Config{Rooms: benchRooms{}, Limits: Limits{Dialogs: 1 << 20}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	a, err := s.Listen("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	p := newPhone(b, "udp", addrPort(a))
	calls := func(prefix string, bye bool) {
		for i := range b.N {
			p.callID, p.toTag, p.seq = fmt.Sprintf("%s%d", prefix, i), "", 0
			p.call()
			if bye {
				p.request("BYE", "")
				p.response("BYE", 200)
			}
		}
	}
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	before := heap()
	calls("ended", true)
	ended := heap()
	calls("up", false)
	up := heap()
	b.ReportMetric((ended-before)/float64(b.N), "B/ended")
	b.ReportMetric((up-ended)/float64(b.N), "B/established")
}

type benchRooms struct{}

func (benchRooms) Enter(context.Context, Call) (Leg, error) { return benchLeg{}, nil }
func (benchRooms) Known(string, string) (bool, error)       { return true, nil }

type benchLeg struct{}

func (benchLeg) ID() string                    { return "x" }
func (benchLeg) Offer() ([]byte, error)        { return []byte(answerSDP), nil }
func (benchLeg) Answer([]byte) ([]byte, error) { return []byte(answerSDP), nil }
func (benchLeg) SetAnswer([]byte) error        { return nil }
func (benchLeg) Early(bool)                    {}
func (benchLeg) Confirmed()                    {}
func (benchLeg) Digit(byte, time.Duration)     {}
func (benchLeg) End(Cause)                     {}

var _ sipgo.Connection = (*flow)(nil)
