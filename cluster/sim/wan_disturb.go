package sim

import (
	"slices"
	"time"

	"trivox/cluster/exchange"
)

// The run of disturbances, in slots.
const (
	joke       = 10 * second
	parted     = 20 * second
	whole      = 30 * second
	crashed    = 40 * second
	restarted  = 45 * second
	disturbed  = 55 * second
	afterwards = 3 * second
)

// moment is what was to be seen in one slot.
type moment struct {
	packets int64 // by unicast
	differ  bool  // not all domains have the same F
	ghost   bool  // a stream of the crashed domain is in some F
}

type chronicle []moment

// disturb plays one meeting in which all laugh, the network parts, and a server
// crashes.
func (r *runner) disturb(p exchange.Policy, out *WANPolicy) {
	t := r.c.talk()
	t.LaughAt = []int{joke}
	w := r.world(p, NewConversation(t, r.c.Seed+1), r.c.Clients)
	at := func(slot int, what func()) { w.at(time.Duration(slot)*Slot, what) }
	at(parted, func() { w.cut(func(i int) bool { return i >= len(w.domains)/2 }) })
	at(parted+second+r.noticed(), w.reset) // the trunks across are given up by now
	at(whole-w.network.drain(), func() { w.closing = true })
	at(whole, func() {
		out.Outage.Lost = w.tally.Lost()
		w.closing = false
		w.heal()
	})
	dead := -1
	at(crashed, func() {
		dead = w.leader()
		w.crash(dead)
	})
	at(restarted, func() {
		w.up(dead, true)
		dead = -1
	})
	seen := make(chronicle, 0, disturbed)
	w.watch = func(differ bool) {
		seen = append(seen, moment{w.tally.slot.unicast, differ, dead >= 0 && w.hears(dead)})
	}
	w.start()
	w.run(disturbed, r.step)

	out.Laugh = seen.laugh()
	back := whole + r.noticed()
	out.Outage.Most = seen.most(back, back+afterwards)
	out.Outage.Slots = seen.first(back, back+afterwards, moment.agreed)
	out.Crash = WANCrash{
		Ghost:  seen.first(crashed, restarted, moment.quiet),
		Slots:  seen.first(crashed, restarted, func(m moment) bool { return m.quiet() && m.agreed() }),
		Most:   seen.most(restarted, restarted+afterwards),
		Return: seen.first(restarted, restarted+afterwards, moment.agreed),
	}
}

// noticed is how many slots a trunk is dead, or the other side back, before it
// is seen.
func (r *runner) noticed() int { return int(r.c.Network.Notice / Slot) }

func (m moment) agreed() bool { return !m.differ }
func (m moment) quiet() bool  { return !m.ghost }

func (c chronicle) laugh() WANLaugh {
	l := WANLaugh{
		Before: c.mean(joke-5*second, joke),
		Mean:   c.mean(joke, joke+5*second),
		Most:   c.most(joke, joke+5*second),
	}
	for _, m := range c[joke : joke+5*second] {
		if float64(m.packets) > 2*l.Before {
			l.Slots++
		}
	}
	return l
}

// mean returns packets a slot over a stretch.
func (c chronicle) mean(from, to int) float64 {
	var sum int64
	for _, m := range c[from:to] {
		sum += m.packets
	}
	return share(sum, int64(to-from))
}

// most returns the most packets of any slot of a stretch.
func (c chronicle) most(from, to int) (n int64) {
	for _, m := range c[from:to] {
		n = max(n, m.packets)
	}
	return n
}

// first returns how many slots of a stretch pass until ok, -1: all.
func (c chronicle) first(from, to int, ok func(moment) bool) int {
	return slices.IndexFunc(c[from:to], ok)
}

// leader is the domain of the best of all participants.
func (w *world) leader() int {
	if len(w.chosen) == 0 {
		return 0
	}
	return int(w.home[w.pool[w.chosen[0]].SSRC-1])
}

// hears reports whether a participant of a domain is in the F of another.
func (w *world) hears(domain int) bool {
	for i, d := range w.domains {
		if i == domain || !d.up {
			continue
		}
		for _, ssrc := range d.f {
			if int(w.home[ssrc-1]) == domain {
				return true
			}
		}
	}
	return false
}
