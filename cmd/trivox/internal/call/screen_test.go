package call

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"trivox/media"
	"trivox/media/codec"
	"trivox/sip/sdp"
)

func TestScreen(t *testing.T) {
	l, err := newListener(sdp.Media{Codec: sdp.Codec{Name: codec.PCMU.Name}, DTMFRecv: -1, CN: -1})
	if err != nil {
		t.Fatal(err)
	}
	l.level = 0.1
	var b bytes.Buffer
	s := newScreen(&b)
	s.show(time.Second, l, 0)
	if b.Len() != 0 {
		t.Errorf("a line that changes went into a file: %q", b.String())
	}
	s.live = true
	s.show(61*time.Second, l, 3)
	s.show(61*time.Second+refresh/2, l, 4) // too early
	s.say("pressing %s", "1")
	got := b.String()
	for _, want := range []string{"1:01", "[####################          ]", "-20.0 dB", "lost 3", "\npressing 1\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	if strings.Contains(got, "lost 4") {
		t.Error("written again before 200 ms were over")
	}
}

func TestBarStaysInItsFrame(t *testing.T) {
	for _, level := range []float64{0, 1e-9, 0.001, 0.5, 1, 2} {
		if b := bar(level); len(b) != 32 || decibels(level) < -96 {
			t.Errorf("level %v: %q", level, b)
		}
	}
}

func TestSourcePlaysThenFallsSilent(t *testing.T) {
	p := plan{sounds: map[int][]int16{8000: {1000, 2000, 3000}}}
	s := newSource(p, 8000, 1)
	pcm := make([]int16, 5)
	s.read(pcm)
	if pcm[0] != 1000 || pcm[2] != 3000 || pcm[3] > 200 || pcm[3] < -200 {
		t.Errorf("%v", pcm)
	}
	p.Loop = true
	s = newSource(p, 8000, 1)
	s.read(pcm)
	if pcm[3] != 1000 || pcm[4] != 2000 {
		t.Errorf("%v", pcm)
	}
	if moved := s.moveTo(plan{sounds: map[int][]int16{16000: make([]int16, 6)}}, 16000); moved.at != 4 {
		t.Errorf("at %d of the same sound at twice the rate, want 4", moved.at)
	}
}

// Packet times other than a slot are filled and sent when they are full.
func TestPacketTimes(t *testing.T) {
	for _, ms := range []int{10, 20, 30, 40, 60} {
		for _, c := range codec.All() {
			m := sdp.Media{Codec: sdp.Codec{Name: c.Name, ClockRate: c.ClockRate, Channels: c.Channels}, PTime: time.Duration(ms) * time.Millisecond, DTMFSend: -1}
			s, err := newSender(plan{}, m, nil)
			if err != nil {
				t.Fatal(err)
			}
			agreed, err := terms(m)
			if err != nil {
				t.Fatal(err)
			}
			session, sent := newTestSession(agreed), 0
			for range 60 {
				if err := s.slot(session, func([]byte) { sent++ }); err != nil {
					t.Fatal(err)
				}
			}
			want := int(1200 * time.Millisecond / c.PacketTime(m.PTime))
			if sent != want {
				t.Errorf("%s, %d ms: %d packets in 1.2 s, want %d", c.Name, ms, sent, want)
			}
		}
	}
}

func newTestSession(agreed media.Terms) *media.Session {
	return media.NewSession(media.SessionConfig{Rand: rand.New(rand.NewPCG(1, 1)), Terms: agreed})
}
