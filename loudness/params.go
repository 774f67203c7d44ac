package loudness

import (
	"fmt"
	"time"
)

// Whole is the sum of the three weights: they are counted in 1/256.
const Whole = 256

// maxWindow bounds every window, so that the numerator of lambda fits in 64
// bits: 256 * 65535 * 4096^3 < 2^60.
const maxWindow = 4096

// Params is what every server of a conference must agree on for their numbers
// to be comparable (DESIGN 8). The zero value is not usable: start from
// [Default].
type Params struct {
	Slot time.Duration // length of one slot

	// Windows of P 6.2 (equations 1 to 3), in slots.
	RecentPast  int
	DistantPast int
	Horizon     int

	// Weights of L1 and L2 in 1/256; L3 has the rest.
	A1, A2 int

	Theta uint16 // amplitude from which a slot counts as activity
	Max   uint16 // amplitudes are capped here
	Hang  int    // a stream is active while its latest voiced slot is under Hang slots old

	// The noise gate. An amplitude is a voice when it is greater than
	// noise*GateRatio/16, where that product is kept between GateMin and
	// GateMax. GateMax at Theta means that nothing loud enough to count as
	// activity is ever taken for noise, however steady it is: a test tone
	// stays audible. noise is the lowest mean amplitude of any 4 slots in the
	// latest NoiseWindow slots, and 0 until half as many were heard, so that the
	// first words of a call are not learned as noise.
	GateMin, GateMax uint16
	GateRatio        int
	NoiseWindow      int // a multiple of 32 slots
}

// Default returns the parameters that a conference uses unless told otherwise.
// `trivox sim floor --search` found nothing better for the windows and the weights,
// a lower Max, and a higher Theta and GateMax: docs/loudness.md. They are held to the figures of DESIGN
// 11, "Conversation", by the tests of this package, of mixer and of cluster/sim.
func Default() Params {
	return Params{
		Slot:        20 * time.Millisecond,
		RecentPast:  30,
		DistantPast: 40,
		Horizon:     150,
		A1:          141,  // 0.55
		A2:          38,   // 0.15
		Theta:       1245, // 0.019 of full scale, -34 dBov
		Max:         5898, // 0.09 of full scale
		Hang:        10,
		GateMin:     40, // -64 dBov
		GateMax:     1245,
		GateRatio:   40, // 2.5 times, 8 dB
		NoiseWindow: 256,
	}
}

// Check returns an error that names the first parameter that cannot be used
// and says what would do.
func (p Params) Check() error {
	if p.Slot < time.Millisecond || p.Slot > time.Second {
		return fmt.Errorf("loudness: Slot %v: need 1ms to 1s, e.g. 20ms", p.Slot)
	}
	for _, w := range []struct {
		name  string
		slots int
	}{{"RecentPast", p.RecentPast}, {"DistantPast", p.DistantPast}, {"Horizon", p.Horizon}} {
		if w.slots < 1 || w.slots > maxWindow {
			return fmt.Errorf("loudness: %s %d: need 1 to %d slots", w.name, w.slots, maxWindow)
		}
	}
	if p.A1 < 1 || p.A2 < 1 || p.A1+p.A2 >= Whole {
		return fmt.Errorf("loudness: A1 %d, A2 %d: need both above 0 and a sum below %d", p.A1, p.A2, Whole)
	}
	if p.Theta < 1 || p.Theta > p.Max {
		return fmt.Errorf("loudness: Theta %d: need 1 to Max (%d)", p.Theta, p.Max)
	}
	if p.Hang < 1 || p.Hang > maxWindow {
		return fmt.Errorf("loudness: Hang %d: need 1 to %d slots", p.Hang, maxWindow)
	}
	if p.GateMin > p.GateMax {
		return fmt.Errorf("loudness: GateMin %d: need at most GateMax (%d)", p.GateMin, p.GateMax)
	}
	if p.GateRatio < 16 || p.GateRatio > 256 {
		return fmt.Errorf("loudness: GateRatio %d: need 16 to 256 (sixteenths of the noise floor)", p.GateRatio)
	}
	if p.NoiseWindow < noiseUnit || p.NoiseWindow > maxWindow || p.NoiseWindow%noiseUnit != 0 {
		return fmt.Errorf("loudness: NoiseWindow %d: need a multiple of %d up to %d slots", p.NoiseWindow, noiseUnit, maxWindow)
	}
	return nil
}

// Ceiling returns the greatest number that these parameters can give:
// (a1+a2)*Max + a3*Theta. A number above it that comes over a trunk is forged
// (DESIGN 8).
func (p Params) Ceiling() Number {
	a3 := Whole - p.A1 - p.A2
	return Number((uint64(p.A1+p.A2)*uint64(p.Max) + uint64(a3)*uint64(p.Theta)) / Whole)
}

// Rise returns the most that a number can grow in one slot under these
// parameters: what a trunk's numbers are held to (DESIGN 8).
func (p Params) Rise() Number {
	a3 := uint64(Whole - p.A1 - p.A2)
	// A new slot enters the recent past; the one that leaves it for the distant
	// past takes with it what it may bring there.
	loud := max(up(uint64(p.A1)*uint64(p.Max), p.RecentPast), up(uint64(p.A2)*uint64(p.Max), p.DistantPast))
	return Number(up(loud+up(a3*uint64(p.Theta), p.Horizon), Whole)) + 1
}

// up is a/b, rounded up.
func up(a uint64, b int) uint64 { return (a + uint64(b) - 1) / uint64(b) }
