package conference

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"trivox/media"
	"trivox/media/codec"
)

func mediaDigit(key byte) media.Digit { return media.Digit{Key: key, Duration: 200 * ms} }

// pressed are the digits that a phone was sent, and how many packets it took.
func (p *phone) pressed(rate int) (out []media.Digit) {
	d := media.NewDigits(rate)
	for _, k := range p.keys {
		d.Receive(k.at, binary.BigEndian.Uint32(k.b[4:]), k.b[12:])
	}
	d.Reset()
	for digit, ok := d.Next(); ok; digit, ok = d.Next() {
		out = append(out, digit)
	}
	return out
}

// In a call between two the digits of one go to the other, as events with three ends and no sound beside them (RT-8);
// there are no tones, and nobody else dials in.
func TestCallOfTwo(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCMU, codec.Opus} {
		for _, ptime := range []time.Duration{20 * ms, 60 * ms} {
			t.Run(c.Name+" "+ptime.String(), func(t *testing.T) {
				h := newHall(t, func(c *Config) { c.AloneTone, c.JoinTone = true, true })
				private := Request{Opens: Opening{Private: true}}
				a := h.dialAs("call", codec.PCMU, 20*ms, func(int) float64 { return 0 }, private)
				h.run(time.Second)
				b := h.dialAs("call", c, ptime, func(int) float64 { return 0 }, private)
				h.run(2 * time.Second)
				if got := max(a.peak(0), b.peak(0)); got > 10 {
					t.Errorf("tones with a peak of %d", got)
				}
				if _, err := h.server.Enter(context.Background(), request("call")); !errors.Is(err, ErrPrivate) {
					t.Errorf("a stranger dials in: %v", err)
				}
				b.stalls = true
				begun, sound := b.lastTS, b.packets
				a.leg.Digit('5', 200*ms)
				a.leg.Digit('#', 10*ms)
				h.run(time.Second)
				got := b.pressed(c.ClockRate)
				if len(got) != 2 || got[0] != mediaDigit('5') || got[1] != (media.Digit{Key: '#', Duration: relayLeast}) {
					t.Fatalf("digits %v", got)
				}
				if want := 10 + 2 + 4 + 2; len(b.keys) != want {
					t.Errorf("%d packets of events, want %d", len(b.keys), want)
				}
				marks := 0
				for i, k := range b.keys {
					if k.b[1]&0x80 != 0 {
						marks++
					} else if binary.BigEndian.Uint32(k.b[4:]) != binary.BigEndian.Uint32(b.keys[i-1].b[4:]) {
						t.Errorf("packet %d has a timestamp of its own", i)
					}
				}
				if marks != 2 {
					t.Errorf("%d packets are marked as first", marks)
				}
				if want := int((time.Second - 18*Slot) / ptime); b.packets-sound < want-1 || b.packets-sound > want+1 {
					t.Errorf("%d packets of sound in the rest of the second, want %d", b.packets-sound, want)
				}
				if want := uint32(int(time.Second/ptime) * c.ClockRate * int(ptime) / int(time.Second)); b.lastTS-begun > want+uint32(c.ClockRate/10) || b.lastTS-begun+uint32(c.ClockRate/10) < want {
					t.Errorf("timestamps went on by %d in a second, want %d", b.lastTS-begun, want)
				}
				if len(a.keys) > 0 {
					t.Errorf("its own digits came back: %v", a.pressed(8000))
				}
			})
		}
	}
}

// In a conference digits go nowhere (USERS 12), nor to one who cannot take them.
func TestDigitsStay(t *testing.T) {
	h := newHall(t, nil)
	a := h.dial("tea", codec.PCMU, 20*ms, nil)
	b := h.dial("tea", codec.PCMU, 20*ms, nil)
	private := request("call")
	private.Opens.Private = true
	deaf, err := h.server.Enter(context.Background(), private)
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.end(Cause{})
	if _, err := deaf.Answer(offerOf(9000, 0, "sendrecv")); err != nil { // names no telephone-event
		t.Fatal(err)
	}
	c := h.dialAs("call", codec.PCMU, 20*ms, nil, Request{Opens: Opening{Private: true}})
	h.run(100 * ms)
	a.leg.Digit('1', 100*ms)
	c.leg.Digit('1', 100*ms)
	h.run(time.Second)
	if len(a.keys)+len(b.keys)+len(c.keys) > 0 {
		t.Error("digits were passed on")
	}
	if deaf.line.relay.dialer != nil {
		t.Error("one who takes no digits would be sent some")
	}
}

// A conference ends after its lifetime, counted from its first participant, and with its last host.
func TestEnds(t *testing.T) {
	h := newHall(t, nil)
	opens := Opening{Lifetime: 10 * time.Second, EndsWithHost: true, NMax: 1}
	outside := h.dialAs("tea", codec.PCMU, 20*ms, nil, Request{Lobby: true, Opens: opens})
	h.run(9 * time.Second)
	var hosts []*phone
	for range 2 {
		hosts = append(hosts, h.dialAs("tea", codec.PCMU, 20*ms, nil, Request{Moderator: true, Opens: opens}))
	}
	guest := h.dialAs("tea", codec.PCMU, 20*ms, nil, Request{Opens: opens})
	if n := h.worker.conferences[0].cfg.NMax; n != 1 {
		t.Errorf("%d floors, want 1", n)
	}
	h.run(5 * time.Second)
	hosts[0].leg.end(Cause{})
	if len(guest.hungUp) > 0 {
		t.Errorf("hung up with %v while a host is in", guest.hungUp)
	}
	hosts[1].leg.end(Cause{})
	if c := guest.hungUp; len(c) != 1 || c[0].Text == "" || len(outside.hungUp) > 0 {
		t.Errorf("the last host has left: the guest was hung up with %v, who is outside with %v", c, outside.hungUp)
	}
	guest.leg.end(Cause{})
	h.run(7 * time.Second)
	if len(outside.hungUp) > 0 {
		t.Errorf("a lobby has no lifetime: %v", outside.hungUp)
	}
	late := h.dialAs("tea", codec.PCMU, 20*ms, nil, Request{Opens: opens})
	h.run(9 * time.Second)
	if len(late.hungUp) > 0 {
		t.Errorf("hung up too early with %v", late.hungUp)
	}
	h.run(3 * time.Second)
	if len(late.hungUp) == 0 || late.hungUp[0].Text != "this conference ends after 10s" || len(outside.hungUp) == 0 {
		t.Errorf("after its lifetime: %v, %v", late.hungUp, outside.hungUp)
	}
}
