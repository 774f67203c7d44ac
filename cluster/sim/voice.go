package sim

import (
	"math"
	"math/rand/v2"

	"trivox/loudness"
)

// The amplitude of a voice goes up and down with its syllables. The figures are
// those of the four voices of examples/speech, in slots of 20 ms: from peak to
// peak a median of 180 ms with a standard deviation of 0.42 in its logarithm (so
// that nine in ten lie between 90 and 360 ms; spontaneous speech has syllables of
// 50 to 400 ms), peaks 2.2 dB over the RMS level with a standard deviation of 3.4
// dB, valleys 11.5 dB under it, some much deeper. Between valley and peak the
// amplitude follows a squared sine, which leaves the slots' levels spread as in those
// recordings (conversation_test.go).
const (
	syllable       = 9   // slots, median
	syllableSpread = 36  // 0.42 in natural logarithms, in 1/10 dB
	peak           = 22  // 1/10 dB over the level
	peakSpread     = 34  // 1/10 dB
	valley         = 137 // 1/10 dB under the peak
	valleySpread   = 60  // 1/10 dB

	longest = 25 // slots
)

// endless is the length of a spurt that lasts until it is ended.
const endless = -1

// spurt is somebody making a sound for a while.
type spurt struct {
	who   int32
	left  int // slots, or endless
	age   int
	wait  int16 // slots before it begins
	raise int16 // 1/10 dB over his level
	kind  Kind

	at, length int16  // slots in the present syllable
	low, top   uint32 // its valley and its peak
}

// next returns the amplitude of the next slot of somebody who talks at level.
func (s *spurt) next(r *rand.Rand, level uint16) uint16 {
	switch s.kind {
	case Bang: // full scale, dying away by 2 dB a slot
		return scale(loudness.FullScale, -20*s.age)
	case Music:
		return s.beat(r, level)
	case Laughter:
		return s.laugh(r, level)
	}
	if s.at == s.length {
		s.at = 0
		s.length = int16(min(max(scale(syllable*64, spread(r, syllableSpread))/64, 3), longest))
		s.top = uint32(scale(level, int(s.raise)+peak+spread(r, peakSpread)))
		s.low = uint32(scale(uint16(s.top), min(spread(r, valleySpread)-valley, 0)))
	}
	x := s.low + (s.top-s.low)*bow[(64*int(s.at)+32)/int(s.length)]/4096
	s.at++
	return uint16(x)
}

// laugh is "ha" five times a second, a little fainter than speech, each fainter
// than the one before.
func (s *spurt) laugh(r *rand.Rand, level uint16) uint16 {
	const period = 10 // slots
	if s.age%period == 0 {
		s.top = uint32(scale(level, spread(r, 20)-10-s.age/period*5))
	}
	if s.age%period < period/2 {
		return uint16(s.top)
	}
	return uint16(s.top / 8)
}

// beat is music at 120 beats a minute, 6 dB over a talker, never silent.
func (s *spurt) beat(r *rand.Rand, level uint16) uint16 {
	const period = 25 // slots
	if s.age%period == 0 {
		s.top = uint32(scale(level, 60+spread(r, 10)))
	}
	return scale(uint16(s.top), -2*(s.age%period))
}

// flutter is steady noise of an amplitude: the RMS of 20 ms of noise varies little.
func flutter(r *rand.Rand, noise uint16) uint16 { return scale(noise, spread(r, 5)) }

// join is the amplitude of two sounds together.
func join(a, b uint16) uint16 {
	sum := uint64(a)*uint64(a) + uint64(b)*uint64(b)
	return uint16(min(math.Sqrt(float64(sum)), loudness.FullScale))
}

// amplitude is a level in dB of full scale as an amplitude.
func amplitude(dB float64) uint16 { return scale(loudness.FullScale, int(math.Round(10*dB))) }

// spread draws a deviation in 1/10 dB.
func spread(r *rand.Rand, deviation float64) int {
	return int(math.Round(deviation * r.NormFloat64()))
}

// scale changes an amplitude by 1/10 dB.
func scale(x uint16, dB int) uint16 {
	if dB <= -len(gains) {
		return 0
	}
	if dB > 0 {
		q := uint64(gains[min(dB, len(gains)-1)])
		return uint16(min(uint64(x)<<16/q, loudness.FullScale))
	}
	return uint16(uint64(x) * uint64(gains[-dB]) >> 16)
}

// gains[i] is -i/10 dB in 1/65536; bow is half a sine wave, squared, in 1/4096. Both are
// rounded, so that no processor's last bit shows.
var (
	gains = rounded(1000, func(i int) float64 { return 65536 * math.Pow(10, -float64(i)/200) })
	bow   = rounded(64, func(i int) float64 { return 4096 * math.Pow(math.Sin(math.Pi*(float64(i)+0.5)/64), 2) })
)

func rounded(n int, f func(int) float64) []uint32 {
	t := make([]uint32, n)
	for i := range t {
		t[i] = uint32(math.Round(f(i)))
	}
	return t
}
