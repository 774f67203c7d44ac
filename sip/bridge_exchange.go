package sip

import (
	"bytes"
	"context"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// exchange is one offer that goes through a bridge whose sound goes past us, and its answer that comes back. There is one at a
// time in a bridge: what crosses it gets 491. Its first fields never change; of the others each belongs to the queue of
// one side. RFC 3264; RFC 3261, 14
type exchange struct {
	bridge *bridge
	from   *dialog
	to     *dialog
	tx     *serverTx // the request with the offer; nil: from told it in an answer, and wants none
	terms  sessionTerms
	before []byte // what from had said before: to is given it again when the exchange comes to nothing

	timer   *time.Timer // from's: how long it waits
	unwatch func() bool // from's: of a CANCEL

	offer     []byte      // to's: nil asks it for one
	attempt   int         // to's: how often it was sent
	invite    *invitation // to's: the last of them; nil: on its way out
	limit     *time.Timer // to's
	raised    bool        // to's: sent again after 422
	abandoned bool        // to's: from has got its answer, from us
	undoing   bool        // to's: this gives back what stood before
}

// lateACK is a 2xx with an offer, whose ACK waits for the answer.
type lateACK struct {
	exchange *exchange
	invite   *invitation
	offer    []byte
}

// passes says that descriptions go through to the other side unchanged.
func (d *dialog) passes() bool { return d.bridge != nil && d.bridge.direct }

func (ex *exchange) release() { ex.bridge.exchange.CompareAndSwap(ex, nil) }

// relay passes an INVITE or UPDATE on as a re-INVITE; its answer comes back by the queue. offer nil: the other side makes one. What
// repeats the last description only refreshes the session, which each side does for itself. RFC 4028, 7.4 (OA-7)
func (d *dialog) relay(tx *serverTx, offer []byte, terms sessionTerms) {
	b := d.bridge
	if offer != nil && bytes.Equal(offer, d.remoteSDP) {
		d.answerRelayed(tx, offer, d.localSDP, terms)
		return
	}
	ex := &exchange{bridge: b, from: d, to: b.other(d), tx: tx, terms: terms, offer: offer, before: d.remoteSDP}
	if !b.exchange.CompareAndSwap(nil, ex) {
		code := 491
		if open := b.exchange.Load(); open != nil && open.from == d {
			code = 500
		}
		tx.refuseWith(glareRefusal(code))
		return
	}
	d.relaying = ex
	wait := 64 * d.server.cfg.Timers.T1
	if tx.req.Method == sipgo.INVITE {
		ex.unwatch = context.AfterFunc(tx.ctx, func() { d.post(func() { d.relayOver(ex, &Refusal{Code: 487}) }) })
	} else {
		wait /= 2 // the peer's own wait ends with 64*T1
	}
	ex.timer = d.after(wait, func() { d.relayOver(ex, &Refusal{Code: 504, Warning: "the other phone does not answer"}) })
	ex.to.post(func() { ex.to.offered(ex) })
}

// propose passes on a description that d told in an answer to a refresh of ours.
func (d *dialog) propose(offer []byte) {
	ex := &exchange{bridge: d.bridge, from: d, to: d.bridge.other(d), offer: offer}
	if !d.bridge.exchange.CompareAndSwap(nil, ex) {
		d.log.Warn("sip: changed answer to a session refresh not passed on: another offer is open")
		return
	}
	ex.to.post(func() { ex.to.offered(ex) })
}

// answerRelayed sends the 200 to what asked for an exchange. It reports false when that was cancelled before.
func (d *dialog) answerRelayed(tx *serverTx, offer, answer []byte, terms sessionTerms) bool {
	if tx.req.Method == sipgo.UPDATE {
		d.answerUpdate(tx, offer, answer, terms)
		return true
	}
	if !d.answerInvite(tx, offer, answer, terms, false, nil) {
		return false
	}
	d.retarget(tx.req)
	return true
}

// relayOver refuses what asked for the exchange before the other side has answered. The session stays as it was. (UA-5)
func (d *dialog) relayOver(ex *exchange, r *Refusal) {
	if !d.relayed(ex) {
		return
	}
	ex.tx.refuseWith(r)
	ex.to.post(func() { ex.to.withdraw(ex) })
}

// relayed ends d's wait for ex. It reports false when that had ended before.
func (d *dialog) relayed(ex *exchange) bool {
	if ex == nil || d.relaying != ex {
		return false
	}
	d.relaying = nil
	ex.timer.Stop()
	if ex.unwatch != nil {
		ex.unwatch()
	}
	return true
}

// abandonRelay ends an exchange that d asked for, with its call.
func (d *dialog) abandonRelay(r *Refusal) {
	if ex := d.relaying; ex != nil {
		d.relayOver(ex, r)
	}
}

// answerCame is the answer of the other side to d's offer.
func (d *dialog) answerCame(ex *exchange, answer []byte) {
	if !d.relayed(ex) || !d.answerRelayed(ex.tx, ex.offer, answer, ex.terms) {
		ex.to.post(func() { ex.to.undo(ex) })
		return
	}
	ex.release()
}

// offerCame is the offer of the other side that d asked for; the answer comes in d's ACK.
func (d *dialog) offerCame(ex *exchange, offer []byte) {
	if !d.relayed(ex) || !d.answerInvite(ex.tx, nil, offer, ex.terms, false, ex) {
		ex.answerLate(nil)
		return
	}
	d.retarget(ex.tx.req)
}

// answerLate gives the other side the answer to its offer; nil: there is none.
func (ex *exchange) answerLate(answer []byte) {
	ex.to.post(func() { ex.to.acknowledgeLate(answer) })
}

// offerFailed is when the other side does not take d's offer: d hears why, and the session stays as it was. (UA-5)
func (d *dialog) offerFailed(ex *exchange, r *Refusal) {
	ex.release()
	if d.relayed(ex) {
		ex.tx.refuseWith(r)
	}
}

// relayInfo passes an INFO on, and its answer back.
func (d *dialog) relayInfo(tx *serverTx) {
	b := d.bridge
	if b.infos.Add(1) > int32(d.server.cfg.Limits.Queue) {
		b.infos.Add(-1)
		d.server.count.limited.Add(1)
		tx.refuseWith(&Refusal{Code: 503, Warning: "too many INFO requests at once in this call", RetryAfter: retryAfter()})
		return
	}
	to := b.other(d)
	to.post(func() {
		if to.state != confirmed {
			b.infos.Add(-1)
			tx.refuse(480, "the other phone is not there")
			return
		}
		req := to.newRequest(sipgo.INFO)
		req.AppendHeader(sipgo.NewHeader("Content-Type", headerValue(tx.req, "content-type", "c")))
		req.SetBody(tx.req.Body())
		to.send(req, func(res *sipgo.Response) {
			b.infos.Add(-1)
			switch {
			case res == nil:
				tx.refuse(504, "the other phone does not answer")
			case res.IsSuccess():
				to.server.ok(tx)
			default:
				tx.refuse(passedOn(res.StatusCode), "the other phone answered "+phrase(res.StatusCode, res.Reason))
			}
		})
	})
}
