package sim

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"trivox/loudness"
)

const (
	floorSettle   = 500 // slots for which the holders have had the floors
	floorPatience = 500 // slots after which a newcomer counts as never heard
	burstSlots    = 5   // a burst of 100 ms
	floorKept     = 100 // slots over which it is counted how much of a newcomer is heard
)

// Waits are the times that newcomers waited for a floor, shortest first; those
// who got none within 10 s waited 10 s.
type Waits []time.Duration

// Percentile returns the wait that a share p (0 to 1) of newcomers did not exceed.
func (w Waits) Percentile(p float64) time.Duration {
	if len(w) == 0 {
		return 0
	}
	return w[min(int(math.Ceil(p*float64(len(w))))-1, len(w)-1)]
}

// Within returns the share of newcomers who waited d at most.
func (w Waits) Within(d time.Duration) float64 {
	n, _ := slices.BinarySearch(w, d+1)
	return float64(n) / float64(max(len(w), 1))
}

// Contest is what a method does, over many trials, when somebody else sounds
// while all floors but perhaps one are held by steady speakers.
type Contest struct {
	Method Method

	// Interrupters go on talking until they are heard: as loud as the holders,
	// 6 dB louder, 6 dB fainter.
	Equal, Louder, Fainter Waits
	Kept                   float64 // share of the 2 s after an equal interrupter was first heard in which he is heard

	Burst     float64       // share of 100 ms full-scale bursts that took a floor from a speaker
	BurstHeld time.Duration // the longest time that one had a floor while all speakers spoke

	// A newcomer begins half a second after one of the speakers stopped: when he
	// is heard instead.
	GivesWay Waits
	// A newcomer begins while one floor has been free for 5 s.
	Free Waits

	// Sounds that are no speech, 20 s beside the speakers: the share of time in
	// which they have a floor that a speaker would have had.
	Music float64 // on hold, 3 dB louder than speech
	Hum   float64 // steady, 24 dB below speech
}

// newContests is all trials of one method as the tables show them.
func newContests(c FloorConfig, m Method) contests {
	return contests{c: c, m: m, p: c.Loudness, burstSlots: burstSlots}
}

// contests runs all trials of one method.
type contests struct {
	c          FloorConfig
	m          Method
	p          loudness.Params
	burstSlots int
	brief      bool // without what the search does not look at
}

// hall is one trial.
type hall struct {
	chooser chooser
	sources []microphone
	x       []uint16
	quiet   []int // slots since each participant was last loud enough for speech
	heard   []int
}

// hall seats nmax speakers who have had the floors for 10 s and one participant
// more, the last, who has said nothing.
func (t contests) hall(trial int, dB float64) *hall {
	n := t.c.NMax
	h := &hall{chooser: newChooser(t.m, t.p, n+1, n), x: make([]uint16, n+1), quiet: make([]int, n+1)}
	for i := range n {
		r := t.rand(trial, i)
		h.sources = append(h.sources, t.voice(r, i, dB, false))
	}
	h.sources = append(h.sources, silence{})
	h.run(floorSettle)
	return h
}

// rand is the chance of participant i in a trial; every method meets the same.
func (t contests) rand(trial, i int) *rand.Rand {
	return rand.New(rand.NewPCG(t.c.Seed, uint64(trial)<<16|uint64(i)))
}

// voice is somebody who talks: recorded when there is a recording.
func (t contests) voice(r *rand.Rand, i int, dB float64, onset bool) microphone {
	if len(t.c.Speech) == 0 {
		v := newTalker(r, dB)
		if !onset {
			for range r.IntN(200) {
				v.next()
			}
		}
		return v
	}
	v := newRecorded(r, t.c.Speech[i%len(t.c.Speech)], amplitude(dB))
	if onset {
		v.onset()
	}
	return v
}

func (h *hall) run(slots int) {
	for range slots {
		h.step()
	}
}

func (h *hall) step() {
	for i, s := range h.sources {
		h.x[i] = s.next()
		h.quiet[i]++
		if h.x[i] >= floorOnset/2 {
			h.quiet[i] = 0
		}
	}
	h.heard = h.chooser.choose(h.x)
}

func (h *hall) hears(i int) bool { return slices.Contains(h.heard, i) }

// speaking counts the holders who are not in a pause of 200 ms or more.
func (h *hall) speaking() int {
	n := 0
	for _, q := range h.quiet[:len(h.quiet)-1] {
		if q < spurtGap {
			n++
		}
	}
	return n
}

// wait runs until participant i is heard.
func (h *hall) wait(i int) time.Duration {
	for n := 1; n < floorPatience; n++ {
		h.step()
		if h.hears(i) {
			return time.Duration(n) * Slot
		}
	}
	return floorPatience * Slot
}

// share runs slots and returns in what share of them i is heard.
func (h *hall) share(i, slots int) float64 {
	n := 0
	for range slots {
		h.step()
		if h.hears(i) {
			n++
		}
	}
	return float64(n) / float64(slots)
}

func (t contests) run() Contest {
	c := Contest{Method: t.m}
	last := t.c.NMax
	for trial := range t.c.Trials {
		equal, kept := t.interrupt(trial, 0)
		louder, _ := t.interrupt(trial, 6)
		fainter, _ := t.interrupt(trial, -6)
		c.Equal, c.Louder, c.Fainter = append(c.Equal, equal), append(c.Louder, louder), append(c.Fainter, fainter)
		c.Kept += kept / float64(t.c.Trials)

		held, took := t.burst(trial)
		c.BurstHeld = max(c.BurstHeld, held)
		if took {
			c.Burst += 1 / float64(t.c.Trials)
		}
		c.GivesWay = append(c.GivesWay, t.stop(trial, 25))
		c.Hum += t.noise(trial, hum{t.rand(trial, last+1), amplitude(floorLevel - 24)}) / float64(t.c.Trials)
		if !t.brief {
			c.Free = append(c.Free, t.stop(trial, 250))
			c.Music += t.noise(trial, newTune(t.rand(trial, last+1), floorLevel-3)) / float64(t.c.Trials)
		}
	}
	for _, w := range []Waits{c.Equal, c.Louder, c.Fainter, c.GivesWay, c.Free} {
		slices.Sort(w)
	}
	return c
}

// interrupt returns how long a newcomer, dB louder than the holders, waits, and
// how much of him is heard once he is.
func (t contests) interrupt(trial int, dB float64) (time.Duration, float64) {
	h, last := t.hall(trial, floorLevel), t.c.NMax
	h.sources[last] = t.voice(t.rand(trial, last+1), last, floorLevel+dB, true)
	w := h.wait(last)
	if !h.hears(last) {
		return w, 0
	}
	return w, h.share(last, floorKept)
}

// burst returns for how long, in the 2 s from its beginning, a full-scale burst of
// 100 ms has a floor while all speakers speak, and whether it took it from one of
// them rather than in a pause of his; in half of the trials these are 3 dB fainter.
func (t contests) burst(trial int) (held time.Duration, took bool) {
	h, last := t.hall(trial, floorLevel-3*float64(trial%2)), t.c.NMax
	h.sources[last] = &burst{left: t.burstSlots}
	before := h.speaking()
	for range floorKept {
		was := h.hears(last)
		h.step()
		now := h.speaking()
		if h.hears(last) && now == t.c.NMax {
			held += Slot
			took = took || !was && before == now
		}
		before = now
	}
	return held, took
}

// noise returns in what share of 20 s, those left out in which a speaker pauses,
// something that is no speech has a floor.
func (t contests) noise(trial int, m microphone) float64 {
	h, last := t.hall(trial, floorLevel), t.c.NMax
	h.sources[last] = m
	has, of := 0, 0
	for range 1000 {
		h.step()
		if h.speaking() == t.c.NMax {
			of++
			if h.hears(last) {
				has++
			}
		}
	}
	return float64(has) / float64(max(of, 1))
}

// stop returns how long a newcomer waits who begins some slots after one of the
// speakers has stopped.
func (t contests) stop(trial, slots int) time.Duration {
	h, last := t.hall(trial, floorLevel), t.c.NMax
	h.sources[0] = silence{}
	h.run(slots)
	h.sources[last] = t.voice(t.rand(trial, last+1), last, floorLevel, true)
	return h.wait(last)
}
