package conference

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"trivox/media/codec"
	"trivox/sip/sdp"
)

// earlyCall is a call between two, of which nobody has answered yet.
type earlyCall struct {
	*hall
	caller *phone
}

// newEarlyCall makes one whose caller has the answer to his offer already.
func newEarlyCall(t *testing.T, source func(int) float64, change func(*Config)) *earlyCall {
	t.Helper()
	h := newHall(t, change)
	p := h.phoneOf(h.side(false, sdp.Off), codec.PCMU, source)
	p.leg.Early(true)
	if _, err := p.leg.Answer(p.offer("sendrecv")); err != nil {
		t.Fatal(err)
	}
	return &earlyCall{h, p}
}

// side enters a leg of the call.
func (h *hall) side(called bool, policy sdp.Policy) *Leg {
	h.t.Helper()
	leg, err := h.server.Enter(context.Background(), Request{
		Conference: "call-1", Local: netip.MustParseAddr("127.0.0.1"), Called: called, SRTP: policy, Opens: Opening{Private: true}, HangUp: func(Cause) {},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return leg
}

// phoneOf is a phone at a leg; there may be several at one, behind a proxy.
func (h *hall) phoneOf(leg *Leg, c codec.Codec, source func(int) float64) *phone {
	h.t.Helper()
	p := &phone{
		t: h.t, leg: leg, wall: func() time.Duration { return h.now }, codec: c, speaks: c, pt: uint8(c.PayloadType), ptime: 20 * ms,
		source: source, next: h.now + Slot, addr: netip.MustParseAddrPort(fmt.Sprintf("127.0.1.%d:4000", len(h.phones))),
	}
	var err error
	if p.encoder, err = c.NewEncoder(codec.Settings{PTime: p.ptime}); err != nil {
		h.t.Fatal(err)
	}
	if p.decoder, err = c.NewDecoder(); err != nil {
		h.t.Fatal(err)
	}
	leg.request.HangUp = func(c Cause) { p.hungUp = append(p.hungUp, c) }
	h.phones = append(h.phones, p)
	return p
}

// take has the leg of a phone take the phone's answer.
func (p *phone) take() {
	p.t.Helper()
	if err := p.leg.SetAnswer(p.offer("sendrecv")); err != nil {
		p.t.Fatal(err)
	}
}

// gateway is a phone that is called and has sound before it answers.
func (c *earlyCall) gateway(k codec.Codec, source func(int) float64) *phone {
	c.t.Helper()
	p := c.phoneOf(c.side(true, sdp.Off), k, source)
	if _, err := p.leg.Offer(); err != nil {
		c.t.Fatal(err)
	}
	p.leg.Early(true)
	p.take()
	return p
}

// Before the answer sound goes both ways, and keys do. The time of a call begins with its answer, and so does the wait for
// sound: many phones send none before.
func TestEarlySound(t *testing.T) {
	c := newEarlyCall(t, sine(tones[0], amplitude, 8000), func(c *Config) { c.RTPTimeout, c.RTPAlarm, c.MaxCall = 4*time.Second, 2*time.Second, 6*time.Second })
	gateway := c.gateway(codec.PCMA, sine(tones[1], amplitude, 8000))
	c.run(3 * time.Second)
	c.caller.hearing(t, amplitude, tones[1])
	gateway.hearing(t, amplitude, tones[0])
	gateway.stalls = true // what comes beside a key has times of its own
	c.caller.leg.Digit('5', 200*ms)
	c.caller.source, gateway.source = nil, nil
	c.run(10 * time.Second)
	if got := gateway.pressed(8000); len(got) != 1 || got[0] != mediaDigit('5') {
		t.Errorf("keys %v", got)
	}
	silent := func(e Event) bool { return e.Kind == LegSilent }
	if len(c.caller.hungUp)+len(gateway.hungUp) > 0 || slices.ContainsFunc(c.events, silent) {
		t.Fatalf("hung up before the answer: %v %v %v", c.caller.hungUp, gateway.hungUp, c.events)
	}
	answered := c.now
	for _, p := range []*phone{c.caller, gateway} {
		p.leg.Early(false)
	}
	c.caller.leg.Early(false) // says nothing new
	c.run(3 * time.Second)
	if len(c.caller.hungUp)+len(gateway.hungUp) > 0 {
		t.Errorf("hung up too early: %v, %v", c.caller.hungUp, gateway.hungUp)
	}
	c.run(3 * time.Second)
	if len(c.caller.hungUp) == 0 || c.caller.hungUp[0].Code != 408 || len(gateway.hungUp) == 0 {
		t.Errorf("no sound since the answer: %v, %v", c.caller.hungUp, gateway.hungUp)
	}
	for _, p := range []*phone{c.caller, gateway} {
		over := p.leg.end(Cause{})
		c.slot()
		<-over
		if s := p.leg.summary; s.Answered != answered+Slot || s.Duration != s.Ended-s.Answered || s.Received == 0 {
			t.Errorf("answered at %v: %+v", answered, s)
		}
	}
}

// A call that nobody answers was not answered, whatever was heard.
func TestEarlySoundOnly(t *testing.T) {
	c := newEarlyCall(t, nil, nil)
	gateway := c.gateway(codec.PCMU, sine(tones[1], amplitude, 8000))
	c.run(time.Second)
	c.caller.hearing(t, amplitude, tones[1])
	for _, p := range []*phone{c.caller, gateway} {
		over := p.leg.end(Cause{Code: 486})
		c.slot()
		<-over
		if s := p.leg.summary; s.Answered != 0 || s.Duration != s.Ended-s.Entered || s.Codec != "PCMU" || s.Sent == 0 {
			t.Errorf("%+v", s)
		}
	}
}

// The phone that answers is another than the one that was heard, at another address and with another codec: behind the same
// leg, or on a leg of its own. The caller hears the one and then the other, in one stream.
func TestEarlySoundOfAnother(t *testing.T) {
	for _, same := range []bool{true, false} {
		c := newEarlyCall(t, sine(tones[0], amplitude, 8000), nil)
		first := c.gateway(codec.PCMU, sine(tones[1], amplitude, 8000))
		c.run(2 * time.Second)
		c.caller.hearing(t, amplitude, tones[1])
		leg := first.leg
		if !same {
			leg = c.side(true, sdp.Off)
			if _, err := leg.Offer(); err != nil {
				t.Fatal(err)
			}
		}
		second := c.phoneOf(leg, codec.G722, sine(tones[2], amplitude, 16000))
		second.take()
		first.source = nil
		if !same {
			first.leg.end(Cause{Code: 487})
		}
		leg.Early(false)
		c.caller.leg.Early(false)
		c.run(3 * time.Second)
		c.caller.hearing(t, amplitude, tones[2])
		second.hearing(t, amplitude, tones[0])
	}
}

// A phone that spoke for long before anybody listened is heard without the delay of what it had said by then.
func TestEarlySoundOfOneWhoWaited(t *testing.T) {
	c := newEarlyCall(t, nil, nil)
	p := c.phoneOf(c.side(true, sdp.Off), codec.PCMU, sine(tones[1], amplitude, 8000))
	if _, err := p.leg.Offer(); err != nil {
		t.Fatal(err)
	}
	c.run(5 * time.Second)
	p.leg.Early(true)
	p.take()
	c.run(3 * time.Second)
	c.caller.hearing(t, amplitude, tones[1])
	if st := p.leg.line.playout.Stats(); st.Delay > 150*ms {
		t.Errorf("it is heard %v late", st.Delay)
	}
}

// Sound before the answer is encrypted as that after it, by the key of whoever is heard. (SE-1)
func TestEarlySoundEncrypted(t *testing.T) {
	c := newEarlyCall(t, sine(tones[0], amplitude, 8000), nil)
	leg := c.side(true, sdp.Offered)
	offer, err := leg.Offer()
	if err != nil {
		t.Fatal(err)
	}
	leg.Early(true)
	var heard []*phone
	for i, hertz := range []float64{tones[1], tones[2]} {
		p := c.phoneOf(leg, codec.PCMU, sine(hertz, amplitude, 8000))
		p.cloak = newCloak(t, "AES_CM_128_HMAC_SHA1_80", srtp.ProtectionProfileAes128CmHmacSha1_80)
		p.cloak.renew(t, byte(i))
		p.cloak.answered(t, offer)
		p.take()
		for _, before := range heard {
			before.source = nil
		}
		heard = append(heard, p)
		c.run(3 * time.Second)
		c.caller.hearing(t, amplitude, hertz)
		p.hearing(t, amplitude, tones[0])
	}
	leg.Early(false)
	over := leg.end(Cause{})
	c.slot()
	<-over
	if s := leg.summary; s.Encryption != "AES_CM_128_HMAC_SHA1_80" || s.Unauthentic > 0 {
		t.Errorf("%+v", s)
	}
}
