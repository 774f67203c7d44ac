package sim

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The queue against its slow twin, a sorted list: by time, class, then the order
// of planning.
func TestQueue(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 0))
		var q queue
		var twin []event
		for range 2000 {
			if len(twin) == 0 || r.IntN(5) < 3 {
				e := event{at: time.Duration(r.IntN(50)), to: r.Int32()}
				c := class(r.IntN(int(choose) + 1))
				q.push(c, e)
				e.order = uint64(c)<<56 | (q.seq - 1)
				twin = append(twin, e)
				continue
			}
			i := 0
			for j := range twin {
				if twin[j].before(&twin[i]) {
					i = j
				}
			}
			want := twin[i]
			twin = slices.Delete(twin, i, i+1)
			if got := q.pop(); got != want {
				t.Fatalf("seed %d: popped %+v, want %+v", seed, got, want)
			}
		}
	}
}

func BenchmarkQueue(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var q queue
	for range 70000 {
		q.push(deliver, event{at: time.Duration(r.IntN(1e8))})
	}
	b.ReportAllocs()
	for b.Loop() {
		e := q.pop()
		e.at += time.Duration(r.IntN(1e8))
		q.push(deliver, e)
	}
}
