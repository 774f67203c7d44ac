package sip

import "time"

// retransmit is the schedule of a 2xx to INVITE: after T1, then doubling to T2, until the ACK
// comes or 64*T1 have passed. RFC 3261, 13.3.1.4 (TX-2)
type retransmit struct {
	interval, t2 time.Duration
	next, until  time.Time
}

func newRetransmit(now time.Time, t Timers) retransmit {
	return retransmit{interval: t.T1, t2: t.T2, next: now.Add(t.T1), until: now.Add(64 * t.T1)}
}

// fire says what is due at now: send again, or give up. wait is the time to the next call,
// meaningless after giveUp.
func (r *retransmit) fire(now time.Time) (send, giveUp bool, wait time.Duration) {
	if !now.Before(r.until) {
		return false, true, 0
	}
	if !now.Before(r.next) {
		send = true
		r.interval = min(2*r.interval, r.t2)
		r.next = now.Add(r.interval)
	}
	return send, false, min(r.next.Sub(now), r.until.Sub(now))
}
