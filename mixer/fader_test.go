package mixer

import (
	"testing"
)

// constant is n samples of v.
func constant(n int, v int16) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = v
	}
	return pcm
}

// DESIGN 7: fade in and out over 10 ms, without a click: a constant rises from
// 0 to itself and falls back in 10 ms, and no sample differs from the one
// before by more than the steepest part of the fade.
func TestFader(t *testing.T) {
	const v = 20000
	for _, rate := range rates {
		var f Fader
		slot, fade := rate/50, rate/100
		var all []int16
		for n := range 10 {
			pcm := constant(slot, v)
			on := n >= 2 && n < 6
			audible := f.Apply(pcm, rate, on)
			if want := n >= 2 && n < 7; audible != want {
				t.Fatalf("%d Hz: slot %d: audible %v, want %v", rate, n, audible, want)
			}
			if !audible {
				for _, s := range pcm {
					if s != v {
						t.Fatalf("%d Hz: slot %d: what is not audible was changed", rate, n)
					}
				}
				clear(pcm)
			}
			all = append(all, pcm...)
		}
		if all[2*slot+fade-1] != v || all[6*slot-1] != v || all[6*slot+fade-1] != 0 || all[7*slot-1] != 0 {
			t.Errorf("%d Hz: a fade does not take 10 ms", rate)
		}
		if mid := all[2*slot+fade/2-1]; mid < v*45/100 || mid > v*55/100 {
			t.Errorf("%d Hz: %d in the middle of a fade", rate, mid)
		}
		steepest := v*3/2/fade + 20
		for i := 1; i < len(all); i++ {
			if d := int(all[i]) - int(all[i-1]); d > steepest || d < -steepest {
				t.Fatalf("%d Hz: sample %d jumps by %d, a fade by %d at most", rate, i, d, steepest)
			}
		}
	}
}

// A fade that is turned around continues from where it was.
func TestFaderTurnsAround(t *testing.T) {
	const rate = 8000
	var f Fader
	var all []int16
	for n, on := range []bool{true, false, true, true, false, false, false} {
		pcm := constant(40+n%2*8, 10000) // 5 and 6 ms
		if !f.Apply(pcm, rate, on) {
			clear(pcm)
		}
		all = append(all, pcm...)
	}
	for i := 1; i < len(all); i++ {
		if d := int(all[i]) - int(all[i-1]); d > 210 || d < -210 {
			t.Fatalf("sample %d jumps by %d", i, d)
		}
	}
	if f.Audible() {
		t.Error("still audible after fading out")
	}
	f.Apply(constant(160, 1), rate, true)
	if f.Reset(); f.Audible() {
		t.Error("audible after Reset")
	}
}

func TestFaderAllocatesNothing(t *testing.T) {
	var f Fader
	pcm := make([]int16, 160)
	on := false
	if a := testing.AllocsPerRun(100, func() { on = !on; f.Apply(pcm, 8000, on) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}
