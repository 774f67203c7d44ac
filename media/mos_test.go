package media

import (
	"math"
	"testing"
	"time"

	"trivox/media/codec"
)

func TestMOS(t *testing.T) {
	for _, c := range []struct {
		codec codec.Codec
		loss  float64
		delay time.Duration
		want  float64
	}{
		{codec.PCMU, 0, 0, 4.41}, // R 93.2: the best that G.107 gives with default values
		{codec.PCMA, 0, 100 * time.Millisecond, 4.36},
		{codec.PCMU, 0, 400 * time.Millisecond, 3.05},
		{codec.PCMU, 0.01, 100 * time.Millisecond, 4.26},
		{codec.PCMU, 0.05, 100 * time.Millisecond, 3.82},
		{codec.PCMU, 0.2, 100 * time.Millisecond, 2.51},
		{codec.PCMU, 1, time.Second, 1},
		{codec.PCMU, -1, -time.Second, 4.41},
		{codec.PCMU, 7, 0, 1.18}, // a share of more than all is all
		{codec.Opus, 0, 0, 0},
		{codec.G722, 0, 0, 0},
	} {
		if got := MOS(c.codec, c.loss, c.delay); math.Abs(got-c.want) > 0.006 {
			t.Errorf("%s, loss %v, delay %v: %.3f, want %.2f", c.codec.Name, c.loss, c.delay, got, c.want)
		}
	}
}

// More loss or delay is never better.
func TestMOSFalls(t *testing.T) {
	last := math.Inf(1)
	for r := 110.0; r > -20; r -= 0.1 {
		got := mosOf(r)
		if got > last || got < 1 || got > 4.5 {
			t.Fatalf("R %.1f: %.4f after %.4f", r, got, last)
		}
		last = got
	}
}
