package loudness

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const ms = time.Millisecond

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
// and the one being filled; what was never heard counts as 0.
func (w *twin) noise() uint16 {
	per := noiseBlock * int(w.p.Slot/unit)
	part := w.p.NoiseWindow / noiseUnit
	readings := len(w.raw) / per
	first := ((readings-1)/part - noiseParts) * part
	if readings == 0 || first < 0 {
		return 0
	}
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
				m.Add(x, d)
				w.add(x, d)
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

// A meter that was reset is a new meter.
func TestReset(t *testing.T) {
	m, fresh := NewMeter(Default()), NewMeter(Default())
	for i := range 1000 {
		m.Add(uint16(i*37), 30*ms)
	}
	m.Add(9000, 10*ms)
	m.Reset()
	for i := range 400 {
		x := uint16(i * 101)
		m.Add(x, 20*ms)
		fresh.Add(x, 20*ms)
		if m.Number() != fresh.Number() || m.Noise() != fresh.Noise() || m.Active() != fresh.Active() {
			t.Fatalf("slot %d: %d, a new meter has %d", i, m.Number(), fresh.Number())
		}
	}
}

// DESIGN 5: media time, not packets: the same sound in packets of 10, 20, 30,
// 40 and 60 ms has the same number whenever all are at a common end.
func TestPacketTimeDoesNotMatter(t *testing.T) {
	sound := func(at time.Duration) uint16 { // constant over 120 ms
		return uint16(3000 + 2500*math.Sin(float64(at/(120*ms))))
	}
	var want []Number
	for _, d := range []time.Duration{20 * ms, 10 * ms, 30 * ms, 40 * ms, 60 * ms} {
		m := NewMeter(Default())
		var got []Number
		for at := time.Duration(0); at < 12*time.Second; at += d {
			m.Add(sound(at), d)
			if (at+d)%(120*ms) == 0 {
				got = append(got, m.Number())
			}
		}
		if want == nil {
			want = got
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("packets of %v: %d after %v, want %d", d, got[i], time.Duration(i+1)*120*ms, want[i])
			}
		}
	}
}

// DESIGN 5: no drift. After hours of random talk, silence for as long as the
// windows brings the number to exactly 0, and a constant to exactly itself.
func TestNoDrift(t *testing.T) {
	p := Default()
	m := NewMeter(p)
	x := uint32(1)
	for range 3 * 60 * 60 * 50 {
		x = x*1664525 + 1013904223
		m.Add(uint16(x>>16), time.Duration(1+x>>29)*5*ms)
	}
	m.Catch(p.Horizon + 1)
	if m.Number() != 0 {
		t.Errorf("lambda %d after silence, want 0", m.Number())
	}
	for range p.Horizon + 1 {
		m.Add(2000, 20*ms)
	}
	a3 := Whole - p.A1 - p.A2
	if want := Number((2000*(p.A1+p.A2) + int(p.Theta)*a3) / Whole); m.Number() != want {
		t.Errorf("lambda %d under a constant, want %d", m.Number(), want)
	}
}

// A packet far longer than the windows does bounded work and leaves the rings
// as if its last part had come alone.
func TestEndlessPacket(t *testing.T) {
	p := Default()
	a, b := NewMeter(p), NewMeter(p)
	a.Add(5000, 10*ms)
	b.Add(5000, 10*ms)
	a.Add(4000, 1000*time.Hour)
	b.Add(4000, 30*time.Second)
	for i := range 300 {
		if a.Number() != b.Number() || a.Active() != b.Active() {
			t.Fatalf("packet %d: %d, want %d", i, a.Number(), b.Number())
		}
		a.Add(uint16(i*200), 10*ms)
		b.Add(uint16(i*200), 10*ms)
	}
	a.Catch(math.MaxInt)
	if a.Number() != 0 || a.Active() {
		t.Errorf("lambda %d, active %v after endless silence", a.Number(), a.Active())
	}
	a.Add(5000, -20*ms)
	a.Add(5000, 0)
	if a.Number() != 0 || a.Voiced() {
		t.Error("a packet that lasts nothing counted")
	}
}

// DESIGN 6: active while the latest voiced slot is under 10 slots old.
func TestActivity(t *testing.T) {
	m := NewMeter(Default())
	if m.Active() || m.Voiced() || m.Number() != 0 {
		t.Fatal("a new meter has heard something")
	}
	m.Add(3000, 20*ms)
	for age := range 20 {
		if want := age < 10; m.Active() != want {
			t.Errorf("latest voiced slot %d slots old: active %v, want %v", age, m.Active(), want)
		}
		if m.Voiced() != (age == 0) {
			t.Errorf("age %d: voiced %v", age, m.Voiced())
		}
		m.Add(0, 20*ms)
	}
	m.Add(3000, 20*ms)
	m.Catch(9)
	if !m.Active() {
		t.Error("9 slots behind: inactive")
	}
	m.Catch(1)
	if m.Active() {
		t.Error("10 slots behind: active")
	}
}

func TestCheck(t *testing.T) {
	if err := Default().Check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Params){
		"slot":          func(p *Params) { p.Slot = 0 },
		"recent past":   func(p *Params) { p.RecentPast = 0 },
		"distant past":  func(p *Params) { p.DistantPast = maxWindow + 1 },
		"horizon":       func(p *Params) { p.Horizon = -1 },
		"a1 = 0":        func(p *Params) { p.A1 = 0 },
		"a2 = 0":        func(p *Params) { p.A2 = 0 },
		"a1 + a2 = 1":   func(p *Params) { p.A1, p.A2 = 128, 128 },
		"theta = 0":     func(p *Params) { p.Theta = 0 },
		"theta > max":   func(p *Params) { p.Theta = p.Max + 1 },
		"hang":          func(p *Params) { p.Hang = 0 },
		"gate":          func(p *Params) { p.GateMin = p.GateMax + 1 },
		"gate ratio":    func(p *Params) { p.GateRatio = 15 },
		"noise window":  func(p *Params) { p.NoiseWindow = 33 },
		"no noise":      func(p *Params) { p.NoiseWindow = 0 },
		"endless noise": func(p *Params) { p.NoiseWindow = 2 * maxWindow },
	} {
		p := Default()
		spoil(&p)
		if p.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: NewMeter took it", name)
				}
			}()
			NewMeter(p)
		}()
	}
}

// The greatest windows and amplitudes do not overflow.
func TestLimits(t *testing.T) {
	p := Default()
	p.RecentPast, p.DistantPast, p.Horizon = maxWindow, maxWindow, maxWindow
	p.Theta, p.Max = FullScale, FullScale
	m := NewMeter(p)
	for range 2 * maxWindow {
		m.Add(FullScale, 20*ms)
	}
	if m.Number() != FullScale || p.Ceiling() != FullScale {
		t.Errorf("lambda %d, ceiling %d, want %d", m.Number(), p.Ceiling(), FullScale)
	}
}

func TestMeterAllocatesNothing(t *testing.T) {
	m := NewMeter(Default())
	pcm := make([]int16, 960)
	n := 0
	if a := testing.AllocsPerRun(1000, func() {
		m.Add(Samples(pcm)+uint16(n*997), 30*ms)
		m.Catch(n & 1)
		if m.Active() && m.Voiced() {
			n += int(m.Number())
		}
		n++
	}); a != 0 {
		t.Errorf("%v allocations per packet", a)
	}
}

func BenchmarkAdd(b *testing.B) {
	m := NewMeter(Default())
	for n := 0; b.Loop(); n++ {
		m.Add(uint16(n*997), 20*ms)
	}
}

func BenchmarkAddAndNumber(b *testing.B) {
	m := NewMeter(Default())
	var sum uint64
	for n := 0; b.Loop(); n++ {
		m.Add(uint16(n*997), 20*ms)
		sum += uint64(m.Number())
	}
	_ = sum
}
