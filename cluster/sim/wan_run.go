package sim

import (
	"math/rand/v2"
	"time"

	"trivox/cluster/exchange"
)

// Lengths of the parts of a run, in slots.
const (
	second    = int(time.Second / Slot)
	warmUp    = 4 * second // longer than any window of the meter
	steadyFor = second
	joinEvery = 5 // slots between domains that join one after another
	joinAfter = second
)

// runner plays the parts of RunWAN.
type runner struct {
	c           WANConfig
	progress    func(done, total int)
	done, total int
}

// length is how many slots one policy takes.
func (r *runner) length() int {
	joins := r.c.Domains*joinEvery + joinAfter
	return 2*(warmUp+steadyFor) + 2*joins + int(r.c.Length/Slot) + disturbed + changeSlots + 3*r.c.Network.drain()
}

func (r *runner) step() {
	r.done++
	if r.progress != nil && (r.done%64 == 0 || r.done == r.total) {
		r.progress(r.done, r.total)
	}
}

// policy plays all parts under one policy.
func (r *runner) policy(p exchange.Policy) WANPolicy {
	out := WANPolicy{Policy: p, Bounds: PolicyBounds(p, r.c.Domains, r.c.NMax)}
	r.steady(p, &out)
	out.Start.Untold = r.join(p, false)
	out.Start.Told = r.join(p, true)
	out.Talk = r.talk(p)
	r.disturb(p, &out)
	out.Changes = r.changes(p)
	return out
}

// steady plays those who talk without a pause, and how it begins.
func (r *runner) steady(p exchange.Policy, out *WANPolicy) {
	w := r.world(p, r.unequal(), r.c.Clients)
	out.Start = r.start(w, out.Bounds)
	w.reset()
	w.run(steadyFor, r.step)
	out.Steady = w.close(r.step)

	w = r.world(p, r.equal(), r.c.Clients)
	w.start()
	w.run(warmUp, r.step)
	w.reset()
	w.run(steadyFor, r.step)
	out.Equal = w.close(r.step)
}

// talk plays the conversation.
func (r *runner) talk(p exchange.Policy) Tally {
	w := r.world(p, NewConversation(r.c.talk(), r.c.Seed), r.c.Clients)
	w.start()
	w.run(int(r.c.Length/Slot), r.step)
	return w.close(r.step)
}

func (r *runner) world(p exchange.Policy, talk input, participants int) *world {
	return r.worldOf(r.c.Domains, r.c.Network, p, talk, participants)
}

func (r *runner) worldOf(domains int, n Network, p exchange.Policy, talk input, participants int) *world {
	s := setting{domains: domains, nmax: r.c.NMax, payload: r.c.Payload, successor: r.c.Successor,
		loudness: r.c.Loudness, network: n, seed: r.c.Seed}
	return newWorld(s, p, talk, participants)
}

// unequal is N_max talkers in different domains, and all others far fainter.
func (r *runner) unequal() *steady {
	rng := rand.New(rand.NewPCG(r.c.Seed, 20))
	s := &steady{x: make([]uint16, r.c.Clients)}
	for i := range s.x {
		s.x[i] = amplitude(-38 + 4*rng.Float64())
	}
	for i := range min(r.c.NMax, r.c.Clients) {
		s.x[i*r.c.Clients/r.c.NMax] = amplitude(-21 - 0.5*float64(i%4))
	}
	return s
}

// equal is everybody talking, as loud as all others within 1 dB.
func (r *runner) equal() *steady {
	rng := rand.New(rand.NewPCG(r.c.Seed, 21))
	s := &steady{x: make([]uint16, r.c.Clients)}
	for i := range s.x {
		s.x[i] = amplitude(-26 + rng.Float64())
	}
	return s
}

// start lets all domains begin in the same slot.
func (r *runner) start(w *world, b Bounds) (s WANStart) {
	w.watch = func(bool) {
		s.AtOnce = max(s.AtOnce, w.tally.slot.unicast)
		if w.tally.slot.unicast > 2*int64(b.UnicastMost) {
			s.Slots++
		}
	}
	w.start()
	w.run(warmUp, r.step)
	w.watch = nil
	return s
}

// join lets the domains of unequal talkers come up one after another, and returns
// the most packets of any slot.
func (r *runner) join(p exchange.Policy, told bool) int64 {
	w := r.world(p, r.unequal(), r.c.Clients)
	for i := range w.domains {
		w.at(time.Duration(i*joinEvery)*Slot, func() { w.up(i, told && i > 0) })
	}
	w.run(r.c.Domains*joinEvery+joinAfter, r.step)
	return w.tally.UnicastMost
}
