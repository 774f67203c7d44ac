package mixer

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// conversions are all pairs of different rates.
var conversions = [][2]int{{8000, 16000}, {8000, 48000}, {16000, 48000}, {16000, 8000}, {48000, 8000}, {48000, 16000}}

func newResampler(t testing.TB, from, to int) *Resampler {
	t.Helper()
	r, err := NewResampler(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// resample runs src through a new resampler in slots of 20 ms.
func resample(t testing.TB, from, to int, src []int16) []int16 {
	t.Helper()
	r := newResampler(t, from, to)
	dst := make([]int16, len(src)*to/from)
	o := 0
	for len(src) > 0 {
		n := min(from/50, len(src))
		o += r.Process(dst[o:], src[:n])
		src = src[n:]
	}
	if o != len(dst) {
		t.Fatalf("%d to %d Hz: %d samples, want %d", from, to, o, len(dst))
	}
	return dst
}

const toneAmp = 16000

// response measures, in dB relative to a tone sent through a resampler, how
// much of it comes out at its own frequency and how much comes out elsewhere
// (images and noise). Of a tone that the result cannot hold all is elsewhere.
func response(t testing.TB, from, to int, freq float64) (tone, elsewhere float64) {
	t.Helper()
	src := make([]int16, from*24/100) // 40 ms to settle, 200 ms to look at
	for i := range src {
		src[i] = int16(math.Round(toneAmp * math.Sin(2*math.Pi*freq*float64(i)/float64(from))))
	}
	dst := resample(t, from, to, src)[to/25:]
	var re, im, all float64
	for i, s := range dst {
		p := 2 * math.Pi * freq * float64(i) / float64(to)
		re += float64(s) * math.Cos(p)
		im += float64(s) * math.Sin(p)
		all += float64(s) * float64(s)
	}
	n := float64(len(dst))
	sent, own := toneAmp*toneAmp/2.0, 2*(re*re+im*im)/n/n
	if freq > float64(to)/2 {
		own = 0
	}
	return 10 * math.Log10(max(own, 1e-9)/sent), 10 * math.Log10(max(all/n-own, 1e-9)/sent)
}

// The pass band is flat within 1 dB to 3.4 kHz for 8 kHz and 7 kHz for 16 kHz,
// and what images a tone of it leaves lies 50 dB below it.
func TestResamplerPassBand(t *testing.T) {
	for _, c := range conversions {
		low := float64(min(c[0], c[1]))
		edge := 0.425 * low
		if low == 16000 {
			edge = 0.4375 * low
		}
		worst, image := 0.0, -200.0
		for _, f := range []float64{50, 300, 0.1 * low, 0.25 * low, 0.375 * low, 0.42 * low, edge} {
			own, rest := response(t, c[0], c[1], f)
			worst, image = max(worst, math.Abs(own)), max(image, rest)
			if math.Abs(own) > 1 || rest > -50 {
				t.Errorf("%d to %d Hz: a tone of %.0f Hz comes out at %.2f dB, images at %.1f dB", c[0], c[1], f, own, rest)
			}
		}
		t.Logf("%d to %d Hz: flat within %.2f dB to %.0f Hz, images %.1f dB down", c[0], c[1], worst, edge, -image)
	}
}

// What the lower rate cannot hold is 50 dB down from 9/16 of it upwards, 4.5
// kHz for 8 kHz, so that nothing is folded onto speech below 3.5 kHz.
func TestResamplerStopBand(t *testing.T) {
	for _, c := range conversions {
		if c[0] < c[1] {
			continue
		}
		low := float64(c[1])
		worst := -200.0
		for f := 0.5625 * low; f < float64(c[0])/2; f += low / 37 {
			_, rest := response(t, c[0], c[1], f)
			worst = max(worst, rest)
			if rest > -50 {
				t.Errorf("%d to %d Hz: a tone of %.0f Hz leaves an alias at %.1f dB", c[0], c[1], f, rest)
			}
		}
		t.Logf("%d to %d Hz: aliases %.1f dB down", c[0], c[1], -worst)
	}
}

// A constant comes out the same to the last bit at every phase, and full scale
// does not wrap.
func TestResamplerConstantsAndFullScale(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, c := range conversions {
		for _, v := range []int16{1, -1, 1000, math.MaxInt16, math.MinInt16} {
			src := make([]int16, c[0]/10)
			for i := range src {
				src[i] = v
			}
			dst := resample(t, c[0], c[1], src)
			for i, s := range dst[len(dst)/2:] {
				if s != v {
					t.Fatalf("%d to %d Hz: constant %d: sample %d is %d", c[0], c[1], v, i, s)
				}
			}
		}
		// A full-scale square wave overshoots; the sign must not flip.
		src := make([]int16, c[0]/5)
		for i := range src {
			src[i] = math.MaxInt16
			if i/(c[0]/200)%2 == 1 {
				src[i] = math.MinInt16
			}
		}
		dst := resample(t, c[0], c[1], src)
		late := int(newResampler(t, c[0], c[1]).Delay() * time.Duration(c[1]) / time.Second)
		half := c[1] / 200
		for i := 4 * half; i < len(dst)-late; i++ {
			if at := i % half; at > half/4 && at < half*3/4 {
				if plus := i/half%2 == 0; plus != (dst[i+late] > 20000) || !plus && dst[i+late] > -20000 {
					t.Fatalf("%d to %d Hz: square wave: sample %d is %d", c[0], c[1], i, dst[i+late])
				}
			}
		}
		for i := range src {
			src[i] = int16(r.Uint32())
		}
		resample(t, c[0], c[1], src) // must not panic
	}
}

// Against the definition: insert zeros, filter, drop samples, in floats.
func TestResamplerAgreesWithTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for _, c := range conversions {
		src := make([]int16, c[0]/25)
		for i := range src {
			src[i] = int16(r.IntN(20000) - 10000)
		}
		got := resample(t, c[0], c[1], src)
		ratio := max(c[0], c[1]) / min(c[0], c[1])
		wide := make([]float64, len(src))
		for i, s := range src {
			wide[i] = float64(s)
		}
		if c[0] < c[1] {
			wide = make([]float64, len(src)*ratio)
			for i, s := range src {
				wide[i*ratio] = float64(s) * float64(ratio)
			}
		}
		n := taps * ratio
		for o := range got {
			at := o
			if c[0] > c[1] {
				at = o*ratio + ratio - 1
			}
			var sum, one float64
			for k := range n {
				x := (float64(k) - float64(n-1)/2) / float64(ratio)
				w := 2 * x / taps
				h := sinc(2*resampleCutoff*x) * bessel(resampleBeta*math.Sqrt(max(0, 1-w*w)))
				one += h
				if at-k >= 0 {
					sum += h * wide[at-k]
				}
			}
			if d := math.Abs(sum/one - float64(got[o])); d > 8 {
				t.Fatalf("%d to %d Hz: sample %d: %d, the twin has %.1f", c[0], c[1], o, got[o], sum/one)
			}
		}
	}
}

// How the sound is cut into calls does not matter, down to 1 ms.
func TestResamplerInPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, c := range conversions {
		src := make([]int16, c[0]/4)
		for i := range src {
			src[i] = int16(r.Uint32())
		}
		want := resample(t, c[0], c[1], src)
		rs := newResampler(t, c[0], c[1])
		got := make([]int16, len(want))
		o := 0
		for i := 0; i < len(src); {
			n := min((1+r.IntN(60))*c[0]/1000, len(src)-i)
			o += rs.Process(got[o:], src[i:i+n])
			i += n
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d to %d Hz: pieces come out differently", c[0], c[1])
		}
	}
}

// A pulse comes out after Delay.
func TestResamplerDelay(t *testing.T) {
	for _, c := range conversions {
		src := make([]int16, c[0]/50)
		ratio := max(1, c[0]/c[1])
		for i := range ratio {
			src[i] = 30000
		}
		dst := resample(t, c[0], c[1], src)
		top := 0
		for i := range dst {
			if dst[i] > dst[top] {
				top = i
			}
		}
		sent := time.Duration(ratio-1) * time.Second / time.Duration(2*c[0]) // its middle
		came := time.Duration(top) * time.Second / time.Duration(c[1])
		grain := time.Second / time.Duration(c[1])
		if d := came - sent - newResampler(t, c[0], c[1]).Delay(); d > grain || d < -grain {
			t.Errorf("%d to %d Hz: a pulse comes out %v from when Delay says", c[0], c[1], d)
		}
	}
}

// DESIGN 7: a copy continues where the original was.
func TestResamplerCopyFrom(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, c := range conversions {
		a, b := newResampler(t, c[0], c[1]), newResampler(t, c[0], c[1])
		src := make([]int16, c[0]/50)
		x, y := make([]int16, c[1]/50), make([]int16, c[1]/50)
		for n := range 10 {
			for i := range src {
				src[i] = int16(r.Uint32())
			}
			if n == 5 {
				b.CopyFrom(a)
			}
			a.Process(x, src)
			if n >= 5 {
				if b.Process(y, src); !slices.Equal(x, y) {
					t.Fatalf("%d to %d Hz: the copy differs", c[0], c[1])
				}
			}
		}
		a.Reset()
		clear(src)
		if a.Process(x, src); slices.Max(x) != 0 || slices.Min(x) != 0 {
			t.Errorf("%d to %d Hz: Reset leaves sound behind", c[0], c[1])
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("copied from a resampler between other rates")
		}
	}()
	newResampler(t, 8000, 16000).CopyFrom(newResampler(t, 8000, 48000))
}

func TestResamplerRates(t *testing.T) {
	for _, c := range [][2]int{{8000, 11025}, {0, 8000}, {44100, 48000}, {8000, 32000}} {
		if _, err := NewResampler(c[0], c[1]); err == nil {
			t.Errorf("%d to %d Hz accepted", c[0], c[1])
		}
	}
	r := newResampler(t, 16000, 16000)
	src, dst := []int16{1, 2, 3}, make([]int16, 4)
	if n := r.Process(dst, src); n != 3 || !slices.Equal(dst, []int16{1, 2, 3, 0}) || r.Delay() != 0 {
		t.Errorf("equal rates: %d samples, %v, delay %v", n, dst, r.Delay())
	}
	r.CopyFrom(newResampler(t, 16000, 16000))
	r.Reset()
}

func TestResamplerAllocatesNothing(t *testing.T) {
	for _, c := range conversions {
		r, o := newResampler(t, c[0], c[1]), newResampler(t, c[0], c[1])
		src, dst := make([]int16, c[0]/50), make([]int16, c[1]/50)
		if a := testing.AllocsPerRun(100, func() { r.Process(dst, src); o.CopyFrom(r) }); a != 0 {
			t.Errorf("%d to %d Hz: %v allocations", c[0], c[1], a)
		}
	}
}

// One slot of 20 ms.
func BenchmarkResampler(b *testing.B) {
	for _, c := range conversions {
		b.Run(fmt.Sprintf("%dto%d", c[0], c[1]), func(b *testing.B) {
			r := newResampler(b, c[0], c[1])
			src, dst := make([]int16, c[0]/50), make([]int16, c[1]/50)
			for b.Loop() {
				r.Process(dst, src)
			}
		})
	}
}

// Resamplers of one kind share what never changes: a conference of 1,000 that changes its rate makes thousands of
// them in one slot.
func TestResamplersShareTheirFilter(t *testing.T) {
	for _, rates := range [][2]int{{8000, 48000}, {48000, 16000}} {
		a, errA := NewResampler(rates[0], rates[1])
		b, errB := NewResampler(rates[0], rates[1])
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		if &a.filter[0] != &b.filter[0] {
			t.Errorf("%v: two filters", rates)
		}
		if n := testing.AllocsPerRun(10, func() { a, _ = NewResampler(rates[0], rates[1]) }); n > 2 {
			t.Errorf("%v: a resampler takes %v allocations", rates, n)
		}
	}
}
