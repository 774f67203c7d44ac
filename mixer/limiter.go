package mixer

import "time"

const (
	// limiterMicros is the look-ahead, and so the delay.
	limiterMicros = 2000
	// limiterCeiling is the greatest sample that comes out: -0.1 dB.
	limiterCeiling = 32400
	// limiterRelease is the time constant, in seconds, with which the gain
	// recovers: long against the period of a voice, so that the gain does not
	// follow the wave itself.
	limiterRelease = 0.4
)

// Limiter turns a sum of streams back into 16-bit samples. It looks ahead by
// 2 ms, and lowers the gain smoothly before a peak arrives rather than cut it
// (DESIGN 7): no sample comes out above -0.1 dB, none wraps, and what is below
// comes out as it went in, 2 ms later. Use [NewLimiter].
type Limiter struct {
	look    int // samples of look-ahead
	release float32

	delay []int32 // the last look samples that came in, oldest at pos
	pos   int

	// The gain that each of the last look+1 samples asks for is held as a
	// descending-age queue of rising minima, which gives the lowest of them.
	queue      []wanted
	head, size int
	clock      uint32 // counts samples, may wrap

	held   float32   // lowest gain of the window, recovering slowly
	smooth []float32 // the last look+1 values of held, oldest at spos
	spos   int
	sum    float64 // of smooth
	idle   int     // samples since held last was below 1
}

// wanted is the gain that one sample asks for.
type wanted struct {
	at   uint32
	gain float32
}

// NewLimiter returns a limiter for samples at rate, a multiple of 1000 Hz.
func NewLimiter(rate int) *Limiter {
	look := rate * limiterMicros / 1e6
	l := &Limiter{
		look:    look,
		release: 1 / (limiterRelease * float32(rate)),
		delay:   make([]int32, look),
		queue:   make([]wanted, look+1),
		smooth:  make([]float32, look+1),
	}
	l.Reset()
	return l
}

// Delay is how much later a sample comes out than it went in.
func (l *Limiter) Delay() time.Duration { return limiterMicros * time.Microsecond }

// Reset makes the limiter as new.
func (l *Limiter) Reset() {
	clear(l.delay)
	l.pos, l.head, l.size, l.clock = 0, 0, 0, 0
	l.relax()
}

// CopyFrom makes l continue exactly as o would. Both must be of one rate.
func (l *Limiter) CopyFrom(o *Limiter) {
	if l.look != o.look {
		panic("mixer: CopyFrom of a limiter of another rate")
	}
	copy(l.delay, o.delay)
	copy(l.queue, o.queue)
	copy(l.smooth, o.smooth)
	l.pos, l.head, l.size, l.clock = o.pos, o.head, o.size, o.clock
	l.held, l.spos, l.sum, l.idle = o.held, o.spos, o.sum, o.idle
}

// Process writes len(src) limited samples to dst, which must be as long.
func (l *Limiter) Process(dst []int16, src []int32) {
	dst = dst[:len(src)]
	if l.idle > l.look && peak(src) <= limiterCeiling {
		l.pass(dst, src)
		return
	}
	for i, s := range src {
		g := l.gain(s)
		out := l.delay[l.pos]
		l.delay[l.pos] = s
		if l.pos++; l.pos == l.look {
			l.pos = 0
		}
		dst[i] = clamp(int32(float32(out) * g))
	}
	if l.idle > l.look {
		l.relax()
	}
}

// pass is Process while the gain is 1 and stays so.
func (l *Limiter) pass(dst []int16, src []int32) {
	for ; len(src) > 0 && (l.pos != 0 || len(src) < l.look); src = src[1:] {
		dst[0] = int16(l.delay[l.pos])
		dst = dst[1:]
		l.delay[l.pos] = src[0]
		if l.pos++; l.pos == l.look {
			l.pos = 0
		}
	}
	if len(src) == 0 {
		return
	}
	narrow(dst, l.delay)
	narrow(dst[l.look:], src[:len(src)-l.look])
	copy(l.delay, src[len(src)-l.look:])
}

// narrow copies samples that fit.
func narrow(dst []int16, src []int32) {
	dst = dst[:len(src)]
	for i, s := range src {
		dst[i] = int16(s)
	}
}

// relax sets the state that long quiet leads to, free of rounding.
func (l *Limiter) relax() {
	l.head, l.size = 0, 0
	l.held = 1
	for i := range l.smooth {
		l.smooth[i] = 1
	}
	l.spos, l.sum = 0, float64(len(l.smooth))
	l.idle = l.look + 1
}

// gain takes the next sample and returns the gain for the one look samples
// before it. The mean of the last look+1 held gains is at most what any of the
// samples in that window asks for, the delayed one included, and has no steps.
func (l *Limiter) gain(s int32) float32 {
	g := float32(1)
	if s < 0 {
		s = -s
	}
	if s > limiterCeiling {
		g = limiterCeiling / float32(s)
	}
	low := l.lowest(g)
	l.held += (1 - l.held) * l.release
	if l.held > 0.9999 {
		l.held = 1
	}
	l.held = min(l.held, low)
	if l.held < 1 {
		l.idle = 0
	} else {
		l.idle++
	}
	l.sum += float64(l.held) - float64(l.smooth[l.spos])
	l.smooth[l.spos] = l.held
	if l.spos++; l.spos == len(l.smooth) {
		l.spos = 0
	}
	return float32(l.sum) / float32(len(l.smooth))
}

// lowest enters g and returns the lowest of the last look+1 gains entered.
func (l *Limiter) lowest(g float32) float32 {
	n := len(l.queue)
	if l.size > 0 && l.clock-l.queue[l.head].at > uint32(l.look) {
		if l.head++; l.head == n {
			l.head = 0
		}
		l.size--
	}
	at := l.head + l.size // one past the newest
	if at >= n {
		at -= n
	}
	for l.size > 0 {
		newest := at - 1
		if newest < 0 {
			newest = n - 1
		}
		if l.queue[newest].gain < g {
			break
		}
		at = newest
		l.size--
	}
	l.queue[at] = wanted{l.clock, g}
	l.size++
	l.clock++
	return l.queue[l.head].gain
}

// peak is the greatest magnitude in src.
func peak(src []int32) int32 {
	var hi, lo int32
	for _, s := range src {
		hi, lo = max(hi, s), min(lo, s)
	}
	return max(hi, -lo)
}

// clamp guards the last bit against rounding.
func clamp(s int32) int16 { return int16(min(max(s, -limiterCeiling), limiterCeiling)) }
