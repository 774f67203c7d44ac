package conference

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trivox/media"
)

// live is a Server with threads and sockets of its own.
func live(t *testing.T, change func(*Config)) (*Server, *media.Ports) {
	t.Helper()
	cfg := Default(2)
	if change != nil {
		change(&cfg)
	}
	ports, err := media.NewPorts(20000, 59999, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewServer(cfg, ports)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, ports
}

func request(room string) Request {
	return Request{Conference: room, Local: netip.MustParseAddr("127.0.0.1"), HangUp: func(Cause) {}}
}

// offerOf is one of a phone at port, with the codec of that static payload type.
func offerOf(port uint16, pt int, direction string) []byte {
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP %d\r\na=%s\r\n", port, pt, direction)
}

// Closed with calls up, twice at once, and asked for more afterwards: nothing is left, nothing breaks.
func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	var ended atomic.Int64
	s, ports := live(t, func(c *Config) {
		c.OnEvent = func(e Event) {
			if e.Kind == LegEnded {
				ended.Add(1)
			}
		}
	})
	var legs []*Leg
	for i := range 60 {
		l, err := s.Enter(context.Background(), request(fmt.Sprint("room ", i%7)))
		if err != nil {
			t.Fatal(err)
		}
		if i%5 > 0 { // the rest have agreed on nothing
			if _, err := l.Answer(offerOf(9, 0, "sendrecv")); err != nil {
				t.Fatal(err)
			}
		}
		legs = append(legs, l)
	}
	var both sync.WaitGroup
	both.Go(s.Close)
	both.Go(s.Close)
	both.Wait()
	s.Close()
	if n := ports.InUse(); n > 0 {
		t.Errorf("%d port pairs are still bound", n)
	}
	if n := ended.Load(); n != 60 {
		t.Errorf("%d legs were reported as ended, of 60", n)
	}
	if _, err := s.Enter(context.Background(), request("tea")); !errors.Is(err, ErrShuttingDown) {
		t.Errorf("entering a closed server: %v", err)
	}
	for _, l := range legs {
		l.End(Cause{})
		l.Digit('1', time.Second)
		if _, err := l.Answer(offerOf(9, 0, "sendrecv")); err == nil {
			t.Error("a leg of a closed server answers")
		}
	}
	for give := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() { // the last have yet to return
		if time.Now().After(give) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// Many goroutines do whatever they like to many calls, packets arrive, and somebody watches; for the race detector.
func TestCallsFromManyGoroutines(t *testing.T) {
	s, ports := live(t, func(c *Config) { c.MaxParticipants, c.MaxConferences = 12, 4 })
	var ended atomic.Bool
	var callers, others sync.WaitGroup
	for g := range uint64(6) {
		callers.Go(func() { call(t, s, rand.New(rand.NewPCG(g, 5))) })
	}
	others.Go(func() {
		for r := rand.New(rand.NewPCG(1, 1)); !ended.Load(); {
			watchAll(s, r)
		}
	})
	others.Go(func() {
		cfg := Default(2)
		for !ended.Load() {
			cfg.MaxParticipants = 10 + cfg.MaxParticipants%5
			s.Reconfigure(cfg)
			runtime.Gosched()
		}
	})
	callers.Wait()
	ended.Store(true)
	others.Wait()
	s.Close()
	if n := ports.InUse(); n > 0 {
		t.Errorf("%d port pairs are still bound", n)
	}
	if st := s.Stats(); st.Legs != 0 || st.Conferences != 0 || st.Workers[0].Legs+st.Workers[1].Legs != 0 {
		t.Errorf("what is left: %+v", st)
	}
}

// call makes and ends some calls, and does things to them.
func call(t *testing.T, s *Server, r *rand.Rand) {
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return
	}
	defer socket.Close()
	port := socket.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	for range 25 {
		q := request(fmt.Sprint("room ", r.IntN(5)))
		q.Lobby, q.Moderator, q.Opens.EndsWithHost = r.IntN(3) == 0, r.IntN(4) == 0, r.IntN(2) == 0
		l, err := s.Enter(context.Background(), q)
		if err != nil {
			if !errors.Is(err, ErrFull) && !errors.Is(err, ErrTooMany) && !errors.Is(err, ErrLocked) {
				t.Error(err)
			}
			continue
		}
		for range r.IntN(12) {
			abuse(l, socket, port, r)
		}
		if r.IntN(3) == 0 {
			go l.End(Cause{})
		}
		l.End(Cause{})
	}
}

// abuse does one thing to a leg.
func abuse(l *Leg, socket net.PacketConn, port uint16, r *rand.Rand) {
	direction := []string{"sendrecv", "sendonly", "inactive", "recvonly"}[r.IntN(4)]
	offer := offerOf(port, []int{0, 8, 9}[r.IntN(3)], direction)
	switch r.IntN(11) {
	case 0, 1, 2:
		_, _ = l.Answer(offer)
	case 3:
		if _, err := l.Offer(); err == nil {
			_ = l.SetAnswer(offer)
		}
	case 4:
		l.Digit('#', time.Second)
	case 5:
		_ = l.Mute(r.IntN(2) == 0)
	case 6:
		_, _ = l.Answer([]byte("nonsense"))
	case 7:
		_ = l.Admit(r.IntN(3) == 0)
	case 8:
		_, _ = l.Wait()
	case 9:
		_ = l.Play(Play{Prompts: []Prompt{make(Prompt, 500)}})
	case 10:
		b := make([]byte, 172)
		b[0], b[1] = 0x80, byte([]int{0, 8, 9, 101}[r.IntN(4)])
		to := net.UDPAddrFromAddrPort(l.pair.RTP.Local())
		for i := range 10 {
			b[3] = byte(i)
			_, _ = socket.WriteTo(b, to)
		}
	}
}

// watchAll asks for all that can be asked, and controls what it finds.
func watchAll(s *Server, r *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, b := range s.List() {
		_, people, err := s.Show(ctx, b.Name)
		if err != nil {
			continue
		}
		for _, p := range people {
			_ = s.Mute(b.Name, p.ID, r.IntN(2) == 0)
			_ = s.Kick(b.Name, p.ID, Cause{})
			_ = s.Admit(b.Name, p.ID)
		}
		_ = s.Lock(b.Name, r.IntN(2) == 0)
		_ = s.End(b.Name, Cause{})
		s.Known(b.Name)
	}
	s.Stats()
}
