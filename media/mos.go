package media

import (
	"time"

	"trivox/media/codec"
)

// The E-model (ITU-T G.107) with its default values for everything but delay and loss: R = 93.2 - Id - Ie,eff.
const (
	basicR = 93.2 // of a connection without delay, loss or coding, all other parameters at their defaults
	// Id, the impairment by delay with perfect echo control, as two straight lines that meet at 177.3 ms: Cole and
	// Rosenbluth, "Voice over IP Performance Monitoring", ACM SIGCOMM CCR 31 (2001), 3.1.
	delaySlope = 0.024 // a millisecond
	delayBend  = 177.3 // ms
	delaySteep = 0.11  // a millisecond beyond the bend, in addition
	// G.711 with concealment: Ie is 0 and Bpl 25.1 (ITU-T G.113, appendix I).
	robustG711 = 25.1
)

// MOS estimates what people think of speech after its way here: 1 is bad, 4.4 as good as telephone speech gets. loss is
// the share of packets that were not played, 0 to 1, taken as lost at random; delay is from mouth to ear. It is 0,
// unknown, for codecs other than G.711: there are no published constants for them on the scale of telephone speech. What
// G.113, appendix IV, has for wideband codecs belongs to the scale of G.107.1, which ends at 129 and not at 93.2: its numbers
// must not stand beside these. Opus is in neither.
func MOS(c codec.Codec, loss float64, delay time.Duration) float64 {
	if c != codec.PCMU && c != codec.PCMA {
		return 0
	}
	ms := max(0, float64(delay)/float64(time.Millisecond))
	percent := 100 * min(max(loss, 0), 1)
	r := basicR - delaySlope*ms - delaySteep*max(0, ms-delayBend)
	r -= 95 * percent / (percent + robustG711) // G.107, 7.5: Ie,eff, its burst ratio 1
	return mosOf(r)
}

// mosOf is the mean opinion score of a rating. ITU-T G.107, annex B
func mosOf(r float64) float64 {
	switch {
	case r <= 6.5: // below, the cubic of annex B would rise again
		return 1
	case r >= 100:
		return 4.5
	}
	return max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}
