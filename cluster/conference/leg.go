package conference

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"trivox/media"
	"trivox/media/codec"
	"trivox/sip/sdp"
)

// Leg is signalling's half of one participant's call. Its methods may be called by any goroutine.
type Leg struct {
	id        string
	server    *Server
	cfg       Config
	room      *room
	request   Request
	pair      *media.Pair
	ssrc      uint32 // of the participant's stream in the conference
	sendSSRC  uint32 // of the stream we send
	sessionID uint64
	entered   time.Duration
	place     place // guarded by the Server's lock

	talks sync.Mutex // held while a description is dealt with, however long; taken before mu

	mu      sync.Mutex
	last    []byte // the SDP we sent last, with version
	early   bool   // the call is not answered yet, and has sound all the same
	openly  bool   // what is offered to a phone that we call may be in clear
	rekey   []byte // the offer of Rekey, until Rekeyed
	version uint64 // least that the next description has, when an offer of ours was refused
	agreed  *sdp.Media
	crypto  *media.Crypto // of agreed
	format  format
	line    *line         // nil until sound was agreed
	over    chan struct{} // made when the call ends, closed when summary is what it was like
	ended   bool

	summary Summary // of a call whose over is closed
}

// ID names the leg in logs, the roster and the API.
func (l *Leg) ID() string { return l.id }

// Conference is the name of the leg's conference.
func (l *Leg) Conference() string { return l.room.name }

// Offer is our offer: of a call that came without one, or of a re-INVITE.
func (l *Leg) Offer() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return nil, errLegEnded
	}
	ours := l.local()
	if l.triesSecure() {
		ours.SRTP = sdp.Required
	}
	l.last = sdp.Offer(ours, l.agreed)
	return l.last, nil
}

// Reoffer is another offer to a phone that we call and that has refused the first; nil when there is none. Who may encrypt
// and need not is offered RTP/SAVP first, which many phones ask for, and then RTP/AVP with keys (RFC 8643).
func (l *Leg) Reoffer() ([]byte, error) {
	l.mu.Lock()
	secure := l.triesSecure() && l.last != nil
	l.openly, l.version = true, max(l.version, 2) // another description than the one refused. RFC 3264, 8
	l.mu.Unlock()
	if !secure {
		return nil, nil
	}
	return l.Offer()
}

// triesSecure says whether a phone that we call is to be offered encrypted sound and nothing else, since another offer
// can follow. It needs l.mu.
func (l *Leg) triesSecure() bool {
	return l.request.Called && l.request.SRTP == sdp.Offered && l.agreed == nil && !l.openly
}

// Answer answers an offer and opens the receive path. The error is an *sdp.Refusal when the peer is to blame;
// then nothing has changed.
func (l *Leg) Answer(offer []byte) ([]byte, error) {
	l.talks.Lock()
	defer l.talks.Unlock()
	b, m, err := l.answer(offer)
	if err == nil {
		err = l.settle(m, b)
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (l *Leg) answer(offer []byte) ([]byte, sdp.Media, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return nil, sdp.Media{}, errLegEnded
	}
	return sdp.Answer(offer, l.local(), l.agreed)
}

// SetAnswer takes the answer to our Offer, or to what we sent last, repeated.
func (l *Leg) SetAnswer(answer []byte) error {
	l.talks.Lock()
	defer l.talks.Unlock()
	m, err := l.accept(answer)
	if err == nil {
		err = l.settle(m, nil)
	}
	return err
}

func (l *Leg) accept(answer []byte) (sdp.Media, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ended:
		return sdp.Media{}, errLegEnded
	case l.last == nil:
		return sdp.Media{}, errors.New("an SDP answer came, but no offer of ours is open")
	}
	return sdp.Accept(l.last, answer, l.local(), l.agreed)
}

// settle agrees on m; sent is our description with it, nil when that is the one before. Where its sound goes to may be a
// question for DNS, for which nobody else waits: not the host whose coming lets this leg in, nor who tells of events.
func (l *Leg) settle(m sdp.Media, sent []byte) error {
	m, err := l.resolved(m)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return errLegEnded
	}
	if err := l.agree(m); err != nil {
		return err
	}
	if sent != nil {
		l.last = sent
	}
	return nil
}

// local is what we are willing to do.
func (l *Leg) local() sdp.Local {
	addr := l.pair.RTP.Local().Addr()
	if l.cfg.Advertise != nil {
		addr = l.cfg.Advertise(addr)
	}
	ours := sdp.Local{
		Addr: addr, Port: l.pair.RTP.Local().Port(), RTCPPort: l.pair.RTCP.Local().Port(),
		SessionID: l.sessionID, Version: 1, PreferOurs: l.cfg.PreferOurs,
		DTMF: true, CN: true, PTime: Slot, MinPTime: 10 * time.Millisecond, MaxPTime: 60 * time.Millisecond,
		LevelExt: true, Direction: sdp.SendRecv, SRTP: l.request.SRTP, Keys: l.cfg.Keys,
	}
	ours.Version = max(ours.Version, l.version)
	for _, c := range l.cfg.Codecs {
		ours.Codecs = append(ours.Codecs, sdp.Codec{
			Name: c.Name, ClockRate: c.ClockRate, Channels: c.Channels, PayloadType: uint8(c.PayloadType),
		})
	}
	return ours
}

// agree hands what was negotiated to the worker, with everything made here that needs memory. It needs l.mu.
func (l *Leg) agree(m sdp.Media) error {
	c, ok := codec.ByName(m.Codec.Name)
	if !ok {
		return fmt.Errorf("conference: %w: %q was agreed", errNothingInCommon, m.Codec.Name)
	}
	crypto, err := l.cryptoOf(m)
	if err != nil {
		return err
	}
	f := l.formatOf(c, m)
	up := &setup{early: l.early, agreed: m, terms: l.terms(m, crypto), types: payloadTypes(c, m), format: f}
	if l.line == nil || f != l.format {
		if up.coder, err = newCoder(f, c.SampleRate); err != nil {
			return err
		}
	}
	if l.line == nil || c != l.format.codec {
		if up.playout, err = newPlayout(c, m); err != nil {
			return err
		}
	}
	if l.line == nil || m.DTMFRate != l.agreed.DTMFRate {
		up.digits = media.NewDigits(max(m.DTMFRate, 8000))
	}
	if err = up.redial(l, m); err != nil {
		return err
	}
	first, outside := l.line == nil, l.outside()
	if outside && (first || c != l.format.codec) {
		up.prompts = mustResampler(PromptRate, c.SampleRate)
	}
	if first {
		l.line = newLine(l, up.terms)
		if outside {
			l.line.lobby = newLobby(l)
		}
	}
	l.agreed, l.crypto, l.format = &m, crypto, f
	ln, conf := l.line, l.room.conf
	err = conf.worker.do(context.Background(), func(now time.Duration) { conf.setUp(ln, up, now) })
	if first && err == nil {
		l.server.arrive(l)
	}
	return err
}

// formatOf is what our packets to a peer look like, as far as it has a say.
func (l *Leg) formatOf(c codec.Codec, m sdp.Media) format {
	f := format{codec: c, ptime: c.PacketTime(m.PTime), set: l.cfg.Coding}
	if c != codec.Opus {
		f.set = codec.Settings{} // nothing to set: all share one encoder
	} else {
		asked := m.Codec.Opus() // RFC 7587, 6.1
		f.set.FEC = f.set.FEC && asked.FEC
		if asked.MaxAverageBitrate >= opusLeast {
			f.set.Bitrate = min(f.set.Bitrate, asked.MaxAverageBitrate)
		}
	}
	f.set.PTime = f.ptime
	return f
}

// opusLeast is the lowest bit rate of Opus (RFC 6716, 2).
const opusLeast = 6000

// resolveTime bounds the look-up of a name in SDP.
const resolveTime = 2 * time.Second

// resolved has the address of a peer that gave a name in place of one (SIP.md OA-12).
func (l *Leg) resolved(m sdp.Media) (sdp.Media, error) {
	if m.RemoteHost == "" || l.cfg.Resolve == nil {
		return m, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
	defer cancel()
	a, err := l.cfg.Resolve(ctx, m.RemoteHost)
	if err != nil {
		return m, &sdp.Refusal{Warning: sdp.WarnAddress, Text: fmt.Sprintf("the name %s in c= has no address", m.RemoteHost)}
	}
	return m.Resolved(a), nil
}

// cryptoOf derives what the agreed keys encrypt by, unless they are those of before.
func (l *Leg) cryptoOf(m sdp.Media) (*media.Crypto, error) {
	switch {
	case m.Crypto == nil:
		return nil, nil
	case l.agreed != nil && m.Crypto.Same(l.agreed.Crypto):
		return l.crypto, nil
	}
	return media.NewCrypto(m.Crypto.Suite, m.Crypto.Send, m.Crypto.Recv)
}

// terms is what was agreed, as the RTP session wants it.
func (l *Leg) terms(m sdp.Media, crypto *media.Crypto) media.Terms {
	t := media.Terms{
		Remote: m.Remote, RemoteRTCP: m.RemoteRTCP, Mux: m.RTCPMux, NoRTCP: m.NoRTCP, NoSend: !m.Direction.Sends(),
		NAT: l.behindNAT(m.Remote), Crypto: crypto, ClockRate: m.Codec.ClockRate, LevelID: m.LevelExt,
		Sound: append([]uint8{m.RecvPT}, m.AlsoRecvPT...), Events: m.AlsoDTMF,
	}
	for _, k := range m.AlsoReceive {
		t.Sound = append(t.Sound, k.PayloadType)
	}
	if m.DTMFRecv >= 0 {
		t.Events = append([]uint8{uint8(m.DTMFRecv)}, m.AlsoDTMF...)
	}
	if m.CN >= 0 {
		t.Noise = []uint8{uint8(m.CN)}
	}
	return t
}

// behindNAT tells whether to send to where packets come from instead of where SDP says (SIP.md RT-4).
func (l *Leg) behindNAT(remote netip.AddrPort) bool {
	switch l.cfg.Latch {
	case LatchAlways:
		return true
	case LatchNever:
		return false
	}
	a, from := remote.Addr(), l.request.Source.Unmap()
	return a.IsValid() && from.IsValid() && a != from && a.IsPrivate()
}

// Early says that the call is not answered yet, and shall have sound all the same, or that it is answered now: then its time
// begins, and only from then on does it end for want of sound.
func (l *Leg) Early(on bool) {
	l.mu.Lock()
	l.early = on
	ln := l.line
	l.mu.Unlock()
	if ln != nil && !on {
		l.room.conf.worker.post(ln.answer)
	}
}

// Confirmed says that the caller has our answer (the ACK arrived).
func (l *Leg) Confirmed() {}

// Digit reports a digit that came by INFO.
func (l *Leg) Digit(digit byte, d time.Duration) {
	l.mu.Lock()
	ln := l.line
	l.mu.Unlock()
	if ln == nil {
		return
	}
	conf := l.room.conf
	conf.worker.post(func(now time.Duration) { conf.infoDigit(ln, media.Digit{Key: digit, Duration: d}, now) })
}

// Mute silences the participant or lets them be heard.
func (l *Leg) Mute(on bool) error {
	l.mu.Lock()
	ln := l.line
	l.mu.Unlock()
	if ln == nil {
		return errNotNegotiated
	}
	return l.room.conf.worker.do(context.Background(), func(time.Duration) { ln.muted = on })
}
