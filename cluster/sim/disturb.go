package sim

import (
	"trivox/cluster/exchange"
	"trivox/mixer"
)

// up brings a domain up: a new server with trunks to all that can be reached.
// told: one of them tells it the LNT.
func (w *world) up(i int, told bool) {
	d := w.domains[i]
	d.server = exchange.New(w.exchange)
	d.up, d.dead = true, false
	d.f, d.speakers = d.f[:0], d.speakers[:0]
	for j := range w.domains {
		if j != i {
			w.connect(i, j)
		}
	}
	w.measureReach()
	if told {
		w.tell(i, func(j int) bool { return d.trunks[j] })
	}
}

// crash takes a domain down: its server forgets everything and its participants
// are cut off. The others notice later.
func (w *world) crash(i int) {
	d := w.domains[i]
	d.up, d.dead = false, true
	for _, p := range d.awake {
		w.quiet[p] = asleep
		w.meters[p] = nil
	}
	d.f, d.speakers, d.inbox = d.f[:0], d.speakers[:0], d.inbox[:0]
	d.awake, d.speaking, d.ranks = d.awake[:0], d.speaking[:0], nil
	w.measureReach()
	w.at(w.now+w.network.Notice, func() {
		if d.up {
			return
		}
		for j := range w.domains {
			w.disconnect(i, j)
		}
	})
}

// cut parts the network: domains for which away is true are on their own.
func (w *world) cut(away func(i int) bool) {
	for i, d := range w.domains {
		if away(i) {
			d.side = 1
		}
	}
	w.measureReach()
	w.at(w.now+w.network.Notice, func() {
		for i, d := range w.domains {
			for j, o := range w.domains[:i] {
				if d.side != o.side {
					w.disconnect(i, j)
				}
			}
		}
	})
}

// heal makes the network whole; trunks come back later, and each side tells the
// other its LNT.
func (w *world) heal() {
	sides := make([]int, len(w.domains))
	for i, d := range w.domains {
		sides[i] = d.side
		d.side = 0
	}
	w.measureReach()
	w.at(w.now+w.network.Notice, func() {
		for i := range w.domains {
			for j := range i {
				w.connect(i, j)
			}
		}
		for i := range w.domains {
			w.tell(i, func(j int) bool { return sides[j] != sides[i] })
		}
	})
}

// connect opens the trunk between two domains that can reach each other.
func (w *world) connect(i, j int) {
	a, b := w.domains[i], w.domains[j]
	if !a.up || !b.up || a.side != b.side {
		return
	}
	for _, t := range []struct {
		d  *domain
		to int
	}{{a, j}, {b, i}} {
		t.d.server.Trunk(w.domains[t.to].name, Slot, w.network.trunkJitter())
		t.d.trunks[t.to] = true
	}
}

// disconnect closes it.
func (w *world) disconnect(i, j int) {
	for _, t := range [][2]int{{i, j}, {j, i}} {
		d := w.domains[t[0]]
		if d.server != nil {
			d.server.Hangup(w.domains[t[1]].name)
		}
		d.trunks[t[1]] = false
	}
}

// tell lets a domain join with the highest LNT of some others.
func (w *world) tell(i int, by func(j int) bool) {
	d := w.domains[i]
	if !d.up {
		return
	}
	var lnt mixer.Rank
	heard := 0
	for j, o := range w.domains {
		if j == i || !o.up || !by(j) {
			continue
		}
		l, n := o.server.LNT()
		if l.Above(lnt) {
			lnt = l
		}
		heard = max(heard, n)
	}
	d.server.Join(d.slot, lnt, heard)
}

// measureReach counts, for each domain, the domains that its speech could reach.
func (w *world) measureReach() {
	for i, d := range w.domains {
		w.reach[i] = 0
		for _, o := range w.domains {
			if o.up && o.side == d.side {
				w.reach[i]++
			}
		}
	}
}
