package mixer

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"trivox/loudness"
)

// speak lets a steady voice of a level talk for d.
func speak(g *Gain, v *voice, d time.Duration) {
	for range int(d / (20 * ms)) {
		x := v.next()
		g.Observe(x, 20*ms, x > 40)
	}
}

func decibels(g *Gain) float64 { return 20 * math.Log10(float64(g.Q12())/4096) }

// DESIGN 7: evens out levels over 10 s of active speech, at most 12 dB either
// way.
func TestGainEvensOut(t *testing.T) {
	for _, c := range []struct{ level, after10, after60 float64 }{
		{0, 0, 0}, {-6, 3.5, 6}, {6, -4, -6}, {-12, 5, 12}, {10, -7, -9.5}, {-20, 6, 12}, {-16, 6, 12},
	} {
		g := NewGain()
		v := newVoice(rand.New(rand.NewPCG(1, 1)), normal*math.Pow(10, c.level/20))
		speak(g, v, 10*time.Second)
		at10 := decibels(g)
		speak(g, v, 50*time.Second)
		at60 := decibels(g)
		t.Logf("a voice at %+.0f dB: gain %+.1f dB after 10 s, %+.1f dB after 60 s", c.level, at10, at60)
		if math.Abs(at60-c.after60) > 1.5 {
			t.Errorf("a voice at %+.0f dB: gain %+.1f dB after 60 s, want %+.1f", c.level, at60, c.after60)
		}
		if math.Abs(at10) < math.Abs(c.after10)-1 || math.Abs(at10) > 12.01 {
			t.Errorf("a voice at %+.0f dB: gain %+.1f dB after 10 s, want at least %+.1f", c.level, at10, c.after10)
		}
	}
}

// DESIGN 7: never on noise: neither what the meter finds unvoiced, nor the
// seconds in which it takes the noise of a call just begun for a voice.
func TestGainIgnoresNoise(t *testing.T) {
	g := NewGain()
	for range 60 * 50 {
		g.Observe(300, 20*ms, false)
	}
	if g.Q12() != 4096 {
		t.Errorf("gain %+.1f dB from what is not voiced", decibels(g))
	}
	for _, level := range []float64{100, 190} { // -56 and -51 dBov
		g := NewGain()
		m := loudness.NewMeter(loudness.Default())
		for range 60 * 50 {
			x := uint16(level)
			m.Add(g.Amplitude(x), 20*ms)
			g.Observe(x, 20*ms, m.Voiced())
		}
		if g.Q12() != 4096 {
			t.Errorf("gain %+.1f dB from steady noise of %v", decibels(g), level)
		}
	}
}

// A slammed door does not turn a speaker down, and the gain is slow: never more
// than 1.2 dB a second.
func TestGainIsSlow(t *testing.T) {
	g := NewGain()
	v := newVoice(rand.New(rand.NewPCG(2, 2)), normal)
	speak(g, v, 20*time.Second)
	before := decibels(g)
	for range 5 {
		g.Observe(loudness.FullScale, 20*ms, true)
	}
	for range 10 {
		speak(g, v, time.Second)
		if d := decibels(g) - before; d < -3 || d > 1 {
			t.Errorf("gain moved by %+.1f dB after a slammed door", d)
		}
	}
	g = NewGain()
	last := decibels(g)
	for range 20 {
		for range 50 {
			g.Observe(16000, 20*ms, true)
		}
		if d := last - decibels(g); d > 1.25 {
			t.Errorf("gain moved by %.2f dB in a second", d)
		}
		last = decibels(g)
	}
}

// Packets of other lengths have the weight of their time.
func TestGainGoesByTime(t *testing.T) {
	a, b := NewGain(), NewGain()
	for range 1000 {
		a.Observe(1000, 20*ms, true)
	}
	for range 333 {
		b.Observe(1000, 60*ms, true)
	}
	if d := math.Abs(decibels(a) - decibels(b)); d > 0.1 {
		t.Errorf("20 s of speech in packets of 20 and of 60 ms differ by %.2f dB", d)
	}
	b.Observe(1000, -time.Second, true)
	b.Observe(1000, 1000*time.Hour, true)
	if d := decibels(b); d > 12.01 {
		t.Errorf("gain %+.1f dB", d)
	}
}

// Apply amplifies by what Q12 says, moves there within the slice without a
// step, and bends what would exceed full scale.
func TestGainApply(t *testing.T) {
	var g Gain
	pcm := constant(160, 12345)
	if g.Apply(pcm); pcm[0] != 12345 || pcm[159] != 12345 {
		t.Error("0 dB changes samples")
	}
	for range 60 * 50 {
		g.Observe(400, 20*ms, true)
	}
	q := g.Q12()
	if q < 16000 {
		t.Fatalf("gain %d", q)
	}
	pcm = constant(160, 1000)
	g.Apply(pcm)
	last := 1000
	for i, s := range pcm {
		if d := int(s) - last; d < 0 || d > 2981/160+2 {
			t.Fatalf("sample %d: from %d to %d", i, last, s)
		}
		last = int(s)
	}
	if want := 1000 * int(q) / 4096; last != want {
		t.Errorf("ends at %d, want %d", last, want)
	}
	if got, want := g.Amplitude(1000), uint16(1000*uint32(q)/4096); got != want {
		t.Errorf("Amplitude(1000) = %d, want %d", got, want)
	}
	if g.Amplitude(60000) != 65535 {
		t.Errorf("Amplitude(60000) = %d", g.Amplitude(60000))
	}
	pcm = make([]int16, 65536)
	for i := range pcm {
		pcm[i] = int16(i - 32768)
	}
	g.Apply(pcm)
	for i := 1; i < len(pcm); i++ {
		if pcm[i] < pcm[i-1] || int(pcm[i])-int(pcm[i-1]) > 4 {
			t.Fatalf("%d becomes %d, %d becomes %d", i-32769, pcm[i-1], i-32768, pcm[i])
		}
	}
	if g.Reset(); g.Q12() != 4096 {
		t.Error("Reset keeps the gain")
	}
}

func TestGainAllocatesNothing(t *testing.T) {
	var g Gain
	pcm := make([]int16, 160)
	if a := testing.AllocsPerRun(100, func() { g.Observe(700, 20*ms, true); g.Apply(pcm) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func BenchmarkGainApply960(b *testing.B) {
	var g Gain
	for range 3000 {
		g.Observe(700, 20*ms, true)
	}
	pcm := make([]int16, 960)
	for b.Loop() {
		g.Apply(pcm)
	}
}
