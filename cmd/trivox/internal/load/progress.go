package load

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// watch waits for until to be closed, or for d, or for ctx to end; meanwhile
// it notices calls that the server ended, and says every second how it goes.
func (t *test) watch(ctx context.Context, until <-chan struct{}, d time.Duration) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var over <-chan time.Time
	if until == nil {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	for {
		select {
		case <-until:
			return
		case <-over:
			return
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if until == nil { // dialAll owns the callers before
				t.count()
			}
			if now.Sub(t.shown) >= time.Second {
				t.show(now)
			}
		}
	}
}

func (t *test) count() {
	t.failed, t.alive, t.droppedSoFar = 0, 0, 0
	for _, c := range t.callers {
		switch {
		case c.err != nil:
			t.failed++
		case c.gone():
			t.droppedSoFar++
		default:
			t.alive++
		}
	}
}

// show prints one line of progress.
func (t *test) show(now time.Time) {
	var received uint64
	for _, e := range t.engines {
		received += e.received.Load()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%3.0f s", now.Sub(t.began).Seconds())
	if t.alive+t.failed+t.droppedSoFar == 0 {
		fmt.Fprintf(&b, "  calling")
	} else {
		fmt.Fprintf(&b, "  %d up, %d failed, %d ended by the server", t.alive, t.failed, t.droppedSoFar)
	}
	if !t.shown.IsZero() {
		fmt.Fprintf(&b, ", %.0f packets/s received", float64(received-t.lastReceived)/now.Sub(t.shown).Seconds())
	}
	fmt.Fprintln(t.progress, b.String())
	t.shown, t.lastReceived = now, received
}
