package mixer

// Comfort is a source of faint noise that is mixed into every slot, so that a
// conference in which nobody speaks does not sound like a dead line, and so
// that nothing changes when somebody begins (DESIGN 7). Use [NewComfort].
type Comfort struct {
	state uint32
	scale int32
	low   int32 // state of the low pass
}

// NewComfort returns noise at -level dBov (as in RFC 3389, 3.1), at most -30
// dBov. Equal seeds give equal noise.
func NewComfort(level uint8, seed uint32) *Comfort {
	level = min(max(level, 30), 127)
	// The sum of two uniform values in +-32768 has a variance of 2/3 of
	// 32768^2, and the low pass below leaves a third of it: an RMS of
	// 32768/2.1213.
	rms := 32768.0
	for range level {
		rms *= 0.891250938 // -1 dB
	}
	return &Comfort{state: seed | 1, scale: int32(rms*65536*2.1213 + 0.5)}
}

// Add adds the next len(acc) samples of noise to acc.
func (c *Comfort) Add(acc []int32) {
	x, low := c.state, c.low
	for i := range acc {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		// Two halves of one word make a triangular distribution.
		t := int32(int16(x)) + int32(int16(x>>16)) // +-65536
		low += (t - low) >> 1
		acc[i] += int32((int64(low)*int64(c.scale) + 1<<30) >> 31)
	}
	c.state, c.low = x, low
}
