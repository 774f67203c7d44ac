package mixer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"trivox/loudness"
)

const ms = time.Millisecond

// voice is a steady speaker: syllables of 120 to 280 ms whose loudness varies by
// 3 dB, closures between some, a breath of at most 120 ms every 1.5 to 3 s. Its
// amplitude averages level (RMS) while it speaks.
type voice struct {
	r       *rand.Rand
	level   float64
	length  int // slots in this syllable or gap
	at      int
	peak    float64
	breathe int // slots until the next breath
}

func newVoice(r *rand.Rand, level float64) *voice {
	v := &voice{r: r, level: level, breathe: 75 + r.IntN(75)}
	v.at = v.length
	for range r.IntN(200) {
		v.next()
	}
	return v
}

// next returns the amplitude of the next slot.
func (v *voice) next() uint16 {
	if v.at == v.length {
		v.begin()
	}
	shape := math.Sin(math.Pi * (float64(v.at) + 0.5) / float64(v.length))
	v.at++
	v.breathe--
	x := v.peak * (0.15 + 0.85*shape) * math.Exp(0.12*v.r.NormFloat64())
	return uint16(min(x, 65535))
}

// begin chooses the next syllable, closure or breath.
func (v *voice) begin() {
	v.at = 0
	switch {
	case v.breathe <= 0:
		v.breathe = 75 + v.r.IntN(75)
		v.length, v.peak = 4+v.r.IntN(3), 0
	case v.r.IntN(3) == 0 && v.peak > 0.1*v.level:
		v.length, v.peak = 1+v.r.IntN(3), 0.05*v.level
	default:
		v.length = 6 + v.r.IntN(9)
		v.peak = 1.26 * v.level * math.Pow(10, 3*v.r.NormFloat64()/20)
	}
}

// table is a conference of voices around one Select.
type table struct {
	meters []*loudness.Meter
	ranks  []Rank
	heard  []int
}

func newTable(p loudness.Params, n int) *table {
	t := &table{ranks: make([]Rank, n), heard: make([]int, 0, 3)}
	for range n {
		t.meters = append(t.meters, loudness.NewMeter(p))
	}
	return t
}

// slot gives every participant one slot of amplitude and chooses three.
func (t *table) slot(x ...uint16) {
	for i, m := range t.meters {
		m.Add(x[i], 20*ms)
		t.ranks[i] = Rank{Active: m.Active(), Number: m.Number(), SSRC: uint32(i)}
	}
	t.heard = Select(t.heard, t.ranks, 3)
}

func (t *table) hears(i int) bool { return slices.Contains(t.heard, i) }

const normal = 3277 // -26 dBov

// floors seats three steady voices of a level and a fourth participant who has
// said nothing, and lets ten seconds pass.
func floors(seed uint64, level float64) (*table, []*voice) {
	r := rand.New(rand.NewPCG(seed, 1))
	tb := newTable(loudness.Default(), 4)
	v := []*voice{newVoice(r, level), newVoice(r, level), newVoice(r, level)}
	for range 500 {
		tb.slot(v[0].next(), v[1].next(), v[2].next(), 0)
	}
	return tb, v
}

// interruption returns how long a fourth voice, gain times as loud as three that
// hold the floors, speaks before it is heard.
func interruption(seed uint64, gain float64) time.Duration {
	tb, v := floors(seed, normal)
	w := newVoice(rand.New(rand.NewPCG(seed, 2)), gain*normal)
	w.at = w.length // he begins with a syllable, not with a breath
	w.breathe = 75
	for n := 1; n < 500; n++ {
		tb.slot(v[0].next(), v[1].next(), v[2].next(), w.next())
		if tb.hears(3) {
			return time.Duration(n) * 20 * ms
		}
	}
	return time.Hour
}

const trials = 400

// spread returns the median, the 80th and the 95th percentile over all trials.
func spread(gain float64) (p50, p80, p95 time.Duration) {
	var all []time.Duration
	for seed := range uint64(trials) {
		all = append(all, interruption(seed, gain))
	}
	slices.Sort(all)
	return all[trials/2], all[trials*8/10], all[trials*95/100]
}

// DESIGN 11, conversation: an equally loud interrupter who keeps talking has a
// floor within 1.5 s at the median, 2 s for 80 %. P 6.2: he "will have to (i)
// speak loudly and (ii) keep trying for a little while".
func TestEqualInterrupter(t *testing.T) {
	p50, p80, p95 := spread(1)
	t.Logf("heard after %v (median), %v (80 %%), %v (95 %%)", p50, p80, p95)
	if p50 > 1500*ms || p80 > 2*time.Second {
		t.Errorf("median %v, 80 %% %v: want 1.5s and 2s at most", p50, p80)
	}
	if p50 < 400*ms {
		t.Errorf("median %v: steady speakers are cut off too easily", p50)
	}
}

// DESIGN 11, conversation: an interrupter 6 dB louder, within 0.6 s.
func TestLouderInterrupter(t *testing.T) {
	p50, p80, p95 := spread(2)
	t.Logf("heard after %v (median), %v (80 %%), %v (95 %%)", p50, p80, p95)
	if p50 > 600*ms || p80 > 600*ms {
		t.Errorf("median %v, 80 %% %v: want 0.6s at most", p50, p80)
	}
}

// DESIGN 11, conversation: one 100 ms full-scale burst never takes a floor from
// three steady speakers. P 6.2: "a speaker should not be cut off by a spike in
// the packet energy of another". Also when the speakers are 3 dB fainter.
func TestBurstTakesNoFloor(t *testing.T) {
	for _, level := range []float64{normal, 0.7 * normal} {
		for seed := range uint64(trials) {
			tb, v := floors(seed, level)
			for n := range 100 {
				x := uint16(0)
				if n < 5 {
					x = loudness.FullScale
				}
				tb.slot(v[0].next(), v[1].next(), v[2].next(), x)
				if tb.hears(3) {
					t.Fatalf("speakers at %.0f, seed %d: the burst has a floor after %d slots: %v",
						level, seed, n+1, tb.ranks)
				}
			}
		}
	}
}

// DESIGN 11, conversation: a speaker who stopped half a second ago gives way
// within 0.4 s, to a voice 6 dB fainter than his too.
func TestStoppedSpeakerGivesWay(t *testing.T) {
	for _, gain := range []float64{1, 0.5} {
		for seed := range uint64(trials) {
			tb, v := floors(seed, normal)
			w := newVoice(rand.New(rand.NewPCG(seed, 2)), gain*normal)
			w.at, w.breathe = w.length, 75
			for range 25 {
				tb.slot(v[0].next(), v[1].next(), 0, 0)
			}
			heard := false
			for range 20 {
				tb.slot(v[0].next(), v[1].next(), 0, w.next())
				heard = heard || tb.hears(3)
			}
			if !heard || tb.hears(2) {
				t.Fatalf("seed %d: after 0.4s the one who stopped still has the floor: %v", seed, tb.ranks)
			}
		}
	}
}

// DESIGN 11, conversation: with fewer than N_max active streams in F, the first
// packet of a talkspurt is heard, however long others have had the floors and
// however faint it is.
func TestFreeFloorIsHadAtOnce(t *testing.T) {
	for _, first := range []uint16{80, 400, normal} {
		for seed := range uint64(50) {
			tb, v := floors(seed, normal)
			for range 10 { // the third falls silent and goes inactive
				tb.slot(v[0].next(), v[1].next(), 0, 0)
			}
			tb.slot(v[0].next(), v[1].next(), 0, first)
			if !tb.hears(3) {
				t.Fatalf("seed %d: a first packet of %d is not heard: %v", seed, first, tb.ranks)
			}
		}
	}
	tb := newTable(loudness.Default(), 1)
	tb.slot(400)
	if !tb.hears(0) {
		t.Error("the first packet of a conference is not heard")
	}
}

// Five talk at once: three are heard, always, and they are loud ones: over a
// minute the two that are 6 dB fainter have the floor for a small part of it.
func TestThreeOfFive(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	tb := newTable(loudness.Default(), 5)
	var v []*voice
	for i := range 5 {
		level := float64(normal)
		if i >= 3 {
			level /= 2
		}
		v = append(v, newVoice(r, level))
	}
	faint := 0
	for n := range 3000 {
		tb.slot(v[0].next(), v[1].next(), v[2].next(), v[3].next(), v[4].next())
		if n < 150 {
			continue
		}
		if len(tb.heard) != 3 {
			t.Fatalf("slot %d: %d heard", n, len(tb.heard))
		}
		if tb.hears(3) || tb.hears(4) {
			faint++
		}
	}
	if faint > 150 {
		t.Errorf("a faint talker was heard in %d of 2850 slots", faint)
	}
}
