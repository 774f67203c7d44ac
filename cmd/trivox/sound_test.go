package main

import (
	"math"
	"time"
)

// sound is something to say: its sample i at a rate, as a share of full scale.
type sound func(i, rate int) float64

// sine is a tone, amplitude 1 being full scale.
func sine(hertz, amplitude float64) sound {
	return func(i, rate int) float64 {
		return amplitude * math.Sin(2*math.Pi*math.Mod(hertz*float64(i)/float64(rate), 1))
	}
}

// plus is both at once.
func (s sound) plus(o sound) sound {
	return func(i, rate int) float64 { return s(i, rate) + o(i, rate) }
}

func nothing(int, int) float64 { return 0 }

// pcm is the sound as samples.
func (s sound) pcm(from, n, rate int) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(math.Round(32767 * max(-1, min(1, s(from+i, rate)))))
	}
	return out
}

// level is the amplitude of a frequency in pcm, as a share of full scale, through a Hann window.
func level(pcm []int16, rate int, hertz float64) float64 {
	var c, s, sum float64
	for i, v := range pcm {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(len(pcm)))
		at := 2 * math.Pi * math.Mod(hertz*float64(i)/float64(rate), 1)
		c, s, sum = c+w*float64(v)*math.Cos(at), s+w*float64(v)*math.Sin(at), sum+w
	}
	return 2 * math.Hypot(c, s) / max(sum, 1) / 32767
}

// strength is the amplitude of a frequency in pcm, piece by piece: where a jitter buffer slips on a busy machine the phase
// breaks, and over all of it the tone would cancel itself.
func strength(pcm []int16, rate int, hertz float64) (sum float64) {
	size := min(rate/10, len(pcm))
	for at := 0; at+size <= len(pcm) && size > 0; at += size {
		sum += level(pcm[at:at+size], rate, hertz) / float64(len(pcm)/size)
	}
	return sum
}

// power is the mean square of pcm, 1 being a square wave of full scale.
func power(pcm []int16) float64 {
	var sum float64
	for _, v := range pcm {
		x := float64(v) / 32767
		sum += x * x
	}
	return sum / float64(max(len(pcm), 1))
}

// decibels is the ratio of two amplitudes.
func decibels(a, b float64) float64 { return 20 * math.Log10(max(a, 1e-9)/max(b, 1e-9)) }

// samples is how many there are in d.
func samples(d time.Duration, rate int) int { return int(d * time.Duration(rate) / time.Second) }

// fit finds the tone of that frequency in pcm, whose first sample is number at: the share of pcm that is something
// else, and the phase of the tone at sample 0.
func fit(pcm []int16, at int, hertz float64, rate int) (rest, phase float64) {
	var cc, ss, cs, xc, xs, xx float64
	for i, v := range pcm {
		w := 2 * math.Pi * math.Mod(hertz*float64(at+i)/float64(rate), 1)
		c, s, x := math.Cos(w), math.Sin(w), float64(v)
		cc, ss, cs, xc, xs, xx = cc+c*c, ss+s*s, cs+c*s, xc+x*c, xs+x*s, xx+x*x
	}
	det := cc*ss - cs*cs
	a, b := (xc*ss-xs*cs)/det, (xs*cc-xc*cs)/det
	return math.Sqrt(max(0, xx-a*xc-b*xs) / max(xx, 1)), math.Atan2(b, a)
}

// find looks for original in recording, both at one rate: where it fits best, how well it correlates there (1 is
// alone and unchanged), and how loud it is beside the original.
func find(recording, original []int16) (at int, correlation, gain float64) {
	var ee float64
	for _, v := range original {
		ee += float64(v) * float64(v)
	}
	var rr float64
	for i := range min(len(original), len(recording)) {
		rr += float64(recording[i]) * float64(recording[i])
	}
	for shift := 0; shift+len(original) <= len(recording); shift++ {
		if shift > 0 {
			gone, come := float64(recording[shift-1]), float64(recording[shift+len(original)-1])
			rr += come*come - gone*gone
		}
		var sum float64
		for i, v := range original {
			sum += float64(v) * float64(recording[shift+i])
		}
		if c := sum / math.Sqrt(max(ee*rr, 1)); c > correlation {
			at, correlation, gain = shift, c, sum/max(ee, 1)
		}
	}
	return at, correlation, gain
}
