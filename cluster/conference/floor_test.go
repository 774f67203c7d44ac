package conference

import (
	"math"
	"testing"
	"time"

	"trivox/media/codec"
)

// talker is a tone that can be turned up and down while the test runs.
type talker struct {
	hertz, amplitude float64
	rate             int
}

func (s *talker) sample(i int) float64 {
	return s.amplitude * math.Sin(2*math.Pi*s.hertz*float64(i)/float64(s.rate))
}

// With five at once the three loudest are heard; who speaks up is heard instead (DESIGN 6, P 6.1).
func TestThreeLoudestOfFive(t *testing.T) {
	h := newHall(t, nil)
	levels := []float64{0.10, 0.09, 0.08, 0.04, 0.03}
	var talkers []*talker
	var phones []*phone
	for i, a := range levels {
		s := &talker{hertz: tones[i], rate: 8000}
		talkers = append(talkers, s)
		phones = append(phones, h.dial("tea", codec.PCMU, 20*time.Millisecond, s.sample))
		_ = a
	}
	listener := h.dial("tea", codec.PCMA, 20*time.Millisecond, nil)
	h.run(time.Second)
	for i, a := range levels {
		talkers[i].amplitude = a
	}
	h.run(3 * time.Second)
	audible := func(hertz float64) bool { return listener.level(hertz, time.Second) > 0.02 }
	for i := range levels {
		if got, want := audible(tones[i]), i < 3; got != want {
			t.Errorf("of five at once, the one of level %.2f is heard: %v, want %v", levels[i], got, want)
		}
	}
	talkers[4].amplitude = 0.12
	h.run(4 * time.Second)
	if !audible(tones[4]) || audible(tones[2]) {
		t.Errorf("who spoke up is heard: %v, the softest of the three: %v", audible(tones[4]), audible(tones[2]))
	}
	for _, p := range phones { // five streams that a break would have spoilt are held by phone.hear
		if p.packets < 390 {
			t.Errorf("%s got %d packets", p.leg.ID(), p.packets)
		}
	}
}

// Two people at full scale are neither wrapped nor cut hard (DESIGN 11, USERS 4).
func TestTwoAtFullScale(t *testing.T) {
	h := newHall(t, nil)
	h.dial("tea", codec.G722, 20*time.Millisecond, sine(440, 1, 16000))
	h.dial("tea", codec.G722, 20*time.Millisecond, sine(610, 1, 16000))
	listener := h.dial("tea", codec.G722, 20*time.Millisecond, nil)
	h.run(4 * time.Second)
	pcm := listener.heard[len(listener.heard)-16000:]
	for i := 1; i < len(pcm); i++ {
		if d := int(pcm[i]) - int(pcm[i-1]); d > 32767 || d < -32767 {
			t.Fatalf("sample %d jumps by %d: wrapped", i, d)
		}
	}
	a, b := listener.level(440, time.Second), listener.level(610, time.Second)
	var power float64
	for _, s := range pcm {
		power += float64(s) * float64(s) / 32767 / 32767 / float64(len(pcm))
	}
	rest := power - a*a/2 - b*b/2
	if thd := math.Sqrt(max(rest, 0) / power); thd > 0.03 || a < 0.2 || b < 0.2 {
		t.Errorf("440 Hz at %.3f, 610 Hz at %.3f, the rest is %.2f %% of it; want under 3 %%", a, b, 100*thd)
	}
}

// A steady tone of ten minutes has no gap, no repeat and no click (DESIGN 11): every 20 ms it is the tone, and goes on
// where the 20 ms before it ended.
func TestTenMinuteTone(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCMU, codec.G722, codec.Opus} {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			d := 10 * time.Minute
			if testing.Short() {
				d = 5 * time.Second
			}
			h := newHall(t, nil)
			h.dial("tea", c, 20*time.Millisecond, sine(440, 0.25, c.SampleRate))
			listener := h.dial("tea", c, 20*time.Millisecond, nil)
			h.run(3 * time.Second)
			listener.heard = listener.heard[:0]
			n := c.SampleRate / 50
			worst, jump, windows, phase := 0.0, 0.0, 0, 0.0
			for range int(d / time.Second) {
				h.run(time.Second)
				for ; len(listener.heard) >= n; listener.heard = listener.heard[n:] {
					rest, at := fit(listener.heard[:n], windows*n, 440, c.SampleRate)
					if windows > 0 {
						jump = max(jump, math.Abs(math.Remainder(at-phase, 2*math.Pi)))
					}
					worst, phase = max(worst, rest), at
					windows++
				}
			}
			if windows < int(d/Slot)-1 || worst > 0.05 || jump > 0.05 {
				t.Errorf("of %d windows the worst is %.1f %% something else than the tone, the greatest jump of phase %.3f rad",
					windows, 100*worst, jump)
			}
		})
	}
}

// fit finds the tone of that frequency in pcm, whose first sample is number at: the share of pcm that is something
// else, and the phase of the tone at sample 0.
func fit(pcm []int16, at int, hertz float64, rate int) (rest, phase float64) {
	var cc, ss, cs, xc, xs, xx float64
	for i, v := range pcm {
		w := 2 * math.Pi * math.Mod(hertz*float64(at+i)/float64(rate), 1)
		c, s, x := math.Cos(w), math.Sin(w), float64(v)
		cc, ss, cs, xc, xs, xx = cc+c*c, ss+s*s, cs+c*s, xc+x*c, xs+x*s, xx+x*x
	}
	det := cc*ss - cs*cs
	a, b := (xc*ss-xs*cs)/det, (xs*cc-xc*cs)/det
	return math.Sqrt(max(0, xx-a*xc-b*xs) / max(xx, 1)), math.Atan2(b, a)
}
