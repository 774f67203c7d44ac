package conference

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"trivox/media"
	"trivox/media/codec"
)

// Two legs that are put through to each other are not heard, and reported; the others hear each other as before. Who
// then sends something of its own is heard again (SIP.md RT-12).
func TestLegsPutThroughToEachOther(t *testing.T) {
	h := newHall(t, nil)
	talker := h.dial("tea", codec.PCMU, Slot, sine(tones[0], amplitude, 8000))
	listener := h.dial("tea", codec.PCMU, Slot, nil)
	a, b := h.dial("tea", codec.PCMU, Slot, nil), h.dial("tea", codec.PCMU, Slot, nil)
	h.worker.io = &through{hall: h, a: a, b: b}
	h.run(4 * time.Second)
	listener.hearing(t, amplitude, tones[0])
	talker.hearing(t, amplitude)
	looped := make(map[string]bool)
	for _, e := range h.events {
		if e.Kind == LegLooped {
			looped[e.Leg] = true
		}
	}
	if len(looped) != 2 || !looped[a.leg.ID()] || !looped[b.leg.ID()] {
		t.Errorf("loops reported of %v", looped)
	}
	h.worker.io = h
	a.source = sine(tones[1], amplitude, 8000)
	h.run(3 * time.Second)
	listener.hearing(t, amplitude, tones[0], tones[1])
}

// through hands what is sent to one of two phones to the leg of the other.
type through struct {
	*hall
	a, b *phone
}

// Send is media.IO's.
func (x *through) Send(s *media.Socket, b []byte, to netip.AddrPort) error {
	for from, other := range map[*phone]*phone{x.a: x.b, x.b: x.a} {
		if to == from.addr && !media.IsRTCP(b) {
			other.outbox = append(other.outbox, datagram{bytes.Clone(b), x.now})
		}
	}
	return x.hall.Send(s, b, to)
}
