package mixer

import (
	"fmt"
	"math"
	"math/bits"
	"time"
)

const (
	// taps is how many samples of the lower rate one sample of the result
	// rests on. It sets the delay (half of it) and the cost.
	taps = 24
	// resampleCutoff is where the response is at half, as a fraction of the
	// lower rate, and resampleBeta the shape of the Kaiser window: together
	// flat within 0.3 dB up to 3.5 kHz for 8 kHz and 7 kHz for 16 kHz, and
	// 55 dB down from as far above half the lower rate.
	resampleCutoff = 0.491
	resampleBeta   = 5.2
	// chunk is how many input samples are filtered at a time.
	chunk = 480
)

// Resampler changes the sampling rate of a stream between 8, 16 and 48 kHz by
// a polyphase FIR filter. Use [NewResampler].
type Resampler struct {
	from, to int
	ratio    int
	shift    uint
	up       bool
	filter   []int16 // one of filters, shared
	past     int     // samples of the past at the head of buf
	buf      []int16 // past, then the chunk being filtered
}

// NewResampler returns a resampler from one of 8000, 16000 and 48000 Hz to
// another or the same, which makes it a copy.
func NewResampler(from, to int) (*Resampler, error) {
	for _, rate := range []int{from, to} {
		if rate != 8000 && rate != 16000 && rate != 48000 {
			return nil, fmt.Errorf("mixer: cannot resample %d Hz to %d Hz: need 8000, 16000 or 48000", from, to)
		}
	}
	r := &Resampler{from: from, to: to, ratio: max(from, to) / min(from, to), up: to > from}
	if r.ratio == 1 {
		return r, nil
	}
	r.past = taps - 1
	if !r.up {
		r.past = taps*r.ratio - 1
	}
	r.buf = make([]int16, r.past+chunk)
	if r.up {
		r.filter, r.shift = filters[r.ratio].up, 15
	} else {
		r.filter, r.shift = filters[r.ratio].down, downShift(r.ratio)
	}
	return r, nil
}

// filters are impulse responses by ratio, backwards: for going up, ratio runs
// of taps, one for each phase; for going down, one run of ratio*taps. They are
// made once, because to make one takes longer than to filter a slot with it, and
// a conference that changes its rate makes one for each of its legs.
var filters = [...]struct{ up, down []int16 }{
	2: {design(2, true), design(2, false)},
	3: {design(3, true), design(3, false)},
	6: {design(6, true), design(6, false)},
}

// downShift is the scale of a filter that goes down, in bits.
func downShift(ratio int) uint { return 15 + uint(bits.Len(uint(ratio))) - 1 }

// design makes a filter. Each phase of a filter that goes up has a gain of 1
// for a constant to the last bit, so that the phases do not differ.
func design(ratio int, up bool) []int16 {
	n := taps * ratio
	h := make([]float64, n)
	mid := float64(n-1) / 2
	for i := range h {
		t := (float64(i) - mid) / float64(ratio) // in samples of the lower rate
		w := 2 * t / float64(taps)
		h[i] = sinc(2*resampleCutoff*t) * bessel(resampleBeta*math.Sqrt(max(0, 1-w*w)))
	}
	filter := make([]int16, n)
	if up {
		for p := range ratio {
			run := make([]float64, taps)
			for k := range run {
				run[taps-1-k] = h[k*ratio+p]
			}
			quantise(filter[p*taps:(p+1)*taps], run, 1<<15)
		}
		return filter
	}
	quantise(filter, h, 1<<downShift(ratio)) // symmetric: backwards is forwards
	return filter
}

// quantise scales run to the sum one, in integers; what rounding leaves goes to
// the greatest coefficient.
func quantise(dst []int16, run []float64, one int) {
	var sum float64
	for _, v := range run {
		sum += v
	}
	rest, big := one, 0
	for i, v := range run {
		dst[i] = int16(math.Round(v / sum * float64(one)))
		rest -= int(dst[i])
		if run[i] > run[big] {
			big = i
		}
	}
	dst[big] = int16(int(dst[big]) + rest)
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// bessel is I0, the modified Bessel function of the first kind.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}

// Process resamples src into dst and returns how many samples it wrote:
// len(src)*to/from, for which dst must have room. src may be any multiple of
// 1 ms; what it leaves in the filter comes out with the next call. dst and src
// must not overlap.
func (r *Resampler) Process(dst, src []int16) int {
	if r.ratio == 1 {
		return copy(dst[:len(src)], src)
	}
	written := 0
	for len(src) > 0 {
		n := copy(r.buf[r.past:], src)
		src = src[n:]
		if r.up {
			written += r.raise(dst[written:], n)
		} else {
			written += r.lower(dst[written:], n)
		}
		copy(r.buf, r.buf[n:n+r.past])
	}
	return written
}

// raise filters n new samples in buf into n*ratio.
func (r *Resampler) raise(dst []int16, n int) int {
	dst = dst[:n*r.ratio]
	o := 0
	for i := range n {
		in := (*[taps]int16)(r.buf[i:])
		for f := r.filter; len(f) >= taps; f = f[taps:] {
			dst[o] = saturate((dot((*[taps]int16)(f), in) + 1<<14) >> 15)
			o++
		}
	}
	return o
}

// lower filters n new samples in buf into n/ratio.
func (r *Resampler) lower(dst []int16, n int) int {
	dst = dst[:n/r.ratio]
	half := 1 << (r.shift - 1)
	for o := range dst {
		in := r.buf[(o+1)*r.ratio-1:]
		sum := half
		for f := r.filter; len(f) >= taps; f = f[taps:] {
			sum += dot((*[taps]int16)(f), (*[taps]int16)(in))
			in = in[taps:]
		}
		dst[o] = saturate(sum >> r.shift)
	}
	return len(dst)
}

// dot is the scalar product of a and b, written out: a loop takes half as long
// again.
func dot(a, b *[taps]int16) int {
	s := int(a[0])*int(b[0]) + int(a[1])*int(b[1]) + int(a[2])*int(b[2]) + int(a[3])*int(b[3])
	t := int(a[4])*int(b[4]) + int(a[5])*int(b[5]) + int(a[6])*int(b[6]) + int(a[7])*int(b[7])
	s += int(a[8])*int(b[8]) + int(a[9])*int(b[9]) + int(a[10])*int(b[10]) + int(a[11])*int(b[11])
	t += int(a[12])*int(b[12]) + int(a[13])*int(b[13]) + int(a[14])*int(b[14]) + int(a[15])*int(b[15])
	s += int(a[16])*int(b[16]) + int(a[17])*int(b[17]) + int(a[18])*int(b[18]) + int(a[19])*int(b[19])
	t += int(a[20])*int(b[20]) + int(a[21])*int(b[21]) + int(a[22])*int(b[22]) + int(a[23])*int(b[23])
	return s + t
}

// saturate guards against the overshoot of the filter at full scale.
func saturate(v int) int16 { return int16(min(max(v, math.MinInt16), math.MaxInt16)) }

// CopyFrom makes r continue exactly as o would. Both must convert between the
// same rates.
func (r *Resampler) CopyFrom(o *Resampler) {
	if r.from != o.from || r.to != o.to {
		panic("mixer: CopyFrom of a resampler between other rates")
	}
	copy(r.buf, o.buf)
}

// Reset makes the resampler as new.
func (r *Resampler) Reset() { clear(r.buf) }

// Delay is how much later a sound comes out than it went in, counted in
// samples: the first sample out of a call and the first one in are of one time.
func (r *Resampler) Delay() time.Duration {
	if r.ratio == 1 {
		return 0
	}
	halves := taps*r.ratio - 1 // half samples of the higher rate
	if !r.up {
		halves -= 2 * (r.ratio - 1)
	}
	return time.Duration(halves) * time.Second / time.Duration(2*max(r.from, r.to))
}
