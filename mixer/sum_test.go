package mixer

import (
	"math"
	"testing"
)

// Two hundred full-scale streams do not wrap, and taking all of them out again
// leaves nothing.
func TestSumIsExact(t *testing.T) {
	pcm := []int16{math.MinInt16, math.MaxInt16, 0, -1, 1}
	acc := make([]int32, len(pcm))
	for range 200 {
		Add(acc, pcm)
	}
	if acc[0] != 200*math.MinInt16 || acc[1] != 200*math.MaxInt16 {
		t.Errorf("sum %v", acc)
	}
	for range 200 {
		Subtract(acc, pcm)
	}
	for i, s := range acc {
		if s != 0 {
			t.Errorf("sample %d: %d left", i, s)
		}
	}
	Add(acc[:2], pcm)
	Add(acc, pcm[:1])
	if acc[2] != 0 || acc[0] != 2*math.MinInt16 {
		t.Errorf("slices of different lengths: %v", acc)
	}
}

func BenchmarkAdd960(b *testing.B) {
	acc, pcm := make([]int32, 960), make([]int16, 960)
	for b.Loop() {
		Add(acc, pcm)
	}
}
