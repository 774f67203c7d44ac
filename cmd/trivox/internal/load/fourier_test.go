package load

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The sums by transform against the sums as they are written.
func TestProducts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		x := make([]float64, 1+rng.IntN(40))
		ref := make([]float64, len(x)+1+rng.IntN(60))
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		for i := range ref {
			ref[i] = rng.NormFloat64()
		}
		got := products(ref, x)
		if len(got) != len(ref)-len(x)+1 {
			t.Fatalf("%d sums for %d in %d", len(got), len(x), len(ref))
		}
		for shift := range got {
			want := 0.0
			for i := range x {
				want += ref[shift+i] * x[i]
			}
			if math.Abs(got[shift]-want) > 1e-9 {
				t.Fatalf("%d in %d at %d: %g, want %g", len(x), len(ref), shift, got[shift], want)
			}
		}
	}
}

func BenchmarkProducts(b *testing.B) {
	ref, x := make([]float64, 11360), make([]float64, 8000)
	for b.Loop() {
		products(ref, x)
	}
}
