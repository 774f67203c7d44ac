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
	// When the machine itself stood still (the phone sent late, or the server's thread was not woken for more than a
	// slot), what is heard proves nothing, and the minute begins again.
	for give := time.Now().Add(3 * time.Minute); ; {
		tone, late, skipped := minute(t, s)
		t.Logf("in %s the worst 20 ms are %.1f %% something else than the tone, the greatest jump of phase is %.3f rad; "+
			"the phone sent at most %s late, the server skipped %d slots", tone.length(), 100*tone.worst, tone.jump, late, skipped)
		if len(tone.faults) == 0 {
			return
		}
		if late < 10*time.Millisecond && skipped == 0 {
			t.Fatalf("faults at %v, though phone and server had their time", tone.faults)
		}
		if time.Now().After(give) {
			t.Fatalf("faults at %v: for minutes this machine was too busy to tell; run it when it is not", tone.faults)
		}
	}
}

// minute listens to a tone for a minute, or to the end of the second with the first fault.
func minute(t *testing.T, s *server) (tone *steady, late time.Duration, skipped int) {
	t.Helper()
	tone = &steady{hertz: 440, rate: codec.PCMU.SampleRate}
	talker := dial(t, s, "tea", line{say: sine(tone.hertz, 0.25)})
	listener := dial(t, s, "tea", line{})
	defer listener.hangUp()
	defer talker.hangUp()
	listener.skip(3 * time.Second)
	talker.voice.late.Store(0)
	before := listener.skipped()
	const second = int(time.Second / packetTime)
	for from, n := listener.count(), 0; n < 60 && len(tone.faults) == 0; from, n = from+second, n+1 {
		listener.await(from + second)
		tone.add(listener.decode(from, from+second))
	}
	return tone, time.Duration(talker.voice.late.Load()), listener.skipped() - before
}

// steady judges whether sound is one steady tone.
type steady struct {
	hertz float64
	rate  int

	faults      []time.Duration // where it is not
	worst, jump float64         // the worst share of something else, and jump of phase
	windows     int
	last        float64
}

// length of what was judged.
func (s *steady) length() time.Duration { return time.Duration(s.windows) * packetTime }

// add takes the sound that comes next.
func (s *steady) add(pcm []int16) {
	n := s.rate / 50
	for ; len(pcm) >= n; pcm = pcm[n:] {
		rest, phase := fit(pcm[:n], s.windows*n, s.hertz, s.rate)
		jump := 0.0
		if s.windows > 0 {
			jump = math.Abs(math.Remainder(phase-s.last, 2*math.Pi))
		}
		if rest > 0.05 || jump > 0.05 {
			s.faults = append(s.faults, s.length())
		}
		s.worst, s.jump, s.last = max(s.worst, rest), max(s.jump, jump), phase
		s.windows++
	}
}
