package media

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// reportInterval is the mean time between our reports (RFC 3550, 6.2: the least that a session of two
// members needs, whatever its bandwidth). Times drawn around it are divided by e-3/2 (6.3.1).
const (
	reportInterval   = 5 * time.Second
	compensationMul  = 100000
	compensationBase = 121828
)

// RemoteRTCP is where RTCP is to be sent: by the RTP socket to Remote's port where Terms.Mux was
// agreed on, else by the RTCP socket. Invalid when none is to be sent. RTCP goes on while the
// direction agreed on forbids RTP (RFC 3264, 5.1).
func (s *Session) RemoteRTCP() netip.AddrPort {
	target := s.latch.target
	switch {
	case s.terms.NoRTCP || !target.IsValid():
		return netip.AddrPort{}
	case s.terms.Mux:
		return target
	case s.terms.NAT && s.rtcp.from.IsValid():
		return s.rtcp.from
	case s.rtcp.named.IsValid() && !(s.terms.NAT && s.latch.from.IsValid()):
		return s.rtcp.named
	case target.Port() == 65535:
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(target.Addr(), target.Port()+1)
}

// Report appends a compound RTCP packet to dst when one is due, at random times around five seconds
// apart (RFC 3550, 6.2, 6.3.1), and returns dst as it was when none is. It begins with a sender report
// when we have sent since the report before the last, else with a receiver report.
func (s *Session) Report(now time.Duration, dst []byte) []byte {
	start := len(dst)
	return s.sealRTCP(s.report(now, dst), start)
}

// sealRTCP encrypts the compound packet that begins at start, if there is one.
func (s *Session) sealRTCP(dst []byte, start int) []byte {
	if s.keys.out == nil || len(dst) == start {
		return dst
	}
	return s.keys.out.sealRTCP(dst, start)
}

func (s *Session) report(now time.Duration, dst []byte) []byte {
	if s.terms.NoRTCP {
		return dst
	}
	if s.clash.bye {
		s.clash.bye = false
		s.stats.Reports++
		dst = appendReceiverReport(dst, s.clash.old, 0)
		dst = s.appendSDES(dst, s.clash.old)
		return appendBye(dst, s.clash.old, "SSRC collision")
	}
	if !s.rtcp.planned { // the first one after half the time
		s.rtcp.planned = true
		s.rtcp.due = now + s.interval()/2
	}
	if now < s.rtcp.due {
		return dst
	}
	s.rtcp.due = now + s.interval()
	s.stats.Reports++
	dst = s.appendReport(now, dst)
	dst = s.appendSDES(dst, s.ssrc)
	if s.rtcp.receiver.mid != 0 {
		dst = s.appendDLRR(now, dst)
	}
	return dst
}

// Goodbye appends the compound packet that ends the session, with a reason for people, cut at 255 bytes.
// Who never sent anything says nothing (RFC 3550, 6.3.7).
func (s *Session) Goodbye(dst []byte, reason string) []byte {
	if s.stats.Sent == 0 && s.stats.Reports == 0 {
		return dst
	}
	s.stats.Reports++
	start := len(dst)
	dst = appendReceiverReport(dst, s.ssrc, 0)
	dst = s.appendSDES(dst, s.ssrc)
	return s.sealRTCP(appendBye(dst, s.ssrc, reason), start)
}

// interval is the mean times a random number of 0.5 to 1.5, divided by e-3/2 (RFC 3550, 6.3.1).
func (s *Session) interval() time.Duration {
	t := reportInterval/2 + time.Duration(s.rand.Int64N(int64(reportInterval)))
	return t * compensationMul / compensationBase
}

func (s *Session) appendReport(now time.Duration, dst []byte) []byte {
	blocks := 0
	if s.heard {
		blocks = 1
	}
	if s.stats.Sent == s.rtcp.prior[1] { // nothing sent for two intervals
		dst = appendReceiverReport(dst, s.ssrc, blocks)
	} else {
		dst = append(dst, 2<<6|uint8(blocks), typeSR)
		dst = binary.BigEndian.AppendUint16(dst, uint16(6+6*blocks))
		dst = binary.BigEndian.AppendUint32(dst, s.ssrc)
		sec, fraction := s.ntp(now)
		dst = binary.BigEndian.AppendUint32(dst, sec)
		dst = binary.BigEndian.AppendUint32(dst, fraction)
		dst = binary.BigEndian.AppendUint32(dst, s.stampAt(now))
		dst = binary.BigEndian.AppendUint32(dst, uint32(s.stats.Sent))
		dst = binary.BigEndian.AppendUint32(dst, uint32(s.stats.SentOctets))
	}
	s.rtcp.prior = [2]uint64{s.stats.Sent, s.rtcp.prior[0]}
	if blocks == 1 {
		dst = s.appendBlock(now, dst)
	}
	return dst
}

// stampAt is our RTP timestamp at now, on a line through the first report's: the next packet's own
// would be off by up to a packet time. The line begins anew when packets leave it, after a pause.
func (s *Session) stampAt(now time.Duration) uint32 {
	c := &s.rtcp
	stamp := c.anchor + stampUnits(now-c.anchorAt, s.rate)
	off := stampDuration(int32(s.stamp-stamp), s.rate)
	if !c.anchored || off.Abs() > 40*time.Millisecond {
		c.anchored, c.anchorAt, c.anchor = true, now, s.stamp
		return s.stamp
	}
	return stamp
}

// appendBlock reports on the source heard (RFC 3550, 6.4.1).
func (s *Session) appendBlock(now time.Duration, dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, s.source.ssrc)
	lost := max(-1<<23, min(1<<23-1, s.source.lost()))
	dst = binary.BigEndian.AppendUint32(dst, uint32(s.source.fractionLost())<<24|uint32(lost)&0xffffff)
	dst = binary.BigEndian.AppendUint32(dst, s.source.extended())
	dst = binary.BigEndian.AppendUint32(dst, s.source.jitter>>4)
	last, delay := uint32(0), uint32(0)
	if s.rtcp.sender.ssrc == s.source.ssrc {
		last, delay = s.rtcp.sender.since(now)
	}
	dst = binary.BigEndian.AppendUint32(dst, last)
	return binary.BigEndian.AppendUint32(dst, delay)
}

// since is what goes back to who sent the time: it and the delay since, in 1/65536 s.
func (t stamped) since(now time.Duration) (mid, delay uint32) {
	if t.mid == 0 {
		return 0, 0
	}
	return t.mid, stampUnits(now-t.at, 65536)
}

func appendReceiverReport(dst []byte, ssrc uint32, blocks int) []byte {
	dst = append(dst, 2<<6|uint8(blocks), typeRR)
	dst = binary.BigEndian.AppendUint16(dst, uint16(1+6*blocks))
	return binary.BigEndian.AppendUint32(dst, ssrc)
}

// appendSDES names us (RFC 3550, 6.5): one chunk, one item, ended by one to four zero bytes.
func (s *Session) appendSDES(dst []byte, ssrc uint32) []byte {
	words := (2+len(s.cname))/4 + 1
	dst = append(dst, 2<<6|1, typeSDES)
	dst = binary.BigEndian.AppendUint16(dst, uint16(1+words))
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	dst = append(dst, itemCNAME, uint8(len(s.cname)))
	dst = append(dst, s.cname...)
	for range words*4 - 2 - len(s.cname) {
		dst = append(dst, 0)
	}
	return dst
}

func appendBye(dst []byte, ssrc uint32, reason string) []byte {
	reason = reason[:min(len(reason), 255)]
	words := 0
	if reason != "" {
		words = (1 + len(reason) + 3) / 4
	}
	dst = append(dst, 2<<6|1, typeBYE)
	dst = binary.BigEndian.AppendUint16(dst, uint16(1+words))
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	if words == 0 {
		return dst
	}
	dst = append(dst, uint8(len(reason)))
	dst = append(dst, reason...)
	for range words*4 - 1 - len(reason) {
		dst = append(dst, 0)
	}
	return dst
}

// appendDLRR answers the last receiver reference time (RFC 3611, 4.5), once.
func (s *Session) appendDLRR(now time.Duration, dst []byte) []byte {
	mid, delay := s.rtcp.receiver.since(now)
	dst = append(dst, 2<<6, typeXR)
	dst = binary.BigEndian.AppendUint16(dst, 5)
	dst = binary.BigEndian.AppendUint32(dst, s.ssrc)
	dst = append(dst, blockDLRR, 0, 0, 3)
	dst = binary.BigEndian.AppendUint32(dst, s.rtcp.receiver.ssrc)
	dst = binary.BigEndian.AppendUint32(dst, mid)
	dst = binary.BigEndian.AppendUint32(dst, delay)
	s.rtcp.receiver.mid = 0
	return dst
}
