package codec

import "math"

// DefaultNoise is the level of comfort noise when the peer named none, in
// -dBov: soft, but still more than one step of mu-law.
const DefaultNoise = 65

// ComfortNoise makes the soft noise that tells a listener the line is alive
// (RFC 3389). It gets darker towards high frequencies, as rooms do; the
// spectrum that a CN packet may describe is not followed (RFC 3389, 3.2 leaves
// that to the receiver). Nothing allocates.
type ComfortNoise struct {
	seed   uint64
	low    int64 // low-pass state, Q8
	gain   int64 // Q16, moves towards target
	target int64 // Q16
}

// NewComfortNoise makes a generator at DefaultNoise. Generators with the same
// seed make the same noise; give each leg its own, for equal noises add up.
func NewComfortNoise(seed uint64) *ComfortNoise {
	c := &ComfortNoise{seed: seed*2 + 1}
	c.SetLevel(DefaultNoise)
	c.gain = c.target
	return c
}

// SetLevel sets the RMS level in -dBov, 0 to 127, where 0 is the RMS of a
// square wave of full scale (RFC 3389, 3.1). The sound moves there in about 10 ms.
func (c *ComfortNoise) SetLevel(level uint8) {
	// Noise before the gain has an RMS of noiseRMS.
	c.target = int64(32768 / noiseRMS * math.Pow(10, -float64(level&0x7f)/20) * 65536)
}

// noiseRMS of the filtered sum below, in samples before the gain: white noise
// of four uniform bytes has sqrt(4*(65536-1)/12) = 147.8; y += (x-y)/2 leaves
// sqrt(1/3) of it.
const noiseRMS = 85.33

// Read fills pcm with noise.
func (c *ComfortNoise) Read(pcm []int16) {
	for i := range pcm {
		c.seed ^= c.seed << 13 // xorshift64, Marsaglia 2003
		c.seed ^= c.seed >> 7
		c.seed ^= c.seed << 17
		s := c.seed >> 32
		white := int64(s&0xff) + int64(s>>8&0xff) + int64(s>>16&0xff) + int64(s>>24) - 510
		c.low += (white<<8 - c.low) / 2
		c.gain += (c.target - c.gain) / 64
		pcm[i] = saturate(int32((c.low*c.gain + 1<<23) >> 24))
	}
}

// NoiseLevel reads the payload of a CN packet: its level in -dBov; ok is false
// when it is empty. The bit that must be 0 is not looked at (RFC 3389, 3.1).
func NoiseLevel(payload []byte) (level uint8, ok bool) {
	if len(payload) == 0 {
		return 0, false
	}
	return payload[0] & 0x7f, true
}
