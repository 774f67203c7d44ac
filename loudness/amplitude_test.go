package loudness

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// Amplitude is floor(sqrt(4*sum/n)), exactly, up to full scale.
func TestAmplitude(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5760).Draw(t, "n")
		sum := rapid.Uint64Range(0, uint64(n)<<30).Draw(t, "sum")
		q := new(big.Int).SetUint64(4 * sum / uint64(n))
		want := min(q.Sqrt(q).Uint64(), FullScale)
		if got := Amplitude(sum, n); uint64(got) != want {
			t.Fatalf("Amplitude(%d, %d) = %d, want %d", sum, n, got, want)
		}
	})
	for _, c := range []struct {
		sum  uint64
		n    int
		want uint16
	}{{0, 160, 0}, {5, 0, 0}, {5, -1, 0}, {160 << 30, 160, FullScale}, {math.MaxUint64, 1, FullScale}, {160 * 64, 160, 16}} {
		if got := Amplitude(c.sum, c.n); got != c.want {
			t.Errorf("Amplitude(%d, %d) = %d, want %d", c.sum, c.n, got, c.want)
		}
	}
}

func TestSamples(t *testing.T) {
	if got := Samples([]int16{math.MinInt16, math.MinInt16}); got != FullScale {
		t.Errorf("full scale: %d", got)
	}
	if got := Samples([]int16{1000, -1000, 1000}); got != 2000 {
		t.Errorf("a square wave of 1000: %d, want 2000", got)
	}
	if got := Samples(nil); got != 0 {
		t.Errorf("nothing: %d", got)
	}
}

// RFC 6464, 3: the level is in -dBov, 127 is silence.
func TestFromLevel(t *testing.T) {
	for l := range 127 {
		if got, want := FromLevel(uint8(l)), uint16(65535*math.Pow(10, -float64(l)/20)); got != want {
			t.Errorf("level %d: %d, want %d", l, got, want)
		}
	}
	if FromLevel(127) != 0 || FromLevel(255) != 0 {
		t.Error("level 127 is not silence")
	}
	if FromLevel(0x80|20) != FromLevel(20) {
		t.Error("the voice activity bit changes the level")
	}
}
