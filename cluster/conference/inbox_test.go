package conference

import (
	"testing"
	"time"
)

// However much others ask of a worker, its slot is not held up for long, and all is done in the end (STYLE 16).
func TestInboxIsBounded(t *testing.T) {
	var clock time.Duration
	w := newWorker(nil, nil)
	w.clock = func() time.Duration { return clock }
	ran := 0
	ask := func(n int, takes time.Duration) {
		for range n {
			w.inbox <- func(time.Duration) { ran++; clock += takes }
		}
	}
	for _, c := range []struct {
		n     int
		takes time.Duration
		want  int // in one slot
	}{
		{1000, 0, inboxSlot},
		{100, 300 * time.Microsecond, 14},
		{3, time.Second, 1},
	} {
		ran = 0
		ask(c.n, c.takes)
		if w.drain(0); ran != c.want {
			t.Errorf("of %d that take %v each %d ran in one slot, want %d", c.n, c.takes, ran, c.want)
		}
		for slots := 0; ran < c.n && slots < c.n; slots++ {
			w.drain(0)
		}
		if ran != c.n {
			t.Errorf("%d of %d ran", ran, c.n)
		}
	}
}
