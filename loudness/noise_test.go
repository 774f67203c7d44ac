package loudness

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// noisy is the amplitude of a slot of steady noise: the RMS of 160 Gaussian
// samples.
func noisy(r *rand.Rand, level float64) uint16 {
	var sum float64
	for range 160 {
		v := r.NormFloat64()
		sum += v * v
	}
	return uint16(level * math.Sqrt(sum/160))
}

// DESIGN 5: a hum is not a voice. After the window of the noise floor a steady
// noise has no number and no activity, and speech above it still counts at
// once.
func TestGateLearnsNoise(t *testing.T) {
	for _, level := range []float64{30, 66, 150, 300} { // -67 to -47 dBov
		r := rand.New(rand.NewPCG(1, uint64(level)))
		p := Default()
		m := NewMeter(p)
		for range p.NoiseWindow + p.NoiseWindow/noiseParts {
			m.Add(noisy(r, level), 20*ms)
		}
		for range 200 {
			m.Catch(1) // forget what was heard before the floor was known
		}
		voiced := 0
		for range 3000 {
			m.Add(noisy(r, level), 20*ms)
			if m.Voiced() {
				voiced++
			}
		}
		if voiced != 0 || m.Active() || m.Number() != 0 {
			t.Errorf("noise of %v: %d of 3000 slots voiced, lambda %d", level, voiced, m.Number())
		}
		m.Add(3277, 20*ms)
		if !m.Voiced() || !m.Active() || m.Number() == 0 {
			t.Errorf("noise of %v: speech above it is not heard at once", level)
		}
	}
}

// DESIGN 11: the first packet of a talkspurt is heard: the very first one of a
// call, the first after a long silence, and the first after long noise, also
// when the talker is faint (-45 dBov).
func TestFirstPacketCounts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for name, before := range map[string]func(*Meter){
		"nothing":         func(*Meter) {},
		"digital silence": func(m *Meter) { m.Add(0, time.Minute) },
		"no packets":      func(m *Meter) { m.Catch(3000) },
		"noise of -60 dBov": func(m *Meter) {
			for range 3000 {
				m.Add(noisy(r, 66), 20*ms)
			}
		},
	} {
		for _, d := range []time.Duration{10 * ms, 20 * ms, 60 * ms} {
			m := NewMeter(Default())
			before(m)
			m.Add(368, d)
			if !m.Voiced() || !m.Active() || m.Number() == 0 {
				t.Errorf("after %s, first packet of %v: voiced %v, active %v, lambda %d",
					name, d, m.Voiced(), m.Active(), m.Number())
			}
		}
	}
}

// A steady tone at or above theta is never learned as noise: GateMax is theta.
func TestToneIsHeardForEver(t *testing.T) {
	for _, x := range []uint16{FullScale, 46340, 6553, Default().Theta + 1} {
		m := NewMeter(Default())
		for i := range 10 * 60 * 50 {
			m.Add(x, 20*ms)
			if !m.Voiced() || !m.Active() {
				t.Fatalf("tone of %d: lost after %v", x, time.Duration(i)*20*ms)
			}
		}
	}
}

// The floor falls within two readings of a pause, so that the next talkspurt
// meets a low gate, and is not raised by speech that pauses now and then.
func TestFloorFallsAtOnceAndRisesSlowly(t *testing.T) {
	p := Default()
	m := NewMeter(p)
	for range 2 * p.NoiseWindow {
		m.Add(300, 20*ms)
	}
	if m.Noise() != 300 {
		t.Fatalf("floor %d, want 300", m.Noise())
	}
	m.Add(50, 2*noiseBlock*20*ms)
	if m.Noise() > 50 {
		t.Errorf("floor %d after a pause of %d slots, want 50", m.Noise(), 2*noiseBlock)
	}
	for range 100 { // talk with pauses of 200 ms
		m.Add(700, 2*time.Second)
		m.Add(50, 200*ms)
		if m.Noise() > 50 {
			t.Fatalf("floor %d in talk with pauses", m.Noise())
		}
	}
	m.Catch(10000)
	if m.Noise() != 50 {
		t.Errorf("floor %d: lost packets changed it", m.Noise())
	}
}
