package limits

import (
	"math/rand/v2"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// twin is the table as one would write it first: a slice that is searched.
type twin struct {
	most int
	all  []twinEntry
}

type twinEntry struct {
	key int
	due time.Time
}

func (w *twin) first() int {
	least := 0
	for i, e := range w.all {
		if e.due.Before(w.all[least].due) {
			least = i
		}
	}
	return least
}

func (w *twin) drop(i int) { w.all = append(w.all[:i:i], w.all[i+1:]...) }

func (w *twin) add(key int, due, now time.Time) {
	for range purgeEach {
		if i := w.first(); len(w.all) > 0 && !w.all[i].due.After(now) {
			w.drop(i)
		}
	}
	if len(w.all) >= w.most {
		w.drop(w.first())
	}
	w.all = append(w.all, twinEntry{key, due})
}

// The table does what its slow twin does, step for step. No two entries are due at the same time, so that it is certain
// which one gives way.
func TestTableLikeItsTwin(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		most := 1 + r.IntN(12)
		fast, slow := newTable[int, int](most), &twin{most: most}
		now, step := start, 0
		due := func() time.Time {
			step++
			return now.Add(time.Duration(r.IntN(1000))*time.Millisecond + time.Duration(step))
		}
		for range 300 {
			now = now.Add(time.Duration(r.IntN(100)) * time.Millisecond)
			key := r.IntN(20)
			e := fast.get(key)
			at := -1
			for i := range slow.all {
				if slow.all[i].key == key {
					at = i
				}
			}
			if (e == nil) != (at < 0) {
				t.Fatalf("seed %d: key %d: fast %v, slow at %d", seed, key, e, at)
			}
			switch d := due(); {
			case e == nil:
				fast.add(key, d, now)
				slow.add(key, d, now)
			case r.IntN(4) == 0:
				fast.remove(e)
				slow.drop(at)
			default:
				fast.move(e, d)
				slow.all[at].due = d
			}
			if fast.len() != len(slow.all) || fast.len() != len(fast.index) || fast.len() > most {
				t.Fatalf("seed %d: %d entries, %d in the index, want %d", seed, fast.len(), len(fast.index), len(slow.all))
			}
			for i, e := range fast.heap {
				if e.at != i || i > 0 && e.due.Before(fast.heap[(i-1)/2].due) {
					t.Fatalf("seed %d: heap broken at %d", seed, i)
				}
			}
		}
	}
}
