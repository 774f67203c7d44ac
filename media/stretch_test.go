package media

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The slow twin writes every candidate out and looks at the whole of it.
func twinLag(line []int16, from, least, most, way, join int) float64 {
	best := 0.0
	for lag := least; lag <= most; lag++ {
		var differ, both float64
		for i := range join {
			a, b := float64(line[from+i]), float64(line[from+way*lag+i])
			differ += (a - b) * (a - b)
			both += a*a + b*b
		}
		if both == 0 {
			return 1
		}
		best = max(best, 1-2*differ/both)
	}
	return best
}

func TestStretchFindsTheBestPiece(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := newStretch(8000, 1)
	for round := range 300 {
		line := make([]int16, 600)
		period := 20 + r.IntN(130)
		for i := range line {
			if i < period {
				line[i] = int16(r.IntN(20000) - 10000)
			} else {
				line[i] = line[i-period] + int16(r.IntN(1+round*5)-round*2)
			}
		}
		for _, way := range []int{1, -1} {
			lag, like := s.best(line, 200, s.most, way, s.most)
			want := twinLag(line, 200, s.least, s.most, way, s.join)
			got := s.likeness(line, 200, 200+way*lag, s.join)
			if got < want-asGood-1e-9 || like < want-1e-9 || like > want+1e-9 {
				t.Fatalf("round %d, way %d: lag %d is %.4f like, best is %.4f", round, way, lag, got, want)
			}
		}
	}
}

// A periodic sound stays exactly what it was, a whole number of periods
// shorter or longer.
func TestStretchKeepsPeriodicSound(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for period := 21; period <= 140; period += 7 {
			k := rate / 8000
			wave := make([]int16, period*k)
			r := rand.New(rand.NewPCG(uint64(period), 3))
			for i := range wave {
				wave[i] = int16(r.IntN(20000) - 10000)
			}
			line := make([]int16, 640*k)
			for i := range line {
				line[i] = wave[i%len(wave)]
			}
			before := slices.Clone(line)
			from := 200 * k
			for _, test := range []struct {
				name string
				do   func(*stretch, []int16) int
			}{
				{"shorten", func(s *stretch, l []int16) int { return s.shorten(l, from, 160*k, true) }},
				{"lengthen", func(s *stretch, l []int16) int { return s.lengthen(l, from, 160*k) }},
			} {
				s := newStretch(rate, k)
				got := slices.Clone(before)
				to := test.do(&s, got)
				if to == from || (to-from)%len(wave) != 0 {
					t.Fatalf("%s at %d Hz, period %d: moved by %d", test.name, rate, len(wave), to-from)
				}
				if !slices.Equal(got[to:to+160*k], before[from:from+160*k]) {
					t.Fatalf("%s at %d Hz, period %d: the sound has changed", test.name, rate, len(wave))
				}
			}
		}
	}
}

// Noise matches nowhere: it is left alone for a while, not for ever.
func TestStretchWaitsForAGoodPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 5))
	s := newStretch(8000, 1)
	waited := 0
	for ; waited < 200; waited++ {
		line := make([]int16, 500)
		for i := range line {
			line[i] = int16(r.IntN(20000) - 10000)
		}
		if s.shorten(line, 100, 160, true) != 100 {
			break
		}
	}
	if waited < 10 || waited > 120 {
		t.Errorf("white noise was shortened after %d slots, want 10 to 120", waited)
	}
}

// Soft sound is shortened by all that is wanted, loud sound by nothing when it
// is not worth it.
func TestStretchQuiet(t *testing.T) {
	s := newStretch(8000, 1)
	soft, loud := make([]int16, 500), make([]int16, 500)
	for i := range soft {
		soft[i] = int16(i % quietPeak)
		loud[i] = int16(i % 160 * 100)
	}
	if to := s.shorten(soft, 100, 97, false); to != 197 {
		t.Errorf("soft sound: to %d, want 197", to)
	}
	if to := s.lengthen(soft, 300, 97); to != 203 {
		t.Errorf("soft sound: to %d, want 203", to)
	}
	if to := s.shorten(loud, 100, 160, false); to != 100 {
		t.Errorf("loud sound: to %d, want 100", to)
	}
	for _, short := range []int{0, 1, 50, 99} {
		line := loud[:100+short]
		if to := s.shorten(line, 100, 160, true); to != 100 {
			t.Errorf("%d samples: shortened to %d", short, to)
		}
	}
}
