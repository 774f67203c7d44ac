package conference

import "trivox/mixer"

const (
	pauseRMS    = 33  // the mix is a pause below this, of 32768: about -60 dBov
	lingerSlots = 100 // a coder of its own that finds no pause is given up after this: 2 s
	lingerMost  = 4   // coders of their own that linger in a group
	settleSlots = 2   // and none is given up before this, so that the fade is out
)

// split gives each line that plays a coder that follows on from the shared one, and takes it back where nobody
// hears the change: in a pause of the mix, or after 2 s by one packet coded afresh (DESIGN 7).
func (c *conference) split() {
	for _, g := range c.groups {
		g.lingering, g.oldest = 0, nil
	}
	for _, l := range c.lines {
		switch {
		case l.lobby != nil: // what it hears is its own in any case
		case l.deaf() || l.group == nil:
			l.own.on = false
		case l.plays && !l.own.on:
			l.beginOwn(c.common)
		case l.plays:
			l.own.idle, l.own.last = 0, false
		case l.own.on:
			l.linger(c.pause)
		}
	}
	for _, g := range c.groups {
		if g.lingering > lingerMost && g.oldest != nil {
			g.oldest.own.idle = lingerSlots
		}
	}
}

// beginOwn makes the line's coder the shared one's twin in the slot where the mixes part.
func (l *line) beginOwn(common *mixer.Limiter) {
	if err := l.own.coder.copyFrom(l.group.coder); err != nil {
		panic(err) // the group is the format's
	}
	l.own.limiter.CopyFrom(common)
	l.own.on, l.own.idle, l.own.last = true, 0, false
}

// linger decides whether a line that no longer plays goes back to the shared packets.
func (l *line) linger(pause bool) {
	o := &l.own
	o.idle++
	if o.idle < settleSlots || !o.coder.atEdge() || !l.group.coder.atEdge() {
		return
	}
	switch {
	case !o.coder.format.codec.Stateful, pause, o.last:
		o.on = false
		return
	case o.idle >= lingerSlots:
		o.coder.encoder.Reset()
		o.last = true
	}
	g := l.group
	g.lingering++
	if g.oldest == nil || o.idle > g.oldest.own.idle {
		g.oldest = l
	}
}

// mix sums who plays, noise and tones.
func (c *conference) mix() {
	s := c.worker.scratch
	n := c.rate / 50
	sum := s.sum[:n]
	clear(sum)
	for i, l := range c.playing {
		v := s.voices[i].pcm[:n]
		l.read(v, s.heard[:], l.floor && l.next == nil && !c.hush)
		mixer.Add(sum, v)
	}
	c.pause = rmsBelow(sum, pauseRMS)
	if c.noise != nil { // always: what goes on and off with the voices is heard, by those who speak most of all
		noise := s.mixed[:n]
		c.noise.Read(noise)
		if c.noiseFade.Apply(noise, c.rate, !c.hush) {
			mixer.Add(sum, noise)
		}
	}
	if c.tones.playing() {
		tone := s.mixed[:n]
		c.tones.read(tone, c.rate)
		mixer.Add(sum, tone)
		c.pause = false
	}
}

// read writes the line's sound of this slot to pcm, at the rate of the mix, on its way to on or off.
func (l *line) read(pcm, heard []int16, on bool) {
	k := l.hears.SampleRate / 50
	n := l.playout.Read(heard[:k])
	clear(heard[n:k])
	l.gain.Apply(heard[:k])
	l.up.Process(pcm, heard[:k])
	if !l.fade.Apply(pcm, len(pcm)*50, on) {
		clear(pcm)
	}
}

// rmsBelow tells whether the sum is softer than limit, in steps of a 16-bit sample.
func rmsBelow(sum []int32, limit int64) bool {
	var e int64
	for _, x := range sum {
		e += int64(x) * int64(x)
	}
	return e < limit*limit*int64(len(sum))
}
