package load

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const begin = 1234567 * time.Microsecond

// feed gives n packets of 20 ms; arrival says when each comes.
func feed(n int, clock int, arrival func(i int) time.Duration) spread {
	var s schedule
	var out spread
	for i := range n {
		s.add(0xfffff000+uint32(i*clock/50), clock, begin+arrival(i), &out)
	}
	s.flush(&out)
	return out
}

func TestLate(t *testing.T) {
	on := func(i int) time.Duration { return time.Duration(i) * slot }
	for _, c := range []struct {
		name string
		at   func(i int) time.Duration
		late int
	}{
		{"on time", on, 0},
		{"a clock 200 ppm fast", func(i int) time.Duration { return on(i) * 9998 / 10000 }, 0},
		{"jitter of 4 ms", func(i int) time.Duration { return on(i) + time.Duration(i*7%5)*time.Millisecond }, 0},
		{"every tenth 6 ms late", func(i int) time.Duration {
			if i%10 == 3 {
				return on(i) + 6*time.Millisecond
			}
			return on(i)
		}, 250},
		{"the first late", func(i int) time.Duration {
			if i == 0 {
				return on(i) + 8*time.Millisecond
			}
			return on(i)
		}, 1},
		{"a stall of 100 ms, then a burst", func(i int) time.Duration {
			if i >= 500 && i < 505 {
				return on(505)
			}
			return on(i)
		}, 5},
	} {
		for _, clock := range []int{8000, 48000} {
			got := feed(2500, clock, c.at)
			if got.late != c.late {
				t.Errorf("%s at %d Hz: %d late, want %d (worst %v)", c.name, clock, got.late, c.late, got.worst)
			}
		}
	}
}

// A server that re-bases its timestamps begins a new schedule.
func TestRebasedTimestamps(t *testing.T) {
	var s schedule
	var out spread
	for i := range 200 {
		ts := uint32(i * 160)
		if i >= 100 {
			ts += 1 << 30
		}
		s.add(ts, 8000, begin+time.Duration(i)*slot, &out)
	}
	s.flush(&out)
	if out.late != 0 || out.worst > time.Millisecond {
		t.Errorf("%d late, worst %v", out.late, out.worst)
	}
}

func TestQuantile(t *testing.T) {
	var s spread
	for i := range 1000 {
		s.add(time.Duration(i) * 10 * time.Microsecond)
	}
	if q := s.quantile(0.99); q != 9900*time.Microsecond {
		t.Errorf("p99 %v", q)
	}
	if s.late != 499 || s.worst != 9990*time.Microsecond {
		t.Errorf("%d late, worst %v", s.late, s.worst)
	}
	var empty spread
	if empty.quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
}

// The counter against a set of all numbers that came.
func TestSequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.Uint16().Draw(t, "first")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var order []int
		for i := range 300 {
			if i == 0 || rng.IntN(10) > 0 {
				order = append(order, i)
			}
			if rng.IntN(20) == 0 {
				order = append(order, i-rng.IntN(min(i+1, 5)))
			}
		}
		for i := 1; i+1 < len(order); i++ {
			if rng.IntN(10) == 0 {
				order[i], order[i+1] = order[i+1], order[i]
			}
		}
		var s sequence
		seen := map[int]bool{}
		highest, twice := 0, 0
		for _, i := range order {
			if s.add(first+uint16(i)) == seen[i] {
				t.Fatalf("%d: new %v", i, !seen[i])
			}
			if seen[i] {
				twice++
			}
			seen[i] = true
			highest = max(highest, i)
		}
		if s.expected != highest+1 || s.received != len(seen) || s.duplicates != twice || s.lost() != highest+1-len(seen) || s.restarts != 0 {
			t.Fatalf("%+v, want %d expected, %d received, %d twice", s, highest+1, len(seen), twice)
		}
	})
	var s sequence
	for _, seq := range []uint16{1, 2, 3, 40000, 40001} {
		s.add(seq)
	}
	if s.restarts != 1 || s.lost() != 0 || s.received != 5 {
		t.Errorf("after a restart: %+v", s)
	}
}

// RFC 3550, 6.4.1: J += (|D| - J) / 16.
func TestJitter(t *testing.T) {
	var j jitter
	want := 0.0
	for i := range 100 {
		shift := time.Duration(i%2) * 2 * time.Millisecond
		j.add(uint32(i*160), 8000, begin+time.Duration(i)*slot+shift)
		if i > 0 {
			want += (2e6 - want) / 16
		}
	}
	if j.value < want-1 || j.value > want+1 {
		t.Errorf("%.0f ns, want %.0f", j.value, want)
	}
}
