package conference

import (
	"strings"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"trivox/media/codec"
	"trivox/sip/sdp"
)

// resets makes a phone begin its sequence numbers anew, under the SSRC and the key that it has.
func (p *phone) resets() {
	p.seq, p.cloak.out = 1, p.cloak.context(p.t, p.cloak.key)
}

// rekeyings are those that were reported so far.
func (h *hall) rekeyings() (out []Rekeying) {
	for _, e := range h.events {
		if e.Kind == LegRekey {
			out = append(out, e.Rekeying)
		}
	}
	return out
}

// Q6: a phone that begins its sequence numbers anew is not heard, is asked for another key once, and is heard again when it
// takes one: from a call that goes on for everybody else. A key that stays lets nothing in (SE-1).
func TestRekey(t *testing.T) {
	h := newHall(t, nil)
	h.srtp = sdp.Offered
	asked := 0
	other := h.dial("tea", codec.PCMU, 20*time.Millisecond, sine(tones[1], amplitude, 8000))
	p := h.dialAs("tea", codec.PCMU, 20*time.Millisecond, sine(tones[0], amplitude, 8000), Request{Rekey: func() { asked++ }})
	p.seq = 20000 // far above those that it takes anew
	p.cloak = newCloak(t, "AES_CM_128_HMAC_SHA1_80", srtp.ProtectionProfileAes128CmHmacSha1_80)
	p.reinvite("sendrecv")
	want := func(heard bool, times int, kinds ...Rekeying) {
		t.Helper()
		h.run(3 * time.Second)
		p.hearing(t, amplitude, tones[1])
		if heard {
			other.hearing(t, amplitude, tones[0])
		} else {
			other.hearing(t, amplitude)
		}
		if got := h.rekeyings(); asked != times || strings.Join(names(got), " ") != strings.Join(names(kinds), " ") {
			t.Errorf("asked %d times, want %d; reported %v, want %v", asked, times, got, kinds)
		}
	}
	want(true, 0)
	p.resets()
	want(false, 1, RekeyAsked)

	first, err := p.leg.Rekey()
	if err != nil || strings.Contains(string(first), p.cloak.peers) || strings.Count(string(first), "a=crypto:") != 1 {
		t.Fatalf("%v\n%s", err, first)
	}
	if err := p.leg.Rekeyed(nil); err != nil { // refused: all is as it was
		t.Error(err)
	}
	want(false, 1, RekeyAsked, RekeyRefused)

	offer, err := p.leg.Rekey()
	if err != nil || originOf(string(offer)) == originOf(string(first)) {
		t.Fatalf("%v: an offer of the version that was refused\n%s", err, offer)
	}
	if err := p.leg.Rekeyed([]byte("nonsense")); err == nil {
		t.Error("nonsense was taken for an answer")
	}
	if err := p.leg.Rekeyed(p.offer("sendrecv")); err == nil {
		t.Error("an answer was taken twice")
	}
	want(false, 1, RekeyAsked, RekeyRefused, RekeyRefused, RekeyRefused)

	answer := func() {
		t.Helper()
		offer, err := p.leg.Rekey()
		if err != nil {
			t.Fatal(err)
		}
		p.cloak.answered(t, offer)
		if err := p.leg.Rekeyed(p.offer("sendrecv")); err != nil {
			t.Fatal(err)
		}
	}
	answer()
	want(false, 1, RekeyAsked, RekeyRefused, RekeyRefused, RekeyRefused, RekeySame)
	p.cloak.renew(t, 2)
	answer()
	want(true, 1, RekeyAsked, RekeyRefused, RekeyRefused, RekeyRefused, RekeySame, RekeyDone)
	if got := h.server.Stats().Rekeys; got != [rekeyings]uint64{RekeyAsked: 1, RekeyDone: 1, RekeySame: 1, RekeyRefused: 3} {
		t.Errorf("counted %v", got)
	}

	p.reinvite("sendonly") // on hold nothing is asked to change but the keys
	held, err := p.leg.Rekey()
	if err != nil || !strings.Contains(string(held), "a=recvonly\r\n") {
		t.Errorf("%v\n%s", err, held)
	}
	p.cloak.answered(t, held)
	if err := p.leg.Rekeyed(p.offer("sendonly")); err != nil || !h.participants()[1].Held {
		t.Errorf("held %v, %v", h.participants()[1].Held, err)
	}
	h.run(time.Second)
	other.hearing(t, amplitude)
}

func names(list []Rekeying) (out []string) {
	for _, k := range list {
		out = append(out, k.String())
	}
	return out
}

// A call in clear has no key that could be another, one that has ended none at all.
func TestNothingToRekey(t *testing.T) {
	h := newHall(t, nil)
	p := h.dial("tea", codec.PCMU, 20*time.Millisecond, nil)
	if offer, err := p.leg.Rekey(); offer != nil || err != nil {
		t.Errorf("%v\n%s", err, offer)
	}
	p.leg.end(Cause{})
	if offer, err := p.leg.Rekey(); err == nil {
		t.Errorf("ended:\n%s", offer)
	}
	if err := p.leg.Rekeyed(p.offer("sendrecv")); err == nil {
		t.Error("ended: an answer was taken")
	}
}
