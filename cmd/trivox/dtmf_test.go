package main

import (
	"testing"
	"time"

	"trivox/media/codec"
)

// Keys pressed on a softphone (RFC 4733) are events in the log, one each, and nobody hears them.
func TestKeysOfBaresip(t *testing.T) {
	t.Parallel()
	s := serve(t, quiet)
	listener := dial(t, s, "tea", line{user: "listener"})
	p := startBaresip(t, "presser", codec.PCMU, sine(440, 0.1), time.Minute)
	p.dial(s.room("tea"))
	listener.skip(2 * time.Second)
	from := listener.count()
	p.command("sndcode", "159#")
	s.await(4, "key presses", func(e event) bool { return e.is("dtmf") })
	listener.skip(time.Second)
	unheard(t, listener.decode(from, listener.count()), 0.1)
	pressed(t, s, "159#")
}

// pressed judges the keys that the log tells of.
func pressed(t *testing.T, s *server, want string) {
	t.Helper()
	found, _ := s.events(func(e event) bool { return e.is("dtmf") })
	got := ""
	for _, e := range found {
		got += e.text("digit")
	}
	if got != want {
		t.Errorf("the log tells of the keys %q, want %q", got, want)
	}
}

// unheard judges sound in which a tone of 440 Hz goes on and no key may be heard: a key is a low and a high tone at once
// (ITU-T Q.23), a click in what goes on is near the low ones alone.
func unheard(t *testing.T, pcm []int16, amplitude float64) {
	t.Helper()
	const window = 800 // 100 ms: shorter than any key is worth hearing
	for at := 0; at+window <= len(pcm); at += window / 2 {
		loudest := func(hertz ...float64) (most float64) {
			for _, h := range hertz {
				most = max(most, level(pcm[at:at+window], 8000, h))
			}
			return most
		}
		if low, high := loudest(697, 770, 852, 941), loudest(1209, 1336, 1477, 1633); min(low, high) > amplitude/20 {
			t.Errorf("a key is heard, its low tone at %.3f and its high one at %.3f", low, high)
		}
	}
}
