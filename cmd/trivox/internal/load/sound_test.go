package load

import (
	"math"
	"slices"
	"testing"
	"time"

	"trivox/media/codec"
)

func soundPlan(t *testing.T, name string) plan {
	t.Helper()
	p, err := Options{URI: "sip:a@b", Legs: 4, Talkers: 3, Codec: name, Seconds: 1, Conferences: 1, Ramp: 50, Bitrate: 32000, Seed: 1}.check()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSpeech(t *testing.T) {
	a := speech(3, 5*speechRate, false)
	if !slices.Equal(a, speech(3, 5*speechRate, false)) {
		t.Error("the same seed gives another sound")
	}
	if slices.Equal(a, speech(4, 5*speechRate, false)) {
		t.Error("another seed gives the same sound")
	}
	if db := decibels(a); math.Abs(db+26) > 0.5 {
		t.Errorf("%.1f dBov, want -26", db)
	}
	quiet := 0
	n := speechRate / 50
	for at := 0; at < len(a); at += 10 * n { // no 200 ms without sound
		if decibels(a[at:at+10*n]) < -45 {
			quiet++
		}
	}
	if quiet > 0 {
		t.Errorf("%d quiet stretches in talk without pauses", quiet)
	}
	p := speech(3, 120*speechRate, true)
	silent := 0
	for at := 0; at < len(p); at += n {
		if decibels(p[at:at+n]) < -60 {
			silent++
		}
	}
	share := float64(silent) * float64(n) / float64(len(p))
	if want := meanPause / (meanPause + meanTalk); math.Abs(share-want) > 0.12 {
		t.Errorf("silent %.2f of the time, P.59 means %.2f", share, want)
	}
}

// A talker's sound, sent through nothing but a fixed delay, is found at that
// delay, whatever codec and whatever else is mixed in.
func TestDelayIsFound(t *testing.T) {
	for _, c := range codec.All() {
		s, err := makeSounds(soundPlan(t, c.Name))
		if err != nil {
			t.Fatal(err)
		}
		const took, from = 37 * time.Millisecond, 411
		l := s.talk[1]
		begun := 1000 * time.Second
		var list []captured
		for i := range 50 {
			j := from + i // beyond the loop's end: it repeats
			list = append(list, captured{
				arrival: begun + time.Duration(j)*slot + took + time.Duration(i%3)*100*time.Microsecond,
				ts:      uint32(j * c.ClockRate / 50), payload: l.payloads[j%len(l.payloads)],
			})
		}
		h, err := listen(c, list)
		if err != nil {
			t.Fatal(err)
		}
		d, ok := l.delay(h, begun)
		if !ok || d < took-time.Millisecond || d > took+time.Millisecond {
			t.Errorf("%s: %v %v, want %v", c.Name, d, ok, took)
		}
		if h.db < -36 || h.db > -16 {
			t.Errorf("%s: heard at %.0f dBov", c.Name, h.db)
		}
		if d, ok := s.talk[0].delay(h, begun); ok {
			t.Errorf("%s: another talker found at %v", c.Name, d)
		}
	}
}

func TestNoiseIsNotHeard(t *testing.T) {
	for _, c := range codec.All() {
		s, err := makeSounds(soundPlan(t, c.Name))
		if err != nil {
			t.Fatal(err)
		}
		var list []captured
		for i, p := range s.noise.payloads[:50] {
			list = append(list, captured{arrival: time.Duration(i) * slot, ts: uint32(i * c.ClockRate / 50), payload: p})
		}
		h, err := listen(c, list)
		if err != nil || h.db > audible-5 || h.db < -90 {
			t.Errorf("%s: noise at %.0f dBov, %v", c.Name, h.db, err)
		}
		if b := s.noise.levels[20]; b&0x80 != 0 || b < 50 {
			t.Errorf("%s: noise has level byte %#x", c.Name, b)
		}
	}
}
