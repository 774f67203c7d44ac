package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"trivox/cluster/exchange"
	"trivox/loudness"
	"trivox/mixer"
)

// world is a conference of many domains in virtual time.
type world struct {
	setting
	exchange exchange.Params
	queue    queue
	now      time.Duration
	domains  []*domain
	path     []time.Duration
	reach    []int      // by domain: how many domains it could be heard by, itself among them
	chance   *rand.Rand // of the network

	messages []message
	free     []int32 // messages that have been delivered everywhere

	talk   input
	home   []int32 // domain of each participant
	meters []*loudness.Meter
	quiet  []int32 // slots since a participant's last sound; asleep: not in his domain's awake
	sleep  int32   // so many slots after it nothing is left of a sound

	slots  int // hears so far
	pool   []mixer.Rank
	chosen []int
	best   []uint32 // the best of all domains in this slot, sorted

	plan    []func() // disturbances to come
	tally   Tally
	count   uint32            // tallies so far
	closing bool              // nothing new counts as said
	watch   func(differ bool) // called once a slot, when all domains have decided
}

const asleep = -1

// newWorld returns a conference of participants, spread evenly over the domains.
func newWorld(s setting, policy exchange.Policy, talk input, participants int) *world {
	p := exchange.Default()
	p.NMax, p.Policy, p.Slot, p.PacketTime = s.nmax, policy, Slot, Slot
	p.Successor = s.successor
	p.Remote = max(p.Remote, 2*s.nmax*s.domains)
	w := &world{
		setting:  s,
		exchange: p,
		chance:   rand.New(rand.NewPCG(s.seed, 10)),
		talk:     talk,
		home:     make([]int32, participants),
		meters:   make([]*loudness.Meter, participants),
		quiet:    make([]int32, participants),
		reach:    make([]int, s.domains),
	}
	l := s.loudness
	w.sleep = int32(max(l.RecentPast+l.DistantPast, l.Horizon, l.NoiseWindow+l.NoiseWindow/4))
	r := rand.New(rand.NewPCG(s.seed, 11))
	w.path = s.paths(r)
	for i := range s.domains {
		d := &domain{name: exchange.Domain(fmt.Sprintf("d%02d", i)), length: Slot,
			newest: make([]uint64, s.domains), trunks: make([]bool, s.domains)}
		phase, drift := r.Float64(), 2*r.Float64()-1
		if !s.network.Aligned {
			d.phase = time.Duration(phase * float64(Slot))
		}
		d.length += time.Duration(drift * s.network.Drift * float64(Slot) / 1e6)
		w.domains = append(w.domains, d)
		w.queue.push(offer, event{at: d.phase, to: int32(i)})
	}
	for i := range w.home {
		w.home[i] = int32(i * s.domains / participants)
		w.quiet[i] = asleep
	}
	w.queue.push(hear, event{})
	w.queue.push(observe, event{at: Slot})
	return w
}

// start brings all domains up at once. Nobody is there to tell them an LNT.
func (w *world) start() {
	for i := range w.domains {
		w.up(i, false)
	}
}

// run lets slots pass. progress is told of each.
func (w *world) run(slots int, progress func()) {
	for end := w.slots + slots; w.slots < end || w.queue.heap[0].class() != hear; {
		e := w.queue.pop()
		w.now = e.at
		switch e.class() {
		case observe:
			w.queue.push(observe, event{at: e.at + Slot})
			w.observe()
			if progress != nil {
				progress()
			}
		case hear:
			w.queue.push(hear, event{at: e.at + Slot})
			w.hear()
		case disturb:
			w.plan[e.to]()
		case offer:
			w.offer(int(e.to))
		case deliver:
			w.deliver(&e)
		case choose:
			w.choose(int(e.to))
		}
	}
}

// at plans a disturbance.
func (w *world) at(t time.Duration, what func()) {
	w.queue.push(disturb, event{at: t, to: int32(len(w.plan))})
	w.plan = append(w.plan, what)
}

// hear gives every meter the packet of the next slot and finds the best of all.
func (w *world) hear() {
	w.slots++
	for _, d := range w.domains {
		d.speaking = d.speaking[:0]
		d.fresh = true
	}
	sounds := w.talk.Next()
	for i := range sounds {
		s := &sounds[i]
		d := w.domains[w.home[s.Participant]]
		if d.dead {
			continue
		}
		w.meter(s.Participant).Add(s.X, Slot)
		if w.quiet[s.Participant] == asleep {
			d.awake = append(d.awake, int32(s.Participant))
		}
		w.quiet[s.Participant] = 0
		if s.Kind.Speaks() && !w.closing {
			d.speaking = append(d.speaking, speech{ssrc: ssrc(s.Participant), onset: s.Age < onsetSlots, count: w.count})
		}
	}
	w.rank()
	for _, d := range w.domains {
		for i := range d.speaking {
			d.speaking[i].best = contains(w.best, d.speaking[i].ssrc)
		}
	}
}

// rank ranks all participants and finds the best N_max of all domains: what a
// single server without any delay would choose.
func (w *world) rank() {
	w.pool = w.pool[:0]
	for _, d := range w.domains {
		kept := d.awake[:0]
		for _, p := range d.awake {
			m := w.meters[p]
			if w.quiet[p] > 0 {
				m.Add(0, Slot)
			}
			w.quiet[p]++
			if w.quiet[p] > w.sleep {
				w.quiet[p] = asleep
				continue
			}
			kept = append(kept, p)
			w.pool = append(w.pool, mixer.Rank{Active: m.Active(), Number: m.Number(), SSRC: ssrc(int(p))})
		}
		d.awake = kept
	}
	rest := w.pool
	for _, d := range w.domains {
		d.ranks, rest = rest[:len(d.awake)], rest[len(d.awake):]
	}
	w.chosen = mixer.Select(w.chosen, w.pool, w.nmax)
	w.best = w.best[:0]
	for _, i := range w.chosen {
		w.best = insert(w.best, w.pool[i].SSRC)
	}
}

// meter returns a participant's meter; before his first word his phone has sent
// silence.
func (w *world) meter(p int) *loudness.Meter {
	if w.meters[p] == nil {
		w.meters[p] = loudness.NewMeter(w.loudness)
		w.meters[p].Add(0, time.Duration(w.loudness.NoiseWindow)*Slot)
	}
	return w.meters[p]
}

// ssrc of a participant.
func ssrc(participant int) uint32 { return uint32(participant) + 1 }

// insert puts x into a sorted list.
func insert(list []uint32, x uint32) []uint32 {
	list = append(list, x)
	for i := len(list) - 1; i > 0 && list[i-1] > x; i-- {
		list[i], list[i-1] = list[i-1], list[i]
	}
	return list
}

func contains(list []uint32, x uint32) bool {
	for _, v := range list {
		if v == x {
			return true
		}
	}
	return false
}
