package sip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long anything that should happen at once may take on a busy machine.
const patience = 20 * time.Second

const offerSDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
const answerSDP = "v=0\r\no=- 9 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n"

// fakeLeg tells everything that is asked of it.
type fakeLeg struct {
	id     string
	call   Call
	events chan string
	cause  Cause // valid after "end"
	ends   int
	rekeys int
	answer func(offer []byte) ([]byte, error)
}

func (l *fakeLeg) ID() string { return l.id }
func (l *fakeLeg) Offer() ([]byte, error) {
	l.events <- "offer"
	return []byte(answerSDP), nil
}
func (l *fakeLeg) Answer(offer []byte) ([]byte, error) {
	l.events <- "answer"
	if l.answer != nil {
		return l.answer(offer)
	}
	return []byte(answerSDP), nil
}
func (l *fakeLeg) SetAnswer(answer []byte) error {
	l.events <- "setanswer"
	if bytes.Contains(answer, []byte("bad")) {
		return errors.New("not an answer")
	}
	return nil
}
func (l *fakeLeg) Early(on bool) {
	l.events <- map[bool]string{true: "early", false: "answered"}[on]
}
func (l *fakeLeg) Confirmed() { l.events <- "confirmed" }
func (l *fakeLeg) Digit(digit byte, d time.Duration) {
	l.events <- fmt.Sprintf("digit %c %v", digit, d)
}
func (l *fakeLeg) End(c Cause) {
	l.cause = c
	l.ends++
	l.events <- "end"
}

// fakeRooms opens a room for every user but "nobody", and hands each leg to the test.
type fakeRooms struct {
	enter func(ctx context.Context, c Call, l *fakeLeg) error
	legs  chan *fakeLeg
	mu    sync.Mutex
	n     int
	holds []*hold
}

// hold is where a room or a leg waits until the test opens it.
type hold struct {
	once sync.Once
	gate chan struct{}
}

func (h *hold) wait() { <-h.gate }
func (h *hold) open() { h.once.Do(func() { close(h.gate) }) }

// hold makes one that is open at the latest when the test ends: a test that fails must not leave
// a server that cannot be closed.
func (r *fakeRooms) hold() *hold {
	h := &hold{gate: make(chan struct{})}
	r.holds = append(r.holds, h)
	return h
}

func newRooms() *fakeRooms { return &fakeRooms{legs: make(chan *fakeLeg, 4096)} }

func (r *fakeRooms) Enter(ctx context.Context, c Call) (Leg, error) {
	r.mu.Lock()
	r.n++
	l := &fakeLeg{id: "leg" + strconv.Itoa(r.n), call: c, events: make(chan string, 64)}
	r.mu.Unlock()
	if c.User == "nobody" {
		return nil, &Refusal{Code: 404, Warning: "there is no such room"}
	}
	if r.enter != nil {
		if err := r.enter(ctx, c, l); err != nil {
			return nil, err
		}
	}
	r.legs <- l
	return l, nil
}

func (r *fakeRooms) Known(user, _ string) (exists bool, err error) {
	switch user {
	case "nobody":
		return false, &Refusal{Code: 404, Warning: "there is no such room"}
	case "locked":
		return true, &Refusal{Code: 403, Warning: "the room is locked"}
	case "broken":
		return true, errors.New("the room is on fire")
	}
	return user == "tea", nil
}

func (r *fakeRooms) leg(t *testing.T) *fakeLeg {
	t.Helper()
	select {
	case l := <-r.legs:
		return l
	case <-time.After(patience):
		t.Fatal("no leg was entered")
		return nil
	}
}

// want waits for the next event of the leg.
func (l *fakeLeg) want(t *testing.T, events ...string) {
	t.Helper()
	for _, e := range events {
		select {
		case got := <-l.events:
			if got != e {
				t.Fatalf("leg was told %q, want %q", got, e)
			}
		case <-time.After(patience):
			t.Fatalf("leg was not told %q", e)
		}
	}
}

// startServer makes a server on loopback, closed and checked for leaks at the end of the test.
func startServer(t *testing.T, network string, c Config) (*Server, netip.AddrPort) {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		var left error
		for give := deadline(); ; { // it looks for half a second each time
			if left = goleak.Find(ignore); left == nil || time.Now().After(give) {
				break
			}
		}
		if left != nil {
			t.Error(left)
		}
	})
	if testing.Verbose() && c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if c.Resolver == nil {
		c.Resolver = dns{}
	}
	s, err := NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Listen(network, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if rooms, ok := c.Rooms.(*fakeRooms); ok {
			for _, h := range rooms.holds {
				h.open()
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, addrPort(a)
}
