package media

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// cadenceRun sweeps one leg's packets every 20 ms. asked is how many system calls a packet takes; left is
// the share of packets left in the socket though they had come and their time, with a margin that all but
// half a per cent of this leg's packets keep, had come too.
func cadenceRun(ptime time.Duration, jitter func(*rand.Rand) float64, seed uint64) (asked, left float64) {
	const n = 20000
	r := rand.New(rand.NewPCG(seed, 7))
	type packet struct{ arrival, expected time.Duration }
	var packets []packet
	var delays []time.Duration
	phase := time.Duration(r.Int64N(int64(20 * time.Millisecond)))
	for k := range n {
		delay := time.Duration(jitter(r) * float64(time.Millisecond))
		delays = append(delays, delay)
		if r.IntN(100) > 0 { // one in a hundred is lost
			expected := time.Second + phase + time.Duration(k)*ptime
			packets = append(packets, packet{expected + delay, expected})
		}
	}
	slices.SortFunc(packets, func(a, b packet) int { return int(a.arrival - b.arrival) })
	slices.Sort(delays)
	margin := max(2*time.Millisecond, delays[n*995/1000])
	var c cadence
	calls, missed, taken := 0, 0, 0
	for now := time.Second; taken < len(packets); now += 20 * time.Millisecond {
		due := true
		for m := 0; due && m < SweepLimit; m++ {
			calls++
			if taken == len(packets) || packets[taken].arrival > now {
				break
			}
			due = c.add(packets[taken].arrival, now)
			taken++
		}
		for i := taken; i < len(packets) && packets[i].arrival <= now; i++ {
			if now >= packets[i].expected+margin {
				missed++
			}
		}
	}
	return float64(calls) / float64(len(packets)), float64(missed) / float64(len(packets))
}

func TestCadence(t *testing.T) {
	for _, c := range []struct {
		name   string
		ptime  time.Duration
		jitter func(*rand.Rand) float64 // ms
		asked  float64                  // at most
	}{
		{"none", 20 * time.Millisecond, func(*rand.Rand) float64 { return 0 }, 1.1},
		{"a local network's", 20 * time.Millisecond, func(r *rand.Rand) float64 { return math.Abs(r.NormFloat64()) }, 1.15},
		{"with spikes", 20 * time.Millisecond, func(r *rand.Rand) float64 {
			if r.IntN(50) == 0 {
				return 10 * r.ExpFloat64()
			}
			return math.Abs(r.NormFloat64())
		}, 1.25},
		{"2 ms", 20 * time.Millisecond, func(r *rand.Rand) float64 { return 2 * r.NormFloat64() }, 2},
		{"10 ms", 20 * time.Millisecond, func(r *rand.Rand) float64 { return 10 * r.NormFloat64() }, 2.1},
		{"2 ms, packets of 10 ms", 10 * time.Millisecond, func(r *rand.Rand) float64 { return 2 * r.NormFloat64() }, 1.6},
		{"2 ms, packets of 60 ms", 60 * time.Millisecond, func(r *rand.Rand) float64 { return 2 * r.NormFloat64() }, 4.1},
	} {
		var asked, left float64
		for seed := range uint64(5) {
			a, l := cadenceRun(c.ptime, c.jitter, seed)
			asked, left = asked+a/5, left+l/5
		}
		if asked > c.asked || left > 0.0001 {
			t.Errorf("jitter %s: %.2f calls a packet, want at most %.2f; %.5f of the packets left lying", c.name, asked, c.asked, left)
		}
	}
}

// What has waited is always followed by another look, however even its gaps are.
func TestCadenceTakesBacklog(t *testing.T) {
	var c cadence
	now := time.Second
	for i := range 100 {
		at := now - 2*time.Second + time.Duration(i)*20*time.Millisecond
		if now-at >= 20*time.Millisecond && !c.add(at, now) {
			t.Fatalf("packet %d of a backlog is the last one taken", i)
		}
	}
	c.add(now, now) // in time: those that came with it came early
	for range 5 {   // packets at once, and time that runs back
		if !c.add(now, now) {
			t.Fatal("packets that came at once are left")
		}
	}
	if !c.add(now-time.Second, now) {
		t.Fatal("a clock that was set is taken for a cadence")
	}
}
