package media

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"trivox/media/jitter"
)

// Packet is one received packet of sound, see jitter.Packet. Its Payload aliases the bytes received.
type Packet = jitter.Packet

// Terms is what an offer and its answer agreed on for one RTP session.
type Terms struct {
	Remote     netip.AddrPort // where the peer receives RTP; invalid: nothing is sent to it
	RemoteRTCP netip.AddrPort // where it receives RTCP; invalid: the port above Remote
	Mux        bool           // RTCP goes by the RTP port (RFC 5761)
	NoRTCP     bool           // send none (b=RS:0 and b=RR:0, RFC 3556)
	NoSend     bool           // the direction agreed on forbids us to send RTP
	NAT        bool           // the peer's address in SDP is not the one it sends from
	ClockRate  int            // RTP clock of the codec we send, Hz
	Sound      []uint8        // payload types accepted as sound
	Events     []uint8        // payload types of telephone-event
	Noise      []uint8        // payload types of comfort noise; 13 is always one (RT-7)
	LevelID    uint8          // id of the RFC 6464 extension, 0 when not agreed
	Crypto     *Crypto        // what RTP and RTCP are encrypted by; nil: nothing
}

// SessionConfig is what a Session begins with. All but Terms.ClockRate, CNAME and Rand may be zero.
type SessionConfig struct {
	SSRC      uint32    // ours; 0 = drawn
	Seq       uint16    // of the first packet, less than 2^15; 0 = drawn (RFC 3711, 3.3.1 is why less)
	Timestamp uint32    // of the first packet; 0 = drawn
	CNAME     string    // RFC 7022; at most 255 bytes are used
	Epoch     time.Time // the wall-clock time at now = 0, for the NTP times of reports; zero = the Unix epoch
	Rand      *rand.Rand
	Terms     Terms
}

// Kind is what a received packet is.
type Kind uint8

// The kinds of packets.
const (
	Dropped Kind = iota // see Verdict.Drop
	Sound
	Noise   // comfort noise (RFC 3389); the payload may be empty
	Event   // telephone-event (RFC 4733), for Digits
	Control // RTCP that came by the RTP port (RFC 5761) and has been dealt with; Drop tells why it was not believed
)

// Drop is why a packet is not heard.
type Drop uint8

// The reasons.
const (
	NotDropped  Drop = iota
	Malformed        // not RTP version 2, or shorter than its header says
	UnknownType      // a payload type that was not agreed on
	Foreign          // from an address that signalling did not name
	Rival            // from another source than the one heard, or one still on trial (RT-4)
	Jumped           // sequence number or timestamp jumped; the next ones confirm it (RT-3)
	Looped           // our own packet came back (RT-12)
	Empty            // sound or event without payload: it keeps a NAT open
	Unauthentic      // SRTP that the peer's key does not fit
	Replayed         // SRTP that came before, or so late that nobody can tell
	Excess           // SRTP of one more SSRC than is kept under one key
	drops
)

// Verdict is what a Session found about a packet.
type Verdict struct {
	Kind      Kind
	Drop      Drop
	NewSource bool // first packet of another source: playout and Digits begin anew (RT-3)
	Moved     bool // the latch moved: Remote may have changed
	// Rekey says, once in a while, that the peer was understood and that nothing of it can be decrypted any more: it
	// must be asked for another key (Q6).
	Rekey bool
}

// Session is one RTP session of one leg: whom it hears, what it sends, and its reports. It is pure:
// it has no socket and no clock. now must not go back by more than packets are reordered.
type Session struct {
	terms  Terms
	rate   int
	kinds  [128]Kind
	ssrc   uint32
	seq    uint16 // of the next packet
	stamp  uint32 // of the next packet
	cname  string
	epoch  int64 // Unix ns at now = 0
	rand   *rand.Rand
	latch  latch
	source source
	heard  bool  // source is set
	fresh  bool  // the next packet heard is the first of a new source
	gone   int64 // packets lost of sources and timelines before this one
	rtcp   control
	clash  clash
	stats  SessionStats
	keys   secrecy

	lockout lockout
}

// NewSession begins a session; the peer is heard as soon as it sends.
func NewSession(c SessionConfig) *Session {
	s := &Session{
		ssrc: c.SSRC, seq: c.Seq &^ (1 << 15), stamp: c.Timestamp,
		cname: c.CNAME[:min(len(c.CNAME), 255)], rand: c.Rand,
	}
	if !c.Epoch.IsZero() {
		s.epoch = c.Epoch.UnixNano()
	}
	for s.ssrc == 0 {
		s.ssrc = c.Rand.Uint32()
	}
	if s.seq == 0 {
		s.seq = uint16(c.Rand.Uint32() & 0x7fff)
	}
	if s.stamp == 0 {
		s.stamp = c.Rand.Uint32()
	}
	s.agree(0, c.Terms)
	s.latch.name(0, c.Terms.Remote, c.Terms.NAT)
	return s
}

// Update takes what a later offer and answer agreed on. SSRC, sequence numbers and timestamps go on
// as before; for some seconds another source than the one heard so far may take its place (RT-4).
func (s *Session) Update(now time.Duration, t Terms) {
	s.agree(now, t)
	s.latch.name(now, t.Remote, t.NAT)
}

func (s *Session) agree(now time.Duration, t Terms) {
	s.keys.agree(now, t.Crypto, s.latch.ssrc)
	s.latch.authentic = t.Crypto != nil
	if t.ClockRate != s.rate {
		s.rate = t.ClockRate
		s.rtcp.anchored = false
		s.source.timed, s.source.jitter = false, 0
	}
	s.terms = t
	s.terms.Sound, s.terms.Events, s.terms.Noise = nil, nil, nil // kept in kinds
	s.terms.Crypto = nil                                         // kept in keys
	s.kinds = [128]Kind{13: Noise}
	for _, pt := range t.Sound {
		s.kinds[pt&0x7f] = Sound
	}
	for _, pt := range t.Noise {
		s.kinds[pt&0x7f] = Noise
	}
	for _, pt := range t.Events {
		s.kinds[pt&0x7f] = Event
	}
	if t.RemoteRTCP != s.rtcp.named {
		s.rtcp.named, s.rtcp.from = t.RemoteRTCP, netip.AddrPort{}
	}
}

// Receive takes one packet from the RTP port that arrived at now. The Packet is set when the
// verdict's Kind is Sound, Noise or Event; its Payload is valid until the next call, and while b is.
// Where Terms.Crypto was agreed on b is decrypted in its place.
func (s *Session) Receive(now time.Duration, b []byte, from netip.AddrPort) (Packet, Verdict) {
	if IsRTCP(b) {
		return Packet{}, Verdict{Kind: Control, Drop: s.ReceiveRTCP(now, b, from)}
	}
	if s.keys.in != nil {
		plain, why := s.open(now, b, from)
		if why != NotDropped {
			p, v := s.drop(why)
			v.Rekey = s.lockedOut(now, from, why)
			return p, v
		}
		s.lockout.decrypted()
		b = plain
	}
	h, ok := parseRTP(b)
	if !ok {
		return s.drop(Malformed)
	}
	kind := s.kinds[h.pt]
	if kind == Dropped && !s.latch.hears(from, h.ssrc) {
		return s.drop(UnknownType)
	}
	if h.ssrc == s.ssrc {
		if !s.latch.allows(now, from.Addr()) {
			return s.drop(Foreign)
		}
		if s.looped(h, from) {
			return s.drop(Looped)
		}
	}
	before, continues := s.latch.from, s.heard
	switch s.latch.judge(now, from, h.ssrc, h.seq) {
	case foreign:
		return s.drop(Foreign)
	case notHeard:
		return s.drop(Rival)
	case entered:
		s.gone += s.source.lost()
		s.source.begin(h.ssrc, h.seq)
		s.heard, s.fresh = true, true
		s.stats.Sources++
		continues = false
	}
	v := Verdict{Kind: kind, Moved: before.IsValid() && before != s.latch.from}
	if v.Moved {
		s.stats.Moves++
	}
	s.stats.LastRTP, s.stats.HeardRTP, s.stats.Left = now, true, false
	if continues {
		s.follow(h.seq)
	}
	return s.hear(now, h, v)
}

// follow counts a packet of the source heard before. A jump in sequence is left to the jitter buffer,
// which keeps the packet until the next one confirms it (RT-3).
func (s *Session) follow(seq uint16) {
	lost := s.source.lost()
	if s.source.sequence(seq) == restarted {
		s.gone += lost
		s.stats.Restarts++
	}
}

func (s *Session) hear(now time.Duration, h rtpHeader, v Verdict) (Packet, Verdict) {
	if v.Kind == Dropped {
		return s.drop(UnknownType)
	}
	if v.Kind == Sound {
		s.source.time(h.timestamp, now, s.rate)
	}
	if len(h.payload) == 0 && v.Kind != Noise {
		return s.drop(Empty)
	}
	s.stats.Received++
	s.stats.ReceivedOctets += uint64(len(h.payload))
	v.NewSource, s.fresh = s.fresh, false
	p := Packet{
		Timestamp: h.timestamp, Seq: h.seq, SSRC: h.ssrc, PT: h.pt, Marker: h.marker,
		Arrival: now, Payload: h.payload, Level: -1,
	}
	if s.terms.LevelID != 0 {
		if element, ok := h.extensions.Find(s.terms.LevelID); ok {
			if l, ok := ParseLevel(element); ok {
				p.Level = int8(l.DBov)
			}
		}
	}
	return p, v
}

func (s *Session) drop(why Drop) (Packet, Verdict) {
	s.stats.Dropped[why]++
	return Packet{}, Verdict{Drop: why}
}

// SSRC is ours. It changes only when the peer happens to have the same (Stats().Collisions).
func (s *Session) SSRC() uint32 { return s.ssrc }
