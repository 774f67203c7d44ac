package media

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// RTCP packet types (RFC 3550, 12.1; RFC 3611, 2) and the item and blocks we know.
const (
	typeSR   = 200
	typeRR   = 201
	typeSDES = 202
	typeBYE  = 203
	typeXR   = 207

	itemCNAME = 1
	blockRRTR = 4 // RFC 3611, 4.4
	blockDLRR = 5 // RFC 3611, 4.5
)

// control is what a Session knows of its RTCP.
type control struct {
	named    netip.AddrPort // by SDP
	from     netip.AddrPort // where valid RTCP came from
	due      time.Duration  // of the next report
	planned  bool           // due is set
	anchored bool           // the two below are set: our timestamp at that time
	anchorAt time.Duration
	anchor   uint32
	prior    [2]uint64 // packets sent at the last report and the one before
	sender   stamped   // of the last SR
	receiver stamped   // of the last RRTR
}

// stamped is an NTP time that the peer sent and that goes back to it with the time since.
type stamped struct {
	ssrc uint32
	mid  uint32 // middle 32 bits of the NTP time; 0: none
	at   time.Duration
}

// IsRTCP tells RTCP from RTP on one port (RFC 5761, 4).
func IsRTCP(b []byte) bool {
	return len(b) >= 2 && b[0]>>6 == 2 && b[1] >= 192 && b[1] <= 223
}

// ReceiveRTCP takes one packet from the RTCP port, or RTCP from the RTP port, and tells why it was not
// believed, if it was not. Where Terms.Crypto was agreed on b is decrypted in its place.
func (s *Session) ReceiveRTCP(now time.Duration, b []byte, from netip.AddrPort) Drop {
	why := s.receiveRTCP(now, b, from)
	if why != NotDropped {
		s.stats.BadReports++
	}
	return why
}

func (s *Session) receiveRTCP(now time.Duration, b []byte, from netip.AddrPort) Drop {
	ip := from.Addr()
	trusted := s.latch.allows(now, ip) || ip == s.latch.from.Addr() ||
		s.rtcp.named.IsValid() && ip == s.rtcp.named.Addr()
	if !trusted {
		return Foreign
	}
	if s.keys.in != nil {
		if len(b) < 8 || !IsRTCP(b) {
			return Malformed
		}
		plain, why := s.keys.openRTCP(now, b, binary.BigEndian.Uint32(b[4:]))
		if why != NotDropped {
			return why
		}
		b = plain
	}
	if !validRTCP(b) {
		return Malformed
	}
	for len(b) >= 4 { // as many as validRTCP saw, at most the length of the packet over 4
		size := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		s.control(now, b[1], int(b[0]&0x1f), b[4:size])
		b = b[size:]
	}
	s.stats.RemoteReports++
	s.stats.LastRTCP, s.stats.HeardRTCP = now, true
	s.rtcp.from = from
	return NotDropped
}

// validRTCP is RFC 3550, A.2, but that a packet of reduced size (RFC 5506) is let in: every part is
// of version 2 and known kind, their lengths add up to the whole, and only the last is padded.
func validRTCP(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	for len(b) > 0 {
		if !IsRTCP(b) || len(b) < 4 {
			return false
		}
		size := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		if size > len(b) || b[0]&0x20 != 0 && size != len(b) {
			return false
		}
		b = b[size:]
	}
	return true
}

// control takes one part of a compound packet; body begins after the length.
func (s *Session) control(now time.Duration, kind uint8, count int, body []byte) {
	switch kind {
	case typeSR:
		if len(body) < 24 {
			return
		}
		ssrc := binary.BigEndian.Uint32(body)
		s.rtcp.sender = stamped{ssrc: ssrc, mid: binary.BigEndian.Uint32(body[6:]), at: now}
		s.reportBlocks(now, count, body[24:])
	case typeRR:
		if len(body) >= 4 {
			s.reportBlocks(now, count, body[4:])
		}
	case typeBYE:
		for ; count > 0 && len(body) >= 4; count-- {
			if !s.heard || binary.BigEndian.Uint32(body) == s.source.ssrc {
				s.stats.Left = true
			}
			body = body[4:]
		}
	case typeXR:
		s.extendedReport(now, body)
	}
}

// reportBlocks takes what the peer reports on us (RFC 3550, 6.4.1).
func (s *Session) reportBlocks(now time.Duration, count int, b []byte) {
	for ; count > 0 && len(b) >= 24; count-- {
		if binary.BigEndian.Uint32(b) == s.ssrc {
			s.stats.RemoteFraction = b[4]
			s.stats.RemoteLost = int32(binary.BigEndian.Uint32(b[4:])<<8) >> 8
			s.stats.RemoteJitter = stampDuration(int32(binary.BigEndian.Uint32(b[12:])&0x7fffffff), s.rate)
			s.roundTrip(now, binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:]))
		}
		b = b[24:]
	}
}

// maxRoundTrip bounds what is believed: beyond it the peer's numbers are nonsense.
const maxRoundTrip = 30 * time.Second

func (s *Session) roundTrip(now time.Duration, last, delay uint32) {
	if last == 0 {
		return
	}
	units := int32(s.middle(now) - last - delay)
	trip := time.Duration(max(units, 0)) * time.Second / 65536
	if units < -65536 || trip > maxRoundTrip { // clocks drift a little; a second is no drift
		return
	}
	s.stats.RoundTrip = max(trip, time.Microsecond)
}

// extendedReport looks for a receiver reference time (RFC 3611, 4.4; RT-11).
func (s *Session) extendedReport(now time.Duration, b []byte) {
	if len(b) < 4 {
		return
	}
	ssrc := binary.BigEndian.Uint32(b)
	b = b[4:]
	for len(b) >= 4 {
		size := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		if size > len(b) {
			return
		}
		if b[0] == blockRRTR && size == 12 {
			s.rtcp.receiver = stamped{ssrc: ssrc, mid: binary.BigEndian.Uint32(b[6:]), at: now}
		}
		b = b[size:]
	}
}

// ntp is the NTP time at now: seconds since 1900 and their fraction (RFC 3550, 4).
func (s *Session) ntp(now time.Duration) (sec, fraction uint32) {
	const since1900 = 2208988800
	ns := s.epoch + int64(now)
	whole, rest := ns/1e9, ns%1e9
	if rest < 0 {
		whole, rest = whole-1, rest+1e9
	}
	return uint32(whole + since1900), uint32(uint64(rest) << 32 / 1e9)
}

func (s *Session) middle(now time.Duration) uint32 {
	sec, fraction := s.ntp(now)
	return sec<<16 | fraction>>16
}
