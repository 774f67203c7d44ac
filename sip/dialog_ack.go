package sip

import (
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// unacked2xx is a 2xx of ours that waits for its ACK.
type unacked2xx struct {
	retransmit
	seq        uint32
	res        *sipgo.Response
	flow       *flow
	timer      *time.Timer
	first      bool      // of the INVITE that made the dialog
	wantAnswer bool      // our offer is in it, the answer comes in the ACK
	passes     *exchange // the offer is that of the other side of the bridge, who waits for the answer; may be nil
}

// await repeats the 2xx until its ACK comes. sipgo's own repetition is T1 once and then T2; RFC
// 3261, 13.3.1.4 wants T1 doubling to T2, on every transport (TX-2).
func (d *dialog) await(u *unacked2xx) {
	if d.unacked != nil {
		d.unacked.timer.Stop()
	}
	now := time.Now()
	u.retransmit = newRetransmit(now, d.server.cfg.Timers)
	u.timer = d.after(u.next.Sub(now), func() { d.ackLate(u) })
	d.unacked = u
}

// ackLate is due when the ACK has not come in time.
func (d *dialog) ackLate(u *unacked2xx) {
	if d.unacked != u {
		return
	}
	send, giveUp, wait := u.fire(time.Now())
	if giveUp {
		d.unacked = nil
		d.server.count.ackTimeouts.Add(1)
		c := Cause{Code: 408, Text: "no ACK for the answer"}
		if d.state == ending { // a hang-up waited for it
			c = d.byeCause
		}
		d.release(c)
		d.bye(c)
		return
	}
	if send {
		d.server.count.retransmitted2xx.Add(1)
		if err := u.flow.WriteMsg(u.res); err != nil {
			d.log.Debug("sip: 2xx not repeated", "error", err)
		}
	}
	u.timer = d.after(wait, func() { d.ackLate(u) })
}

// acknowledged serves an ACK. One that fits no 2xx, or comes again, is ignored. RFC 3261, 13.3.1.4
func (d *dialog) acknowledged(req *sipgo.Request) {
	u := d.unacked
	if u == nil || req.CSeq().SeqNo != u.seq {
		return
	}
	sdp, refusal := description(req)
	d.settle(u)
	if d.state == ending { // a hang-up waited for this ACK
		d.bye(d.byeCause)
		return
	}
	if u.wantAnswer {
		switch {
		case refusal != nil:
			d.end(Cause{Code: refusal.Code, Text: refusal.Text()})
			return
		case sdp == nil:
			d.end(Cause{Code: 488, Text: "no answer in the ACK of an INVITE without offer"})
			return
		}
		if u.passes != nil {
			u.passes.answerLate(sdp)
		} else if err := d.leg.SetAnswer(sdp); err != nil {
			r := asRefusal(err, 488)
			d.end(Cause{Code: r.Code, Text: r.Text()})
			return
		}
		d.remoteSDP = sdp
	}
	if u.first {
		d.leg.Confirmed()
	}
}

// settle ends the wait for the ACK of u.
func (d *dialog) settle(u *unacked2xx) {
	u.timer.Stop()
	d.unacked = nil
	if d.state == accepted {
		d.state = confirmed
	}
	d.unpark()
}
