package sim

import (
	"fmt"
	"time"

	"trivox/loudness"
)

// FloorConfig is one run of the floor experiment: one domain, many participants,
// N_max floors.
type FloorConfig struct {
	Seed     uint64
	Trials   int // trials of each contest
	Minutes  int // length of each conversation
	NMax     int
	Loudness loudness.Params

	// Speech holds the amplitudes of recorded speech slot by slot, one recording
	// an element, as loud as -26 dBov. Without it the talkers of the contests are
	// made of syllables.
	Speech [][]uint16

	// Progress is told how far the run is, when it is not nil.
	Progress func(done, total int)
}

// DefaultFloor returns the run that docs/loudness.md shows.
func DefaultFloor() FloorConfig {
	return FloorConfig{Seed: 1, Trials: 400, Minutes: 20, NMax: 3, Loudness: loudness.Default()}
}

// Check returns an error that names the first setting that cannot be used.
func (c FloorConfig) Check() error {
	for _, v := range []struct {
		name     string
		has, low int
		high     int
	}{{"trials", c.Trials, 1, 100_000}, {"minutes", c.Minutes, 1, 24 * 60}, {"floors", c.NMax, 1, 16}} {
		if v.has < v.low || v.has > v.high {
			return fmt.Errorf("sim: %s %d: need %d to %d", v.name, v.has, v.low, v.high)
		}
	}
	for i, s := range c.Speech {
		if time.Duration(len(s))*Slot < time.Second {
			return fmt.Errorf("sim: recording %d of speech lasts %v: need 1s at least", i+1, time.Duration(len(s))*Slot)
		}
	}
	return c.Loudness.Check()
}

// FloorReport is what came of a run, in the order of [Methods]; conversations
// scene by scene.
type FloorReport struct {
	Contests []Contest
	Hearings []Hearing
}

// Floor runs the experiment. The same configuration gives the same report. It
// panics when c.Check() would refuse c.
func Floor(c FloorConfig) FloorReport {
	if err := c.Check(); err != nil {
		panic(err)
	}
	scenes := floorScenes(c)
	methods := Methods()
	step, steps := 0, len(methods)*(1+len(scenes))
	progress := func() {
		if step++; c.Progress != nil {
			c.Progress(step, steps)
		}
	}
	var r FloorReport
	for _, m := range methods {
		r.Contests = append(r.Contests, newContests(c, m).run())
		progress()
	}
	for _, s := range scenes {
		for _, m := range methods {
			r.Hearings = append(r.Hearings, judgeScene(s, m, c.Loudness, c.NMax))
			progress()
		}
	}
	return r
}
