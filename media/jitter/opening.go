package jitter

import "time"

// opening looks at the first packets of a source, before the clock has its first point. A sender that begins with a
// burst of what it had in store and goes on in real time puts the line too early by the length of the burst: then all
// that follows is late, and the line has to go there.
type opening struct {
	packets int
	least   time.Duration // lateness of the least late of them
}

const (
	openingPackets = 25                    // looked at together: half a second of 20 ms packets
	openingOver    = 20 * time.Millisecond // the line is wrong by more than this
)

// add takes how late a packet came by the present line. After each half second it returns how late the least late
// packet was, else 0.
func (o *opening) add(late time.Duration) time.Duration {
	if o.packets == 0 || late < o.least {
		o.least = late
	}
	if o.packets++; o.packets < openingPackets {
		return 0
	}
	o.packets = 0
	return o.least
}
