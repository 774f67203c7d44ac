package media

import "net/netip"

// Remote is where RTP is to be sent, invalid when none is to be sent: the peer cannot be sent to, or
// the direction agreed on forbids it.
func (s *Session) Remote() netip.AddrPort {
	if s.terms.NoSend {
		return netip.AddrPort{}
	}
	return s.latch.target
}

// Build appends the next RTP packet to dst: our SSRC, the next sequence number and timestamp, this
// payload type. The timestamp of the one after is samples units of the RTP clock later. RTP by which
// the peer knows us has no gap in its sequence, whatever is switched behind it (RT-1). Where
// Terms.Crypto was agreed on the packet is encrypted, which makes it up to 16 bytes longer; dst is
// returned as it was when the key has encrypted all that it may (RFC 3711, 9.2).
func (s *Session) Build(dst []byte, pt uint8, samples uint32, marker bool, payload []byte) []byte {
	start := len(dst)
	dst = appendRTP(dst, pt, marker, s.seq, s.stamp, s.ssrc)
	return s.built(append(dst, payload...), start, samples, len(payload))
}

// BuildLevel is Build with the level of RFC 6464 where Terms.LevelID was agreed on.
func (s *Session) BuildLevel(dst []byte, pt uint8, samples uint32, marker bool, level Level, payload []byte) []byte {
	if s.terms.LevelID == 0 {
		return s.Build(dst, pt, samples, marker, payload)
	}
	start := len(dst)
	dst = appendRTP(dst, pt, marker, s.seq, s.stamp, s.ssrc)
	dst[start] |= 0x10
	dst = appendLevel(dst, s.terms.LevelID, level)
	return s.built(append(dst, payload...), start, samples, len(payload))
}

// Stamp is the timestamp of the next packet.
func (s *Session) Stamp() uint32 { return s.stamp }

// BuildAt is Build with a timestamp of its own, for events, whose packets all have that of their first one (RFC 4733,
// 2.5.1.2). Time goes on by what is built or skipped beside it.
func (s *Session) BuildAt(dst []byte, pt uint8, stamp uint32, marker bool, payload []byte) []byte {
	start := len(dst)
	dst = appendRTP(dst, pt, marker, s.seq, stamp, s.ssrc)
	return s.built(append(dst, payload...), start, 0, len(payload))
}

// built counts the packet that begins at start, and encrypts it.
func (s *Session) built(dst []byte, start int, samples uint32, octets int) []byte {
	s.seq++
	s.stamp += samples
	s.stats.Sent++
	s.stats.SentOctets += uint64(octets)
	if s.keys.out == nil {
		return dst
	}
	return s.keys.out.seal(dst, start)
}

// Skip lets samples units of the RTP clock pass without a packet: nothing was to be sent.
func (s *Session) Skip(samples uint32) { s.stamp += samples }

// Bounds of RFC 3550, 8.2, as we take it.
const (
	maxEcho       = 1000 // packets of ours that may be under way back to us
	maxCollisions = 4    // times that we give way; after that it is no chance
)

// clash is what is left to do after a collision, and where it came from.
type clash struct {
	from netip.AddrPort
	old  uint32 // SSRC that still needs its BYE
	bye  bool
}

// looped judges a packet with our own SSRC: one that we sent lately, or from where a collision came
// before, is a loop (RT-12). Else the peer chose the same number by chance: we say BYE for ours with
// the next report and take another (RFC 3550, 8.2), and his packet is his.
func (s *Session) looped(h rtpHeader, from netip.AddrPort) bool {
	if s.echo(h.seq, h.timestamp) || from == s.clash.from || s.stats.Collisions >= maxCollisions {
		s.stats.Loops++
		return true
	}
	s.clash = clash{from: from, old: s.ssrc, bye: s.stats.Sent > 0}
	for s.ssrc = s.rand.Uint32(); s.ssrc == 0 || s.ssrc == h.ssrc || s.keys.out.knows(s.ssrc); {
		s.ssrc = s.rand.Uint32()
	}
	s.stats.Collisions++
	return false
}

// echo tells whether a packet with our SSRC is one that we sent lately.
func (s *Session) echo(seq uint16, timestamp uint32) bool {
	behind, age := s.seq-seq, int32(s.stamp-timestamp)
	return s.stats.Sent > 0 && behind > 0 && behind <= maxEcho && age >= 0
}
