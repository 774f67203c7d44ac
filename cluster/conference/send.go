package conference

import "trivox/mixer"

// send encodes what is heard, once a format, and sends it to every line.
func (c *conference) send() {
	s := c.worker.scratch
	n := c.rate / 50
	mixed := s.mixed[:n]
	c.common.Process(mixed, s.sum[:n])
	for _, g := range c.groups {
		g.encode(mixed)
	}
	for i, l := range c.playing {
		l.voice = i
	}
	for _, l := range c.lines {
		c.sendDigits(l)
		switch {
		case l.lobby != nil:
			c.sendLobby(l)
		case l.deaf() || l.group == nil:
			l.session.Skip(l.format.slotUnits())
		case l.own.on:
			c.sendOwn(l)
		default:
			for i := range l.group.count {
				c.sendPacket(l, l.group.packets[i])
			}
		}
		l.voice = -1
	}
}

// sendOwn sends a line the mix without itself.
func (c *conference) sendOwn(l *line) {
	s := c.worker.scratch
	n := c.rate / 50
	own := s.own[:n]
	copy(own, s.sum[:n])
	if l.voice >= 0 {
		mixer.Subtract(own, s.voices[l.voice].pcm[:n])
	}
	l.own.limiter.Process(s.mixed[:n], own)
	k := l.own.coder
	for k.feed(s.mixed[:n]); k.ready(); {
		c.sendPacket(l, s.coded[:k.next(s.coded[:])])
	}
}

// sendPacket sends one payload; an empty one is a packet time without a packet.
func (c *conference) sendPacket(l *line, payload []byte) {
	to := l.session.Remote()
	if len(payload) == 0 || !to.IsValid() || l.relay.sending {
		l.session.Skip(l.format.units())
		return
	}
	b := l.session.Build(c.worker.scratch.packet[:0], l.agreed.SendPT, l.format.units(), l.mark, payload)
	l.mark = false
	if len(b) == 0 { // its key is used up
		return
	}
	if err := c.worker.io.Send(l.pair.RTP, b, to); err != nil {
		l.unsent++
	}
}
