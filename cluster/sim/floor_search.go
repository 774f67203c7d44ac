package sim

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"trivox/loudness"
)

// SearchConfig is a search for better parameters of the loudness number.
type SearchConfig struct {
	FloorConfig     // Loudness is where it starts; Seed, Trials and Minutes are what it trains on
	Candidates  int // drawn at random within the bounds
	Rounds      int // of refinement of the best
	Keep        int // of the best that are refined and reported
}

// DefaultSearch returns a search of a few minutes.
func DefaultSearch() SearchConfig {
	c := SearchConfig{FloorConfig: DefaultFloor(), Candidates: 400, Rounds: 12, Keep: 4}
	c.Trials, c.Minutes = 60, 6
	return c
}

// Candidate is a set of parameters and what it scored, lower being better.
type Candidate struct {
	Params  loudness.Params
	Trained Score // on the seed of the search, the figures a fifth tighter and the bursts 120 ms long
	Held    Score // on a seed that the search never saw, with twice the length
}

// Score counts points, fewer being better.
type Score struct {
	Loss   float64 // of the conversations, in the mean
	Missed float64 // of the figures of the contests
}

// Points is the whole score.
func (s Score) Points() float64 { return s.Loss + s.Missed }

// SearchReport is what a search found.
type SearchReport struct {
	Start Candidate   // the parameters it started from
	Best  []Candidate // best first by what they trained on
	Tried int
}

// figure is one of the conversation figures that parameters must keep, and what a
// candidate has: everything above limit counts, relative to it.
type figure struct{ has, limit float64 }

// figures are those of DESIGN 11, "Conversation": an equal interrupter has a floor
// within 1.5 s at the median and 2 s for 80 %, one 6 dB louder within 0.6 s, one
// who stopped half a second ago gives way within 0.4 s, and with a free floor the
// first packet is heard; a burst never takes a floor. A hum takes none either (2 % of the time are a moment before its level is known), and
// no half of the interrupters cut in under 0.4 s: a speaker is not cut off by a
// word.
func (c Contest) figures() []figure {
	seconds := func(d time.Duration) float64 { return d.Seconds() }
	return []figure{
		{seconds(c.Equal.Percentile(0.5)), 1.5},
		{seconds(c.Equal.Percentile(0.8)), 2},
		{1 / seconds(c.Equal.Percentile(0.5)), 1 / 0.4},
		{seconds(c.Louder.Percentile(0.8)), 0.6},
		{seconds(c.GivesWay.Percentile(1)), 0.4},
		{seconds(c.Free.Percentile(1)), 0.02},
		{1 + c.Burst, 1},
		{1 + c.Hum, 1.02},
	}
}

// miss is by how much figures are missed, in points: 1 for each hundredth. They
// are to be kept with a margin.
func (c Contest) miss(margin float64) float64 {
	points := 0.0
	for _, f := range c.figures() {
		if f.limit > 0.02 && f.limit < 1 || f.limit > 1.02 { // a time
			f.limit *= 1 - margin
		}
		points += 100 * max(f.has/f.limit-1, 0)
	}
	return points
}

// loss is what a conversation lost by the method, in points: the speech that was
// not heard though there were floors enough for it, in per cent; a tenth of the
// talkspurts whose first packet was not heard, in per cent; a tenth for each time
// a minute that somebody who spoke on was cut off, or a noise had the floor that
// he should have had.
func (h Hearing) loss() float64 {
	return 100*(h.Most-h.Heard) + 10*h.Clipped + (h.Cuts+h.Wrong)/10
}

// exam is what candidates are scored on: with and without recorded speech.
type exam struct {
	contests []FloorConfig
	scenes   []scene
	burst    int     // slots
	margin   float64 // of the figures
}

func newExam(c FloorConfig, burst int, margin float64) exam {
	plain := c
	plain.Speech = nil
	e := exam{contests: []FloorConfig{plain}, scenes: floorScenes(plain), burst: burst, margin: margin}
	if len(c.Speech) > 0 {
		e.contests = append(e.contests, c)
		e.scenes = append(e.scenes, floorScenes(c)...)
	}
	return e
}

// score is the mean loss over the conversations and what is missed in the
// contests. It stops where it is beyond limit, the rest left out.
func (e exam) score(p loudness.Params, limit float64) (s Score) {
	for _, c := range e.contests {
		if s.Points() > limit {
			return s
		}
		s.Missed += contests{c: c, m: ByNumber, p: p, burstSlots: e.burst, brief: true}.run().miss(e.margin)
	}
	for _, v := range e.scenes {
		if s.Points() > limit {
			return s
		}
		s.Loss += judgeScene(v, ByNumber, p, e.contests[0].NMax).loss() / float64(len(e.scenes))
	}
	return s
}

// knob is one parameter that the search turns.
type knob struct {
	of        func(p *loudness.Params) *int
	low, high int
	step      int // values are multiples of it
}

// knobs are the parameters with their bounds. Hang is left alone, for DESIGN 6 sets
// it and the exchange counts on it; so is the gate, for the noise
// of these conversations is steadier than that of any street and would have it lower
// than is good; but its ceiling follows theta, so that nothing that counts as
// activity is ever taken for noise.
func knobs() []knob {
	return []knob{
		{func(p *loudness.Params) *int { return &p.RecentPast }, 10, 60, 1},
		{func(p *loudness.Params) *int { return &p.DistantPast }, 10, 120, 1},
		{func(p *loudness.Params) *int { return &p.Horizon }, 50, 300, 5},
		{func(p *loudness.Params) *int { return &p.A1 }, 51, 192, 1},
		{func(p *loudness.Params) *int { return &p.A2 }, 8, 77, 1},
	}
}

// amplitudes are the knobs that are no int: theta and x_max.
func amplitudes(p *loudness.Params) []struct {
	value     *uint16
	low, high float64
} {
	return []struct {
		value     *uint16
		low, high float64
	}{{&p.Theta, 328, 1966}, {&p.Max, 5243, 19661}}
}

// draw sets every knob anywhere within its bounds.
func draw(r *rand.Rand, p loudness.Params) loudness.Params {
	for _, k := range knobs() {
		*k.of(&p) = (k.low + r.IntN(k.high-k.low+1)) / k.step * k.step
	}
	for _, a := range amplitudes(&p) {
		*a.value = uint16(a.low * math.Pow(a.high/a.low, r.Float64()))
	}
	p.GateMax = p.Theta
	return p
}

// turn changes two or three knobs of p by up to a share of their range.
func turn(r *rand.Rand, p loudness.Params, share float64) loudness.Params {
	ints, amps := knobs(), amplitudes(&p)
	for range 2 + r.IntN(2) {
		by := share * (2*r.Float64() - 1)
		if i := r.IntN(len(ints) + len(amps)); i < len(ints) {
			k := ints[i]
			v := float64(*k.of(&p)) + by*float64(k.high-k.low)
			*k.of(&p) = min(max(int(math.Round(v/float64(k.step)))*k.step, k.low), k.high)
		} else {
			a := amps[i-len(ints)]
			*a.value = uint16(min(max(float64(*a.value)*math.Pow(a.high/a.low, by), a.low), a.high))
		}
	}
	p.GateMax = p.Theta
	return p
}

// SearchFloor looks for parameters that score better than those it starts from:
// at random within bounds, then around the best with shrinking steps. The same
// configuration gives the same report. It panics when c.Check() would refuse c.
func SearchFloor(c SearchConfig) SearchReport {
	if err := c.Check(); err != nil {
		panic(err)
	}
	const tries = 6 // of each of the best in a round
	train := newExam(c.FloorConfig, 6, 0.2)
	r := rand.New(rand.NewPCG(c.Seed, 11))
	total := c.Candidates + c.Rounds*c.Keep*tries + 2*(c.Keep+1)
	var report SearchReport
	var best []Candidate
	try := func(p loudness.Params) Candidate {
		report.Tried++
		if c.Progress != nil {
			c.Progress(report.Tried, total)
		}
		if p.Check() != nil {
			return Candidate{Params: p, Trained: Score{Missed: math.Inf(1)}}
		}
		limit := math.Inf(1)
		if len(best) >= c.Keep {
			limit = best[c.Keep-1].Trained.Points()
		}
		return Candidate{Params: p, Trained: train.score(p, limit)}
	}
	report.Start = try(c.Loudness)
	best = []Candidate{report.Start}
	for range c.Candidates {
		best = keep(append(best, try(draw(r, c.Loudness))), c.Keep)
	}
	for round := range c.Rounds {
		share := 0.25 * math.Pow(0.8, float64(round))
		for _, b := range slices.Clone(best) {
			for range tries {
				best = keep(append(best, try(turn(r, b.Params, share))), c.Keep)
			}
		}
	}
	unseen := c.FloorConfig
	unseen.Seed += 1 << 40
	unseen.Minutes, unseen.Trials = 2*c.Minutes, 2*c.Trials
	held := newExam(unseen, burstSlots, 0)
	report.Start.Held = held.score(report.Start.Params, math.Inf(1))
	for _, b := range best {
		b.Held = held.score(b.Params, math.Inf(1))
		report.Best = append(report.Best, b)
	}
	if c.Progress != nil {
		c.Progress(total, total)
	}
	return report
}

// keep returns the best n of candidates, best first, each once.
func keep(all []Candidate, n int) []Candidate {
	slices.SortStableFunc(all, func(a, b Candidate) int { return cmp.Compare(a.Trained.Points(), b.Trained.Points()) })
	all = slices.CompactFunc(all, func(a, b Candidate) bool { return a.Params == b.Params })
	return all[:min(n, len(all))]
}
