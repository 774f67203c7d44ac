package mixer

// fadeMillis is how long a stream takes to come or go.
const fadeMillis = 10

// Fader fades a stream in when it gets a floor and out when it loses it, so
// that neither clicks (DESIGN 7). The zero Fader is off.
type Fader struct {
	level int32 // 0 off to full on, linear in time
}

const fadeFull = 1 << 15

// Apply fades pcm, sampled at rate, towards on or off and reports whether
// anything of it can be heard; when not, pcm is untouched and need not be
// mixed. A fade takes 10 ms and begins where the last one stopped.
func (f *Fader) Apply(pcm []int16, rate int, on bool) (audible bool) {
	if on && f.level == fadeFull {
		return true
	}
	if !on && f.level == 0 {
		return false
	}
	step := int32((fadeFull + rate*fadeMillis/1000 - 1) / (rate * fadeMillis / 1000))
	if !on {
		step = -step
	}
	level := f.level
	for i, s := range pcm {
		level = min(max(level+step, 0), fadeFull)
		pcm[i] = int16(int32(s) * curve(level) >> 15)
	}
	f.level = level
	return true
}

// Audible reports whether the stream was on or fading after the last Apply.
func (f *Fader) Audible() bool { return f.level > 0 }

// Reset turns the stream off at once.
func (f *Fader) Reset() { f.level = 0 }

// curve bends the linear ramp into 3x^2 - 2x^3, which starts and ends level: no
// corner in the envelope to be heard.
func curve(level int32) int32 {
	x := int64(level)
	return int32((3*x*x*fadeFull - 2*x*x*x) >> 30)
}
