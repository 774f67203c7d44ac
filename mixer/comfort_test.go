package mixer

import (
	"math"
	"slices"
	"testing"
)

// The noise has the level asked for within 1 dB, no offset worth hearing, and
// goes on for ever.
func TestComfortLevel(t *testing.T) {
	for _, level := range []uint8{30, 50, 60, 70} {
		c := NewComfort(level, 12345)
		acc := make([]int32, 48000)
		c.Add(acc)
		var sum, squares float64
		for _, s := range acc {
			sum += float64(s)
			squares += float64(s) * float64(s)
		}
		n := float64(len(acc))
		got := -20 * math.Log10(math.Sqrt(squares/n)/32768)
		if math.Abs(got-float64(level)) > 1 {
			t.Errorf("level %d: -%.1f dBov", level, got)
		}
		if math.Abs(sum/n) > math.Sqrt(squares/n)/10+0.1 {
			t.Errorf("level %d: an offset of %.2f", level, sum/n)
		}
	}
}

// It is added to what is there, differs from seed to seed and repeats with one.
func TestComfortSeeds(t *testing.T) {
	noise := func(seed uint32) []int32 {
		acc := make([]int32, 320)
		NewComfort(50, seed).Add(acc)
		return acc
	}
	if !slices.Equal(noise(4), noise(4)) {
		t.Error("one seed, two noises")
	}
	if slices.Equal(noise(4), noise(6)) {
		t.Error("two seeds, one noise")
	}
	acc := make([]int32, 320)
	for i := range acc {
		acc[i] = 100000
	}
	NewComfort(50, 4).Add(acc)
	for i, s := range noise(4) {
		if acc[i] != 100000+s {
			t.Fatal("the noise is not added")
		}
	}
	loud := make([]int32, 320)
	NewComfort(0, 0).Add(loud)
	if m := slices.Max(loud); m > 8000 || m == 0 {
		t.Errorf("level 0 peaks at %d: want no louder than -30 dBov", m)
	}
}

func TestComfortAllocatesNothing(t *testing.T) {
	c := NewComfort(60, 1)
	acc := make([]int32, 960)
	if a := testing.AllocsPerRun(100, func() { c.Add(acc) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func BenchmarkComfort960(b *testing.B) {
	c := NewComfort(60, 1)
	acc := make([]int32, 960)
	for b.Loop() {
		c.Add(acc)
	}
}
