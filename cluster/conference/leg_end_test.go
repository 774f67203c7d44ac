package conference

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trivox/media"
)

// Who ends a call has what it was like in his hands: the record of the call is written before the answer to BYE.
func TestEndTellsWhatTheCallWasLike(t *testing.T) {
	events := make(chan Event, 100)
	s, _ := live(t, func(c *Config) { c.OnEvent = func(e Event) { events <- e } })
	l, err := s.Enter(context.Background(), request("tea"))
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	at := socket.LocalAddr().(*net.UDPAddr).AddrPort()
	if _, err := l.Answer(offerOf(at.Port(), 0, "sendrecv")); err != nil {
		t.Fatal(err)
	}
	packet := make([]byte, 172)
	packet[0] = 0x80
	for i := range byte(5) {
		packet[3], packet[7] = i, 160*i
		if _, err := socket.WriteTo(packet, net.UDPAddrFromAddrPort(l.pair.RTP.Local())); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := socket.ReadFrom(make([]byte, 1500)); err != nil { // one of the server's
		t.Fatal(err)
	}
	cause := Cause{Code: 200, Text: "done", ByPeer: true}
	got := l.End(cause)
	if got.Codec != "PCMU" || got.Received != 5 || got.Sent == 0 || got.Cause != cause || got.Remote.Port() != at.Port() ||
		got.Entered == 0 || got.Answered < got.Entered || got.Ended < got.Answered || got.Duration != got.Ended-got.Answered {
		t.Errorf("%+v", got)
	}
	if got.MOS < 1 || got.MOS > 4.5 {
		t.Errorf("MOS %v", got.MOS)
	}
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			if again := l.End(Cause{Text: "late"}); again != got {
				t.Errorf("told again: %+v, want %+v", again, got)
			}
		})
	}
	others.Wait()
	for e := range events {
		if e.Kind == LegEnded {
			if e.Summary != got {
				t.Errorf("reported: %+v, want %+v", e.Summary, got)
			}
			break
		}
	}
}

// A call that never had sound has a summary too, and so has one whose server closes first.
func TestEndWithoutSound(t *testing.T) {
	s, _ := live(t, nil)
	var legs []*Leg
	for range 2 {
		l, err := s.Enter(context.Background(), request("tea"))
		if err != nil {
			t.Fatal(err)
		}
		legs = append(legs, l)
	}
	cause := Cause{Code: 487, Text: "gave up", ByPeer: true}
	got := legs[0].End(cause)
	if got.Entered == 0 || got.Answered != 0 || got.Duration != got.Ended-got.Entered || got.Cause != cause || got.Codec != "" || got.MOS != 0 {
		t.Errorf("%+v", got)
	}
	s.Close()
	if got := legs[1].End(cause); got.Cause.Text != "server shut down" || got.Entered == 0 {
		t.Errorf("after Close: %+v", got)
	}
}

// A worker that does not come by keeps nobody waiting for more than endTime.
func TestEndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{rooms: map[string]*room{}, events: make(chan Event, 1)}
		w := newWorker(s, nil) // never runs
		r := &room{name: "tea", conf: newConference(&Server{rand: rand.New(rand.NewPCG(1, 2))}, Default(1), w, "tea")}
		l := &Leg{server: s, room: r, line: &line{}, entered: media.Now()}
		begun := time.Now()
		got := l.End(Cause{Code: 200, Text: "done"})
		if took := time.Since(begun); took != endTime {
			t.Errorf("End took %v, want %v", took, endTime)
		}
		if got.Cause.Text != "done" || got.Duration != endTime || got.Received != 0 || len(w.inbox) != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestLoss(t *testing.T) {
	for _, c := range []struct {
		s    Summary
		want float64
	}{
		{Summary{}, 0},
		{Summary{Received: 99, Lost: 1}, 0.01},
		{Summary{Received: 95, Lost: 5, Late: 5}, 0.1},
		{Summary{Received: 100, Lost: -3}, 0}, // duplicates
		{Summary{Received: 1, Late: 9}, 1},
	} {
		if got := c.s.Loss(); got != c.want {
			t.Errorf("%+v: %v, want %v", c.s, got, c.want)
		}
	}
}
