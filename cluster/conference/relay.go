package conference

import (
	"time"

	"trivox/media"
	"trivox/sip/sdp"
)

const (
	relayLeast = 80 * time.Millisecond // a digit passed on lasts no shorter: ITU-T Q.24 wants 40 ms
	relayPause = 60 * time.Millisecond // and then there is none for so long
)

// relay sends one of two the digits that the other has pressed: who calls a bank's machine through this server presses
// keys for that machine. In a conference digits go nowhere (USERS 12).
type relay struct {
	dialer  *media.Dialer // nil: none are sent
	stamp   uint32        // of the digit that is being sent
	sending bool          // and no sound meanwhile (RFC 4733, 2.5.1.2; RT-8)
}

// redial makes what sends digits anew, where a peer of a call between two takes them otherwise than before.
func (up *setup) redial(l *Leg, m sdp.Media) (err error) {
	if l.line != nil && l.agreed.DTMFSend == m.DTMFSend && l.agreed.DTMFRate == m.DTMFRate {
		return nil
	}
	up.dials = true
	if l.room.opens.Private && m.DTMFSend >= 0 {
		up.dialer, err = media.NewDialer(m.DTMFRate, Slot, relayLeast, relayPause)
	}
	return err
}

// pass gives the digit of one to the other.
func (c *conference) pass(from *line, d media.Digit) {
	if !c.private {
		return
	}
	for _, l := range c.lines {
		if l != from && l.relay.dialer != nil && l.lobby == nil && !l.deaf() {
			l.relay.dialer.Press(d)
		}
	}
}

// sendDigits sends this slot's packet of a digit, if there is one.
func (c *conference) sendDigits(l *line) {
	r := &l.relay
	if r.dialer == nil {
		return
	}
	s := c.worker.scratch
	payload, begins, _, sending := r.dialer.Next(s.coded[:0])
	if begins {
		r.stamp = l.session.Stamp()
	}
	r.sending = sending
	to := l.session.Remote()
	if !sending || !to.IsValid() {
		return
	}
	b := l.session.BuildAt(s.packet[:0], uint8(l.agreed.DTMFSend), r.stamp, begins, payload)
	if len(b) == 0 { // its key is used up
		return
	}
	if err := c.worker.io.Send(l.pair.RTP, b, to); err != nil {
		l.unsent++
	}
}
