package media

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// Whatever is closed or released in whatever order: a closed port rests, a released one is there at once, and none is
// handed out twice.
func TestPortsRest(t *testing.T) {
	const rest, pairs = 10 * time.Second, 7
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := newTestPorts(t, 30000, 30000+2*pairs-1, rest, &fakeKernel{})
		var open []*Pair
		closed := make(map[uint16]time.Duration)
		resting := func(now time.Duration) (n int) {
			for _, at := range closed {
				if now < at+rest {
					n++
				}
			}
			return n
		}
		now := time.Hour
		for range 300 {
			now += time.Duration(r.IntN(2000)) * time.Millisecond
			switch k := r.IntN(4); {
			case k < 2:
				pair, err := p.BindAt(now, loopback, 46)
				if free := pairs - len(open) - resting(now); (err == nil) != (free > 0) || err != nil && !errors.Is(err, ErrNoPorts) {
					t.Fatalf("seed %d: %v with %d free", seed, err, free)
				}
				if err != nil {
					continue
				}
				port := pair.RTP.Local().Port()
				if at, ok := closed[port]; ok && now < at+rest {
					t.Fatalf("seed %d: port %d rests for %v only", seed, port, now-at)
				}
				delete(closed, port)
				for _, o := range open {
					if o.RTP.Local().Port() == port {
						t.Fatalf("seed %d: port %d twice", seed, port)
					}
				}
				open = append(open, pair)
			case len(open) > 0:
				i := r.IntN(len(open))
				pair := open[i]
				open = append(open[:i], open[i+1:]...)
				if port := pair.RTP.Local().Port(); k == 2 {
					pair.CloseAt(now)
					closed[port] = now
				} else {
					pair.ReleaseAt(now)
				}
				pair.ReleaseAt(now) // does nothing more
			}
			if free := pairs - len(open) - resting(now); p.FreeAt(now) != free || p.InUse() != len(open) {
				t.Fatalf("seed %d: %d free, want %d; %d in use, want %d", seed, p.FreeAt(now), free, p.InUse(), len(open))
			}
		}
		for _, pair := range open {
			pair.CloseAt(now)
		}
	}
}
