package conference

import (
	"math"
	"testing"
	"time"

	"trivox/media/codec"
)

// A listener who becomes a speaker, and a speaker who becomes a listener, hears nothing of it: the others' tone goes
// on in his ears as if he had kept silent (DESIGN 7).
func TestSpeakerDoesNotHearTheSwitch(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCMU, codec.G722, codec.Opus} {
		t.Run(c.Name, func(t *testing.T) {
			worst := func(speaks bool) float64 {
				h := newHall(t, nil)
				h.dial("tea", c, 20*time.Millisecond, sine(440, amplitude, c.SampleRate))
				h.dial("tea", c, 20*time.Millisecond, nil) // shares what the other listener leaves
				own := &talker{hertz: 830, rate: c.SampleRate}
				listener := h.dial("tea", c, 20*time.Millisecond, own.sample)
				h.run(4 * time.Second)
				listener.heard = listener.heard[:0]
				n, at, rest := c.SampleRate/50, 0, 0.0
				for slot := range 500 {
					if speaks {
						own.amplitude = 0
						if slot%250 >= 50 && slot%250 < 100 {
							own.amplitude = 0.1
						}
					}
					h.slot()
					for ; len(listener.heard) >= n; listener.heard = listener.heard[n:] {
						r, _ := fit(listener.heard[:n], at, 440, c.SampleRate)
						rest, at = max(rest, r), at+n
					}
				}
				return rest
			}
			quiet, speaking := worst(false), worst(true)
			if speaking > quiet*1.5+0.01 {
				t.Errorf("worst 20 ms: %.2f %% is not the tone when he speaks now and then, %.2f %% when he keeps silent",
					100*speaking, 100*quiet)
			}
		})
	}
}

// Nobody has an encoder of his own for longer than he needs it.
func TestOwnEncodersAreGivenBack(t *testing.T) {
	h := newHall(t, nil)
	var talkers []*talker
	for range 8 {
		s := &talker{hertz: 440, rate: 48000, amplitude: 0.07}
		talkers = append(talkers, s)
		h.dial("tea", codec.Opus, 20*time.Millisecond, s.sample)
	}
	own := func() (n int) {
		for _, p := range h.phones {
			if p.leg.line.own.on {
				n++
			}
		}
		return n
	}
	for round := range 30 { // the floor goes round
		for i, s := range talkers {
			s.amplitude = 0.001
			if (round+i)%8 < 3 {
				s.amplitude = 0.07
			}
		}
		h.run(time.Second)
		if n := own(); n > 3+2*3+lingerMost+1 {
			t.Fatalf("%d of 8 have an encoder of their own", n)
		}
	}
	for _, s := range talkers {
		s.amplitude = 0
	}
	h.run(8 * time.Second)
	if n := own(); n != 0 {
		t.Errorf("%d still have an encoder of their own when nobody has spoken for 8 s", n)
	}
	if n := len(h.server.rooms["tea"].conf.groups); n != 1 {
		t.Errorf("%d groups for one format", n)
	}
}

// The first caller hears that he is alone, the others that somebody came; nobody does above the limit (USERS 25).
func TestTones(t *testing.T) {
	h := newHall(t, func(c *Config) { c.AloneTone, c.JoinTone, c.ToneLimit = true, true, 2 })
	first := h.dial("tea", codec.PCMU, 20*time.Millisecond, sine(300, 0.0001, 8000))
	h.run(time.Second)
	if got := first.level(440, time.Second); got < 0.01 {
		t.Errorf("alone, the tone is heard at %.4f", got)
	}
	h.run(time.Second)
	if got := first.level(440, time.Second); got > 0.001 {
		t.Errorf("the tone goes on: %.4f", got)
	}
	h.dial("tea", codec.PCMU, 20*time.Millisecond, sine(300, 0.0001, 8000))
	h.run(time.Second)
	if got := first.level(784, time.Second); got < 0.005 {
		t.Errorf("when somebody joins the tone is heard at %.4f", got)
	}
	h.run(time.Second)
	h.dial("tea", codec.PCMU, 20*time.Millisecond, sine(300, 0.0001, 8000))
	h.run(time.Second)
	if got := first.level(784, time.Second); got > 0.001 {
		t.Errorf("above the limit the tone is heard at %.4f", got)
	}
}

// When nobody speaks there is noise, as loud as set, and no digital silence (USERS 15).
func TestComfortNoise(t *testing.T) {
	h := newHall(t, func(c *Config) { c.NoiseLevel = 60 })
	listener := h.dial("tea", codec.G722, 20*time.Millisecond, nil)
	h.run(2 * time.Second)
	var power float64
	pcm := listener.heard[len(listener.heard)-16000:]
	for _, s := range pcm {
		power += float64(s) * float64(s) / float64(len(pcm)) / 32768 / 32768
	}
	if db := 10 * math.Log10(power); db < -66 || db > -56 {
		t.Errorf("the noise is at %.1f dBov, want about -60", db)
	}
}
