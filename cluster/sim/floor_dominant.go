package sim

import (
	"math"
	"slices"
)

// Settings of the dominant-speaker method as Jitsi publishes them: audio levels
// of RFC 6464 instead of a spectrum, cut into 13 steps, in blocks of 5 slots
// (100 ms) and 10 blocks (1 s); a decision every 300 ms.
const (
	dominantSteps      = 13 // N1: steps of the level, in place of sub-bands
	dominantStep       = 10 // decibels a step
	dominantSlots      = 5  // N2: slots in a block
	dominantBlocks     = 10 // N3: blocks in the long interval
	dominantLoudStep   = 7  // a slot counts in its block above this step
	dominantFullBlock  = 4  // a block counts in the long interval above this many slots
	dominantEvery      = 15 // slots between decisions
	dominantMinimum    = 15 * 50
	dominantLeastScore = 1e-10
)

// dominance finds the dominant speaker as Volfin and Cohen do ("Dominant Speaker
// Identification for Multipoint Videoconferencing", Computer Speech and Language
// 27, 2013): each participant has a score of speech activity over an immediate, a
// medium and a long interval, the logarithm of a likelihood ratio: the count of
// active parts is binomial when he speaks and exponential when he does not. A
// challenger follows the dominant speaker when he exceeds him by thresholds in
// all three. The method names one speaker. For several floors either the nmax who
// were named last have them, as Jitsi's last-N does, or, which is ours, each floor
// is contested by the same rule, the weakest holder first.
type dominance struct {
	nmax     int
	seats    bool // each floor is contested
	speakers []activity
	named    []int // latest first, or by seat
	slot     int
}

// activity is what is remembered of one participant.
type activity struct {
	steps  [dominantSlots * dominantBlocks]int // latest slots, a ring
	quiet  quietest
	scores [3]float64 // immediate, medium, long
}

func newDominance(n, nmax int, seats bool) *dominance {
	d := &dominance{nmax: nmax, seats: seats, speakers: make([]activity, n)}
	for i := range d.speakers {
		d.speakers[i].quiet = newQuietest(dominantMinimum)
	}
	return d
}

func (d *dominance) choose(x []uint16) []int {
	for i := range d.speakers {
		d.speakers[i].hear(d.slot, x[i])
	}
	d.slot++
	if d.slot%dominantEvery == 0 {
		d.decide()
	}
	return d.named[:min(d.nmax, len(d.named))]
}

// hear takes the level of one slot.
func (a *activity) hear(slot int, x uint16) {
	level := decibels(x)
	low := a.quiet.add(level)
	step := level / dominantStep
	if level < low+dominantStep {
		step = 0 // within a step of the quietest of the last 15 s: noise
	}
	a.steps[slot%len(a.steps)] = step
}

// score computes the three scores at the end of a slot. Blocks are counted back
// from it.
func (a *activity) score(slot int) {
	var blocks [dominantBlocks]int
	for age := range a.steps {
		at := (slot - 1 - age + len(a.steps)) % len(a.steps)
		if a.steps[at] > dominantLoudStep {
			blocks[age/dominantSlots]++
		}
	}
	full := 0
	for _, n := range blocks {
		if n > dominantFullBlock {
			full++
		}
	}
	latest := a.steps[(slot-1+len(a.steps))%len(a.steps)]
	a.scores = [3]float64{
		activityScore(latest, dominantSteps, 0.78),
		activityScore(blocks[0], dominantSlots, 24),
		activityScore(full, dominantBlocks, 47),
	}
}

// activityScore is ln(P(v | speech) / P(v | none)), v of n parts being active:
// binomial with p = 1/2 against exponential with rate lambda. It is kept above 0,
// for scores are compared by their ratio.
func activityScore(v, n int, lambda float64) float64 {
	ways := 1.0
	for k := range v {
		ways *= float64(n-k) / float64(k+1)
	}
	score := math.Log(ways) - float64(n)*math.Ln2 - math.Log(lambda) + lambda*float64(v)
	return max(score, dominantLeastScore)
}

// decide names challengers.
func (d *dominance) decide() {
	for i := range d.speakers {
		d.speakers[i].score(d.slot)
	}
	if !d.seats {
		if best := d.challenger(0); best >= 0 {
			d.named = slices.DeleteFunc(d.named, func(i int) bool { return i == best })
			d.named = slices.Insert(d.named, 0, best)
		}
		return
	}
	for range d.nmax {
		weakest := d.weakest()
		best := d.challenger(weakest)
		if best < 0 {
			return
		}
		if weakest == len(d.named) {
			d.named = append(d.named, best)
		}
		d.named[weakest] = best
	}
}

// challenger returns the speaker who exceeds the holder of a place in all three
// intervals, the one with the greatest medium ratio when there are several, and
// -1 when there is none. A place beyond the end is held by nobody.
func (d *dominance) challenger(place int) int {
	thresholds := [3]float64{3, 2, 0}
	present := [3]float64{dominantLeastScore, dominantLeastScore, dominantLeastScore}
	if place < len(d.named) {
		present = d.speakers[d.named[place]].scores
	}
	best, ratio := -1, 0.0
	for i := range d.speakers {
		if d.seats && slices.Contains(d.named, i) || place < len(d.named) && i == d.named[place] {
			continue
		}
		exceeds := true
		for k, s := range d.speakers[i].scores {
			exceeds = exceeds && math.Log(s/present[k]) > thresholds[k]
		}
		if medium := math.Log(d.speakers[i].scores[1] / present[1]); exceeds && (best < 0 || medium > ratio) {
			best, ratio = i, medium
		}
	}
	return best
}

// weakest returns the place that is easiest to take: a free one, or that of the
// lowest medium score, then long, then immediate.
func (d *dominance) weakest() int {
	if len(d.named) < d.nmax {
		return len(d.named)
	}
	low := 0
	for k, i := range d.named {
		a, b := d.speakers[i].scores, d.speakers[d.named[low]].scores
		if slices.Compare([]float64{a[1], a[2], a[0]}, []float64{b[1], b[2], b[0]}) < 0 {
			low = k
		}
	}
	return low
}

// decibels is the level of amplitude x above -127 dBov, 0 to 127.
func decibels(x uint16) int {
	if x == 0 {
		return 0
	}
	return max(127+int(math.Round(20*math.Log10(float64(x)/65535))), 0)
}

// quietest is the lowest of the latest levels.
type quietest struct {
	window int
	slot   int
	values []int // rising; the first is the lowest
	slots  []int
}

func newQuietest(window int) quietest { return quietest{window: window} }

func (q *quietest) add(level int) int {
	for n := len(q.values); n > 0 && q.values[n-1] >= level; n = len(q.values) {
		q.values, q.slots = q.values[:n-1], q.slots[:n-1]
	}
	q.values, q.slots = append(q.values, level), append(q.slots, q.slot)
	if q.slots[0] <= q.slot-q.window {
		q.values, q.slots = q.values[1:], q.slots[1:]
	}
	q.slot++
	return q.values[0]
}
