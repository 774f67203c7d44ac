package jitter

import "time"

// clock is the model of arrival against media time: a line through the
// packets that were delayed least, so it follows the sender's clock, and a
// queue that fills for a while does not move it. The least delayed packet of
// each block is a point; a regression through the latest points is the line.
// A block that lies far from the line is believed when the next one lies
// there too: the path has changed.
type clock struct {
	rate int64

	started bool
	origin  int64         // unwrapped timestamp that counts as media time 0
	base    time.Duration // arrival of that timestamp, undelayed, by the line
	slope   float64       // how much later per media time: -1e-4 is a sender fast by 100 ppm
	at      time.Duration // media time where the line has the value base

	points [points]point
	count  int // points held
	next   int // place of the next point

	begin     time.Duration // media time of the block's first packet
	packets   int           // in the block
	least     point         // least delayed packet of the block
	strangers int           // blocks in a row that lay far from the line
}

// point is a packet: when it was sent by the sender's clock and its arrival
// less that.
type point struct{ media, offset time.Duration }

const (
	points       = 32
	blockTime    = 2 * time.Second // a block lasts at least this much media time
	blockPackets = 32              // and has at least so many packets
	priorSlope   = 2e-4            // clocks differ by about this much: 200 ppm
	slopeLimit   = 2e-3
)

// media is the media time of an unwrapped timestamp.
func (c *clock) media(ts int64) time.Duration {
	units := ts - c.origin
	return time.Duration(units/c.rate)*time.Second + time.Duration(units%c.rate)*time.Second/time.Duration(c.rate)
}

// restart begins a new line at one packet. The slope stays: it is the
// sender's clock, not the path.
func (c *clock) restart(ts int64, arrival time.Duration) {
	c.started = true
	c.origin = ts
	c.base, c.at = arrival, 0
	c.count, c.next = 0, 0
	c.strangers = 0
	c.block()
}

func (c *clock) block() { c.packets = 0 }

// expected is when a packet with that timestamp arrives if nothing delays it.
func (c *clock) expected(ts int64) time.Duration {
	m := c.media(ts)
	return m + c.base + time.Duration(c.slope*float64(m-c.at))
}

// add takes a packet into the model. It reports whether the line jumped to a
// new level, so that delays measured by the old one mean nothing any more.
func (c *clock) add(ts int64, arrival time.Duration, noise time.Duration) (jumped bool) {
	m := c.media(ts)
	p := point{m, arrival - m}
	if c.packets == 0 {
		c.begin, c.least = m, p
	}
	c.packets++
	if p.offset-c.fall(p.media) < c.least.offset-c.fall(c.least.media) {
		c.least = p
	}
	if c.count == 0 && p.offset < c.base+c.fall(m) { // first block: the best so far is the line
		c.base, c.at = p.offset, m
	}
	if m-c.begin < blockTime || c.packets < blockPackets {
		return false
	}
	jumped = c.close(noise)
	c.block()
	return jumped
}

// fall is what the slope adds to the line's base at a media time.
func (c *clock) fall(m time.Duration) time.Duration {
	return time.Duration(c.slope * float64(m-c.at))
}

// close ends a block: its point joins the line, or, the second time that it
// lies more than noise away, begins a new one.
func (c *clock) close(noise time.Duration) (jumped bool) {
	p := c.least
	if c.count > 0 {
		away := p.offset - c.base - c.fall(p.media)
		if away > noise || away < -noise {
			c.strangers++
			if c.strangers < 2 {
				return false
			}
			c.count, c.next = 0, 0
			jumped = true
		}
	}
	c.strangers = 0
	c.points[c.next] = p
	c.next = (c.next + 1) % points
	c.count = min(c.count+1, points)
	c.fit(noise)
	return jumped
}

// fit draws the line through the points by least squares. The slope is held
// towards the last one as strongly as the points are noisy, so that few points
// cannot tilt it.
func (c *clock) fit(noise time.Duration) {
	p0 := c.points[(c.next+points-1)%points] // the latest
	var mx, my float64
	for _, p := range c.points[:c.count] {
		mx += float64(p.media - p0.media)
		my += float64(p.offset-p0.offset) - c.slope*float64(p.media-p0.media)
	}
	n := float64(c.count)
	mx, my = mx/n, my/n
	var xx, xy float64
	for _, p := range c.points[:c.count] {
		dx := float64(p.media-p0.media) - mx
		xx += dx * dx
		xy += dx * (float64(p.offset-p0.offset) - c.slope*float64(p.media-p0.media) - my)
	}
	spread := float64(noise) / 8
	turn := xy / (xx + spread*spread/(priorSlope*priorSlope))
	c.slope = max(-slopeLimit, min(slopeLimit, c.slope+turn))
	c.at = p0.media
	c.base = p0.offset + time.Duration(my-turn*mx)
}

// drift is how fast the sender's clock runs against ours, in parts per million.
func (c *clock) drift() float64 { return -c.slope * 1e6 }
