package jitter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// randomNetwork is a leg as bad as legs get: jitter, loss, doubles, reordering,
// drift and any packet time, without silence.
func randomNetwork(seed uint64) network {
	r := rand.New(rand.NewPCG(seed, 99))
	deviation := time.Duration(r.IntN(20)) * ms
	loss, double := r.Float64()*0.1, r.Float64()*0.05
	return network{
		seed: seed, packets: 1500,
		rate:  []int{8000, 48000}[r.IntN(2)],
		ptime: []time.Duration{10, 20, 20, 30, 40, 60}[r.IntN(6)] * ms,
		drift: float64(r.IntN(401) - 200),
		phase: time.Duration(r.IntN(20_000)) * time.Microsecond,
		delay: normal(deviation),
		lose:  func(r *rand.Rand, _ int) bool { return r.Float64() < loss },
		double: func(r *rand.Rand, _ int) (bool, time.Duration) {
			return r.Float64() < double, time.Duration(r.IntN(100)) * ms
		},
	}
}

// The slow twin knows all packets beforehand. From the slots it sees what media
// time was played when, and says of every packet whether it was there in
// time: exactly those must have been played, in order, whole but for a
// beginning whose time had passed.
func TestTwinOnRandomNetworks(t *testing.T) {
	for seed := range uint64(300) {
		n := randomNetwork(seed)
		b := newBuffer(t, Config{ClockRate: n.rate})
		packets := n.run()
		if err := twin(b, packets, seed%3 == 0); err != nil {
			t.Errorf("seed %d, %v packets at %d Hz: %v; %+v", seed, n.ptime, n.rate, err, b.Stats())
		}
	}
}

func twin(b *Buffer, packets []sent, heard bool) error {
	first := map[int]sent{} // by index: its first arrival
	for _, p := range packets {
		if _, ok := first[p.index]; !ok {
			first[p.index] = p
		}
	}
	var failure error
	fail := func(format string, a ...any) {
		if failure == nil {
			failure = fmt.Errorf(format, a...)
		}
	}
	last, taken := -1, 0
	var given time.Duration // when the time of the packets up to last was given away
	play(b, packets, func(int) bool { return heard }, func(slot int, now time.Duration, s Slot) {
		for _, item := range s.Items {
			if item.Kind != Sound {
				continue
			}
			i := index(item.Packet)
			if i <= last {
				fail("slot %d: packet %d after packet %d", slot, i, last)
			}
			for skipped := last + 1; skipped < i && last >= 0; skipped++ {
				if p, arrived := first[skipped]; arrived && p.Arrival <= given {
					fail("slot %d: packet %d left out for %d, though it came at %v, before %v", slot, skipped, i, p.Arrival, given)
				}
			}
			p := first[i]
			if p.Seq != item.Packet.Seq || p.Timestamp != item.Packet.Timestamp || p.Samples != item.Units+item.Skip {
				fail("slot %d: packet %d is played as %+v", slot, i, item)
			}
			last, given = i, now
			taken++
		}
	})
	if s := b.Stats(); s.Received != s.Played+s.Late+s.Duplicates+s.Refused+s.Dropped+uint64(s.Waiting) {
		fail("%d packets received, but %d accounted for", s.Received, s.Played+s.Late+s.Duplicates+s.Refused+s.Dropped+uint64(s.Waiting))
	}
	if s := b.Stats(); s.Played != uint64(taken) {
		fail("%d packets counted as played, %d were", s.Played, taken)
	}
	if s := b.Stats(); s.Dropped > 5 && b.margin < b.c.MaxMargin {
		fail("%d packets dropped", s.Dropped)
	}
	return failure
}

// With steady arrival the rule of DESIGN 3 has one answer: the first slot at
// least the margin after the arrival.
func TestReleaseIsTheFirstSlotAfterTheMargin(t *testing.T) {
	for phase := range 200 {
		n := network{packets: 500, phase: time.Duration(phase) * 100 * time.Microsecond}
		b := newBuffer(t, Config{FirstMargin: 2 * ms})
		play(b, n.run(), nil, func(slot int, now time.Duration, s Slot) {
			for _, item := range s.Items {
				if item.Kind != Sound {
					continue
				}
				due := item.Packet.Arrival + 2*ms
				if now < due || now >= due+20*ms {
					t.Fatalf("phase %v: packet due at %v was played at %v", n.phase, due, now)
				}
			}
		})
	}
}

// delays against a sorted list.
func TestDelaysTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 200 {
		var d delays
		var all []time.Duration
		scale := time.Duration(1+r.IntN(100)) * ms
		for range 1 + r.IntN(forgetAt-2) {
			v := min(time.Duration(r.ExpFloat64()*float64(scale)/4), fine*fineWidth+coarse*coarseWide-1)
			d.add(v)
			all = append(all, v)
		}
		slices.Sort(all)
		for _, perMille := range []int{1, 5, 50, 500} {
			got := d.beyond(perMille)
			i := len(all) - 1 - len(all)*perMille/1000
			want, width := all[max(i, 0)], fineWidth
			if want >= fine*fineWidth {
				width = coarseWide
			}
			if below := all[max(i-1, 0)]; got > want+width || got < below-width {
				t.Fatalf("round %d: %d values, %d per mille: %v, want %v", round, len(all), perMille, got, want)
			}
		}
	}
}

// The clock finds a drift and a level through one-sided noise.
func TestClockFollowsDrift(t *testing.T) {
	for _, ppm := range []float64{-200, -50, 0, 50, 200} {
		c := clock{rate: 8000}
		r := rand.New(rand.NewPCG(5, 6))
		c.restart(0, time.Second)
		var at time.Duration
		for i := range 6000 { // two minutes
			at = time.Second + time.Duration(float64(i)*20e6/(1+ppm/1e6))
			c.add(int64(i)*160, at+time.Duration(r.ExpFloat64()*3e6), 10*ms)
		}
		if got := c.drift(); got < ppm-20 || got > ppm+20 {
			t.Errorf("drift of %v ppm measured as %.1f", ppm, got)
		}
		if off := c.expected(5999*160) - at; off < -ms || off > ms {
			t.Errorf("drift %v ppm: undelayed arrival off by %v after two minutes", ppm, off)
		}
	}
}
