package main

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"trivox/media/codec"
)

// Tones of a leg's own source and of those who try to be heard in its place.
const ownTone, rivalTone = 440, 830

// lair is a room with a listener and a leg whose port is spoken to from several places.
type lair struct {
	t        *testing.T
	server   *server
	leg      *telephone
	listener *telephone
}

func newLair(t *testing.T) *lair {
	t.Helper()
	s := serve(t, quiet)
	l := &lair{t: t, server: s, listener: dial(t, s, "tea", line{user: "listener"})}
	l.leg = dial(t, s, "tea", line{user: "leg", say: sine(ownTone, 0.1)})
	l.heard("the leg, to begin with", true, false)
	l.listener.skip(5 * time.Second) // what signalling opens is shut by now
	return l
}

// another is a source at a new port of the leg's address, or of another one.
func (l *lair) another(at string) source {
	return newSource(bind(l.t, netip.MustParseAddr(at)), l.leg.media)
}

// speak makes a source say a tone.
func (l *lair) speak(from source, hertz float64) *voice {
	return speak(l.t, from, codec.PCMU, sine(hertz, 0.1))
}

// heard judges what the listener hears after a second.
func (l *lair) heard(what string, own, rival bool) {
	l.t.Helper()
	l.listener.skip(time.Second)
	pcm := l.listener.listen(500 * time.Millisecond)
	a, b := strength(pcm, 8000, ownTone), strength(pcm, 8000, rivalTone)
	if (a > 0.02) != own || (b > 0.02) != rival {
		l.t.Errorf("%s: its own tone is at %.3f (to be heard: %v), the other at %.3f (%v)", what, a, own, b, rival)
	}
}

// Who is heard from a leg's port, and who is not (SIP.md RT-3, RT-4).
func TestWhoIsHeardFromAPort(t *testing.T) {
	t.Parallel()
	t.Run("new port, same SSRC", func(t *testing.T) {
		t.Parallel()
		l := newLair(t)
		from := l.leg.voice.stop()
		from.socket = bind(t, netip.MustParseAddr("127.0.0.1"))
		l.speak(from, rivalTone)
		l.heard("a new port with the same SSRC", false, true)
	})
	t.Run("new SSRC, same port", func(t *testing.T) {
		t.Parallel()
		l := newLair(t)
		l.leg.voice.stop()
		l.speak(newSource(l.leg.socket, l.leg.media), rivalTone)
		l.heard("a new SSRC from the same port", false, true)
	})
	t.Run("another address", func(t *testing.T) {
		t.Parallel()
		l := newLair(t)
		v := l.speak(l.another("127.0.0.9"), rivalTone)
		l.heard("another address, while the source sends", true, false)
		l.leg.voice.stop()
		l.heard("another address, after the source has stopped", false, false)
		l.server.becomes("2 s of packets are counted as coming from a foreign address", func() bool {
			return l.server.labelled("trivox_rtp_packets_dropped_total", "foreign address") >= 100
		})
		v.stop()
	})
	t.Run("a rival, then silence", func(t *testing.T) {
		t.Parallel()
		l := newLair(t)
		l.speak(l.another("127.0.0.1"), rivalTone)
		l.heard("another port and SSRC while the source sends", true, false)
		l.server.becomes("1 s of packets is counted as a rival's", func() bool {
			return l.server.labelled("trivox_rtp_packets_dropped_total", "rival source") >= 50
		})
		l.leg.voice.stop()
		l.heard("the same, 500 ms after the source stopped", false, true)
	})
	t.Run("both new after a re-INVITE", func(t *testing.T) {
		t.Parallel()
		l := newLair(t)
		to := l.another("127.0.0.1")
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if _, err := l.leg.dialog.Reinvite(ctx, offer(localPort(to.socket), codec.PCMU, 2, "sendrecv")); err != nil {
			t.Fatal(err)
		}
		l.speak(to, rivalTone) // the old source sends on: a phone that moves may take a while to fall silent
		l.heard("a new port and SSRC after a re-INVITE", false, true)
	})
}
