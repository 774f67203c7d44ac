package main

import (
	"math"
	"runtime/debug"
	"testing"
	"time"

	"trivox/media/codec"
)

// A steady tone of 60 s through sockets has no gap, no repeat and no click: every 20 ms it is the tone, and it goes on
// where the 20 ms before it ended (DESIGN 11).
func TestMinuteTone(t *testing.T) { // alone: what else runs here could be heard
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the phones make a few megabytes, and must not stand still
	s := serve(t, quiet)
	const hertz, length = 440, time.Minute
	// When the machine itself stood still (the phone sent late, or the server's thread was not woken for more than a
	// slot), what is heard proves nothing, and the minute is taken again.
	for attempt := 1; ; attempt++ {
		talker := dial(t, s, "tea", line{say: sine(hertz, 0.25)})
		listener := dial(t, s, "tea", line{})
		listener.skip(3 * time.Second)
		talker.voice.late.Store(0)
		skipped := listener.skipped()
		pcm := listener.listen(length)
		late := time.Duration(talker.voice.late.Load())
		skipped = listener.skipped() - skipped
		talker.hangUp()
		listener.hangUp()
		faults, worst, jump := unsteady(pcm, hertz, codec.PCMU.SampleRate)
		t.Logf("the worst 20 ms are %.1f %% something else than the tone, the greatest jump of phase is %.3f rad; "+
			"the phone sent at most %s late, the server skipped %d slots", 100*worst, jump, late, skipped)
		if len(faults) == 0 {
			return
		}
		if late < 10*time.Millisecond && skipped == 0 {
			t.Fatalf("faults at %v, though phone and server had their time", faults)
		}
		if attempt == 3 {
			t.Fatalf("faults at %v: three times this machine was too busy to tell; run it when it is not", faults)
		}
	}
}

// unsteady finds where pcm is not one steady tone; worst and jump are its worst.
func unsteady(pcm []int16, hertz float64, rate int) (faults []time.Duration, worst, jump float64) {
	n := rate / 50
	last := 0.0
	for w := 0; (w+1)*n <= len(pcm); w++ {
		rest, phase := fit(pcm[w*n:(w+1)*n], w*n, hertz, rate)
		j := 0.0
		if w > 0 {
			j = math.Abs(math.Remainder(phase-last, 2*math.Pi))
		}
		if rest > 0.05 || j > 0.05 {
			faults = append(faults, time.Duration(w)*packetTime)
		}
		worst, jump, last = max(worst, rest), max(jump, j), phase
	}
	return faults, worst, jump
}
