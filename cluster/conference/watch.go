package conference

import (
	"fmt"
	"net/netip"
	"time"

	"trivox/media"
)

// takeRTCP takes one datagram of the RTCP socket of line i.
func (c *conference) takeRTCP(i int, b []byte, from netip.AddrPort, arrival time.Duration) {
	if why := c.lines[i].session.ReceiveRTCP(arrival, b, from); why != media.NotDropped {
		c.worker.dropped[why].Add(1)
	}
}

// control takes the reports that have come and sends those that are due.
func (c *conference) control(now time.Duration) {
	c.worker.io.Sweep(c.rtcp, c.onRTCP)
	for _, l := range c.lines {
		b := l.session.Report(now, c.worker.scratch.packet[:0])
		if len(b) == 0 {
			continue
		}
		if to := l.session.RemoteRTCP(); to.IsValid() {
			if err := c.worker.io.Send(l.controlSocket(), b, to); err != nil {
				l.unsent++
			}
		}
	}
}

// controlSocket is the one that RTCP is sent by (RFC 5761).
func (l *line) controlSocket() *media.Socket {
	if l.agreed.RTCPMux {
		return l.pair.RTP
	}
	return l.pair.RTCP
}

// watch ends calls that have died or lasted too long, and reports those that never had sound.
func (c *conference) watch(now time.Duration) {
	over := c.lifetime > 0 && c.begun > 0 && now-c.begun > c.lifetime
	for _, l := range c.lines {
		age := now - l.answered
		if over {
			c.hangUp(l, Cause{Code: 200, Text: fmt.Sprintf("this conference ends after %v", c.lifetime)})
			continue
		}
		st := l.session.Stats()
		if (st.Loops > 0 || l.echoes) && !l.looped {
			l.looped = true
			c.server.report(c.event(LegLooped, l))
		}
		if l.early { // how long it may ring is signalling's, and many phones send nothing before the answer
			continue
		}
		if c.cfg.MaxCall > 0 && age > c.cfg.MaxCall {
			c.hangUp(l, Cause{Code: 200, Text: fmt.Sprintf("calls end after %v here", c.cfg.MaxCall)})
			continue
		}
		if !l.heard && !l.alarmed && !l.held() && c.cfg.RTPAlarm > 0 && age > c.cfg.RTPAlarm {
			l.alarmed = true
			e := c.event(LegSilent, l)
			e.Address, e.Summary.Unauthentic = l.session.Remote().String(), st.Dropped[media.Unauthentic]
			c.server.report(e)
		}
		last := max(st.LastRTP, st.LastRTCP, l.resumed)
		if c.cfg.RTPTimeout > 0 && !l.held() && !l.agreed.NoRTCP && now-last > c.cfg.RTPTimeout {
			c.hangUp(l, Cause{Code: 408, Text: fmt.Sprintf("no RTP or RTCP for %v", c.cfg.RTPTimeout)})
		}
	}
}
