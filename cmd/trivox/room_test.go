package main

import (
	"math"
	"testing"
	"time"

	"trivox/media/codec"
)

// Three softphones, each with a codec of its own, hear each other at equal level and never themselves; what is above
// telephone's band reaches those whose codec has it (DESIGN 12).
func TestThreeBaresipPhones(t *testing.T) {
	t.Parallel()
	s := serve(t, quiet)
	const amplitude, high = 0.1, 5200.0
	codecs := []codec.Codec{codec.PCMU, codec.G722, codec.Opus}
	tones := []float64{440, 830, 1490}
	var phones []*baresip
	for i, c := range codecs {
		say := sine(tones[i], amplitude)
		if c == codec.G722 {
			say = say.plus(sine(high, amplitude/4))
		}
		phones = append(phones, startBaresip(t, "phone"+c.Name, c, say, time.Minute))
	}
	for _, p := range phones {
		p.dial(s.room("tea"))
	}
	s.becomes("10 s of sound have come from each phone", func() bool {
		for _, p := range s.show("tea").Participants {
			if p.PacketsReceived < 500 {
				return false
			}
		}
		return true
	})
	for i, c := range codecs {
		if got := s.participant("tea", "phone"+c.Name).Codec; got != c.Name {
			t.Errorf("phone %d speaks %s, want %s", i, got, c.Name)
		}
	}
	quitAll(phones...)
	for i, p := range phones {
		pcm := p.heard()
		rate := p.codec.SampleRate
		if len(pcm) < 7*rate {
			t.Errorf("%s recorded %d samples", p.codec.Name, len(pcm))
			continue
		}
		pcm = pcm[len(pcm)-4*rate : len(pcm)-2*rate] // the last to come has been in for long, and nobody has left
		var others []float64
		for k, hertz := range tones {
			got := strength(pcm, rate, hertz)
			t.Logf("%s hears %s at %.4f", p.codec.Name, codecs[k].Name, got)
			if k != i {
				others = append(others, got)
			} else if got > 0.002 {
				t.Errorf("%s hears itself at %.4f", p.codec.Name, got)
			}
		}
		if d := math.Abs(decibels(others[0], others[1])); d > 1.5 || others[0] < amplitude/2 {
			t.Errorf("%s hears the others at %.4f and %.4f, %.1f dB apart; want the same, about %.2f", p.codec.Name,
				others[0], others[1], d, amplitude)
		}
		if p.codec == codec.Opus {
			if got := decibels(strength(pcm, rate, high), others[1]/4); math.Abs(got) > 3 {
				t.Errorf("opus hears G.722's %.0f Hz at %.1f dB beside its %.0f Hz", high, got, tones[1])
			}
		}
	}
}
