package media

import "time"

// cadence knows how regularly a socket's packets come, to spare the system call that only finds the
// socket empty again. While they come evenly, and the last one is young, no other can be due: one that
// has come all the same came early, and the next sweep finds it in time. Packets that come unevenly or
// have waited (after a stall, in a flood) are always taken to the last.
type cadence struct {
	last, gap time.Duration
	steady    uint8
}

// evenGaps is how many gaps in a row must differ from the one before by less than a quarter of it.
const evenGaps = 4

// add takes the arrival of a packet that was found at now and tells whether another may be due: always,
// unless the gaps have been even and less than five eighths of one have passed.
func (c *cadence) add(arrival, now time.Duration) (due bool) {
	gap := arrival - c.last
	if (gap - c.gap).Abs() < c.gap/4 {
		c.steady = min(c.steady+1, evenGaps)
	} else {
		c.steady = 0
	}
	c.last, c.gap = arrival, gap
	return c.steady < evenGaps || now-arrival >= gap*5/8
}
