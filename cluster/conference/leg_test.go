package conference

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"trivox/media"
	"trivox/media/codec"
	"trivox/sip/sdp"
)

// amplitude of a tone as loud as the gain makes speech: it leaves it alone.
const amplitude = 0.07

// Who holds is not heard, whichever way he says so, and hears again what he comes back to (SIP.md OA-3, USERS 13, 14).
func TestHold(t *testing.T) {
	holds := map[string]func(offer string) string{
		"sendonly": func(o string) string { return strings.Replace(o, "a=sendrecv", "a=sendonly", 1) },
		"inactive": func(o string) string { return strings.Replace(o, "a=sendrecv", "a=inactive", 1) },
		"0.0.0.0":  func(o string) string { return strings.Replace(o, "\r\nc=IN IP4 127.0.1.0", "\r\nc=IN IP4 0.0.0.0", 1) },
		"::":       func(o string) string { return strings.Replace(o, "\r\nc=IN IP4 127.0.1.0", "\r\nc=IN IP6 ::", 1) },
	}
	for name, hold := range holds {
		t.Run(name, func(t *testing.T) {
			h := newHall(t, nil)
			holder := h.dial("tea", codec.PCMU, 20*time.Millisecond, sine(tones[0], amplitude, 8000))
			other := h.dial("tea", codec.PCMU, 20*time.Millisecond, sine(tones[1], amplitude, 8000))
			h.run(2 * time.Second)
			other.hearing(t, amplitude, tones[0])

			if _, err := holder.leg.Answer([]byte(hold(string(holder.offer("sendrecv"))))); err != nil {
				t.Fatal(err)
			}
			h.run(2 * time.Second) // the holder's music goes on
			other.hearing(t, amplitude)
			packets := holder.packets
			h.run(time.Second)
			if holder.packets != packets {
				t.Errorf("the holder was sent %d packets", holder.packets-packets)
			}

			if _, err := holder.leg.Answer(holder.offer("sendrecv")); err != nil {
				t.Fatal(err)
			}
			holder.lastTS += uint32(packetsIn(3*time.Second) * 160) // the stream goes on in time (SIP.md RT-3)
			h.run(2 * time.Second)
			other.hearing(t, amplitude, tones[0])
			holder.hearing(t, amplitude, tones[1])
		})
	}
}

func packetsIn(d time.Duration) int { return int(d / Slot) }

func TestMute(t *testing.T) {
	h := newHall(t, nil)
	a := h.dial("tea", codec.PCMU, 20*time.Millisecond, sine(tones[0], amplitude, 8000))
	b := h.dial("tea", codec.PCMU, 20*time.Millisecond, sine(tones[1], amplitude, 8000))
	h.run(2 * time.Second)
	b.hearing(t, amplitude, tones[0])
	for _, muted := range []bool{true, false} {
		if err := h.server.Mute("tea", a.leg.ID(), muted); err != nil {
			t.Fatal(err)
		}
		h.run(2 * time.Second)
		if muted {
			b.hearing(t, amplitude)
		} else {
			b.hearing(t, amplitude, tones[0])
		}
		a.hearing(t, amplitude, tones[1])
	}
	if err := h.server.Mute("tea", "nobody", true); !errors.Is(err, ErrNoParticipant) {
		t.Errorf("muting nobody: %v", err)
	}
	if err := h.server.Mute("coffee", a.leg.ID(), true); !errors.Is(err, ErrNoConference) {
		t.Errorf("muting in no conference: %v", err)
	}
}

// Every packet time from 10 to 60 ms is sent as asked for, and heard (SIP.md OA-8).
func TestPacketTimes(t *testing.T) {
	h := newHall(t, nil)
	h.dial("tea", codec.G722, 20*time.Millisecond, sine(tones[0], amplitude, 16000))
	var listeners []*phone
	for _, ms := range []time.Duration{10, 20, 30, 40, 60} {
		for _, c := range []codec.Codec{codec.PCMU, codec.Opus} {
			if c == codec.Opus && ms == 30 {
				continue // Opus has no frames of 30 ms
			}
			listeners = append(listeners, h.dial("tea", c, ms*time.Millisecond, nil))
		}
	}
	h.run(3 * time.Second)
	for _, l := range listeners {
		if got, want := l.packets, int(3*time.Second/l.ptime); got < want-4 || got > want {
			t.Errorf("%s of %v: %d packets in 3 s, want %d", l.codec.Name, l.ptime, got, want)
		}
		l.hearing(t, amplitude, tones[0])
	}
	talker := h.dial("tea", codec.PCMA, 30*time.Millisecond, sine(tones[1], amplitude, 8000))
	h.run(3 * time.Second)
	for _, l := range listeners {
		l.hearing(t, amplitude, tones[0], tones[1])
	}
	talker.hearing(t, amplitude, tones[0])
}

// Digits come out as events and are not heard (SIP.md RT-8, USERS 11, 12).
func TestDigits(t *testing.T) {
	h := newHall(t, nil)
	a := h.dial("tea", codec.PCMU, 20*time.Millisecond, nil)
	b := h.dial("tea", codec.PCMU, 20*time.Millisecond, nil)
	h.run(time.Second)
	press := func(event byte, packets int) {
		begun := a.stamp
		for i := range packets + 3 {
			end := byte(0)
			if i >= packets {
				end = 0x80
			}
			units := uint16(160 * min(i+1, packets))
			a.next, a.stamp = h.now+Slot, begun
			a.send(101, []byte{event, end | 10, byte(units >> 8), byte(units)})
			if i < packets {
				h.slot()
			}
		}
		a.stamp = begun + 160*uint32(packets)
		h.run(200 * time.Millisecond)
	}
	press(1, 5)
	press(2, 5)
	a.leg.Digit('#', 250*time.Millisecond)
	h.run(time.Second)
	var digits string
	for _, e := range h.events {
		if e.Kind == LegDigit {
			digits += string(rune(e.Digit))
			if e.Leg != a.leg.ID() {
				t.Errorf("digit %c of leg %s, want %s", e.Digit, e.Leg, a.leg.ID())
			}
		}
	}
	if digits != "12#" {
		t.Errorf("digits %q, want 12#", digits)
	}
	for _, f := range []float64{697, 1209, 1336} {
		if got := b.level(f, 2*time.Second); got > 0.001 {
			t.Errorf("%v Hz of the keys is heard at %.4f", f, got)
		}
	}
}

// An address that cannot be sent to makes a leg that is not sent to, and is heard all the same.
func TestUnsendableAddress(t *testing.T) {
	for _, addr := range []string{"255.255.255.255", "224.0.0.1", "240.0.0.1", "0.0.0.1"} {
		t.Run(addr, func(t *testing.T) {
			h := newHall(t, nil)
			listener := h.dial("tea", codec.PCMU, 20*time.Millisecond, nil)
			l, err := h.server.Enter(context.Background(), Request{
				Conference: "tea", URI: "sip:x@test", Local: netip.MustParseAddr("127.0.0.1"), HangUp: func(Cause) {},
			})
			if err != nil {
				t.Fatal(err)
			}
			offer := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n", addr)
			if _, err := l.Answer([]byte(offer)); err != nil {
				t.Fatal(err)
			}
			h.run(time.Second)
			if listener.packets < 48 {
				t.Errorf("the other leg got %d packets", listener.packets)
			}
			l.end(Cause{})
		})
	}
}

func TestLimits(t *testing.T) {
	h := newHall(t, func(c *Config) { c.MaxConferences, c.MaxParticipants = 2, 2 })
	enter := func(room string) error {
		l, err := h.server.Enter(context.Background(), Request{Conference: room, Local: netip.MustParseAddr("127.0.0.1"), HangUp: func(Cause) {}})
		if err == nil {
			t.Cleanup(func() { l.End(Cause{}) })
		}
		return err
	}
	for _, step := range []struct {
		room string
		want error
	}{{"a", nil}, {"a", nil}, {"a", ErrFull}, {"b", nil}, {"c", ErrTooMany}} {
		if _, err := h.server.Known(step.room); !errors.Is(err, step.want) {
			t.Errorf("before entering %s: %v, want %v", step.room, err, step.want)
		}
		if err := enter(step.room); !errors.Is(err, step.want) {
			t.Errorf("entering %s: %v, want %v", step.room, err, step.want)
		}
	}
	for name, open := range map[string]bool{"a": true, "c": false} {
		if exists, err := h.server.Known(name); exists != open || err == nil {
			t.Errorf("%s is known: %v, %v", name, exists, err)
		}
	}
	if err := h.server.Lock("b", true); err != nil {
		t.Fatal(err)
	}
	if exists, err := h.server.Known("b"); !exists || !errors.Is(err, ErrLocked) {
		t.Errorf("a locked conference is known: %v, %v", exists, err)
	}
	if err := enter("b"); !errors.Is(err, ErrLocked) {
		t.Errorf("entering a locked conference: %v", err)
	}
	if err := h.server.Lock("b", false); err != nil {
		t.Fatal(err)
	}
	if err := enter("b"); err != nil {
		t.Errorf("entering an unlocked conference: %v", err)
	}
}

// A call without RTP is reported, then ended; one on hold is not (USERS 6, 15).
func TestNoRTP(t *testing.T) {
	h := newHall(t, func(c *Config) { c.RTPTimeout = 20 * time.Second })
	silent := h.dial("tea", codec.PCMU, 20*time.Millisecond, nil)
	holder := h.dial("tea", codec.PCMU, 20*time.Millisecond, nil)
	talker := h.dial("tea", codec.PCMU, 20*time.Millisecond, sine(440, 0.1, 8000))
	if _, err := holder.leg.Answer(holder.offer("inactive")); err != nil {
		t.Fatal(err)
	}
	h.run(6500 * time.Millisecond)
	var alarms []string
	for _, e := range h.events {
		if e.Kind == LegSilent {
			alarms = append(alarms, e.Leg+" "+e.Address)
		}
	}
	if want := silent.leg.ID() + " " + silent.addr.String(); len(alarms) != 1 || alarms[0] != want {
		t.Errorf("alarms %q, want %q", alarms, want)
	}
	h.run(20 * time.Second)
	if len(silent.hungUp) == 0 || silent.hungUp[0].Code != 408 {
		t.Errorf("the silent call was hung up with %v", silent.hungUp)
	}
	if len(holder.hungUp)+len(talker.hungUp) > 0 {
		t.Errorf("the holder was hung up with %v, the talker with %v", holder.hungUp, talker.hungUp)
	}
}

// A tick with sound allocates nothing (STYLE 14).
func TestTickAllocatesNothing(t *testing.T) {
	h := newHall(t, nil)
	for i, c := range []codec.Codec{codec.PCMU, codec.G722, codec.Opus, codec.PCMA, codec.PCMU} {
		h.dial("tea", c, 20*time.Millisecond, sine(tones[i], 0.02*float64(i+1), c.SampleRate))
	}
	h.srtp = sdp.Offered
	h.dialEncrypted(codec.PCMU, sine(tones[0], 0.15, 8000), newCloak(t, "AEAD_AES_128_GCM", srtp.ProtectionProfileAeadAes128Gcm))
	h.dialEncrypted(codec.Opus, sine(tones[1], 0.2, 48000), newCloak(t, "AES_CM_128_HMAC_SHA1_80", srtp.ProtectionProfileAes128CmHmacSha1_80))
	h.run(2 * time.Second)
	phones := h.phones
	h.phones = nil // sending and hearing is the test's own
	defer func() { h.phones = phones }()
	queues := make([][]datagram, len(phones))
	for range 300 {
		h.now += Slot
		for i, p := range phones {
			p.speak(h.now)
			queues[i] = append(queues[i], p.outbox...)
			p.outbox = nil
		}
	}
	io := &replay{phones: phones, queues: queues}
	h.worker.io = io
	h.now -= 300 * Slot
	n := testing.AllocsPerRun(250, func() {
		h.now += Slot
		h.worker.tick(h.now, 0)
		io.next++
	})
	h.worker.io = h
	if n > 0 {
		t.Errorf("a tick allocates %v times", n)
	}
	if io.sent < 250*len(phones) {
		t.Errorf("%d packets were sent", io.sent)
	}
}

// replay is an IO that gives one datagram of each phone a sweep.
type replay struct {
	phones []*phone
	queues [][]datagram
	next   int
	sent   int
}

func (r *replay) Sweep(socks []*media.Socket, each func(int, []byte, netip.AddrPort, time.Duration)) {
	for i, s := range socks {
		for k, p := range r.phones {
			if p.leg.pair.RTP == s {
				d := r.queues[k][r.next]
				each(i, d.b, p.addr, d.at)
			}
		}
	}
}

func (r *replay) Send(*media.Socket, []byte, netip.AddrPort) error { r.sent++; return nil }

func (r *replay) Flush() {}
