package conference

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"trivox/media/codec"
	"trivox/sip/sdp"
)

// A re-INVITE may change the codec: sequence numbers go on, everybody hears everybody (SIP.md OA-5, Q12).
func TestCodecChange(t *testing.T) {
	h := newHall(t, nil)
	other := h.dial("tea", codec.PCMU, 20*time.Millisecond, sine(tones[1], amplitude, 8000))
	p := h.dial("tea", codec.PCMU, 20*time.Millisecond, sine(tones[0], amplitude, 8000))
	h.run(2 * time.Second)
	for _, c := range []codec.Codec{codec.Opus, codec.G722, codec.PCMA} {
		if err := p.turn(c); err != nil {
			t.Fatal(err)
		}
		p.packets = 0 // sequence numbers are looked at again from here
		last := p.lastSeq
		h.slot()
		if p.packets == 1 && p.lastSeq != last+1 {
			t.Errorf("the change to %s left a gap in the sequence: %d after %d", c.Name, p.lastSeq, last)
		}
		h.run(3 * time.Second)
		p.hearing(t, amplitude, tones[1])
		other.hearing(t, amplitude, tones[0])
	}
}

// turn makes the phone speak another codec.
func (p *phone) turn(c codec.Codec) (err error) {
	p.codec, p.speaks, p.pt, p.heard = c, c, uint8(c.PayloadType), nil
	p.source = sine(tones[0], amplitude, c.SampleRate)
	if p.encoder, err = c.NewEncoder(codec.Settings{PTime: p.ptime}); err != nil {
		return err
	}
	if p.decoder, err = c.NewDecoder(); err != nil {
		return err
	}
	_, err = p.leg.Answer(p.offer("sendrecv"))
	return err
}

// A name in place of an address is looked up; one that leads nowhere is refused (SIP.md OA-12).
func TestNameInSDP(t *testing.T) {
	h := newHall(t, func(c *Config) {
		c.Resolve = func(_ context.Context, host string) (netip.Addr, error) {
			if host == "phone.example" {
				return netip.MustParseAddr("127.0.1.0"), nil
			}
			return netip.Addr{}, errors.New("no such host")
		}
	})
	p := h.dial("tea", codec.PCMU, 20*time.Millisecond, nil)
	named := func(host string) []byte {
		return []byte(strings.Replace(string(p.offer("sendrecv")), "\r\nc=IN IP4 127.0.1.0", "\r\nc=IN IP4 "+host, 1))
	}
	if _, err := p.leg.Answer(named("phone.example")); err != nil {
		t.Fatal(err)
	}
	h.run(time.Second)
	if p.packets < 48 {
		t.Errorf("%d packets came to the name's address", p.packets)
	}
	var refusal *sdp.Refusal
	if _, err := p.leg.Answer(named("nowhere.example")); !errors.As(err, &refusal) || refusal.Warning != sdp.WarnAddress {
		t.Errorf("a name without an address: %v", err)
	}
}

// A call without an offer gets ours, and is heard once it has answered (SIP.md OA-4).
func TestLateOffer(t *testing.T) {
	h := newHall(t, nil)
	other := h.dial("tea", codec.PCMU, 20*time.Millisecond, sine(tones[1], amplitude, 8000))
	p := h.dial("tea", codec.PCMA, 20*time.Millisecond, sine(tones[0], amplitude, 8000))
	offer, err := p.leg.Offer()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"opus/48000/2", "G722/8000", "PCMU/8000", "PCMA/8000", "telephone-event/8000"} {
		if !strings.Contains(string(offer), name) {
			t.Errorf("our offer lacks %s:\n%s", name, offer)
		}
	}
	if err := p.leg.SetAnswer(p.offer("sendrecv")); err != nil {
		t.Fatal(err)
	}
	h.run(3 * time.Second)
	p.hearing(t, amplitude, tones[1])
	other.hearing(t, amplitude, tones[0])
	if err := p.leg.SetAnswer([]byte("v=0\r\n")); err == nil {
		t.Error("an answer that cannot be read was taken")
	}
}

// Who answered our offer with several codecs may send any of them, and change (RFC 3264, 6.1).
func TestAnswerWithSeveralCodecs(t *testing.T) {
	h := newHall(t, nil)
	other := h.dial("tea", codec.PCMU, 20*time.Millisecond, nil)
	p := h.dial("tea", codec.PCMU, 20*time.Millisecond, sine(tones[0], amplitude, 8000))
	if _, err := p.leg.Offer(); err != nil {
		t.Fatal(err)
	}
	answer := strings.Replace(string(p.offer("sendrecv")), "RTP/AVP 0 101", "RTP/AVP 0 8 9 101", 1)
	if err := p.leg.SetAnswer([]byte(answer)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []codec.Codec{codec.PCMA, codec.G722, codec.PCMU} {
		encoder, err := c.NewEncoder(codec.Settings{PTime: p.ptime})
		if err != nil {
			t.Fatal(err)
		}
		p.speaks, p.encoder, p.pt, p.source = c, encoder, uint8(c.PayloadType), sine(tones[0], amplitude, c.SampleRate)
		h.run(3 * time.Second)
		other.hearing(t, amplitude, tones[0])
	}
}

// While a name in SDP is looked up, which takes as long as its owner likes, nobody waits for the leg: the prompts go on, a
// host comes in and lets it in, the roster is shown.
func TestNobodyWaitsForNames(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	h := newHall(t, func(c *Config) {
		c.Resolve = func(context.Context, string) (netip.Addr, error) {
			close(asked)
			<-answer
			return netip.MustParseAddr("127.0.1.0"), nil
		}
	})
	p := h.dialAs("tea", codec.PCMU, 20*time.Millisecond, nil, Request{Lobby: true})
	offer := strings.Replace(string(p.offer("sendrecv")), "\r\nc=IN IP4 127.0.1.0", "\r\nc=IN IP4 slow.example", 1)
	answered := make(chan error)
	go func() {
		_, err := p.leg.Answer([]byte(offer))
		answered <- err
	}()
	<-asked
	done := make(chan error)
	go func() {
		err := p.leg.Play(Play{Prompts: []Prompt{note(tones[2], 100*ms)}})
		p.leg.Digit('1', 0)
		done <- errors.Join(err, p.leg.Mute(false), p.leg.Admit(false))
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the leg is held")
	}
	close(answer)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	h.run(100 * ms)
	if st := h.server.State("tea"); st.People != 1 {
		t.Errorf("%+v", st)
	}
}
