package sim

import (
	"slices"
	"time"

	"trivox/loudness"
)

// scene is a conversation as the methods hear it, and the truth about it.
type scene struct {
	name  string
	x     [][]uint16 // amplitude by slot and participant
	kinds [][]Kind
	noisy []bool // whose room is loud, by participant
}

// spurtGap is the least silence in slots that separates two talkspurts.
const spurtGap = 10

// Hearing is what a method makes of a conversation.
type Hearing struct {
	Scene  string
	Method Method
	Length time.Duration

	Onsets      int
	Clipped     float64       // share of talkspurts whose first slot is not heard
	ClippedFree float64       // the same of those that began while fewer than N_max others were active
	Lost        time.Duration // mean over the clipped: from the onset to the first slot heard, or to the end
	Lost95      time.Duration // its 95th percentile
	Cuts        float64       // a minute: somebody who speaks on loses his floor
	Changes     float64       // a minute: a stream enters F
	Wrong       float64       // a minute: what is no speech has a floor while somebody who speaks has none
	Heard       float64       // share of all speech
	Most        float64       // the same when in each slot as many who speak are heard as there are floors
}

// judge counts what a method does in one conversation.
type judge struct {
	hearing Hearing
	nmax    int
	hang    int   // slots after its last sound for which a stream counts as active
	since   []int // slots since each participant spoke
	still   []int // slots since he made any sound but the noise of his room
	lost    []int // slots of the talkspurt that were not heard so far, -1 once it was heard
	in      []bool
	was     []bool
	wrong   bool

	spoken, heard, most, clipped, free, freeClipped int
	losses                                          []int
}

func judgeScene(s scene, m Method, p loudness.Params, nmax int) Hearing {
	n := len(s.x[0])
	c := newChooser(m, p, n, nmax)
	j := &judge{hearing: Hearing{Scene: s.name, Method: m, Length: time.Duration(len(s.x)) * Slot}, nmax: nmax, hang: p.Hang,
		since: make([]int, n), still: make([]int, n), lost: make([]int, n), in: make([]bool, n), was: make([]bool, n)}
	for i := range n {
		j.since[i], j.still[i], j.lost[i] = spurtGap, p.Hang, -1
	}
	for slot := range s.x {
		heard := c.choose(s.x[slot])
		j.in, j.was = j.was, j.in
		for i := range j.in {
			j.in[i] = slices.Contains(heard, i)
		}
		j.slot(s.kinds[slot], s.noisy)
	}
	for i := range n {
		j.end(i)
	}
	return j.total()
}

func (j *judge) slot(kinds []Kind, noisy []bool) {
	talking, unheard, intruder, recent := 0, 0, false, 0
	for i := range j.since {
		if kinds[i] != Noise {
			j.still[i] = 0
		} else {
			j.still[i]++
		}
		if j.still[i] < j.hang {
			recent++
		}
	}
	for i, in := range j.in {
		if in && !j.was[i] {
			j.hearing.Changes++
		}
		intruder = intruder || in && (kinds[i] == Bang || kinds[i] == Music || kinds[i] == Noise && noisy[i])
		if !kinds[i].Speaks() {
			if j.since[i]++; j.since[i] == spurtGap {
				j.end(i)
			}
			continue
		}
		talking++
		if j.since[i] >= spurtGap {
			j.onset(i, recent-1)
		}
		if j.was[i] && !in && j.since[i] == 0 {
			j.hearing.Cuts++
		}
		j.since[i] = 0
		j.hear(i)
		if !in {
			unheard++
		}
	}
	j.spoken += talking
	j.heard += talking - unheard
	j.most += min(talking, j.nmax)
	wrong := intruder && unheard > 0
	if wrong && !j.wrong {
		j.hearing.Wrong++
	}
	j.wrong = wrong
}

// onset begins a talkspurt of i, while others are active.
func (j *judge) onset(i, others int) {
	j.hearing.Onsets++
	j.lost[i] = 0
	clipped := !j.in[i]
	if clipped {
		j.clipped++
	}
	if others < j.nmax {
		j.free++
		if clipped {
			j.freeClipped++
		}
	}
}

// hear counts one slot of speech of i.
func (j *judge) hear(i int) {
	if j.lost[i] < 0 {
		return
	}
	if j.in[i] {
		j.end(i)
		return
	}
	j.lost[i]++
}

// end closes the beginning of a talkspurt: i was heard, or fell silent.
func (j *judge) end(i int) {
	if j.lost[i] > 0 {
		j.losses = append(j.losses, j.lost[i])
	}
	j.lost[i] = -1
}

func (j *judge) total() Hearing {
	t := j.hearing
	share := func(n, of int) float64 { return float64(n) / float64(max(of, 1)) }
	t.Clipped, t.ClippedFree = share(j.clipped, t.Onsets), share(j.freeClipped, j.free)
	t.Heard, t.Most = share(j.heard, j.spoken), share(j.most, j.spoken)
	minutes := t.Length.Minutes()
	t.Cuts, t.Changes, t.Wrong = t.Cuts/minutes, t.Changes/minutes, t.Wrong/minutes
	slices.Sort(j.losses)
	for _, l := range j.losses {
		t.Lost += time.Duration(l) * Slot / time.Duration(len(j.losses))
	}
	if n := len(j.losses); n > 0 {
		t.Lost95 = time.Duration(j.losses[(n*95+99)/100-1]) * Slot
	}
	return t
}
