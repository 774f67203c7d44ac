package sip

import sipgo "github.com/emiago/sipgo/sip"

// arrived queues a request of the peer's, in the order of arrival. It is called by the reader of
// the socket and does not block.
func (d *dialog) arrived(tx *serverTx) {
	overlaps := false
	switch tx.req.Method {
	case sipgo.INVITE:
		last := d.openInvite.Swap(tx)
		overlaps = last != nil && last.final.Load() == 0
	case sipgo.BYE:
		if d.peerBye.CompareAndSwap(false, true) {
			d.post(func() { d.serve(tx, false) }) // a hang-up is never lost to a full queue
			return
		}
	}
	if d.offer(func() { d.serve(tx, overlaps) }) {
		return
	}
	if tx.req.Method == sipgo.INVITE {
		d.openInvite.CompareAndSwap(tx, nil)
	}
	d.server.count.limited.Add(1)
	tx.refuseWith(&Refusal{Code: 503, Warning: "too many requests at once in this call", RetryAfter: retryAfter()})
}

// serve does one request of the peer's.
func (d *dialog) serve(tx *serverTx, overlaps bool) {
	req := tx.req
	if req.Method == sipgo.INVITE {
		defer d.openInvite.CompareAndSwap(tx, nil)
	}
	if d.state == ended || d.state == ending && req.Method != sipgo.BYE {
		tx.refuse(481, "this call has ended")
		return
	}
	if d.calling != nil && d.state == early { // it overtook the 2xx that makes the dialog
		d.calling.keep(tx, overlaps)
		return
	}
	if from, _ := req.From().Params.Get("tag"); from != d.id.remote { // another phone behind our INVITE
		if req.Method == sipgo.BYE {
			d.peerBye.Store(false)
		}
		tx.refuse(481, "no such dialog here")
		return
	}
	if !cseqInOrder(d.remoteSeq, req.CSeq().SeqNo) {
		if req.Method == sipgo.BYE {
			d.peerBye.Store(false)
		}
		tx.refuse(500, "CSeq is not above the last one of this dialog")
		return
	}
	d.remoteSeq = req.CSeq().SeqNo
	d.flow = tx.flow
	if d.state == early && (req.Method == sipgo.INVITE || req.Method == sipgo.UPDATE || req.Method == sipgo.INFO && !d.sounding()) {
		tx.refuseWith(glareRefusal(500))
		return
	}
	switch req.Method {
	case sipgo.INVITE:
		d.reinvite(tx, overlaps)
	case sipgo.UPDATE:
		d.update(tx)
	case sipgo.BYE:
		d.byed(tx)
	case sipgo.OPTIONS:
		d.optionsInDialog(tx)
	case sipgo.INFO:
		d.info(tx)
	}
}

// reinvite serves an INVITE inside the dialog, with offer or without. What is refused leaves the
// session as it was. RFC 3261, 14.2 (UA-4, UA-5, OA-4)
func (d *dialog) reinvite(tx *serverTx, overlaps bool) {
	g := glare{ourInvite: d.ourInvite, ourOffer: d.unacked != nil && d.unacked.wantAnswer, peerInvite: overlaps || d.relaying != nil}
	if code := g.invite(); code != 0 {
		tx.refuseWith(glareRefusal(code))
		return
	}
	sdp, terms, refusal, more := d.server.inviteContent(tx)
	if refusal != nil {
		tx.refuseWith(refusal, more...)
		return
	}
	if tx.final.Load() != 0 { // cancelled in the queue
		return
	}
	if d.peerBye.Load() {
		tx.refuse(487, "the caller hung up")
		return
	}
	if u := d.unacked; u != nil { // who sends a re-INVITE has our 2xx: its ACK is lost or late. RFC 5407, 3.1.4
		d.settle(u)
		if u.first {
			d.leg.Confirmed()
		}
	}
	if d.passes() {
		d.relay(tx, sdp, terms)
		return
	}
	body, err := d.describe(sdp)
	if err != nil {
		tx.refuseWith(asRefusal(err, 488))
		return
	}
	if d.peerBye.Load() { // BYE came while the leg was thinking (TX-7)
		tx.refuse(487, "the caller hung up")
		return
	}
	if !d.answerInvite(tx, sdp, body, terms, false, nil) {
		d.restore(sdp)
		return
	}
	d.retarget(tx.req)
}

// restore puts the leg back to the last agreed description after a CANCEL won against our 200.
func (d *dialog) restore(offer []byte) {
	if offer == nil || d.remoteSDP == nil {
		return
	}
	if _, err := d.leg.Answer(d.remoteSDP); err != nil {
		d.log.Warn("sip: session not restored after a cancelled re-INVITE", "error", err)
	}
}

// update serves UPDATE: a refresh, a new target, a new offer. RFC 3311, 5.2 (UA-4)
func (d *dialog) update(tx *serverTx) {
	sdp, terms, refusal, more := d.server.inviteContent(tx)
	if refusal != nil {
		tx.refuseWith(refusal, more...)
		return
	}
	g := glare{ourInvite: d.ourInvite, ourOffer: d.unacked != nil && d.unacked.wantAnswer, peerOffer: d.relaying != nil}
	if code := g.update(sdp != nil); code != 0 {
		tx.refuseWith(glareRefusal(code))
		return
	}
	if sdp != nil && d.passes() {
		d.relay(tx, sdp, terms)
		return
	}
	var answer []byte
	if sdp != nil {
		var err error
		if answer, err = d.leg.Answer(sdp); err != nil {
			tx.refuseWith(asRefusal(err, 488))
			return
		}
	}
	d.answerUpdate(tx, sdp, answer, terms)
}

// answerUpdate sends the 200 of an UPDATE; both descriptions are nil when it has none.
func (d *dialog) answerUpdate(tx *serverTx, offer, answer []byte, terms sessionTerms) {
	res := d.server.newResponse(tx.req, 200, "", tx.tag)
	res.AppendHeader(d.contact)
	res.AppendHeader(allowHeader)
	res.AppendHeader(supportedHeader)
	appendSession(res, terms, terms.refresher())
	if offer != nil {
		d.localSDP, d.remoteSDP = answer, offer
		res.AppendHeader(contentSDPHeader)
		res.SetBody(answer)
	} else {
		res.SetBody(nil)
	}
	d.retarget(tx.req)
	d.startSession(terms)
	tx.respond(res)
}

func glareRefusal(code int) *Refusal {
	if code == 500 {
		return &Refusal{Code: 500, Warning: "an earlier INVITE of this dialog is not answered yet", RetryAfter: retryAfter()}
	}
	return &Refusal{Code: code, Warning: "an offer of ours is not answered yet"}
}
