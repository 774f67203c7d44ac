package media

import (
	"math"
	"testing"

	"trivox/media/codec"
)

// Where sound was thrown away in the middle of playing, the next does not begin with a step.
func TestCutDoesNotClick(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCMU, codec.G722, codec.Opus} {
		worst := func(jump int) (most float64) {
			l := newLeg(t, c, codec.Settings{}, func(i int) int16 {
				return int16(8000 * math.Sin(2*math.Pi*430*float64(i)/float64(c.SampleRate)))
			})
			var heard []int16
			for i := range 60 {
				if i == 25 { // as a sender does who begins with a burst
					for range jump {
						n, _ := l.e.Encode(l.payload, tone(l.sound, l.n*l.p.slot, l.p.slot))
						l.p.Push(l.now, Packet{Seq: uint16(l.n), Timestamp: uint32(l.n * l.p.slot / l.p.ratio), Payload: l.payload[:n], Arrival: l.now, Level: -1})
						l.n++
					}
				}
				heard = append(heard, l.step(true, nil)...)
			}
			if jump > 0 && l.p.Stats().Dropped == 0 {
				t.Fatalf("%s: nothing was thrown away: %+v", c.Name, l.p.Stats())
			}
			for i := 15*l.p.slot + 2; i < len(heard); i++ {
				most = max(most, math.Abs(float64(heard[i])-2*float64(heard[i-1])+float64(heard[i-2])))
			}
			return most
		}
		if pure, cut := worst(0), worst(9); cut > 2.5*pure {
			t.Errorf("%s: the greatest second difference is %.0f, %.0f where something was thrown away", c.Name, pure, cut)
		}
	}
}
