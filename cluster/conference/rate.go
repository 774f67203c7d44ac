package conference

import (
	"slices"

	"trivox/mixer"
)

// rateSlots is how long another rate of the mix waits for a pause: 2 s. Until then the newcomer hears the mix at the
// rate that it has.
const rateSlots = 100

// retune makes the mix as fine as the finest line can hear, as soon as nobody hears the change.
func (c *conference) retune() {
	c.wanted = lowRate
	for _, l := range c.lines {
		if l.lobby == nil { // who is outside does not hear the mix, and must not change it
			c.wanted = max(c.wanted, l.format.codec.SampleRate)
		}
	}
	if c.people() <= 1 && !slices.ContainsFunc(c.lines, func(l *line) bool { return l.plays }) { // nobody hears anything yet
		c.setRate()
	}
}

// changeRate begins a slot. Filters of another rate have nothing in them and another delay, so the sound before must be
// out of the old ones: the slot before the change fades out, in a pause of the mix if there is one soon.
func (c *conference) changeRate() {
	switch {
	case c.rate == c.wanted:
		c.waited, c.hush = 0, false
	case c.hush:
		c.setRate()
	default:
		c.waited++
		c.hush = (c.pause || c.waited > rateSlots) && !c.tones.playing()
	}
}

func (c *conference) setRate() {
	c.waited, c.hush = 0, false
	if c.rate == c.wanted {
		return
	}
	c.rate = c.wanted
	c.common = mixer.NewLimiter(c.rate)
	for _, g := range c.groups {
		g.coder.tune(c.rate)
	}
	c.leaving = c.leaving[:0]
	for _, l := range c.lines {
		l.tuneIn(c.rate)
		l.tuneOut(c.rate)
	}
}
