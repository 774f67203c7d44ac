package jitter

import (
	"testing"
	"time"
)

// DESIGN 11: jitter of 10 ms standard deviation, clocks 200 ppm apart, an
// hour: under 0.5 % too late, delay under 60 ms and not growing. Heard half
// of the time, by a listener who cannot stretch, which is the worst one.
func TestAnHourOfJitterAndDrift(t *testing.T) {
	for _, drift := range []float64{-200, 0, 200} {
		n := network{seed: 11, packets: 180_000, drift: drift, phase: 4 * ms, delay: normal(10 * ms)}
		b := newBuffer(t, Config{})
		var tens [6]struct { // of each ten minutes
			sum   time.Duration
			count int
		}
		heard := func(slot int) bool { return slot/500%2 == 0 } // ten seconds in twenty
		play(b, n.run(), heard, func(slot int, now time.Duration, s Slot) {
			i := min(slot/30_000, 5)
			for _, item := range s.Items {
				if item.Kind == Sound {
					tens[i].sum += now - item.Packet.Arrival + b.duration(int64(s.Left))
					tens[i].count++
				}
			}
		})
		s := b.Stats()
		if share := float64(s.Late) / float64(s.Received); share >= 0.005 {
			t.Errorf("drift %v: %.2f %% too late, want under 0.5", drift, 100*share)
		}
		begin := tens[0].sum / time.Duration(tens[0].count)
		for i, ten := range tens {
			mean := ten.sum / time.Duration(ten.count)
			if mean >= 60*ms || mean > begin+10*ms {
				t.Errorf("drift %v: delay %v in the %d. ten minutes, %v in the first", drift, mean, i+1, begin)
			}
		}
		if s.Resets > 0 || s.Lost > 0 || s.Dropped > 0 {
			t.Errorf("drift %v: %+v", drift, s)
		}
		if off := s.Drift - drift; off < -60 || off > 60 {
			t.Errorf("drift %v measured as %.0f ppm", drift, s.Drift)
		}
	}
}

// DESIGN 11: delay from arrival to slot, over all phases: 15 ms median and 30
// p99 at 2 ms of jitter, 13 and 25 at none. (The tolerance is one bin.)
func TestDelayAdded(t *testing.T) {
	tests := []struct{ jitter, median, p99 time.Duration }{
		{0, 13 * ms, 25 * ms},
		{2 * ms, 15 * ms, 30 * ms},
	}
	for _, test := range tests {
		var bins [200]int
		total := 0
		for phase := range 20 {
			n := network{seed: uint64(phase), packets: 5000, phase: time.Duration(phase)*ms + 500*time.Microsecond, delay: normal(test.jitter)}
			b := newBuffer(t, Config{})
			play(b, n.run(), nil, func(slot int, now time.Duration, s Slot) {
				for _, item := range s.Items {
					if item.Kind == Sound && slot > 500 {
						bins[min(int((now-item.Packet.Arrival)/ms), len(bins)-1)]++
						total++
					}
				}
			})
		}
		median, p99 := quantile(bins[:], total/2), quantile(bins[:], total*99/100)
		t.Logf("jitter %v: median %v, p99 %v", test.jitter, median, p99)
		if median > test.median || p99 > test.p99 {
			t.Errorf("jitter %v: median %v, p99 %v, want %v and %v", test.jitter, median, p99, test.median, test.p99)
		}
	}
}

// quantile is the lower edge of the bin that holds the n-th value.
func quantile(bins []int, n int) time.Duration {
	for i, count := range bins {
		if n -= count; n < 0 {
			return time.Duration(i) * ms
		}
	}
	return time.Duration(len(bins)) * ms
}

func TestNothingAllocates(t *testing.T) {
	n := network{packets: 20_000, delay: normal(5 * ms)}
	packets := n.run()
	b := newBuffer(t, Config{})
	i, slot := 0, 0
	run := func() {
		now := time.Duration(slot) * 20 * ms
		for i < len(packets) && packets[i].Arrival <= now {
			b.Push(now, packets[i].Packet)
			i++
		}
		b.Pop(now, slot%2 == 0)
		b.More(now, 160)
		slot++
	}
	for range 500 {
		run()
	}
	if a := testing.AllocsPerRun(5000, run); a != 0 {
		t.Errorf("%v allocations a slot, want 0", a)
	}
}

// DESIGN 11 gives a G.711 leg 40 KB in all.
func TestMemoryOfALeg(t *testing.T) {
	payload := make([]byte, 160)
	n := network{packets: 500, change: func(_ int, p *Packet, _ *time.Duration) { p.Payload = payload }}
	b := newBuffer(t, Config{})
	for _, p := range n.run() {
		b.Push(p.Arrival, p.Packet)
	}
	if size := b.store.size(); size > 10_000 {
		t.Errorf("the store takes %d bytes for packets of 160, want at most 10,000", size)
	}
}

func BenchmarkPush(b *testing.B) {
	buf, _ := New(Config{ClockRate: 8000})
	p := Packet{Samples: 160, Payload: make([]byte, 160)}
	for i := 0; b.Loop(); i++ {
		p.Seq, p.Timestamp, p.Arrival = uint16(i), uint32(i*160), time.Duration(i)*20*ms
		buf.Push(p.Arrival, p)
		buf.Pop(p.Arrival+10*ms, false)
	}
}

func BenchmarkPopNothing(b *testing.B) {
	buf, _ := New(Config{ClockRate: 8000})
	for i := 0; b.Loop(); i++ {
		buf.Pop(time.Duration(i)*20*ms, false)
	}
}
