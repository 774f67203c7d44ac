package sim

import (
	"slices"

	"trivox/cluster/exchange"
	"trivox/loudness"
	"trivox/mixer"
)

// Method is a way to decide who of one domain is heard.
type Method string

const (
	// ByNumber is what production does: each participant's slow gain, his
	// loudness number, activity first, the best N_max.
	ByNumber Method = "loudness number"
	// ByNumberAlone ranks by the loudness number without activity (the paper, P 6.2).
	ByNumberAlone Method = "number alone"
	// ByEnergy ranks by the amplitude of the latest slot.
	ByEnergy Method = "energy, 20 ms"
	// ByEnergyMean ranks by the RMS over the latest energyWindow slots.
	ByEnergyMean Method = "energy, 400 ms"
	// ByDominance gives the floors to the last N_max dominant speakers, found by
	// the method of Volfin and Cohen with Jitsi's settings.
	ByDominance Method = "dominant, latest"
	// BySeats lets newcomers challenge the weakest holder of a floor by the same
	// method.
	BySeats Method = "dominant, by floor"
)

// Methods returns all methods, in the order of the tables.
func Methods() []Method {
	return []Method{ByNumber, ByNumberAlone, ByEnergy, ByEnergyMean, ByDominance, BySeats}
}

// energyWindow is the window of ByEnergyMean in slots.
const energyWindow = 20

// chooser gives the floors of one conference slot by slot.
type chooser interface {
	// choose takes every participant's amplitude in this slot and returns the
	// indices of those who are heard, valid until the next call.
	choose(x []uint16) []int
}

// newChooser returns a chooser by method m for n participants and nmax floors.
func newChooser(m Method, p loudness.Params, n, nmax int) chooser {
	switch m {
	case ByEnergy:
		return newEnergy(n, nmax, 1)
	case ByEnergyMean:
		return newEnergy(n, nmax, energyWindow)
	case ByDominance, BySeats:
		return newDominance(n, nmax, m == BySeats)
	}
	return newNumber(p, n, nmax, m == ByNumberAlone)
}

// number is a chooser made of the production code.
type number struct {
	server *exchange.Server
	meters []*loudness.Meter
	gains  []*mixer.Gain
	ranks  []mixer.Rank
	slot   uint64
	p      loudness.Params
	alone  bool // activity does not count
}

func newNumber(p loudness.Params, n, nmax int, alone bool) *number {
	e := exchange.Default()
	e.NMax = nmax
	c := &number{server: exchange.New(e), p: p, alone: alone}
	for range n {
		c.add(p)
	}
	return c
}

// add lets one participant more in.
func (c *number) add(p loudness.Params) {
	c.meters = append(c.meters, loudness.NewMeter(p))
	c.gains = append(c.gains, mixer.NewGain())
	c.ranks = append(c.ranks, mixer.Rank{})
}

// choose measures as cluster/conference does when a packet comes.
func (c *number) choose(x []uint16) []int {
	for i, m := range c.meters {
		m.Add(c.gains[i].Amplitude(x[i]), c.p.Slot)
		c.gains[i].Observe(x[i], c.p.Slot, m.Voiced())
		c.ranks[i] = mixer.Rank{Active: c.alone || m.Active(), Number: m.Number(), SSRC: uint32(i)}
	}
	c.slot++
	return c.server.Tick(c.slot, c.ranks).Index
}

// energy is a chooser by the mean square of the latest slots. Digital silence
// has no floor.
type energy struct {
	nmax   int
	ring   [][]uint64 // squares of the latest slots, per participant
	at     int
	sum    []uint64
	chosen []int
}

func newEnergy(n, nmax, window int) *energy {
	e := &energy{nmax: nmax, sum: make([]uint64, n)}
	for range n {
		e.ring = append(e.ring, make([]uint64, window))
	}
	return e
}

func (e *energy) choose(x []uint16) []int {
	e.chosen = e.chosen[:0]
	for i, v := range x {
		square := uint64(v) * uint64(v)
		e.sum[i] += square - e.ring[i][e.at]
		e.ring[i][e.at] = square
		if e.sum[i] > 0 {
			e.chosen = append(e.chosen, i)
		}
	}
	e.at = (e.at + 1) % len(e.ring[0])
	slices.SortStableFunc(e.chosen, func(i, j int) int {
		if e.sum[i] > e.sum[j] {
			return -1
		}
		if e.sum[i] < e.sum[j] {
			return 1
		}
		return 0
	})
	e.chosen = e.chosen[:min(e.nmax, len(e.chosen))]
	return e.chosen
}
