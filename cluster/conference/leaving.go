package conference

import (
	"net/netip"
	"time"
)

const (
	leaveMost  = maxFloors // lines whose last words are played: more could not have had a floor
	leaveSlots = 25        // and how long they may take, in slots
)

// leave takes what has come from a line whose call ends, and keeps the line until its last words are out.
func (c *conference) leave(l *line) {
	if l.heard {
		for i := range c.lines {
			if c.lines[i] == l {
				c.worker.io.Sweep(c.rtp[i:i+1], func(_ int, b []byte, from netip.AddrPort, arrival time.Duration) {
					c.takeRTP(i, b, from, arrival)
				})
			}
		}
	}
	if l.plays && len(c.leaving) < leaveMost {
		l.floor = l.floor && !l.silenced()
		c.leaving = append(c.leaving, l)
	}
}

// lastWords plays what lines that have left said last, and fades them out: nobody is cut off by his own BYE.
func (c *conference) lastWords(now time.Duration) {
	kept := c.leaving[:0]
	for _, l := range c.leaving {
		l.gone++
		l.floor = l.floor && l.gone < leaveSlots && l.playout.Stats().Waiting > 0
		l.playout.Tick(now)
		if c.play(l); l.plays {
			kept = append(kept, l)
		}
	}
	clear(c.leaving[len(kept):])
	c.leaving = kept
}
