package media

import "time"

// Constants of RFC 3550, A.1.
const (
	maxDropout  = 3000 // sequence numbers a source may skip
	maxMisorder = 100  // sequence numbers a packet may come late
	seqMod      = 1 << 16
)

// maxTransitStep bounds what counts as jitter: a larger step is a hold, or another timeline.
const maxTransitStep = 3 * time.Second

// source is what is known of one synchronisation source: RFC 3550, A.1, A.3 and A.8.
type source struct {
	ssrc     uint32
	maxSeq   uint16
	cycles   uint32 // wraps of the sequence number, times 65536
	base     uint32 // first sequence number
	badSeq   uint32 // the one that would confirm a jump; seqMod+1: none
	received uint32

	expectedPrior, receivedPrior uint32

	jitter  uint32 // in timestamp units, times 16
	transit int32
	timed   bool // transit is set
}

type progress uint8

const (
	inOrder    progress = iota // the next, or after a gap
	outOfOrder                 // late or twice
	jumped                     // too far off; dropped until confirmed
	restarted                  // the jump is confirmed: counting begins anew
)

func (s *source) begin(ssrc uint32, seq uint16) {
	*s = source{ssrc: ssrc}
	s.restart(seq)
}

func (s *source) restart(seq uint16) {
	s.base, s.maxSeq, s.badSeq = uint32(seq), seq, seqMod+1
	s.cycles, s.received, s.receivedPrior, s.expectedPrior = 0, 1, 0, 0
	s.timed = false
}

// sequence takes the number of one packet after the first (RFC 3550, A.1, update_seq).
func (s *source) sequence(seq uint16) progress {
	delta := seq - s.maxSeq
	switch {
	case delta == 0:
		s.received++
		return outOfOrder
	case delta < maxDropout:
		if seq < s.maxSeq {
			s.cycles += seqMod
		}
		s.maxSeq = seq
		s.badSeq = seqMod + 1
		s.received++
		return inOrder
	case int(delta) <= seqMod-maxMisorder:
		if uint32(seq) == s.badSeq {
			s.restart(seq)
			return restarted
		}
		s.badSeq = (uint32(seq) + 1) & (seqMod - 1)
		return jumped
	}
	s.received++
	return outOfOrder
}

// time takes the timestamp of a packet of sound: jitter is reckoned as in RFC 3550, A.8.
func (s *source) time(timestamp uint32, arrival time.Duration, rate int) {
	transit := int32(stampUnits(arrival, rate) - timestamp)
	d := transit - s.transit
	s.transit = transit
	if d < 0 {
		d = -d
	}
	if !s.timed || stampDuration(d, rate).Abs() > maxTransitStep {
		s.timed = true
		return
	}
	s.jitter += uint32(d) - (s.jitter+8)>>4
}

// expected and lost are RFC 3550, A.3. lost is negative when packets came twice.
func (s *source) expected() uint32 {
	if s.received == 0 { // not begun
		return 0
	}
	return s.cycles + uint32(s.maxSeq) - s.base + 1
}

func (s *source) lost() int64 { return int64(s.expected()) - int64(s.received) }

// extended is the highest sequence number with its wraps.
func (s *source) extended() uint32 { return s.cycles + uint32(s.maxSeq) }

// fractionLost is the share lost since it was called last, in 1/256 (RFC 3550, A.3).
func (s *source) fractionLost() uint8 {
	expected, received := s.expected(), s.received
	expectedNow, receivedNow := expected-s.expectedPrior, received-s.receivedPrior
	s.expectedPrior, s.receivedPrior = expected, received
	if expectedNow == 0 || receivedNow >= expectedNow {
		return 0
	}
	return uint8(min(255, (uint64(expectedNow-receivedNow)<<8)/uint64(expectedNow)))
}

// stampUnits is d in units of an RTP clock, modulo 2^32.
func stampUnits(d time.Duration, rate int) uint32 {
	sec, rest := int64(d/time.Second), int64(d%time.Second)
	return uint32(sec*int64(rate) + rest*int64(rate)/int64(time.Second))
}

// stampDuration is a difference of timestamps in time.
func stampDuration(units int32, rate int) time.Duration {
	return time.Duration(units) * time.Second / time.Duration(rate)
}
