package main

import (
	"fmt"
	"math"
	"testing"
	"time"

	"trivox/media/codec"
)

// Five talk at once: the three loudest are heard, in everybody's phone, nobody himself; and when somebody speaks up he
// is heard instead (DESIGN 6, P 6.1).
func TestFiveTalkersThreeHeard(t *testing.T) {
	t.Parallel()
	s := serve(t, quiet)
	tones := []float64{440, 610, 830, 1130, 1490}
	levels := []float64{0.10, 0.09, 0.08, 0.04, 0.03}
	var phones []*telephone
	for range tones {
		phones = append(phones, dial(t, s, "tea", line{}))
	}
	listener := dial(t, s, "tea", line{})
	for i, p := range phones {
		p.turn(sine(tones[i], levels[i]))
	}
	listener.skip(3 * time.Second)
	heard := func(e *ear, want ...bool) {
		t.Helper()
		pcm := e.listen(time.Second)
		for i, hertz := range tones {
			if got := strength(pcm, 8000, hertz); (got > 0.02) != want[i] {
				t.Errorf("talker %d is heard at %.3f, want him heard: %v", i, got, want[i])
			}
		}
	}
	heard(listener.ear, true, true, true, false, false)
	heard(phones[0].ear, false, true, true, false, false)
	heard(phones[4].ear, true, true, true, false, false)
	phones[4].turn(sine(tones[4], 0.12))
	listener.skip(4 * time.Second)
	heard(listener.ear, true, true, false, false, true)
	heard(phones[4].ear, true, true, false, false, false)
	heard(phones[2].ear, true, true, false, false, true)
}

// Two people at full scale are neither wrapped nor cut hard (DESIGN 11, USERS 4).
func TestTwoAtFullScaleThroughSockets(t *testing.T) {
	t.Parallel()
	s := serve(t, quiet)
	wide := line{codec: codec.G722}
	listener := dial(t, s, "tea", wide)
	wide.say = sine(440, 1)
	a := dial(t, s, "tea", wide)
	wide.say = sine(610, 1)
	b := dial(t, s, "tea", wide)
	both := func(pcm []int16) (one, two float64) {
		return level(pcm, codec.G722.SampleRate, 440), level(pcm, codec.G722.SampleRate, 610)
	}
	listener.judge(func(pcm []int16) string {
		for i := 1; i < len(pcm); i++ {
			if d := int(pcm[i]) - int(pcm[i-1]); d > 32767 || d < -32767 {
				return fmt.Sprintf("sample %d jumps by %d: wrapped", i, d)
			}
		}
		// Of a signal of two tones, what is neither of them is what the way through the server did to it. The harmonics
		// of 440 and 610 Hz, and their sums and differences, fall on multiples of 10 Hz, so a second holds all of them whole.
		one, two := both(pcm)
		all := power(pcm)
		rest := math.Sqrt(max(0, all-tonePower(one)-tonePower(two)) / all)
		said := fmt.Sprintf("440 Hz at %.3f, 610 Hz at %.3f, the rest is %.2f %% of it; want under 3 %%", one, two, 100*rest)
		t.Log(said)
		if rest > 0.03 || one < 0.2 || two < 0.2 {
			return said
		}
		return ""
	})
	for _, p := range []*telephone{a, b} {
		p.judge(func(pcm []int16) string {
			own, other := both(pcm)
			if p == b {
				own, other = other, own
			}
			if own > 0.005 || other < 0.2 {
				return fmt.Sprintf("a loud talker hears himself at %.3f, the other at %.3f", own, other)
			}
			return ""
		})
	}
}

// tonePower is the power of a tone of that amplitude.
func tonePower(amplitude float64) float64 { return amplitude * amplitude / 2 }
