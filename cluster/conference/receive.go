package conference

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"trivox/media"
	"trivox/mixer"
)

// oldMost is how long before a line begins a packet may have come that is heard: RTP can overtake the description that the line
// begins with (SIP.md RT-5), but a phone that spoke for long while nobody listened is not to be heard as late as that.
const oldMost = 60 * time.Millisecond

// maxAhead bounds how far a burst of packets carries a meter ahead of real time.
const maxAhead = 200 * time.Millisecond

// takeRTP takes one datagram of the RTP socket of line i.
func (c *conference) takeRTP(i int, b []byte, from netip.AddrPort, arrival time.Duration) {
	l := c.lines[i]
	if arrival < l.began-oldMost {
		c.worker.refuse()
		return
	}
	p, v := l.session.Receive(arrival, b, from)
	if v.NewSource {
		l.playout.Reset()
		l.digits.Reset()
		l.echoes = c.sends(p.SSRC)
	}
	if l.echoes && v.Kind != media.Control {
		v = media.Verdict{Drop: cmp.Or(v.Drop, media.Looped)}
	}
	if v.Kind == media.Dropped || v.Kind == media.Control {
		c.worker.refuse()
	}
	if v.Drop != media.NotDropped {
		c.worker.dropped[v.Drop].Add(1)
	}
	if v.Rekey {
		c.lockedOut(l)
	}
	switch v.Kind {
	case media.Sound:
		c.takeSound(l, p)
	case media.Event:
		l.digits.Receive(p.Arrival, p.Timestamp, p.Payload)
		l.playout.Skip(p)
	case media.Noise:
		if !l.held() {
			l.playout.Push(p.Arrival, p)
		}
	}
	if !l.heard && v.Kind != media.Dropped && v.Kind != media.Control {
		c.greet(l)
	}
}

// sends tells whether a stream is one that the conference itself sends: two of its legs have been put through to each
// other, by what they said in SDP or by a PBX behind them, and what they carry would go round for ever (SIP.md RT-12).
func (c *conference) sends(ssrc uint32) bool {
	return slices.ContainsFunc(c.lines, func(l *line) bool { return l.session.SSRC() == ssrc })
}

// takeSound measures a packet and keeps it for its slot (DESIGN 3: measure at arrival, choose at playout).
func (c *conference) takeSound(l *line, p media.Packet) {
	if l.held() { // its music stays out of the room (SIP.md OA-3, USERS 13)
		return
	}
	if k := l.codecOf(p.PT); k != l.hears {
		c.turn(l, k)
		return
	}
	l.playout.Measure(&p)
	d := time.Duration(p.Samples) * time.Second / time.Duration(l.hears.ClockRate)
	l.meter.Add(l.gain.Amplitude(p.Amplitude), d)
	p.Voiced = l.meter.Voiced()
	l.gain.Observe(p.Amplitude, d, l.meter.Speech() || p.Voiced && mixer.TooLoud(p.Amplitude))
	l.metered = max(l.metered-d, -maxAhead)
	l.playout.Push(p.Arrival, p)
}

// takeDigits reports the digits that have ended: seen, never heard (USERS 11, 12).
func (c *conference) takeDigits(l *line, now time.Duration) {
	l.digits.Expire(now)
	for d, ok := l.digits.Next(); ok; d, ok = l.digits.Next() {
		c.digit(l, d, media.ByEvent, now)
	}
}

// infoDigit takes a digit that came by INFO.
func (c *conference) infoDigit(l *line, d media.Digit, now time.Duration) {
	if l.in {
		c.digit(l, d, media.ByInfo, now)
	}
}

// digit reports one that has not come the other way too (SIP.md RT-8).
func (c *conference) digit(l *line, d media.Digit, way media.Way, now time.Duration) {
	if !l.same.New(now, d, way) {
		return
	}
	l.pressed++
	e := c.event(LegDigit, l)
	e.Digit, e.Duration, e.Private = d.Key, d.Duration, c.private || l.lobby != nil
	c.server.report(e)
	l.interrupt()
	c.pass(l, d)
}

// greet plays who is there when a caller's first packet has come: earlier nobody would hear it (USERS 1).
func (c *conference) greet(l *line) {
	l.heard = true
	c.server.report(c.event(LegHeard, l))
	if l.lobby == nil {
		c.welcome()
	}
}

// welcome plays whether the one who has come is alone.
func (c *conference) welcome() {
	switch n := c.people(); {
	case c.private:
	case n == 1 && c.cfg.AloneTone:
		c.tones.play(aloneTones[:])
	case n > 1 && n <= c.cfg.ToneLimit && c.cfg.JoinTone:
		c.tones.play(joinTones[:])
	}
}
