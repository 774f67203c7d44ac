package conference

import (
	"testing"
	"time"
)

// What a stall of the worker of 200 ms has added to the delay goes in the speaker's next pauses, not over half a minute.
func TestStallIsMadeGoodInAPause(t *testing.T) {
	for _, c := range qualityCodecs {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			begins, all := []time.Duration{3 * time.Second, 4 * time.Second, 5 * time.Second, 6 * time.Second}, 0
			for _, begin := range begins {
				h := newHall(t, nil)
				speaker := h.dial("tea", c, 20*ms, playing(recording(t, "boris", c.SampleRate), 1))
				speaker.stalls = true
				h.dial("tea", c, 20*ms, nil).stalls = true
				h.run(begin)
				before := speaker.leg.line.playout.Stats().Shrunk
				for range 10 {
					h.now += Slot
					speaker.speak(h.now)
				}
				h.worker.tick(h.now, 9)
				slots := 0
				for ; slots < 500 && speaker.leg.line.playout.Stats().Shrunk-before < 160*ms; slots++ {
					h.slot()
				}
				all += slots
			}
			mean := time.Duration(all/len(begins)) * Slot
			t.Logf("made good after %v", mean)
			if mean > 1800*ms {
				t.Errorf("made good after %v", mean)
			}
		})
	}
}
