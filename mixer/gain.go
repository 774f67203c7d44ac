package mixer

import (
	"math"
	"time"
)

// Amplitudes of the slow gain; 65535 is full scale (see package loudness).
const (
	gainTarget = 3277  // -26 dBov, the level that speech is brought to
	gainFaint  = 200   // -50 dBov: anything fainter is not taken for speech
	gainCap    = 19660 // 0.3 of full scale: a slammed door counts no more than this
)

const (
	gainUnity = 4096  // 0 dB in Q12
	gainMin   = 1029  // -12 dB
	gainMax   = 16306 // +12 dB
	// gainTau is the memory of the level, in speech heard; gainFirst is the weight,
	// as a time, of the level that a leg is taken to have before it was heard.
	gainTau   = 5 * time.Second
	gainFirst = 300 * time.Millisecond
	// gainSlew is the fastest change per second of speech in 1/65536 of the
	// gain: 1.2 dB, so that the full 12 dB take 10 s.
	gainSlew = 9054
)

// Gain evens out how loud the participants are (DESIGN 7): it follows the
// level of a leg's speech over about 10 s of it and amplifies or attenuates by
// at most 12 dB towards -26 dBov. It hears only what its caller says counts, so
// it never raises noise. Use [NewGain]; the zero Gain is at 0 dB and works
// too.
type Gain struct {
	heard time.Duration // speech, up to gainTau
	power int64         // mean square of the speech's amplitude, in 1/256; 0 means the target's
	now   int64         // present gain in Q28; 0 means unity
	used  int32         // Q12 gain that Apply ended with; 0 means unity
}

// NewGain returns a gain of 0 dB that has heard nothing.
func NewGain() *Gain { return &Gain{} }

// TooLoud tells whether a packet of amplitude x, as it came, is above what speech
// is brought to: it may be turned down even when it is not sure to be speech.
func TooLoud(x uint16) bool { return x > gainTarget }

// Observe takes the amplitude x of one packet as it came, before the gain, its
// duration and whether it counts: is speech, or voiced and too loud.
func (g *Gain) Observe(x uint16, d time.Duration, voiced bool) {
	if !voiced || x < gainFaint || d <= 0 {
		return
	}
	g.fill()
	d = min(d, time.Second)
	g.heard = min(g.heard+d, gainTau)
	micros := d.Microseconds()
	v := int64(min(x, gainCap))
	g.power += (v*v*256 - g.power) * micros / min(gainFirst+g.heard, gainTau).Microseconds()

	want := int64(math.Sqrt(float64(int64(gainTarget)*gainTarget<<32/g.power))) << 16 // Q12 (power is in 1/256) to Q28
	want = min(max(want, gainMin<<16), gainMax<<16)
	step := g.now * gainSlew / 65536 * micros / 1e6
	g.now = min(max(want, g.now-step), g.now+step)
}

// fill gives the zero Gain its meaning.
func (g *Gain) fill() {
	if g.power == 0 {
		g.power = gainTarget * gainTarget * 256
	}
	if g.now == 0 {
		g.now = gainUnity << 16
	}
	if g.used == 0 {
		g.used = gainUnity
	}
}

// Q12 returns the present gain as a factor in 1/4096: 1029 to 16306.
func (g *Gain) Q12() int32 {
	if g.now == 0 {
		return gainUnity
	}
	return int32(g.now >> 16)
}

// Amplitude returns x after the gain: what the meter gets.
func (g *Gain) Amplitude(x uint16) uint16 {
	return uint16(min(uint32(x)*uint32(g.Q12())>>12, 65535))
}

// Apply amplifies pcm in place. The gain moves evenly over the slice from what
// the last call ended with. What would exceed full scale is bent, not cut.
func (g *Gain) Apply(pcm []int16) {
	g.fill()
	from, to := g.used, g.Q12()
	g.used = to
	if len(pcm) == 0 || from == gainUnity && to == gainUnity {
		return
	}
	step := int64(to-from) << 16 / int64(len(pcm))
	q := int64(from) << 16
	for i, s := range pcm {
		q += step
		pcm[i] = bend(int32(int64(s) * (q >> 16) >> 12))
	}
}

// Reset returns to 0 dB and forgets the level.
func (g *Gain) Reset() { *g = Gain{} }

// bend leaves samples up to 3/4 of full scale alone and bends what is above
// towards, never to, full scale: y = knee + r*over/(over+r), which joins with
// slope 1.
func bend(s int32) int16 {
	const knee, room = 24576, 32767 - 24576
	if s > knee {
		return int16(knee + room*(s-knee)/(s-knee+room))
	}
	if s < -knee {
		return int16(-knee - room*(-knee-s)/(-knee-s+room))
	}
	return int16(s)
}
