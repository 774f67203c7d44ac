package exchange

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"trivox/loudness"
	"trivox/mixer"
)

// world is some domains and the packets on their way between them: a network in
// which every packet takes delay slots. A delay of 0 means within the slot, as
// the paper assumes (P 6.1: "we ignore propagation delay").
type world struct {
	p       Params
	delay   uint64
	slot    uint64
	domains []*domain
	wire    []packet // in order of arrival
	sent    int      // packets in the slot, each counted once per receiver
}

type domain struct {
	name   Domain
	s      *Server
	legs   []mixer.Rank
	cut    bool // its trunks are down
	result Result
}

type packet struct {
	at   uint64
	to   *domain
	from Domain
	st   Stream
}

func newWorld(p Params, delay uint64, names ...Domain) *world {
	w := &world{p: p, delay: delay}
	for _, n := range names {
		w.join(n)
	}
	return w
}

// names are n names of domains.
func names(n int) []Domain {
	var all []Domain
	for i := range n {
		all = append(all, Domain(fmt.Sprintf("d%02d", i)))
	}
	return all
}

// join adds a domain and opens its trunks.
func (w *world) join(name Domain) *domain {
	d := &domain{name: name, s: New(w.p)}
	for _, o := range w.domains {
		o.s.Trunk(name, 0, 0)
		d.s.Trunk(o.name, 0, 0)
	}
	w.domains = append(w.domains, d)
	return d
}

// domain finds one by name.
func (w *world) domain(name Domain) *domain {
	for _, d := range w.domains {
		if d.name == name {
			return d
		}
	}
	return nil
}

// leg sets the rank of a stream of a domain.
func (d *domain) leg(ssrc uint32, number loudness.Number, active bool) {
	r := mixer.Rank{Active: active, Number: number, SSRC: ssrc}
	for i := range d.legs {
		if d.legs[i].SSRC == ssrc {
			d.legs[i] = r
			return
		}
	}
	d.legs = append(d.legs, r)
}

// step lets one slot pass.
func (w *world) step() {
	w.deliver()
	w.sent = 0
	for _, d := range w.domains {
		for _, st := range d.s.Offer(w.slot, d.legs) {
			for _, o := range w.domains {
				if o == d || o.cut || d.cut {
					continue
				}
				w.sent++
				w.wire = append(w.wire, packet{w.slot + w.delay, o, d.name, Stream{st.Rank, st.HeaderOnly}})
			}
		}
	}
	w.deliver()
	for _, d := range w.domains {
		d.result = d.s.Choose(w.slot)
	}
	w.slot++
}

// deliver hands over what has arrived by now.
func (w *world) deliver() {
	n := 0
	for ; n < len(w.wire) && w.wire[n].at <= w.slot; n++ {
		p := w.wire[n]
		p.to.s.Receive(w.slot, p.from, p.st)
	}
	w.wire = w.wire[n:]
}

// best returns the N_max best of all legs of all domains.
func (w *world) best() []mixer.Rank {
	var all []mixer.Rank
	for _, d := range w.domains {
		for _, r := range d.legs {
			if r.Number > 0 {
				all = append(all, r)
			}
		}
	}
	slices.SortFunc(all, byRank)
	return all[:min(len(all), w.p.NMax)]
}

// agree reports whether all domains hear the same streams, and whether these
// are the best of all.
func (w *world) agree() (same, right bool) {
	same, right = true, true
	want := ssrcs(w.best())
	for _, d := range w.domains {
		same = same && slices.Equal(ssrcs(d.result.F), ssrcs(w.domains[0].result.F))
		right = right && slices.Equal(ssrcs(d.result.F), want)
	}
	return same, right
}

func byRank(a, b mixer.Rank) int {
	switch {
	case a.Above(b):
		return -1
	case b.Above(a):
		return 1
	}
	return 0
}

// ssrcs returns the streams as a sorted set.
func ssrcs(ranks []mixer.Rank) []uint32 {
	var all []uint32
	for _, r := range ranks {
		all = append(all, r.SSRC)
	}
	slices.Sort(all)
	return all
}

// String is one slot of a transcript: what each domain sent and hears.
func (w *world) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "slot %d: %d packets\n", w.slot-1, w.sent)
	for _, d := range w.domains {
		fmt.Fprintf(&b, "  %s sends", d.name)
		for _, st := range d.result.Send {
			fmt.Fprintf(&b, " %d", st.SSRC)
			if st.HeaderOnly {
				b.WriteString("h")
			}
			if st.Resume {
				b.WriteString("+")
			}
		}
		fmt.Fprintf(&b, "; F")
		for _, r := range d.result.F {
			fmt.Fprintf(&b, " %d:%d", r.SSRC, r.Number)
			if !r.Active {
				b.WriteString("i")
			}
		}
		fmt.Fprintf(&b, "; LNT %d\n", d.result.LNT.Number)
	}
	return b.String()
}

var policies = []Policy{Full, Pessimistic, Optimistic}

// with returns the default parameters with a policy; optimistic counts from 0.8
// LNT, the share that the figures of DESIGN 6 are for.
func with(policy Policy) Params {
	p := Default()
	p.Policy = policy
	p.Successor = 205
	return p
}

// crowd gives each of n domains legs steady talkers, all of different numbers.
func crowd(p Params, delay uint64, n, legs int, number func(domain, leg int) loudness.Number) *world {
	w := newWorld(p, delay, names(n)...)
	for i, d := range w.domains {
		for l := range legs {
			d.leg(uint32(100*(i+1)+l), number(i, l), true)
		}
	}
	return w
}

func expect[T cmp.Ordered](t *testing.T, what string, got, lo, hi T) {
	t.Helper()
	if got < lo || got > hi {
		t.Errorf("%s: %v, want %v to %v", what, got, lo, hi)
	}
}
