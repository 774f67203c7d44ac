package media

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// keepOldKey is how long packets under the key of before are taken beside those under a new one (SE-1).
const keepOldKey = time.Second

// secrecy is the encryption of a Session: nil ciphers while there is none.
type secrecy struct {
	out   *cipher       // ours
	in    *cipher       // the peer's
	was   *cipher       // the peer's of before, for packets that are under way
	until time.Duration // end of was
}

// agree takes the keys of an offer and its answer. A key that stays keeps its rollover counters and its memory of what
// came (SE-1); heard is the SSRC heard so far.
func (s *secrecy) agree(now time.Duration, c *Crypto, heard uint32) {
	if c == nil {
		*s = secrecy{}
		return
	}
	if !s.out.is(c.send) {
		s.out = c.send
	}
	switch {
	case s.in.is(c.receive):
	case s.was.is(c.receive):
		s.in, s.was, s.until = s.was, s.in, now+keepOldKey
	default:
		s.was, s.until = s.in, now+keepOldKey
		s.in = c.receive
		if s.was == nil {
			break
		}
		if count, ok := s.was.context.ROC(heard); ok && count > 0 {
			s.in.before = rollover{ssrc: heard, count: count, open: true}
		}
	}
}

// open decrypts an RTP packet in its place, or elsewhere while two keys are tried.
func (s *secrecy) open(now time.Duration, b []byte, ssrc uint32) ([]byte, Drop) {
	if s.was == nil || now >= s.until {
		s.was = nil
		return s.in.open(b, b, ssrc)
	}
	out, why := s.in.open(s.in.scratch[:0], b, ssrc)
	if why == Unauthentic || why == Replayed { // the new key was not asked whether it fits what it takes for a copy
		if old, whyOld := s.was.open(b, b, ssrc); whyOld == NotDropped {
			return old, NotDropped
		}
	}
	return out, why
}

// openRTCP is open for RTCP.
func (s *secrecy) openRTCP(now time.Duration, b []byte, ssrc uint32) ([]byte, Drop) {
	if s.was == nil || now >= s.until {
		return s.in.openRTCP(b, b, ssrc)
	}
	out, why := s.in.openRTCP(s.in.scratch[:0], b, ssrc)
	if why == Unauthentic || why == Replayed {
		if old, whyOld := s.was.openRTCP(b, b, ssrc); whyOld == NotDropped {
			return old, NotDropped
		}
	}
	return out, why
}

// open decrypts a packet from the RTP port. What costs nothing is asked first: nobody is asked for a key whose address
// or payload type would keep him out anyway. All else that is decided about a packet, above all whether its source is
// heard (RT-4), is decided of those that are authentic.
func (s *Session) open(now time.Duration, b []byte, from netip.AddrPort) ([]byte, Drop) {
	if len(b) < rtpHeaderSize || b[0]>>6 != 2 {
		return nil, Malformed
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	if !s.latch.hears(from, ssrc) {
		if !s.latch.allows(now, from.Addr()) {
			return nil, Foreign
		}
		if s.kinds[b[1]&0x7f] == Dropped {
			return nil, UnknownType
		}
	}
	seq, stamp := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:])
	out, why := s.keys.open(now, b, ssrc)
	if why == Unauthentic && ssrc == s.ssrc && s.echo(seq, stamp) { // ours, which is under our key (RT-12)
		s.stats.Loops++
		return nil, Looped
	}
	return out, why
}
