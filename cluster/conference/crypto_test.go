package conference

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"trivox/media"
	"trivox/media/codec"
	"trivox/sip/sdp"
)

// cloak is how a phone encrypts, by pion alone. A nil one does not.
type cloak struct {
	suite   string
	profile srtp.ProtectionProfile
	key     []byte
	peers   string // the key in the server's answer, as it stands there
	out, in *srtp.Context
	spoil   bool // its packets are changed under way
}

func newCloak(t testing.TB, suite string, profile srtp.ProtectionProfile) *cloak {
	c := &cloak{suite: suite, profile: profile}
	c.renew(t, 1)
	return c
}

// renew takes another key of the phone's own.
func (c *cloak) renew(t testing.TB, seed byte) {
	n, s := c.sizes(t)
	c.key = make([]byte, n+s)
	_, _ = rand.NewChaCha8([32]byte{seed, byte(c.profile)}).Read(c.key)
	c.out = c.context(t, c.key)
}

func (c *cloak) sizes(t testing.TB) (key, salt int) {
	key, err := c.profile.KeyLen()
	if err != nil {
		t.Fatal(err)
	}
	if salt, err = c.profile.SaltLen(); err != nil {
		t.Fatal(err)
	}
	return key, salt
}

func (c *cloak) context(t testing.TB, key []byte) *srtp.Context {
	n, _ := c.sizes(t)
	out, err := srtp.CreateContext(key[:n], key[n:], c.profile, srtp.SRTPReplayProtection(64))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// lines are profile and a=crypto of its offer.
func (c *cloak) lines() (profile, crypto string) {
	if c == nil {
		return "RTP/AVP", ""
	}
	return "RTP/SAVP", fmt.Sprintf("a=crypto:3 %s inline:%s\r\n", c.suite, base64.StdEncoding.EncodeToString(c.key))
}

var cryptoLine = regexp.MustCompile(`(?m)^a=crypto:3 (\S+) inline:(\S+)\r$`)

// answered takes the server's key; a key that stays keeps its context.
func (c *cloak) answered(t testing.TB, answer []byte) {
	t.Helper()
	m := cryptoLine.FindSubmatch(answer)
	if m == nil || string(m[1]) != c.suite {
		t.Fatalf("no key for %s with tag 3 in\n%s", c.suite, answer)
	}
	if string(m[2]) == c.peers {
		return
	}
	c.peers = string(m[2])
	key, err := base64.StdEncoding.DecodeString(c.peers)
	if err != nil {
		t.Fatal(err)
	}
	c.in = c.context(t, key)
}

func (c *cloak) seal(t testing.TB, b []byte) []byte {
	if c == nil {
		return b
	}
	out, err := c.out.EncryptRTP(nil, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.spoil {
		out[len(out)-1] ^= 1
	}
	return out
}

func (c *cloak) open(t testing.TB, b []byte) []byte {
	if c == nil {
		return b
	}
	out, err := c.in.DecryptRTP(nil, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// dialEncrypted is dial with a cloak, by re-INVITE: the phone called in clear.
func (h *hall) dialEncrypted(c codec.Codec, source func(int) float64, cloak *cloak) *phone {
	h.t.Helper()
	p := h.dial("tea", c, 20*time.Millisecond, source)
	p.cloak = cloak
	p.reinvite("sendrecv")
	return p
}

func (p *phone) reinvite(direction string) {
	p.t.Helper()
	answer, err := p.leg.Answer(p.offer(direction))
	if err != nil {
		p.t.Fatal(err)
	}
	if p.cloak != nil {
		p.cloak.answered(p.t, answer)
	}
}

func (h *hall) participants() []Participant {
	h.t.Helper()
	var people []Participant
	done := make(chan error, 1)
	go func() {
		var err error
		_, people, err = h.server.Show(context.Background(), "tea")
		done <- err
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				h.t.Fatal(err)
			}
			return people
		case f := <-h.worker.inbox:
			f(h.now)
		}
	}
}

// SE-1: encrypted legs, by whatever suite, and one in clear hear each other, over hold, resume and new keys; our own key
// and stream go on. What each is encrypted by is in the roster and in what is told of the call.
func TestEncryptedLegs(t *testing.T) {
	h := newHall(t, nil)
	h.srtp = sdp.Offered
	gcm := h.dialEncrypted(codec.Opus, sine(tones[0], amplitude, 48000), newCloak(t, "AEAD_AES_256_GCM", srtp.ProtectionProfileAeadAes256Gcm))
	cm := h.dialEncrypted(codec.PCMU, sine(tones[1], amplitude, 8000), newCloak(t, "AES_CM_128_HMAC_SHA1_32", srtp.ProtectionProfileAes128CmHmacSha1_32))
	clear := h.dial("tea", codec.G722, 20*time.Millisecond, sine(tones[2], amplitude, 16000))
	all := func() {
		t.Helper()
		h.run(3 * time.Second)
		gcm.hearing(t, amplitude, tones[1], tones[2])
		cm.hearing(t, amplitude, tones[0], tones[2])
		clear.hearing(t, amplitude, tones[0], tones[1])
	}
	all()
	for i, want := range []string{"AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_32", ""} {
		if got := h.participants()[i].Encryption; got != want {
			t.Errorf("participant %d is encrypted by %q, want %q", i, got, want)
		}
	}
	ours := gcm.cloak.peers
	gcm.reinvite("sendonly")
	h.run(time.Second)
	clear.hearing(t, amplitude, tones[1])
	gcm.packets = 0 // the timestamps of the hold are missing
	gcm.reinvite("sendrecv")
	all()
	gcm.cloak.renew(t, 2)
	gcm.reinvite("sendrecv")
	all()
	if gcm.cloak.peers != ours {
		t.Error("our key did not stay")
	}
	offer, err := gcm.leg.Offer()
	if err != nil || !strings.Contains(string(offer), ours) || strings.Count(string(offer), "a=crypto:") != 1 || !strings.Contains(string(offer), "RTP/SAVP") {
		t.Errorf("our own offer: %v\n%s", err, offer)
	}
	if n := h.worker.dropped[media.Unauthentic].Load() + h.worker.dropped[media.Replayed].Load(); n != 0 {
		t.Errorf("%d packets were refused", n)
	}
	cm.leg.End(Cause{})
	h.slot()
	last := h.events[len(h.events)-1]
	if last.Kind != LegEnded || last.Summary.Encryption != "AES_CM_128_HMAC_SHA1_32" || last.Summary.Unauthentic != 0 {
		t.Errorf("%+v", last)
	}
	h.phones = []*phone{gcm, clear}
}

// A call without an offer gets our keys, and its answer is understood by them.
func TestLateOfferEncrypted(t *testing.T) {
	h := newHall(t, nil)
	other := h.dial("tea", codec.PCMU, 20*time.Millisecond, sine(tones[1], amplitude, 8000))
	c := newCloak(t, "AES_CM_128_HMAC_SHA1_80", srtp.ProtectionProfileAes128CmHmacSha1_80)
	p := &phone{
		t: t, codec: codec.PCMU, speaks: codec.PCMU, ptime: 20 * time.Millisecond, cloak: c, next: h.now + Slot,
		source: sine(tones[0], amplitude, 8000), addr: netip.MustParseAddrPort("127.0.1.200:4000"),
	}
	var err error
	if p.encoder, err = codec.PCMU.NewEncoder(codec.Settings{PTime: p.ptime}); err != nil {
		t.Fatal(err)
	}
	if p.decoder, err = codec.PCMU.NewDecoder(); err != nil {
		t.Fatal(err)
	}
	p.leg, err = h.server.Enter(context.Background(), Request{
		Conference: "tea", Local: other.leg.request.Local, SRTP: sdp.Required, HangUp: func(Cause) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.phones = append(h.phones, p)
	offer, err := p.leg.Offer()
	if err != nil {
		t.Fatal(err)
	}
	c.answered(t, offer) // the line with tag 3 is the one of this suite
	if err := p.leg.SetAnswer(p.offer("sendrecv")); err != nil {
		t.Fatal(err)
	}
	h.run(3 * time.Second)
	p.hearing(t, amplitude, tones[1])
	other.hearing(t, amplitude, tones[0])
	var refusal *sdp.Refusal
	if err := p.leg.SetAnswer(other.offer("sendrecv")); !errors.As(err, &refusal) {
		t.Errorf("an answer in clear: %v", err)
	}
}

// Packets that were changed under way are not heard but counted, and those who wait for sound are told why none comes.
func TestTamperedLeg(t *testing.T) {
	h := newHall(t, nil)
	h.srtp = sdp.Offered
	p := h.dial("tea", codec.PCMU, 20*time.Millisecond, nil)
	p.cloak = newCloak(t, "AEAD_AES_128_GCM", srtp.ProtectionProfileAeadAes128Gcm)
	p.cloak.spoil = true
	p.reinvite("sendrecv")
	p.source = sine(tones[0], amplitude, 8000)
	h.run(7 * time.Second)
	if n := h.worker.dropped[media.Unauthentic].Load(); n < 340 {
		t.Errorf("%d packets were counted", n)
	}
	told := false
	for _, e := range h.events {
		if e.Kind == LegHeard {
			t.Error("it was heard")
		}
		told = told || e.Kind == LegSilent && e.Summary.Unauthentic > 200
	}
	if !told {
		t.Errorf("%+v", h.events)
	}
}

// The policy of a call decides: refused, or in clear.
func TestPolicyOfALeg(t *testing.T) {
	h := newHall(t, nil)
	p := h.dial("tea", codec.PCMU, 20*time.Millisecond, nil)
	clear := p.offer("sendrecv")
	p.cloak = newCloak(t, "AEAD_AES_128_GCM", srtp.ProtectionProfileAeadAes128Gcm)
	var refusal *sdp.Refusal
	if _, err := p.leg.Answer(p.offer("sendrecv")); !errors.As(err, &refusal) || refusal.Warning != sdp.WarnTransport {
		t.Errorf("encrypted, where that is off: %v", err)
	}
	p.leg.request.SRTP = sdp.Required
	if _, err := p.leg.Answer(clear); !errors.As(err, &refusal) || !strings.Contains(refusal.Text, "encrypted") {
		t.Errorf("in clear, where encryption is required: %v", err)
	}
	p.reinvite("sendrecv")
}
