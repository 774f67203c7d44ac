package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"trivox/cluster/exchange"
	"trivox/loudness"
	"trivox/mixer"
)

var policies = []exchange.Policy{exchange.Full, exchange.Pessimistic, exchange.Optimistic}

// perfect is a network without any delay in which all slots begin at once.
func perfect() Network { return Network{Aligned: true, Notice: time.Second} }

// oneWay is a network in which everything takes the same time.
func oneWay(slots int) Network {
	n := perfect()
	n.DelayMin = time.Duration(slots) * Slot
	n.DelayMax = n.DelayMin
	return n
}

// rough is a network with all that a seed can draw.
func rough(seed uint64) Network {
	r := rand.New(rand.NewPCG(seed, 99))
	return Network{
		DelayMin: time.Duration(r.IntN(50)) * time.Millisecond,
		DelayMax: time.Duration(50+r.IntN(350)) * time.Millisecond,
		Jitter:   time.Duration(r.IntN(5)) * time.Millisecond,
		Loss:     0.02 * r.Float64(),
		Aligned:  r.IntN(4) == 0,
		Drift:    200,
		Notice:   time.Second,
	}
}

func small(domains int, n Network, seed uint64) setting {
	return setting{domains: domains, nmax: 3, payload: 160, successor: exchange.Default().Successor,
		loudness: loudness.Default(), network: n, seed: seed}
}

// lively is a world of 4 people in each domain, in which everything happens.
func lively(domains int, n Network, policy exchange.Policy, seed uint64) *world {
	people := 4 * domains
	t := busy(people)
	t.Interruptions = 12
	return newWorld(small(domains, n, seed), policy, NewConversation(t, seed), people)
}

// P 6.1: "any client in the conference finally receives the same set of packets".
// Without delay all domains hear the same speakers: in every slot under the full
// policy, and but for a moment under those that withhold (P 8.1: "there may be an
// error in unique selection"): until what is withheld has expired, which takes 4
// slots, and may bring the next to be withheld. Who has stopped
// tells his number in every fifth slot only, so that the order of those who keep a
// free floor may differ.
func TestNoDelayNoDifference(t *testing.T) {
	for _, policy := range policies {
		for seed := range uint64(5) {
			w := lively(2+int(seed), perfect(), policy, seed)
			w.start()
			apart := 0
			w.watch = func(bool) {
				apart++
				if same(w) {
					apart = 0
				}
				if apart > 0 && policy == exchange.Full || apart > 8 {
					t.Fatalf("%v, seed %d, slot %d: not the same speakers for %d slots: %v", policy, seed, w.slots, apart, w)
				}
			}
			w.run(60*second, nil)
		}
	}
}

// same reports whether all domains hear the same speakers.
func same(w *world) bool {
	for _, d := range w.domains {
		if !slices.Equal(d.speakers, w.domains[0].speakers) {
			return false
		}
	}
	return true
}

// P 6.1, algorithm 1: without delay, and while nobody pauses, F is the same
// everywhere in every slot and is what one server would choose, however loudness
// moves.
func TestNoDelayFullIsTheBest(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 7))
		domains := 2 + r.IntN(6)
		talk := &steady{x: make([]uint16, 5*domains)}
		w := newWorld(small(domains, perfect(), seed), exchange.Full, talk, len(talk.x))
		w.watch = func(differ bool) {
			if differ || !slices.Equal(w.domains[0].f, w.best) {
				t.Fatalf("seed %d, slot %d: F differs: %v", seed, w.slots, w)
			}
		}
		w.start()
		for range 100 {
			for i := range talk.x {
				talk.x[i] = uint16(1000 + r.IntN(9000))
			}
			w.run(1+r.IntN(20), nil)
		}
	}
}

// String lists what each domain hears.
func (w *world) String() string {
	s := fmt.Sprintf("best %v", w.best)
	for _, d := range w.domains {
		s += fmt.Sprintf("; %s %v", d.name, d.f)
	}
	return s
}

// Whatever the network does, F has at most N_max streams, none twice, and no
// domain sends more than its policy allows (P 8: N_max; P 8.1: those above LNT
// and one more; P 8.2: those above LNT and those in F), farewells without
// payload apart.
func TestBounds(t *testing.T) {
	for _, policy := range policies {
		for seed := range uint64(6) {
			n := rough(seed)
			n.Aligned, n.Drift = true, 0 // one slot of a server between two looks
			w := lively(2+int(seed), n, policy, seed)
			w.start()
			type before struct {
				lnt   mixer.Rank
				heard int
				f     []uint32
			}
			was := make([]before, len(w.domains))
			w.watch = func(bool) {
				for i, d := range w.domains {
					if len(d.f) > w.nmax || len(slices.Compact(slices.Clone(d.f))) != len(d.f) {
						t.Fatalf("%v, seed %d, slot %d: F %v", policy, seed, w.slots, d.f)
					}
					sent := 0
					for _, s := range d.result.Send {
						if !s.HeaderOnly {
							sent++
						}
					}
					most := allowed(policy, w.nmax, d, was[i].lnt, was[i].heard, was[i].f)
					if sent > most || len(d.result.Send) > 2*w.nmax {
						t.Fatalf("%v, seed %d, slot %d: %s sends %d streams with payload, %d in all; its policy allows %d",
							policy, seed, w.slots, d.name, sent, len(d.result.Send), most)
					}
					lnt, heard := d.server.LNT()
					was[i] = before{lnt, heard, slices.Clone(d.f)}
				}
			}
			w.run(30*second, nil)
		}
	}
}

// allowed is how many streams a domain may send in a slot, given its LNT and F in
// the slot before.
func allowed(policy exchange.Policy, nmax int, d *domain, lnt mixer.Rank, heard int, f []uint32) int {
	own, above := 0, 0
	for _, r := range d.ranks {
		if slices.Contains(f, r.SSRC) {
			own++
		}
		if r.Number > 0 && r.Above(lnt) {
			above++
		}
	}
	switch {
	case policy == exchange.Full:
		return nmax
	case heard < nmax:
		return own + nmax - heard
	case policy == exchange.Pessimistic:
		return min(nmax, above+1)
	}
	return nmax
}

// Nobody who speaks and is the loudest of all for three seconds is left unheard
// anywhere, under any policy and in any network.
func TestLoudestIsHeard(t *testing.T) {
	found := 0
	for _, policy := range policies {
		for seed := range uint64(8) {
			w := lively(2+int(seed), rough(seed), policy, seed)
			w.start()
			var loudest uint32
			since := 0
			w.watch = func(bool) {
				now := uint32(0)
				if len(w.chosen) > 0 && w.pool[w.chosen[0]].Active {
					now = w.pool[w.chosen[0]].SSRC
				}
				if now != loudest {
					loudest, since = now, 0
				}
				since++
				if loudest == 0 || since < 3*second {
					return
				}
				found++
				for _, d := range w.domains {
					if !slices.Contains(d.f, loudest) {
						t.Fatalf("%v, seed %d, slot %d: %d is the loudest for %d slots: %v", policy, seed, w.slots, loudest, since, w)
					}
				}
			}
			w.run(60*second, nil)
		}
	}
	if found == 0 {
		t.Error("nobody is ever the loudest for three seconds: the test sees nothing")
	}
}

// What is lost on the way is not heard: everything, or a twentieth.
func TestLossIsHeard(t *testing.T) {
	for _, c := range []struct{ loss, least, most float64 }{{0, 0, 0}, {1, 0.5, 0.5}, {0.05, 0.02, 0.03}} {
		n := oneWay(3)
		n.Loss = c.loss
		w := newWorld(small(2, n, 1), exchange.Full, NewConversation(DefaultTalk(4), 1), 4)
		w.start()
		w.run(120*second, nil)
		tally := w.close(nil)
		if got := tally.Lost(); got < c.least || got > c.most {
			t.Errorf("with %v of packets lost, %.4f of speech was not heard, want %v to %v", c.loss, got, c.least, c.most)
		}
	}
}

// A slot of the paper's largest conference: 84 domains, 21,084 participants.
func BenchmarkWorld(b *testing.B) {
	for _, policy := range policies {
		b.Run(policy.String(), func(b *testing.B) {
			people := 21084
			talk := DefaultTalk(people)
			talk.Speakers, talk.Crowd = 300, 300
			w := newWorld(small(84, DefaultNetwork(), 1), policy, NewConversation(talk, 1), people)
			w.start()
			w.run(2*second, nil)
			b.ReportAllocs()
			for b.Loop() {
				w.run(1, nil)
			}
		})
	}
}
