package call

import (
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"

	"trivox/media"
	"trivox/media/codec"
	"trivox/sip/sdp"
)

// negotiation is the offer/answer side of the call. The SIP stack asks it from
// its own goroutines; what is agreed on reaches the stream by the channel.
type negotiation struct {
	mu     sync.Mutex
	local  sdp.Local
	agreed *sdp.Media
	offer  []byte // our last, until it is answered
	news   chan sdp.Media
}

func newNegotiation(addr netip.Addr, rtp, rtcp uint16, codecs []codec.Codec, srtp sdp.Policy) *negotiation {
	n := &negotiation{news: make(chan sdp.Media, 8)}
	n.local = sdp.Local{
		Addr: addr, Port: rtp, RTCPPort: rtcp, SessionID: rand.Uint64() >> 2, Version: 1,
		DTMF: true, CN: true, PTime: slot, SRTP: srtp, Keys: crand.Reader,
	}
	for _, c := range codecs {
		n.local.Codecs = append(n.local.Codecs, sdp.Codec{
			Name: c.Name, ClockRate: c.ClockRate, Channels: c.Channels, PayloadType: uint8(c.PayloadType), Fmtp: fmtp(c),
		})
	}
	return n
}

func fmtp(c codec.Codec) string {
	if c == codec.Opus {
		return "useinbandfec=1"
	}
	return ""
}

// first makes the offer of the INVITE.
func (n *negotiation) first() []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.offer = sdp.Offer(n.local, nil)
	return n.offer
}

// answered takes the answer to our last offer.
func (n *negotiation) answered(answer []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	m, err := sdp.Accept(n.offer, answer, n.local, n.agreed)
	if err != nil {
		return fmt.Errorf("the answer cannot be used: %w", err)
	}
	return n.settle(m)
}

// offered answers the peer's offer, or makes one of ours when there is none.
func (n *negotiation) offered(offer []byte) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if offer == nil {
		n.offer = sdp.Offer(n.local, n.agreed)
		return n.offer, nil
	}
	answer, m, err := sdp.Answer(offer, n.local, n.agreed)
	if err != nil {
		return nil, err
	}
	return answer, n.settle(m)
}

func (n *negotiation) settle(m sdp.Media) error {
	n.agreed = &m
	select {
	case n.news <- m:
		return nil
	default:
		return fmt.Errorf("too many offers at once")
	}
}

// terms is what an RTP session must know of it.
func terms(m sdp.Media) (media.Terms, error) {
	t := media.Terms{
		Remote: m.Remote, RemoteRTCP: m.RemoteRTCP, Mux: m.RTCPMux, NoRTCP: m.NoRTCP,
		NoSend: !m.Direction.Sends(), ClockRate: m.Codec.ClockRate,
		Sound: append([]uint8{m.RecvPT}, m.AlsoRecvPT...), LevelID: m.LevelExt,
	}
	for _, c := range m.AlsoReceive {
		t.Sound = append(t.Sound, c.PayloadType)
	}
	if m.DTMFRecv >= 0 {
		t.Events = append([]uint8{uint8(m.DTMFRecv)}, m.AlsoDTMF...)
	}
	if m.CN >= 0 {
		t.Noise = []uint8{uint8(m.CN)}
	}
	if m.Crypto == nil {
		return t, nil
	}
	var err error
	t.Crypto, err = media.NewCrypto(m.Crypto.Suite, m.Crypto.Send, m.Crypto.Recv)
	return t, err
}

// codecOf is the codec of a payload type that arrives.
func codecOf(m sdp.Media, pt uint8) (codec.Codec, bool) {
	for _, c := range m.AlsoReceive {
		if c.PayloadType == pt {
			return codec.ByName(c.Name)
		}
	}
	return codec.ByName(m.Codec.Name)
}
