package conference

import (
	"math"
	"time"
)

// tone is a sine of some length; a pause has frequency 0.
type tone struct {
	hertz  float64
	length time.Duration
}

const (
	toneLevel = 0.06 * 32767 // about -24 dBov peak: plain, and softer than speech
	toneRamp  = 10 * time.Millisecond
)

// Prompts of the focus.
var (
	aloneTones = [...]tone{{440, 150 * time.Millisecond}, {0, 100 * time.Millisecond}, {440, 150 * time.Millisecond}}
	joinTones  = [...]tone{{587, 100 * time.Millisecond}, {784, 120 * time.Millisecond}}
)

// tonePlayer plays tones into a mix, one after the other.
type tonePlayer struct {
	left  []tone
	at    int // samples into the first
	phase float64
}

// play starts tones, in place of any that play.
func (p *tonePlayer) play(t []tone) { p.left, p.at, p.phase = t, 0, 0 }

func (p *tonePlayer) playing() bool { return len(p.left) > 0 }

// read fills pcm; silence when there is nothing left.
func (p *tonePlayer) read(pcm []int16, rate int) {
	ramp := int(toneRamp * time.Duration(rate) / time.Second)
	for i := range pcm {
		for len(p.left) > 0 && p.at >= samplesOf(p.left[0].length, rate) {
			p.left, p.at, p.phase = p.left[1:], 0, 0
		}
		if len(p.left) == 0 {
			clear(pcm[i:])
			return
		}
		edge := min(p.at, samplesOf(p.left[0].length, rate)-1-p.at, ramp)
		pcm[i] = int16(math.Round(toneLevel * float64(edge) / float64(ramp) * math.Sin(p.phase)))
		p.phase += 2 * math.Pi * p.left[0].hertz / float64(rate)
		p.at++
	}
}

func samplesOf(d time.Duration, rate int) int { return int(d * time.Duration(rate) / time.Second) }
