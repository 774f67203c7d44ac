package load

import (
	"math"
	"math/rand/v2"
)

// speechRate is the rate at which sound is made, in Hz; each codec's own is
// resampled from it.
const speechRate = 16000

// Means of ITU-T P.59, table 1, in seconds.
const (
	meanTalk  = 1.004
	meanPause = 1.587
)

// speechLevel is the RMS of talk in 16-bit samples: -26 dBov, the usual level
// of speech in telephony (ITU-T P.56 as used in P.800).
const speechLevel = 1642

// speech makes sound that meters, codecs and gates take for a voice: syllables
// of a few hundred ms, a pitch that glides, formants, and hissing consonants.
// It does not repeat within itself, so that a correlation has one peak. The
// same seed gives the same sound.
func speech(seed uint64, samples int, pauses bool) []int16 {
	rng := rand.New(rand.NewPCG(seed, 59))
	out := make([]float64, samples)
	pitch := 95 + 20*float64(seed%7)
	spurt := spurtLength(rng)
	for at := 0; at < samples; {
		if pauses && spurt <= 0 {
			at += int(rng.ExpFloat64() * meanPause * speechRate)
			spurt = spurtLength(rng)
			continue
		}
		n := syllable(rng, out[at:], pitch)
		at += n
		spurt -= n
	}
	return level(out, pauses)
}

func spurtLength(rng *rand.Rand) int {
	return int(rng.ExpFloat64() * meanTalk * speechRate)
}

// syllable writes a consonant and a vowel, 110 to 300 ms, and returns its
// length in samples.
func syllable(rng *rand.Rand, out []float64, pitch float64) int {
	hiss := speechRate * (20 + rng.IntN(60)) / 1000
	vowel := speechRate * (80 + rng.IntN(140)) / 1000
	last := 0.0
	for i := range min(hiss, len(out)) {
		x := rng.NormFloat64()
		out[i] = 0.25 * bump(i, hiss) * (x - 0.7*last)
		last = x
	}
	if hiss >= len(out) {
		return hiss
	}
	f0 := pitch * (0.85 + 0.4*rng.Float64())
	glide := 0.3 * (rng.Float64() - 0.5)
	f1, f2 := 300+500*rng.Float64(), 900+1500*rng.Float64()
	harmonics := int(3800 / f0)
	weight := make([]float64, harmonics)
	for h := range weight {
		f := f0 * float64(h+1)
		weight[h] = 0.05 + peak(f, f1, 120) + 0.5*peak(f, f2, 200)
	}
	phase := rng.Float64()
	for i := range min(vowel, len(out)-hiss) {
		phase += f0 * (1 + glide*float64(i)/float64(vowel)) / speechRate
		s, c := math.Sincos(2 * math.Pi * phase)
		re, im, sum := 1.0, 0.0, 0.0
		for _, w := range weight { // sin(h*x) by rotation
			re, im = re*c-im*s, re*s+im*c
			sum += w * im
		}
		out[hiss+i] = bump(i, vowel) * (sum + 0.02*rng.NormFloat64())
	}
	return hiss + vowel
}

func peak(f, at, width float64) float64 {
	d := (f - at) / width
	return 1 / (1 + d*d)
}

// bump rises and falls within n samples.
func bump(i, n int) float64 {
	return math.Sqrt(math.Sin(math.Pi * (float64(i) + 0.5) / float64(n)))
}

// level scales to speechLevel over the talk in it.
func level(x []float64, pauses bool) []int16 {
	sum, n := 0.0, 0
	for _, v := range x {
		if v != 0 || !pauses {
			sum += v * v
			n++
		}
	}
	out := make([]int16, len(x))
	if sum == 0 {
		return out
	}
	gain := speechLevel / math.Sqrt(sum/float64(n))
	for i, v := range x {
		out[i] = int16(max(-32000, min(32000, v*gain)))
	}
	return out
}
