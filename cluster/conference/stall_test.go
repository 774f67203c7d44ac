package conference

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"trivox/media/codec"
)

// A worker that was held up for a while has its delay back soon, with people who talk without a pause too (USERS 3).
func TestDelayComesBackAfterAStall(t *testing.T) {
	noise := rand.New(rand.NewPCG(3, 4))
	speech := speechSample(t)
	sources := map[string]func(int) float64{
		"tone":   sine(440, amplitude, 8000),
		"noise":  func(int) float64 { return 0.1 * (2*noise.Float64() - 1) },
		"speech": func(i int) float64 { return speech[2*i%len(speech)] },
	}
	for name, source := range sources {
		t.Run(name, func(t *testing.T) {
			h := newHall(t, nil)
			p := h.dial("tea", codec.PCMU, 20*time.Millisecond, source)
			p.stalls = true
			h.dial("tea", codec.PCMU, 20*time.Millisecond, nil).stalls = true
			h.run(3 * time.Second)
			before := p.leg.line.playout.Stats().Delay
			for range 3 { // stalls of 200 ms
				for range 9 {
					h.now += Slot
					p.speak(h.now)
				}
				h.now += Slot
				p.speak(h.now)
				h.worker.tick(h.now, 9)
				h.run(time.Second)
			}
			h.run(7 * time.Second)
			st := p.leg.line.playout.Stats()
			t.Logf("delay %v before, %v after; margin %v, shrunk %v", before, st.Delay, st.Margin, st.Shrunk)
			if st.Delay > before+20*time.Millisecond {
				t.Errorf("the delay was %v before the stalls and is %v 10 s later", before, st.Delay)
			}
		})
	}
}

// speechSample is a recorded voice without its pauses, 16 kHz.
func speechSample(t *testing.T) []float64 {
	b, err := os.ReadFile("../../examples/speech/anna.wav")
	if err != nil {
		t.Fatal(err)
	}
	var out []float64
	for b = b[44:]; len(b) >= 640; b = b[640:] {
		var pcm []float64
		var power float64
		for i := 0; i < 640; i += 2 {
			v := float64(int16(binary.LittleEndian.Uint16(b[i:]))) / 32768
			pcm = append(pcm, v)
			power += v * v / 320
		}
		if power > 0.0004 {
			out = append(out, pcm...)
		}
	}
	return out
}
