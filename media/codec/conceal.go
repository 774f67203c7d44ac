package codec

// concealer fills gaps for codecs that have no concealment of their own, in
// the spirit of ITU-T G.711 Appendix I but without its 3.75 ms of delay: it
// repeats the last pitch period, then the last two and three, fades out from
// 10 to 60 ms and blends into the sound that follows the gap.
//
// Integer arithmetic; nothing allocates after newConcealer.
type concealer struct {
	rate int
	past []int16 // the latest pastTime of sound given out, oldest first
	gap  []int16 // past as it was when the gap began

	lost    int   // samples made up since the gap began; 0: no gap
	pitch   int   // samples
	periods int   // how many of them are being repeated
	index   int   // next sample, counted back from the end of gap
	jump    int32 // step at the start of the gap, taken back over pitch/4
}

// Lengths in units of 1/8000 s, as in G.711 Appendix I.
const (
	minPitch   = 40  // 200 Hz; higher voices are found at a multiple
	maxPitch   = 120 // 66 Hz
	maxPeriods = 3
	pastTime   = maxPeriods*maxPitch + maxPitch/4
	matchTime  = 160 // window in which the pitch is looked for
	fullTime   = 80  // of the gap before it fades
	fadeTime   = 400 // from full to nothing
	blendTime  = 32  // overlap with the sound after a gap, at least
	blendMore  = 32  // and so much more for each 10 ms lost
	blendMost  = 80
)

func newConcealer(rate int) concealer {
	n := pastTime * rate / 8000
	return concealer{rate: rate, past: make([]int16, n), gap: make([]int16, n)}
}

func (c *concealer) reset() {
	clear(c.past)
	c.lost = 0
}

// units turns 1/8000 s into samples.
func (c *concealer) units(t int) int { return t * c.rate / 8000 }

// good takes sound that arrived. Its beginning is changed when it ends a gap.
func (c *concealer) good(pcm []int16) {
	if c.lost > 0 {
		n := c.units(min(blendTime+blendMore*c.lost/c.units(80), blendMost))
		n = min(n, len(pcm))
		for i := range n {
			made := int32(c.next())
			pcm[i] = int16((made*int32(n-i) + int32(pcm[i])*int32(i)) / int32(n))
		}
		c.lost = 0
	}
	c.keep(pcm)
}

// conceal fills pcm with what might have been there.
func (c *concealer) conceal(pcm []int16) {
	if c.lost == 0 {
		c.begin()
	}
	for i := range pcm {
		pcm[i] = c.next()
	}
	c.keep(pcm)
}

func (c *concealer) keep(pcm []int16) {
	if n := len(c.past); len(pcm) >= n {
		copy(c.past, pcm[len(pcm)-n:])
		return
	}
	copy(c.past, c.past[len(pcm):])
	copy(c.past[len(c.past)-len(pcm):], pcm)
}

func (c *concealer) begin() {
	copy(c.gap, c.past)
	c.pitch = c.findPitch()
	c.periods = 1
	c.index = -c.pitch
	end := len(c.gap)
	c.jump = int32(c.gap[end-1]) - int32(c.gap[end-1-c.pitch])
}

// next makes up one sample.
func (c *concealer) next() int16 {
	end, seam := len(c.gap), c.pitch/4
	v := int32(c.gap[end+c.index])
	if c.index >= -seam { // blend into the place that comes next
		w := int32(c.index + seam + 1)
		back := int32(c.gap[end+c.index-c.periods*c.pitch])
		v += (back - v) * w / int32(seam+1)
	}
	if c.lost < seam {
		v += c.jump * int32(seam-c.lost) / int32(seam)
	}
	if c.index++; c.index == 0 {
		c.index = -c.periods * c.pitch
	}
	if c.index == -seam { // a longer repeat is decided before its seam
		c.periods = min(1+c.lost/c.units(80), maxPeriods)
	}
	full, fade := c.units(fullTime), c.units(fadeTime)
	switch {
	case c.lost >= full+fade:
		v = 0
	case c.lost > full:
		v = v * int32(full+fade-c.lost) / int32(fade)
	}
	c.lost++
	return saturate(v)
}

// findPitch returns the lag, in samples, at which the latest sound resembles
// the sound before it most; the longest lag when nothing does, because a
// short repeat makes noise buzz.
func (c *concealer) findPitch() int {
	step := c.rate / 8000
	lo, hi := c.units(minPitch), c.units(maxPitch)
	best, lag := 0.0, hi
	for l := lo; l <= hi; l += step {
		if s := c.likeness(l, step); s > best {
			best, lag = s, l
		}
	}
	if best < 0.3 {
		return hi
	}
	if step == 1 {
		return lag
	}
	coarse := lag
	best = 0
	for l := max(coarse-step+1, lo); l < coarse+step && l <= hi; l++ {
		if s := c.likeness(l, 1); s > best {
			best, lag = s, l
		}
	}
	return lag
}

// likeness is the normalised correlation of the last matchTime with itself
// lag samples earlier, looking at each step-th sample; at most 1.
func (c *concealer) likeness(lag, step int) float64 {
	end := len(c.gap)
	var cross, now, then int64
	for i := end - c.units(matchTime); i < end; i += step {
		a, b := int64(c.gap[i]), int64(c.gap[i-lag])
		cross += a * b
		now += a * a
		then += b * b
	}
	if cross <= 0 {
		return 0
	}
	return float64(cross) / float64(now) * (float64(cross) / float64(then))
}

func saturate(v int32) int16 { return int16(max(-32768, min(32767, v))) }
