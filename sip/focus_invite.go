package sip

import (
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// invite serves an INVITE outside a dialog: checks, then a place in the room and 200 with ;isfocus, or a call to who is
// called. It runs in a goroutine of its own, which ends with the queue of the new dialog.
func (s *Server) invite(tx *serverTx) {
	s.count.invites.Add(1)
	if s.draining.Load() {
		s.refused(tx, s.drainRefusal())
		return
	}
	sdp, terms, refusal, more := s.inviteContent(tx)
	if refusal != nil {
		if no := s.noRoom(tx); no != nil {
			refusal, more = no, nil
		}
		s.refused(tx, refusal, more...)
		return
	}
	d := s.newDialog(tx)
	d.queue, d.running = []func(){func() { d.enter(sdp, terms) }}, true // first, whoever posts once it is in the table
	if refusal := s.admit(d); refusal != nil {
		s.refused(tx, refusal)
		return
	}
	d.run()
}

func (s *Server) refused(tx *serverTx, r *Refusal, more ...sipgo.Header) {
	s.count.refused.Add(1)
	if !s.refusals.pass(time.Now()) {
		tx.refuseWith(r, more...)
		return
	}
	log := s.log.With("call", tx.req.CallID().Value(), "source", tx.flow.source, "uri", cutText(tx.req.Recipient.String(), uriLogged))
	if r.Rule != "" {
		log = log.With("rule", r.Rule)
	}
	log.Info("sip: call refused", "code", r.Code, "text", r.Text())
	tx.refuseWith(r, more...)
}

// inviteContent reads the body and the session timer of an INVITE or UPDATE. RFC 3261, 8.2.3
func (s *Server) inviteContent(tx *serverTx) ([]byte, sessionTerms, *Refusal, []sipgo.Header) {
	sdp, refusal := description(tx.req)
	if refusal != nil {
		return nil, sessionTerms{}, refusal, []sipgo.Header{acceptHeader, acceptEncodingHeader}
	}
	if !acceptsSDP(tx.req) {
		return nil, sessionTerms{}, &Refusal{Code: 406, Warning: "session descriptions here are application/sdp"},
			[]sipgo.Header{acceptHeader}
	}
	terms, ok := s.policy().answer(sessionHeaders(tx.req))
	if !ok {
		return nil, sessionTerms{}, &Refusal{Code: 422, Warning: "the session interval is too small"},
			[]sipgo.Header{sipgo.NewHeader("Min-SE", seconds(s.cfg.MinSE))}
	}
	return sdp, terms, nil, nil
}

func (s *Server) policy() sessionPolicy {
	return sessionPolicy{expires: s.cfg.SessionExpires, minSE: s.cfg.MinSE}
}

// admit puts a dialog into the table, or says which limit is hit.
func (s *Server) admit(d *dialog) *Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.unavailableLocked(); r != nil {
		return r
	}
	s.dialogs[d.id] = d
	s.pending++
	return nil
}

// unavailable is what a new call is refused with, whatever room it is for; nil when it is not.
func (s *Server) unavailable() *Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unavailableLocked()
}

// unavailableLocked needs s.mu.
func (s *Server) unavailableLocked() *Refusal {
	switch {
	case s.closed || s.draining.Load():
		return s.drainRefusal()
	case len(s.dialogs) >= s.cfg.Limits.Dialogs:
		s.count.limited.Add(1)
		return &Refusal{Code: 503, Warning: "all places for calls are taken", RetryAfter: s.cfg.RetryAfter}
	case s.pending >= s.cfg.Limits.Pending:
		s.count.limited.Add(1)
		return &Refusal{Code: 503, Warning: "too many calls are being set up", RetryAfter: s.cfg.RetryAfter}
	}
	return nil
}

// enter asks the room for a leg and answers the INVITE, or calls the user who is called.
func (d *dialog) enter(sdp []byte, terms sessionTerms) {
	tx := d.inviteTx
	if tx.final.Load() != 0 {
		d.drop(tx.cancelCause())
		return
	}
	if c := d.wanted.Load(); c != nil {
		d.refuseEntry(causeRefusal(*c))
		return
	}
	route, err := d.server.route(tx.ctx, d.call())
	if err != nil {
		d.refuseEntry(asRefusal(err, 500))
		return
	}
	if route.User != "" || route.Out != "" {
		d.connect(route, sdp, terms)
		return
	}
	if d.takePlace(d.call()) {
		d.answerEntry(sdp, terms)
	}
}

// takePlace gets the leg. False: the call has ended for want of it.
func (d *dialog) takePlace(c Call) bool {
	tx := d.inviteTx
	leg, err := d.server.cfg.Rooms.Enter(tx.ctx, c)
	if err != nil {
		d.refuseEntry(asRefusal(err, 500))
		return false
	}
	d.leg, d.entered = leg, time.Now()
	d.log = d.log.With("leg", leg.ID())
	if tx.final.Load() != 0 {
		d.drop(tx.cancelCause())
		return false
	}
	return true
}

// answerEntry answers the first INVITE with what the leg says.
func (d *dialog) answerEntry(sdp []byte, terms sessionTerms) {
	body, err := d.describe(sdp)
	if err != nil {
		d.refuseEntry(asRefusal(err, 488))
		return
	}
	if c := d.wanted.Load(); c != nil {
		d.refuseEntry(causeRefusal(*c))
		return
	}
	d.accept(sdp, body, terms)
}

// accept answers the first INVITE with body.
func (d *dialog) accept(sdp, body []byte, terms sessionTerms) {
	tx := d.inviteTx
	d.state = accepted
	if !d.answerInvite(tx, sdp, body, terms, true, nil) {
		d.drop(tx.cancelCause())
		return
	}
	d.entryOver()
	d.server.count.answered.Add(1)
	d.log.Debug("sip: call answered", "source", tx.flow.source, "network", tx.flow.network(), "from", d.remoteURI.Addr(), "late_offer", sdp == nil)
}

// entryOver is when the first INVITE has its final response.
func (d *dialog) entryOver() {
	tx, s := d.inviteTx, d.server
	if tx == nil {
		return
	}
	d.openInvite.CompareAndSwap(tx, nil)
	d.inviteTx = nil
	tx.cancel(nil)
	s.mu.Lock()
	s.pending--
	s.mu.Unlock()
}

// describe gets the answer to offer from the leg, or its own offer when there is none (OA-4).
func (d *dialog) describe(offer []byte) ([]byte, error) {
	if offer != nil {
		return d.leg.Answer(offer)
	}
	return d.leg.Offer()
}

// answerInvite sends the 200 of an INVITE and starts what waits for its ACK and its refresh. It
// reports false when the INVITE has been cancelled before. ex may be nil: the exchange with the other side of a bridge
// that waits for the answer in the ACK.
func (d *dialog) answerInvite(tx *serverTx, offer, body []byte, terms sessionTerms, first bool, ex *exchange) bool {
	res := d.server.newResponse(tx.req, 200, "", d.id.local)
	res.AppendHeader(d.contact)
	res.AppendHeader(allowHeader)
	res.AppendHeader(supportedHeader)
	appendSession(res, terms, terms.refresher())
	res.AppendHeader(contentSDPHeader)
	res.SetBody(body)
	u := &unacked2xx{seq: tx.req.CSeq().SeqNo, res: res, flow: tx.flow, first: first, wantAnswer: offer == nil, passes: ex}
	if !tx.respond(res) {
		return false
	}
	d.localSDP = body
	if offer != nil {
		d.remoteSDP = offer
	}
	d.await(u)
	d.startSession(terms)
	return true
}

// refuseEntry answers the first INVITE with an error and forgets the dialog.
func (d *dialog) refuseEntry(r *Refusal, more ...sipgo.Header) {
	if c := d.wanted.Load(); c != nil {
		r, more = causeRefusal(*c), nil
	}
	cause := Cause{Code: r.Code, Text: phrase(r.Code, r.Reason)}
	if r.Warning != "" {
		cause.Text = r.Text()
	}
	if d.inviteTx.final.Load() == 0 {
		d.server.refused(d.inviteTx, r, more...)
	} else {
		cause = d.inviteTx.cancelCause()
	}
	d.drop(cause)
}

// call is what the rooms are told about the INVITE.
func (d *dialog) call() Call {
	c := callOf(d.inviteTx)
	c.HangUp, c.Rekey = d.hangUp, d.rekey
	return c
}

// callOf is who calls whom with a request outside a dialog.
func callOf(tx *serverTx) Call {
	req, f := tx.req, tx.flow
	return Call{
		User: room(&req.Recipient), Host: strings.Trim(req.Recipient.Host, "[]"), URI: req.Recipient.String(),
		Caller: tx.caller,
		CallID: req.CallID().Value(), Source: f.source, Local: f.local().Addr(), Network: f.network(), Listener: f.listener.local,
		HangUp: func(Cause) {}, Rekey: func() {},
	}
}

func appendSession(m interface{ AppendHeader(sipgo.Header) }, t sessionTerms, refresher string) {
	if t.interval <= 0 {
		return
	}
	m.AppendHeader(sipgo.NewHeader("Session-Expires", seconds(t.interval)+";refresher="+refresher))
	if t.require {
		m.AppendHeader(requireTimerHeader)
	}
}

// asRefusal is the one place that turns an error into a SIP answer; code is for errors that do
// not say one.
func asRefusal(err error, code int) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	return &Refusal{Code: code, Warning: err.Error()}
}

// causeRefusal refuses a call that was hung up before it was answered.
func causeRefusal(c Cause) *Refusal {
	if c.Code < 300 || c.Code > 699 {
		c.Code = 480
	}
	return &Refusal{Code: c.Code, Warning: c.Text}
}

// retryAfter is the random 0 to 10 s of RFC 3261, 14.2, at least 1 so that the header is there.
func retryAfter() time.Duration { return time.Duration(1+rand.IntN(10)) * time.Second }
