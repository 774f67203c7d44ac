package loudness

import (
	"math"
	"testing"
	"time"
)

const ms = time.Millisecond

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
