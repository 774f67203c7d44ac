package sim

import (
	"math"
	"slices"

	"trivox/mixer"
)

// Track is what happens to a few people over some seconds, by the loudness number.
type Track struct {
	Names []string
	Slots [][]TrackPoint // by slot and participant
}

// TrackPoint is one participant in one slot.
type TrackPoint struct {
	mixer.Rank
	Heard bool
}

// Trace plays 16 s: N_max steady speakers have the floors; at 3 s a door slams at
// somebody's who is silent; at 5 s he begins to speak and goes on; at 10 s the
// first of the speakers stops; at 12 s another begins, half as loud.
func Trace(c FloorConfig) Track {
	t := newContests(c, ByNumber)
	h := t.hall(0, floorLevel)
	n := c.NMax
	late := n + 1
	ch := h.chooser.(*number)
	ch.add(c.Loudness)
	h.sources = append(h.sources, silence{})
	h.x, h.quiet = append(h.x, 0), append(h.quiet, 0)
	at := func(seconds float64) int { return int(seconds * float64(1e9) / float64(Slot)) }
	tr := Track{Names: append(slices.Repeat([]string{"speaker"}, n), "interrupter", "late and fainter")}
	tr.Names[0] = "speaker who stops"
	for slot := range at(16) {
		switch slot {
		case at(3):
			h.sources[n] = &burst{left: burstSlots}
		case at(5):
			h.sources[n] = t.voice(t.rand(0, n+1), n, floorLevel, true)
		case at(10):
			h.sources[0] = silence{}
		case at(12):
			h.sources[late] = t.voice(t.rand(0, n+2), late, floorLevel-6, true)
		}
		h.step()
		points := make([]TrackPoint, len(ch.ranks))
		for i, r := range ch.ranks {
			points[i] = TrackPoint{Rank: r, Heard: h.hears(i)}
		}
		tr.Slots = append(tr.Slots, points)
	}
	return tr
}

// Crowd is what a method makes of so many people who talk and pause regardless of
// each other.
func Crowd(c FloorConfig, m Method, people int) Hearing {
	t := DefaultTalk(people)
	t.Crowd = people
	return judgeScene(newScene("crowd", t, c.Seed, c), m, c.Loudness, c.NMax)
}

// Recording brings the amplitudes of recorded speech, one a slot, to -26 dB of
// full scale, measured where somebody speaks. It changes x and returns it.
func Recording(x []uint16) []uint16 {
	var sum, n float64
	for _, v := range x {
		if v >= floorOnset {
			sum, n = sum+float64(v)*float64(v), n+1
		}
	}
	if n == 0 {
		return x
	}
	dB := 20 * math.Log10(float64(amplitude(floorLevel))/math.Sqrt(sum/n))
	for i := range x {
		x[i] = scale(x[i], int(math.Round(10*dB)))
	}
	return x
}
