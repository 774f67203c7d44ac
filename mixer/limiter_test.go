package mixer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var rates = []int{8000, 16000, 48000}

// limit runs src through a new limiter in slots of 20 ms.
func limit(rate int, src []int32) []int16 {
	l := NewLimiter(rate)
	dst := make([]int16, len(src))
	for i := 0; i < len(src); i += rate / 50 {
		end := min(i+rate/50, len(src))
		l.Process(dst[i:end], src[i:end])
	}
	return dst
}

// What stays below the ceiling comes out to the last bit, 2 ms later.
func TestLimiterLeavesQuietSoundAlone(t *testing.T) {
	for _, rate := range rates {
		l := NewLimiter(rate)
		if l.Delay() > 2*time.Millisecond {
			t.Errorf("%d Hz: looks ahead by %v, more than 2ms", rate, l.Delay())
		}
		late := int(l.Delay() * time.Duration(rate) / time.Second)
		src := make([]int32, rate)
		for i := range src {
			src[i] = int32(limiterCeiling * math.Sin(float64(i)*0.05))
		}
		dst := limit(rate, src)
		for i := range dst[late:] {
			if int32(dst[i+late]) != src[i] {
				t.Fatalf("%d Hz: sample %d is %d, went in as %d", rate, i, dst[i+late], src[i])
			}
		}
	}
}

// DESIGN 7: never wraps, never clips hard: no sample exceeds the ceiling, the
// last bit apart the clamp has nothing to do, and the sign of every sample
// survives, whatever comes in.
func TestLimiterNeverClips(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, rate := range rates {
		src := make([]int32, 4*rate)
		for i := range src {
			switch i / (rate / 4) % 4 {
			case 0:
				src[i] = int32(r.Uint32()) >> (3 + r.Uint32N(20))
			case 1:
				src[i] = 3 * 32767 * int32(1-2*(i/40%2))
			case 2:
				src[i] = int32(2000 * math.Sin(float64(i)*0.1))
			case 3:
				if i%997 == 0 {
					src[i] = math.MinInt16 * 100
				}
			}
		}
		l := NewLimiter(rate)
		for i, s := range src {
			g := l.gain(s)
			out := l.delay[l.pos]
			l.delay[l.pos] = s
			l.pos = (l.pos + 1) % l.look
			if y := math.Abs(float64(out) * float64(g)); y > limiterCeiling+1 {
				t.Fatalf("%d Hz: sample %d: %d times %v is %v", rate, i, out, g, y)
			}
		}
		dst := limit(rate, src)
		for i := range dst[l.look:] {
			if y := int32(dst[i+l.look]); y > limiterCeiling || y < -limiterCeiling || int64(y)*int64(src[i]) < 0 {
				t.Fatalf("%d Hz: sample %d came in as %d and out as %d", rate, i, src[i], y)
			}
		}
	}
}

// distortion is the share of a signal's RMS that lies in none of the tones
// given, by least squares over whole periods.
func distortion(pcm []int16, rate int, freqs ...float64) float64 {
	rest := make([]float64, len(pcm))
	var all float64
	for i, s := range pcm {
		rest[i] = float64(s)
		all += rest[i] * rest[i]
	}
	for _, f := range freqs {
		var re, im float64
		for i, v := range rest {
			p := 2 * math.Pi * f * float64(i) / float64(rate)
			re += v * math.Cos(p)
			im += v * math.Sin(p)
		}
		n := float64(len(rest)) / 2
		for i := range rest {
			p := 2 * math.Pi * f * float64(i) / float64(rate)
			rest[i] -= re/n*math.Cos(p) + im/n*math.Sin(p)
		}
	}
	var left float64
	for _, v := range rest {
		left += v * v
	}
	return math.Sqrt(left / all)
}

// DESIGN 11: two full-scale talkers at once: no wrap, total harmonic distortion
// under 3 %. Tones of whole periods in the half second that is looked at.
func TestTwoFullScaleTalkers(t *testing.T) {
	for _, rate := range rates {
		for _, f := range [][2]float64{{440, 440}, {440, 550}, {150, 210}, {200, 1000}, {1000, 1100}, {100, 3000}, {400, 420}, {440, 490}, {700, 1210}} {
			src := make([]int32, 2*rate)
			for i := range src {
				p := 2 * math.Pi * float64(i) / float64(rate)
				src[i] = int32(32767*math.Sin(p*f[0])) + int32(32767*math.Sin(p*f[1]))
			}
			dst := limit(rate, src)[3*rate/2:]
			freqs := f[:]
			if f[0] == f[1] {
				freqs = f[:1]
			}
			if d := distortion(dst, rate, freqs...); d > 0.03 {
				t.Errorf("%d Hz, tones of %v: distortion %.2f %%, want under 3 %%", rate, f, 100*d)
			}
		}
	}
}

// The gain moves smoothly: when a second talker starts and stops at full scale,
// it never changes by more than 1/look of itself from one sample to the next.
func TestLimiterGainHasNoSteps(t *testing.T) {
	for _, rate := range rates {
		l := NewLimiter(rate)
		last := float32(1)
		for i := range rate {
			s := int32(30000 * math.Sin(float64(i)*2000/float64(rate)))
			if i > rate/4 && i < rate/2 {
				s *= 2
			}
			g := l.gain(s)
			if d := math.Abs(float64(g - last)); d > 0.6/float64(l.look) {
				t.Fatalf("%d Hz: the gain jumps from %v to %v", rate, last, g)
			}
			last = g
		}
	}
}

// After a loud moment the gain returns to exactly 1.
func TestLimiterRecovers(t *testing.T) {
	const rate = 8000
	src := make([]int32, 5*rate)
	for i := range src {
		src[i] = int32(20000 * math.Sin(float64(i)*0.3))
		if i < 1000 {
			src[i] *= 4
		}
	}
	dst := limit(rate, src)
	for i := 4 * rate; i < len(dst); i++ {
		if int32(dst[i]) != src[i-16] {
			t.Fatalf("sample %d: %d, want %d", i, dst[i], src[i-16])
		}
	}
}

// DESIGN 7: the limiter of a new variant continues where the old one was.
func TestLimiterCopyFrom(t *testing.T) {
	const rate, slot = 16000, 320
	r := rand.New(rand.NewPCG(9, 9))
	a, b := NewLimiter(rate), NewLimiter(rate)
	src := make([]int32, slot)
	x, y := make([]int16, slot), make([]int16, slot)
	for n := range 100 {
		for i := range src {
			src[i] = int32(r.IntN(120000) - 60000)
		}
		if n == 50 {
			b.CopyFrom(a)
		}
		a.Process(x, src)
		if n >= 50 {
			b.Process(y, src)
			if !slices.Equal(x, y) {
				t.Fatalf("slot %d: the copy differs", n)
			}
		}
	}
	a.Reset()
	if fresh := NewLimiter(rate); !slices.Equal(a.delay, fresh.delay) || a.held != 1 {
		t.Error("Reset leaves something behind")
	}
	defer func() {
		if recover() == nil {
			t.Error("copied from a limiter of another rate")
		}
	}()
	a.CopyFrom(NewLimiter(8000))
}

func TestLimiterAllocatesNothing(t *testing.T) {
	l, o := NewLimiter(48000), NewLimiter(48000)
	src, dst := make([]int32, 960), make([]int16, 960)
	for i := range src {
		src[i] = int32(i * 100)
	}
	if a := testing.AllocsPerRun(100, func() { l.Process(dst, src); o.CopyFrom(l) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func BenchmarkLimiter(b *testing.B) {
	for _, c := range []struct {
		name string
		amp  float64
	}{{"quiet", 10000}, {"loud", 60000}} {
		b.Run(c.name+"/960", func(b *testing.B) {
			l := NewLimiter(48000)
			src, dst := make([]int32, 960), make([]int16, 960)
			for i := range src {
				src[i] = int32(c.amp * math.Sin(float64(i)*0.1))
			}
			for b.Loop() {
				l.Process(dst, src)
			}
		})
	}
}
