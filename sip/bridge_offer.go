package sip

import sipgo "github.com/emiago/sipgo/sip"

// offered is the other side's offer to d, or its wish for one.
func (d *dialog) offered(ex *exchange) {
	switch {
	case ex.abandoned:
		ex.release()
	case d.state == ending || d.state == ended:
		ex.fail(&Refusal{Code: 480, Warning: "the other phone has hung up"})
	case d.unacked != nil:
		d.parked = ex
	case d.state != confirmed || d.ourInvite:
		ex.fail(&Refusal{Code: 491, Warning: "an offer to the other phone is not answered yet"})
	default:
		d.reoffer(ex)
	}
}

// unpark goes on with what waited for the ACK of an INVITE of the peer's.
func (d *dialog) unpark() {
	if ex := d.parked; ex != nil {
		d.parked = nil
		d.post(func() { d.offered(ex) })
	}
}

// fail tells who asked for the exchange that it came to nothing.
func (ex *exchange) fail(r *Refusal) {
	ex.from.post(func() { ex.from.offerFailed(ex, r) })
}

// reoffer sends the re-INVITE of an exchange. RFC 3261, 14.1
func (d *dialog) reoffer(ex *exchange) {
	req := d.newReinvite(ex.offer)
	d.ourInvite, d.reoffering, ex.invite = true, ex, nil
	ex.attempt++
	attempt := ex.attempt
	ex.limit = d.after(64*d.server.cfg.Timers.T1, func() { d.withdraw(ex) })
	h := d.way()
	go func() { // it may ask DNS, and connect
		v, err := d.server.inviteWithin(h, req, func(v *invitation, res *sipgo.Response) {
			d.post(func() { d.reofferHeard(ex, attempt, v, res) })
		})
		d.post(func() {
			if err != nil {
				d.log.Info("sip: re-INVITE not sent", "error", err)
				d.reofferHeard(ex, attempt, nil, nil)
				return
			}
			if d.reoffering == ex && ex.attempt == attempt {
				ex.invite = v
			}
			if d.state == ended || ex.abandoned {
				v.cancel(nil)
			}
		})
	}()
}

// withdraw cancels the re-INVITE of an exchange that nobody waits for any more.
func (d *dialog) withdraw(ex *exchange) {
	if d.parked == ex {
		d.parked = nil
		ex.release()
	}
	ex.abandoned = true
	if d.reoffering == ex && ex.invite != nil {
		ex.invite.cancel(nil)
	}
}

// reofferHeard takes an answer to the re-INVITE of an exchange; nil: none came. 481 and 408 end the dialog. RFC 3261,
// 12.2.1.2 (UA-5)
func (d *dialog) reofferHeard(ex *exchange, attempt int, v *invitation, res *sipgo.Response) {
	if d.reoffering != ex || ex.attempt != attempt {
		if res != nil && res.IsSuccess() { // the dialog has ended, but a 2xx is acknowledged
			d.acknowledge(v, nil)
		}
		return
	}
	if res != nil && res.IsProvisional() {
		return
	}
	ex.limit.Stop()
	d.ourInvite, d.reoffering = false, nil
	if res == nil {
		d.reofferRefused(ex, &Refusal{Code: 504, Warning: "the other phone does not answer"})
		return
	}
	code := res.StatusCode
	switch {
	case code < 300:
		d.reofferAnswered(ex, v, res)
		return
	case code == 422 && !ex.raised && !ex.abandoned && d.state == confirmed:
		ex.raised = true
		d.raiseInterval(res)
		d.reoffer(ex)
		return
	}
	r := &Refusal{Code: passedOn(code), Warning: "the other phone answered " + phrase(code, res.Reason)}
	if code == 491 {
		r.Code = code
	}
	d.reofferRefused(ex, r)
	if code == 481 || code == 408 {
		d.end(Cause{Code: code, Text: phrase(code, "")})
	}
}

func (d *dialog) reofferRefused(ex *exchange, r *Refusal) {
	if ex.abandoned || ex.undoing {
		ex.release()
		return
	}
	ex.fail(r)
}

// reofferAnswered takes the 2xx to the re-INVITE of an exchange.
func (d *dialog) reofferAnswered(ex *exchange, v *invitation, res *sipgo.Response) {
	sdp, refusal := description(res)
	if ex.offer == nil {
		d.lateACK = &lateACK{ex, v, sdp}
		d.ourInvite = true
		switch {
		case d.state != confirmed || ex.abandoned:
			d.acknowledgeLate(nil)
		case refusal != nil || sdp == nil:
			d.acknowledgeLate(nil)
			ex.fail(&Refusal{Code: 500, Warning: "the other phone made no offer"})
		default:
			d.refreshedBy(res)
			ex.from.post(func() { ex.from.offerCame(ex, sdp) })
		}
		return
	}
	d.acknowledge(v, nil)
	if d.state != confirmed {
		ex.release()
		return
	}
	d.refreshedBy(res)
	d.localSDP = ex.offer
	if refusal == nil && sdp != nil {
		d.remoteSDP = sdp
	}
	switch {
	case ex.undoing || ex.tx == nil:
		ex.release()
	case ex.abandoned:
		d.undo(ex)
	case refusal != nil || sdp == nil:
		ex.fail(&Refusal{Code: 500, Warning: "the other phone did not answer the offer"})
	default:
		ex.from.post(func() { ex.from.answerCame(ex, sdp) })
	}
}

func (d *dialog) refreshedBy(res *sipgo.Response) {
	d.retarget(res)
	d.startSession(d.server.policy().confirmed(d.session.terms, sessionHeaders(res)))
}

// undo gives d the description again that stood before an exchange which it has agreed to and the other side has given
// up. (UA-5)
func (d *dialog) undo(ex *exchange) {
	if ex.before == nil || ex.undoing || d.state != confirmed || d.unacked != nil || d.ourInvite {
		ex.release()
		return
	}
	ex.undoing, ex.offer = true, ex.before
	d.reoffer(ex)
}

// acknowledgeLate sends the ACK that waited for the other side's answer; nil: the last description has to do. RFC 3725, 7
func (d *dialog) acknowledgeLate(answer []byte) {
	l := d.lateACK
	if l == nil {
		return
	}
	d.lateACK, d.ourInvite = nil, false
	if answer == nil {
		answer = d.localSDP
	} else {
		d.localSDP = answer
	}
	if l.offer != nil {
		d.remoteSDP = l.offer
	}
	d.acknowledge(l.invite, answer)
	l.exchange.release()
}

// reofferOver is the end of the dialog: the re-INVITE of an exchange does not stay open.
func (d *dialog) reofferOver() {
	d.acknowledgeLate(nil)
	d.parked = nil
	if ex := d.reoffering; ex != nil {
		ex.limit.Stop()
		d.reoffering = nil
		if ex.invite != nil {
			ex.invite.cancel(nil)
		}
	}
}
