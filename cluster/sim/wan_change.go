package sim

import (
	"math/rand/v2"
	"slices"

	"trivox/cluster/exchange"
)

const (
	changeKinds = 3
	changeTries = 20 // of each kind
	changeSlots = changeKinds * changeTries * (warmUp + changeAfter)
	changeAfter = 5 * second
)

// changes plays single changes of each kind.
func (r *runner) changes(p exchange.Policy) []WANChange {
	n := r.c.Network
	n.Jitter, n.Loss = 0, 0
	delay := n.DelayMax
	if !n.Aligned {
		delay += Slot - 1 // the far side's slot may have just begun
	}
	slots := int((delay + Slot - 1) / Slot)
	var all []WANChange
	for _, kind := range []string{"speaks up", "fades", "stops"} {
		c := WANChange{Kind: kind, Bound: slots + 2}
		// Once somebody in F fades the news of it travels one way and the successor
		// the other, but for the policy that withholds nobody.
		if p == exchange.Optimistic || p == exchange.Pessimistic && kind != "speaks up" {
			c.Bound *= 2
		}
		var took []int
		for try := range changeTries {
			if t := r.change(p, n, kind, uint64(try)); t >= 0 {
				took = append(took, t)
			}
		}
		slices.Sort(took)
		c.Count = len(took)
		if c.Count > 0 {
			c.Median, c.Most = took[c.Count/2], took[c.Count-1]
		}
		for _, t := range took {
			if t <= c.Bound {
				c.Within++
			}
		}
		all = append(all, c)
	}
	return all
}

// change plays one change among steady talkers and returns the slots from when
// another is best of all until all domains hear that; -1 when none is.
func (r *runner) change(p exchange.Policy, n Network, kind string, try uint64) int {
	rng := rand.New(rand.NewPCG(r.c.Seed+try, 30))
	domains := min(r.c.Domains, 8)
	people := 3 * domains
	talk := &steady{x: make([]uint16, people)}
	levels := make([]float64, people)
	for i := range talk.x {
		levels[i] = -32 + 10*rng.Float64()
		talk.x[i] = amplitude(levels[i])
	}
	w := r.worldOf(domains, n, p, talk, people)
	w.start()
	w.run(warmUp, r.step)

	was := slices.Clone(w.best)
	who := int(was[rng.IntN(len(was))]) - 1
	by := 3 + 7*rng.Float64()
	switch kind {
	case "speaks up":
		who = rng.IntN(people)
		talk.x[who] = amplitude(levels[who] + by)
	case "fades":
		talk.x[who] = amplitude(levels[who] - by)
	case "stops":
		talk.x[who] = 0
	}
	changed, agreed, at := 0, 0, 0
	w.watch = func(bool) {
		at++
		if !slices.Equal(w.best, was) {
			was = slices.Clone(w.best)
			changed = at
		}
		for _, d := range w.domains {
			if !slices.Equal(d.f, w.best) {
				agreed = at + 1
			}
		}
	}
	w.run(changeAfter, r.step)
	if changed == 0 {
		return -1
	}
	return max(agreed-changed, 0)
}
