package jitter

import "time"

// holdups knows the times when the path held packets back for long and then let them all go (a radio link, a sender
// that was busy). Each is one event, however many packets it made late: the margin covers them only when they come
// again, so that a single one does not cost delay for the next minute.
type holdups struct {
	past    [holdupsKept]holdup
	next    int
	peak    time.Duration // of the one that goes on, 0 when there is none
	packets int           // of it
}

type holdup struct{ at, late time.Duration }

const (
	heldUp      = 60 * time.Millisecond // a packet later than this was held up
	holdupsKept = 32
	holdupLong  = 16 // packets; one that lasts longer counts again
	holdupTime  = 10 * time.Second
)

// add takes how much later than expected a packet came and tells whether it was held up.
func (h *holdups) add(arrival, late time.Duration) bool {
	if late < heldUp {
		h.close(arrival)
		return false
	}
	h.peak = max(h.peak, late)
	if h.packets++; h.packets >= holdupLong {
		h.close(arrival)
	}
	return true
}

func (h *holdups) close(at time.Duration) {
	if h.peak == 0 {
		return
	}
	h.past[h.next] = holdup{at, h.peak}
	h.next = (h.next + 1) % holdupsKept
	h.peak, h.packets = 0, 0
}

// usual is the second longest of the last 10 s, which has to be expected again; 0 when there were fewer than two. Of a
// source that is new the longest counts: it may be its way.
func (h *holdups) usual(now time.Duration, fresh bool) time.Duration {
	var first, second time.Duration
	if fresh {
		first = h.peak
	}
	for _, e := range h.past {
		if e.late == 0 || now-e.at > holdupTime {
			continue
		}
		second = max(second, min(first, e.late))
		first = max(first, e.late)
	}
	if fresh {
		return first
	}
	return second
}
