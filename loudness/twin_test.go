package loudness

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// unit is the grain of the twin's memory: every packet time lasts a whole
// number of them.
const unit = 2500 * time.Microsecond

// twin is the meter as one would write it down from DESIGN 5: it remembers
// everything, and computes all anew, with floats, whenever it is asked.
type twin struct {
	p      Params
	raw    []uint16 // per unit of packets heard
	gated  []uint16 // per unit of media time
	voiced bool
	quiet  int // units since the last voiced one, -1 for never
}

func newTwin(p Params) *twin { return &twin{p: p, quiet: -1} }

func (w *twin) add(x uint16, d time.Duration) {
	gate := min(max(float64(w.noise())*float64(w.p.GateRatio)/16, float64(w.p.GateMin)), float64(w.p.GateMax))
	w.voiced = float64(x) > math.Floor(gate)
	g := uint16(0)
	if w.voiced {
		g, w.quiet = min(x, w.p.Max), 0
	}
	for range d / unit {
		w.raw = append(w.raw, x)
		w.gated = append(w.gated, g)
		if !w.voiced && w.quiet >= 0 {
			w.quiet++
		}
	}
}

func (w *twin) catch(slots int) {
	w.voiced = false
	for range slots * int(w.p.Slot/unit) {
		w.gated = append(w.gated, 0)
		if w.quiet >= 0 {
			w.quiet++
		}
	}
}

// noise is the lowest mean of 4 slots in the eight latest parts of the window
// and the one being filled, 0 until four parts were heard.
func (w *twin) noise() uint16 {
	per := noiseBlock * int(w.p.Slot/unit)
	part := w.p.NoiseWindow / noiseUnit
	readings := len(w.raw) / per
	done := (readings - 1) / part
	if readings == 0 || done < noiseKnown {
		return 0
	}
	first := max(done-noiseParts, 0) * part
	low := uint16(math.MaxUint16)
	for r := first; r < readings; r++ {
		var sum uint64
		for _, x := range w.raw[r*per : (r+1)*per] {
			sum += uint64(x)
		}
		low = min(low, uint16(sum/uint64(per)))
	}
	return low
}

// slots returns the amplitude of every slot, the one begun last included.
func (w *twin) slots() []uint16 {
	per := int(w.p.Slot / unit)
	var all []uint16
	for i := 0; i < len(w.gated); i += per {
		var sum uint64
		units := w.gated[i:min(i+per, len(w.gated))]
		for _, x := range units {
			sum += uint64(x)
		}
		all = append(all, uint16(sum/uint64(len(units))))
	}
	return all
}

func (w *twin) lambda() float64 {
	all := w.slots()
	ago := func(i int) float64 {
		if i >= len(all) {
			return 0
		}
		return float64(all[len(all)-1-i])
	}
	var l1, l2, l3 float64
	for i := range w.p.RecentPast {
		l1 += ago(i) / float64(w.p.RecentPast)
	}
	for i := range w.p.DistantPast {
		l2 += ago(w.p.RecentPast+i) / float64(w.p.DistantPast)
	}
	for i := range w.p.Horizon {
		if ago(i) >= float64(w.p.Theta) {
			l3 += float64(w.p.Theta) / float64(w.p.Horizon)
		}
	}
	a1, a2 := float64(w.p.A1)/Whole, float64(w.p.A2)/Whole
	return a1*l1 + a2*l2 + (1-a1-a2)*l3
}

func (w *twin) active() bool {
	return w.quiet >= 0 && w.quiet < w.p.Hang*int(w.p.Slot/unit)
}

func drawParams(t *rapid.T) Params {
	p := Default()
	p.RecentPast = rapid.IntRange(1, 12).Draw(t, "recent")
	p.DistantPast = rapid.IntRange(1, 12).Draw(t, "distant")
	p.Horizon = rapid.IntRange(1, 40).Draw(t, "horizon")
	p.A1 = rapid.IntRange(1, 200).Draw(t, "a1")
	p.A2 = rapid.IntRange(1, 255-p.A1).Draw(t, "a2")
	p.NoiseWindow = noiseUnit * rapid.IntRange(1, 3).Draw(t, "noise")
	p.Hang = rapid.IntRange(1, 12).Draw(t, "hang")
	return p
}

// P 6.2, equations 1 to 4, and DESIGN 5: against the twin, over packets of
// every length mixed with gaps.
func TestMeterAgreesWithTwin(t *testing.T) {
	durations := []time.Duration{unit, 5 * ms, 10 * ms, 20 * ms, 20 * ms, 20 * ms, 30 * ms, 60 * ms, 120 * ms}
	amplitude := rapid.OneOf(rapid.Uint16Range(0, 60), rapid.Uint16Range(0, 1200), rapid.Uint16())
	rapid.Check(t, func(t *rapid.T) {
		p := drawParams(t)
		m, w := NewMeter(p), newTwin(p)
		for range rapid.IntRange(1, 120).Draw(t, "packets") {
			if rapid.IntRange(0, 15).Draw(t, "gap") == 0 {
				n := rapid.IntRange(1, 80).Draw(t, "slots")
				m.Catch(n)
				w.catch(n)
			} else {
				x := amplitude.Draw(t, "x")
				d := rapid.SampledFrom(durations).Draw(t, "d")
				before := m.Number()
				m.Add(x, d)
				w.add(x, d)
				slots := int((d+p.Slot-1)/p.Slot) + 1 // that the packet may touch
				if m.Number() > before && int(m.Number()-before) > slots*int(p.Rise()) {
					t.Fatalf("lambda rose from %d to %d in %v, by more than %d a slot", before, m.Number(), d, p.Rise())
				}
			}
			if f, n := w.lambda(), float64(m.Number()); n > f+1e-6 || n <= f-1-1e-6 {
				t.Fatalf("lambda %v, the twin has %.4f", n, f)
			}
			if m.Voiced() != w.voiced || m.Active() != w.active() || m.Noise() != w.noise() {
				t.Fatalf("voiced %v active %v noise %d, the twin has %v %v %d",
					m.Voiced(), m.Active(), m.Noise(), w.voiced, w.active(), w.noise())
			}
			if m.Number() > p.Ceiling() {
				t.Fatalf("lambda %d above the ceiling %d", m.Number(), p.Ceiling())
			}
		}
	})
}
