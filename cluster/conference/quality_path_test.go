package conference

import (
	"math/rand/v2"
	"testing"
	"time"

	"trivox/media/codec"
)

// What a path does to a voice that never pauses is hardly heard, and costs no more delay than it must.
func TestPaths(t *testing.T) {
	jittery := func(r *rand.Rand, _ int, _ time.Duration) time.Duration {
		return max(0, 50*ms+time.Duration(r.NormFloat64()*float64(10*ms)))
	}
	drifting := func(ppm float64) func(*rand.Rand, int, time.Duration) time.Duration {
		return func(_ *rand.Rand, _ int, at time.Duration) time.Duration {
			return 50*ms + time.Duration(float64(at)*ppm/1e6)
		}
	}
	tests := []struct {
		name      string
		ptime     time.Duration
		delay     func(r *rand.Rand, n int, at time.Duration) time.Duration
		most      time.Duration // delay at the end, running mean
		concealed time.Duration // in all of 20 s
		changed   time.Duration // sound left out and put in
	}{
		{"jitter of 10 ms", 20 * ms, jittery, 60 * ms, 100 * ms, 60 * ms},
		{"jitter of 10 ms, packets of 10 ms", 10 * ms, jittery, 60 * ms, 100 * ms, 60 * ms},
		{"jitter of 10 ms, packets of 30 ms", 30 * ms, jittery, 60 * ms, 100 * ms, 60 * ms},
		{"jitter of 10 ms, packets of 60 ms", 60 * ms, jittery, 60 * ms, 100 * ms, 60 * ms},
		{"clock fast by 200 ppm", 20 * ms, drifting(-200), 30 * ms, 0, 20 * ms},
		{"clock slow by 200 ppm", 20 * ms, drifting(200), 30 * ms, 0, 20 * ms},
		{"two packets every 40 ms", 20 * ms, func(_ *rand.Rand, n int, _ time.Duration) time.Duration {
			return time.Duration(1-n%2) * 20 * ms
		}, 40 * ms, 20 * ms, 20 * ms},
		{"every twentieth packet behind the next", 20 * ms, func(r *rand.Rand, _ int, _ time.Duration) time.Duration {
			if r.Float64() < 0.05 {
				return 25 * ms
			}
			return 0
		}, 60 * ms, 100 * ms, 60 * ms},
		{"ten packets at once, one time", 20 * ms, func(_ *rand.Rand, n int, _ time.Duration) time.Duration {
			if n >= 600 && n < 610 {
				return time.Duration(609-n) * 20 * ms
			}
			return 3 * ms
		}, 45 * ms, 160 * ms, 60 * ms},
		{"ten packets at once, every 4 s", 20 * ms, func(_ *rand.Rand, n int, _ time.Duration) time.Duration {
			if k := n % 200; k >= 190 {
				return time.Duration(199-k) * 20 * ms
			}
			return 3 * ms
		}, 200 * ms, 400 * ms, 200 * ms},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h, r := newHall(t, nil), rand.New(rand.NewPCG(9, 7))
			speaker := h.dial("tea", codec.PCMU, test.ptime, playing(gapless(recording(t, "anna", 8000), 8000), 1))
			n, began := 0, speaker.next
			speaker.delay = func() time.Duration {
				n++
				return test.delay(r, n-1, speaker.next-began)
			}
			h.dial("tea", codec.PCMU, 20*ms, nil)
			h.run(20 * time.Second)
			st := speaker.leg.line.playout.Stats()
			t.Logf("delay %v, margin %v; of %d packets %d late; concealed %v, left out %v, put in %v", st.Delay, st.Margin,
				st.Received, st.Late, st.Concealed, st.Shrunk, st.Grown)
			if st.Delay > test.most || st.Concealed > test.concealed || st.Shrunk+st.Grown > test.changed {
				t.Errorf("want delay at most %v, concealed %v, changed %v", test.most, test.concealed, test.changed)
			}
		})
	}
}

// A phone that sends what it had in store in one burst at the beginning, as some do, is heard without that delay before
// somebody has finished a sentence. Steady speech is the hard case: there is no pause to leave out.
func TestBurstWhenTheCallBegins(t *testing.T) {
	tests := []struct {
		name  string
		delay func(n int) time.Duration
	}{
		{"15 at once, then on", func(n int) time.Duration { return time.Duration(max(0, 14-n)) * 20 * ms }},
		{"15 at once, then a pause", func(n int) time.Duration {
			if n < 15 {
				return time.Duration(15-n) * 20 * ms
			}
			return 300 * ms
		}},
		{"one, then 15 at once", func(n int) time.Duration {
			if n == 0 {
				return 0
			}
			return time.Duration(max(0, 15-n)) * 20 * ms
		}},
		{"ten, then 15 more at once", func(n int) time.Duration {
			switch {
			case n < 10:
				return 300 * ms
			case n < 25:
				return 200*ms + time.Duration(24-n)*20*ms
			}
			return 0
		}},
	}
	for _, c := range []codec.Codec{codec.PCMU, codec.Opus} {
		for _, test := range tests {
			t.Run(c.Name+", "+test.name, func(t *testing.T) {
				t.Parallel()
				h := newHall(t, nil)
				speaker := h.dial("tea", c, 20*ms, playing(gapless(recording(t, "anna", c.SampleRate), c.SampleRate), 1))
				n := -1
				speaker.delay = func() time.Duration {
					n++
					return test.delay(n)
				}
				h.dial("tea", c, 20*ms, nil)
				h.run(5 * time.Second)
				if st := speaker.leg.line.playout.Stats(); st.Delay > 60*ms || st.Margin > 20*ms {
					t.Errorf("after 5 s the delay is %v, the margin %v", st.Delay, st.Margin)
				}
			})
		}
	}
}
