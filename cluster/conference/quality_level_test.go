package conference

import (
	"math"
	"testing"
	"time"

	"trivox/media/codec"
)

// Three people at -36, -26 and -16 dBov are heard within 3 dB of each other after 15 s of talk (DESIGN 7).
func TestLevelsAreEvenedOut(t *testing.T) {
	h := newHall(t, nil)
	levels := []float64{-36, -26, -16}
	for i, name := range []string{"anna", "boris", "david"} {
		voice := recording(t, name, 8000)
		h.dial("tea", codec.PCMU, 20*ms, playing(voice, math.Pow(10, (levels[i]-dBov(gapless(voice, 8000)))/20)))
	}
	h.run(15 * time.Second)
	least, most := 0.0, -100.0
	for i, p := range h.phones {
		now := levels[i] + 20*math.Log10(float64(p.leg.line.gain.Q12())/4096)
		t.Logf("%.0f dBov has become %.1f", levels[i], now)
		least, most = min(least, now), max(most, now)
	}
	if most-least > 3 {
		t.Errorf("they are still %.1f dB apart", most-least)
	}
}

// Steady noise or hum is never raised, and never takes a floor from people who speak, once it is known.
func TestNoiseHasNoFloor(t *testing.T) {
	for _, db := range []float64{-55, -50, -45, -40} {
		for name, source := range map[string]func(int) float64{
			"noise": noise(db, 4), "hum": sine(100, math.Sqrt2*math.Pow(10, db/20), 8000),
		} {
			h := newHall(t, nil)
			steady := h.dial("tea", codec.PCMU, 20*ms, source)
			for _, name := range []string{"anna", "boris", "david"} {
				h.dial("tea", codec.PCMU, 20*ms, playing(recording(t, name, 8000), 1))
			}
			h.run(3 * time.Second)
			floors := 0
			for range 1000 {
				h.slot()
				if steady.leg.line.floor {
					floors++
				}
			}
			if q := steady.leg.line.gain.Q12(); q > 4096 || floors > 0 {
				t.Errorf("%s of %.0f dBov has gain %.1f dB, and a floor in %d slots of 1000", name, db, 20*math.Log10(float64(q)/4096), floors)
			}
		}
	}
}

// The gain does not pump the noise behind a voice up and down: once it is there it stays within 2 dB.
func TestNoiseDoesNotPump(t *testing.T) {
	h := newHall(t, nil)
	voice, hiss := playing(recording(t, "anna", 8000), 0.5), noise(-50, 4)
	speaker := h.dial("tea", codec.PCMU, 20*ms, func(i int) float64 { return voice(i) + hiss(i) })
	h.run(20 * time.Second)
	least, most := 100.0, -100.0
	for range 1500 {
		h.slot()
		gain := 20 * math.Log10(float64(speaker.leg.line.gain.Q12())/4096)
		least, most = min(least, gain), max(most, gain)
	}
	t.Logf("gain %.1f to %.1f dB", least, most)
	if most-least > 2 || least < 1 {
		t.Errorf("gain %.1f to %.1f dB", least, most)
	}
}

// A speaker who is alone hears the same soft noise when he speaks and when he pauses: no line that goes dead with each of
// his words (USERS 15).
func TestComfortNoiseIsSteady(t *testing.T) {
	h := newHall(t, func(c *Config) { c.NoiseLevel = 66 })
	speaker := h.dial("tea", codec.G722, 20*ms, playing(recording(t, "anna", 16000), 1))
	h.dial("tea", codec.G722, 20*ms, nil)
	h.run(time.Second)
	begin := len(speaker.heard)
	h.run(10 * time.Second)
	least, most := 0.0, -100.0
	for pcm := speaker.heard[begin:]; len(pcm) >= 640; pcm = pcm[640:] {
		least, most = min(least, dBov(pcm[:640])), max(most, dBov(pcm[:640]))
	}
	t.Logf("%.1f to %.1f dBov", least, most)
	if least < -69 || most > -63 {
		t.Errorf("he hears %.1f to %.1f dBov, want about -66", least, most)
	}
}
