package media

import (
	"math"
	"slices"
	"testing"
	"time"

	"trivox/media/codec"
	"trivox/media/jitter"
)

// DESIGN 11: a steady tone for ten minutes has no gap, no repeat and no click.
// Without drift that is exact: what is heard is what was sent.
func TestToneForTenMinutesIsExact(t *testing.T) {
	for _, jitter := range []time.Duration{0, 400 * time.Microsecond} {
		p := linearPlayout(t, 8000)
		s := speaker{rate: 8000, ptime: 20 * time.Millisecond, phase: 11 * time.Millisecond, jitter: jitter, sound: sine(440, 8000, 10000)}
		out := s.talk(t, p, 30_000, nil)
		out = out[10*8000:] // the delay is found within a few seconds
		first := -1
		for shift := range 200 { // 440 Hz repeats after 200 samples
			if slices.Equal(out[:200], tone(s.sound, shift, 200)) {
				first = shift
			}
		}
		if first < 0 {
			t.Fatalf("jitter %v: what is heard is not the tone", jitter)
		}
		if want := tone(s.sound, first, len(out)); !slices.Equal(out, want) {
			for i := range out {
				if out[i] != want[i] {
					t.Fatalf("jitter %v: differs after %.3f s", jitter, 10+float64(i)/8000)
				}
			}
		}
	}
}

func tone(sound func(int) int16, from, n int) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = sound(from + i)
	}
	return pcm
}

// The same with clocks 200 ppm apart, where in ten minutes six slots have to be
// left out or put in: of every 20 ms the best sine is taken away and what is left must be
// 40 dB below it at 440 Hz; the other tones fit their lags worse.
func TestToneThroughDrift(t *testing.T) {
	tests := []struct {
		rate  int
		hertz float64
		limit float64 // dB
	}{
		{8000, 440, -40}, {16000, 440, -45}, {48000, 440, -45},
		{8000, 200, -60}, {8000, 310, -35}, {8000, 997, -35}, {8000, 1234.5, -32}, {8000, 3000, -60},
	}
	for _, test := range tests {
		for _, drift := range []float64{-200, 200} {
			p := linearPlayout(t, test.rate)
			s := speaker{rate: test.rate, ptime: 20 * time.Millisecond, drift: drift, phase: 5 * time.Millisecond, sound: sine(test.hertz, test.rate, 10000)}
			slots := 4500 // a minute and a half: one slot has to go or come
			if test.hertz == 440 && test.rate == 8000 {
				slots = 30_000
			}
			out := s.talk(t, p, slots, nil)
			db, at := worst(out[test.rate/2:], test.hertz, test.rate)
			t.Logf("%v Hz at %d Hz, drift %v: %.1f dB", test.hertz, test.rate, drift, db)
			if db > test.limit {
				t.Errorf("%v Hz at %d Hz, drift %v: %.1f dB at %.2f s, want at most %v", test.hertz, test.rate, drift, db, 0.5+float64(at)/float64(test.rate), test.limit)
			}
			if st := p.Stats(); st.Shrunk+st.Grown == 0 || st.Concealed > 0 || st.Delay > 60*time.Millisecond {
				t.Errorf("%v Hz at %d Hz, drift %v: %+v", test.hertz, test.rate, drift, st)
			}
		}
	}
}

// Through each codec, with drift and a little jitter: the tone never stops and
// never jumps.
func TestToneThroughCodecs(t *testing.T) {
	limits := map[string]float64{"opus": -29, "G722": -38, "PCMU": -35, "PCMA": -34} // dB; the codecs' own noise
	for _, c := range codec.All() {
		for _, drift := range []float64{-1000, 0, 1000} {
			p, err := NewPlayout(c, c.ClockRate, jitter.Config{})
			if err != nil {
				t.Fatal(err)
			}
			e, err := c.NewEncoder(codec.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			s := speaker{rate: c.SampleRate, ptime: 20 * time.Millisecond, drift: drift, sound: sine(440, c.SampleRate, 10000), encode: e, jitter: 300 * time.Microsecond}
			out := s.talk(t, p, 1500, nil)
			db, at := worst(out[c.SampleRate:], 440, c.SampleRate)
			t.Logf("%s, drift %v: %.1f dB", c.Name, drift, db)
			if db > limits[c.Name] {
				t.Errorf("%s, drift %v: %.1f dB at %.2f s", c.Name, drift, db, 1+float64(at)/float64(c.SampleRate))
			}
		}
	}
}

// A leg that is heard now and then: each time it is there at once, at its full
// level and in the right place.
func TestHeardAgain(t *testing.T) {
	for _, c := range codec.All() {
		p, err := NewPlayout(c, c.ClockRate, jitter.Config{})
		if err != nil {
			t.Fatal(err)
		}
		e, err := c.NewEncoder(codec.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		heard := func(slot int) bool { return slot%100 >= 50 }
		s := speaker{rate: c.SampleRate, ptime: 20 * time.Millisecond, sound: sine(440, c.SampleRate, 10000), encode: e}
		out := s.talk(t, p, 1000, heard)
		for slot := 150; slot < 1000; slot += 100 {
			pcm := out[slot*p.slot : (slot+1)*p.slot]
			db, peak := residue(pcm, 440, c.SampleRate)
			if db > -20 || peak < 9000 || peak > 11000 {
				t.Errorf("%s: first slot heard: %.1f dB, amplitude %.0f of 10000", c.Name, db, peak)
			}
		}
	}
}

// Without the kept packets a decoder with a memory would be wrong: the test
// above proves something.
func TestColdDecoderIsWrong(t *testing.T) {
	for _, c := range codec.All() {
		if c.Name != codec.Opus.Name {
			continue
		}
		e, err := c.NewEncoder(codec.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		warm, _ := c.NewDecoder()
		cold, _ := c.NewDecoder()
		sound := sine(440, c.SampleRate, 10000)
		payload, a, b := make([]byte, codec.MaxPayload), make([]int16, 960), make([]int16, 960)
		for i := range 50 {
			n, err := e.Encode(payload, tone(sound, i*960, 960))
			if err != nil {
				t.Fatal(err)
			}
			if _, err = warm.Decode(a, payload[:n]); err != nil {
				t.Fatal(err)
			}
			if i == 49 {
				if _, err = cold.Decode(b, payload[:n]); err != nil {
					t.Fatal(err)
				}
			}
		}
		var wrong, right float64
		for i := range a {
			wrong += math.Pow(float64(a[i])-float64(b[i]), 2)
			right += math.Pow(float64(a[i]), 2)
		}
		if db := 10 * math.Log10(wrong/right); db < -20 {
			t.Errorf("%s: a cold decoder is wrong by %.1f dB only", c.Name, db)
		}
	}
}
