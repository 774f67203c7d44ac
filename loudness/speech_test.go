package loudness

import (
	"testing"
	"time"
)

// What is steady is no speech, however loud; nothing is before the noise is known; what stands out of it is.
func TestSpeech(t *testing.T) {
	for _, level := range []uint16{100, 500, 1000, 5000} {
		m := NewMeter(Default())
		for range 1000 {
			m.Add(level, 20*time.Millisecond)
			if m.Speech() {
				t.Fatalf("a steady %d is speech", level)
			}
		}
		m.Add(3*level, 20*time.Millisecond)
		if !m.Speech() {
			t.Errorf("%d in noise of %d is no speech", 3*level, level)
		}
		m.Catch(1)
		if m.Speech() {
			t.Error("nothing is speech")
		}
	}
}
