package sim

import (
	"testing"
	"time"

	"trivox/loudness"
)

// script is a scene written down: a letter a slot for each participant; S
// speaks, M is music, a dot is silence.
func script(rows ...string) scene {
	s := scene{name: "script", noisy: make([]bool, len(rows))}
	for slot := range rows[0] {
		var x []uint16
		var kinds []Kind
		for _, row := range rows {
			switch row[slot] {
			case 'S':
				x, kinds = append(x, 3000), append(kinds, Speech)
			case 'M':
				x, kinds = append(x, 6000), append(kinds, Music)
			default:
				x, kinds = append(x, 0), append(kinds, Noise)
			}
		}
		s.x, s.kinds = append(s.x, x), append(s.kinds, kinds)
	}
	return s
}

// One floor by energy: the second talkspurt of the first speaker is hidden by
// music for 3 slots, then heard; the second speaker is cut off by the music.
func TestJudge(t *testing.T) {
	h := judgeScene(script(
		"SSS............SSSSSS......",
		"....SSSSSS.................",
		"........MMMMMMMMMM.........",
	), ByEnergy, loudness.Default(), 1)
	if h.Onsets != 3 || h.Clipped != 1.0/3 || h.ClippedFree != 0 {
		t.Errorf("%d onsets, clipped %.3f, with a floor free %.3f; want 3, a third, none", h.Onsets, h.Clipped, h.ClippedFree)
	}
	if h.Lost != 60*time.Millisecond || h.Lost95 != h.Lost {
		t.Errorf("lost %v, 95 %% %v; want 60ms", h.Lost, h.Lost95)
	}
	minute := 27 * Slot.Minutes()
	for _, v := range []struct {
		name      string
		has, want float64
	}{
		{"cuts", h.Cuts * minute, 1},
		{"wrong takeovers", h.Wrong * minute, 2},
		{"changes", h.Changes * minute, 4},
		{"heard", h.Heard, 10.0 / 15},
		{"most", h.Most, 1},
	} {
		if d := v.has - v.want; d > 1e-9 || d < -1e-9 {
			t.Errorf("%s: %v, want %v", v.name, v.has, v.want)
		}
	}
}

// A pause under 200 ms divides no talkspurt, and one that is never heard is lost
// whole.
func TestJudgePauses(t *testing.T) {
	h := judgeScene(script(
		"SSS.........SSS..........SS",
		"MMMMMMMMMMMMMMMMMMMMMMMMMMM",
	), ByEnergy, loudness.Default(), 1)
	if h.Onsets != 2 || h.Clipped != 1 || h.Heard != 0 {
		t.Errorf("%d onsets, clipped %.2f, heard %.2f", h.Onsets, h.Clipped, h.Heard)
	}
	if h.Lost != 80*time.Millisecond { // 6 slots and 2
		t.Errorf("lost %v, want 80ms", h.Lost)
	}
}
