package codec

import (
	"math"
	"testing"
)

func TestNoiseHasTheLevelAskedFor(t *testing.T) {
	for _, level := range []uint8{30, 50, DefaultNoise, 75} {
		c := NewComfortNoise(7)
		c.SetLevel(level)
		pcm := make([]int16, 16000)
		c.Read(pcm[:8000])
		c.Read(pcm)
		got := -20 * math.Log10(rms(pcm)/32768)
		if math.Abs(got-float64(level)) > 1 {
			t.Errorf("level -%d dBov: measured -%.1f", level, got)
		}
		var mean float64
		for _, v := range pcm {
			mean += float64(v)
		}
		if mean /= float64(len(pcm)); math.Abs(mean) > 1+rms(pcm)/10 {
			t.Errorf("level -%d dBov: offset of %.1f", level, mean)
		}
	}
}

func TestNoiseLevelChangesWithoutAStep(t *testing.T) {
	c := NewComfortNoise(1)
	c.SetLevel(20)
	pcm := make([]int16, 8)
	c.Read(pcm)
	if r := rms(pcm); r > 1500 {
		t.Errorf("RMS %.0f in the first millisecond: jumps to the new level", r)
	}
}

func TestNoiseDiffersBySeed(t *testing.T) {
	a, b := make([]int16, 4000), make([]int16, 4000)
	NewComfortNoise(1).Read(a)
	NewComfortNoise(2).Read(b)
	var dot, aa, bb float64
	for i := range a[200:] {
		x, y := float64(a[200+i]), float64(b[200+i])
		dot, aa, bb = dot+x*y, aa+x*x, bb+y*y
	}
	if r := dot / math.Sqrt(aa*bb); math.Abs(r) > 0.1 {
		t.Errorf("two legs' noises correlate by %.2f", r)
	}
}

func TestNoiseDoesNotAllocate(t *testing.T) {
	c, pcm := NewComfortNoise(1), make([]int16, 960)
	if n := testing.AllocsPerRun(20, func() { c.SetLevel(50); c.Read(pcm) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNoiseLevelOfPacket(t *testing.T) {
	for _, tt := range []struct {
		payload []byte
		level   uint8
		ok      bool
	}{
		{nil, 0, false},
		{[]byte{0}, 0, true},
		{[]byte{70}, 70, true},
		{[]byte{0xff, 1, 2}, 127, true},
	} {
		if level, ok := NoiseLevel(tt.payload); level != tt.level || ok != tt.ok {
			t.Errorf("NoiseLevel(%x) = %d, %v; want %d, %v", tt.payload, level, ok, tt.level, tt.ok)
		}
	}
}
