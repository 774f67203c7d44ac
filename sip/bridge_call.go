package sip

import (
	"context"
	"crypto/rand"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// calling is what a dialog has of its first INVITE, until the 2xx or the end. It belongs to the queue of the dialog.
type calling struct {
	index  int // of the branch in the fork
	target target
	ctx    context.Context // ends when the call is given up
	invite *invitation     // nil: not sent yet
	raised bool            // sent again after a 422
	other  bool            // sent again with another offer
	before []overtaker     // requests that came before the 2xx
	early  earlyAnswer     // its sound before the 2xx
	cause  Cause           // why it was given up, once the dialog is ending
	reason sipgo.Header    // for the CANCEL; nil: the cause
}

// overtaker is a request of the phone's that came before its 2xx was dealt with.
type overtaker struct {
	tx       *serverTx
	overlaps bool
}

// keep holds a request until the 2xx is there.
func (c *calling) keep(tx *serverTx, overlaps bool) {
	if len(c.before) >= tx.server.cfg.Limits.Queue {
		tx.server.count.limited.Add(1)
		tx.refuseWith(&Refusal{Code: 503, Warning: "too many requests before the answer", RetryAfter: retryAfter()})
		return
	}
	c.before = append(c.before, overtaker{tx, overlaps})
}

// newCall makes the dialog of one branch and begins to call.
func (s *Server) newCall(b *bridge, i int) *dialog {
	t := b.targets[i]
	ctx, cancel := context.WithCancelCause(s.ctx)
	d := &dialog{
		record: record{
			id:     dialogID{callID: rand.Text(), local: newTag()},
			target: t.uri, routes: t.path,
			localURI: b.callerURI(t), remoteURI: t.aor,
		},
		server: s, callee: true, bridge: b, stopEntry: cancel,
		calling: &calling{index: i, target: t, ctx: ctx},
	}
	d.log = s.log.With("call", d.id.callID, "caller", b.caller.id.callID)
	if r := s.admitPhone(d); r != nil {
		cancel(nil)
		d.calling, d.state, d.endOnce = nil, ended, true
		b.caller.post(func() { b.failed(i, r) })
		return d
	}
	d.post(d.dial)
	return d
}

// admitPhone puts the dialog of a branch into the table.
func (s *Server) admitPhone(d *dialog) *Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed || s.draining.Load():
		return &Refusal{Code: 480, Warning: "the server is shutting down"}
	case len(s.dialogs) >= s.cfg.Limits.Dialogs:
		s.count.limited.Add(1)
		return &Refusal{Code: 480, Warning: "all places for calls are taken"}
	}
	s.dialogs[d.id] = d
	return nil
}

// dial finds the way to the phone, gets the leg and sends the INVITE.
func (d *dialog) dial() {
	c, s := d.calling, d.server
	if c == nil || d.state != early {
		return
	}
	f, err := c.target.way(c.ctx)
	if err != nil {
		d.log.Info("sip: phone not reachable", "uri", c.target.uri.String(), "error", err)
		d.notTaken(&Refusal{Code: 480, Warning: "the phone is not reachable"}, Cause{Code: 480, Text: "not reachable"})
		return
	}
	if c.target.secure && f.network() != networkTLS {
		d.notTaken(&Refusal{Code: 480, Warning: "the phone is not reachable by TLS, which a sips URI asks for"},
			Cause{Code: 480, Text: "not reachable by TLS"})
		return
	}
	d.flow = f
	d.contact = s.contact(&sipgo.Uri{Scheme: c.target.uri.Scheme, User: d.localURI.User}, f, false)
	leg, err := s.cfg.Rooms.Enter(c.ctx, d.calleeCall())
	if err != nil {
		r := asRefusal(err, 500)
		d.notTaken(&Refusal{Code: passedOn(r.Code), Warning: r.Warning}, Cause{Code: r.Code, Text: r.Text()})
		return
	}
	d.leg, d.entered = leg, time.Now()
	d.log = d.log.With("leg", leg.ID())
	offer := d.bridge.offer
	if !d.bridge.direct {
		if offer, err = leg.Offer(); err != nil {
			d.notTaken(&Refusal{Code: 500, Warning: err.Error()}, Cause{Code: 500, Text: err.Error()})
			return
		}
	}
	d.localSDP = offer
	d.session.terms = sessionTerms{interval: s.cfg.SessionExpires}
	if c.ctx.Err() != nil { // given up meanwhile: what ends it is in the queue
		return
	}
	d.invite()
}

// calleeCall is what the rooms are told about this leg.
func (d *dialog) calleeCall() Call {
	t, f := d.calling.target, d.flow
	return Call{
		User: t.user, Host: t.aor.Host,
		Caller: t.who, CallID: d.id.callID, Source: f.source, Local: f.local().Addr(), Network: f.network(), Listener: f.listener.local,
		Bridge: d.bridge.name, Direct: d.bridge.direct, Callee: true,
		HangUp: d.hangUp, Rekey: d.rekey,
	}
}

// invite sends the INVITE, or sends it again with a longer session interval.
func (d *dialog) invite() {
	s, c := d.server, d.calling
	req := d.newInvite()
	v, err := s.inviteBy(s.bySize(d.flow, req, c.target.bound), req, func(v *invitation, res *sipgo.Response) {
		d.post(func() { d.heard(v, res) })
	})
	if err != nil {
		d.log.Info("sip: INVITE not sent", "uri", c.target.uri.String(), "to", d.flow.remote, "error", err)
		d.serverFailed(&Refusal{Code: 480, Warning: "the phone is not reachable"}, Cause{Code: 480, Text: "not reachable"}, restUsual)
		return
	}
	c.invite = v
	s.count.called.Add(1)
	d.watch(v)
}

// heard takes an answer to the INVITE that makes the dialog; nil: none came.
func (d *dialog) heard(v *invitation, res *sipgo.Response) {
	switch {
	case res == nil:
		if d.calling != nil {
			d.serverFailed(&Refusal{Code: 480, Warning: "the phone does not answer"}, Cause{Code: 408, Text: "no answer from the phone"}, restUsual)
		}
	case res.IsProvisional():
		d.progress(res)
	case !res.IsSuccess():
		if d.calling != nil {
			d.declined(res)
		}
	case d.calling == nil: // another phone behind the same INVITE, or one that was given up
		d.refuseAnswer(v, res)
	default:
		d.taken(v, res)
	}
}

// taken makes the dialog of a 2xx. The ACK goes out at once, whoever gets the call. RFC 3261, 13.2.2.4 and 12.1.2
func (d *dialog) taken(v *invitation, res *sipgo.Response) {
	c, b := d.calling, d.bridge
	d.calling = nil
	d.establish(res)
	d.acknowledge(v, nil)
	if d.state == ending { // the CANCEL crossed it (TX-6)
		d.state = confirmed
		d.bye(c.cause)
		c.serve(d)
		return
	}
	d.state = confirmed
	answer, refusal := description(res)
	if refusal == nil && answer == nil {
		answer = c.early.said[toTag(res)] // it belongs into the 2xx too, but was told before. RFC 3261, 13.2.1
	}
	if refusal == nil && answer == nil {
		refusal = &Refusal{Code: 488, Warning: "the phone answered without a session description"}
	}
	if refusal == nil && !b.direct {
		refusal = d.settleAnswer(answer, c.early.taken)
	}
	if refusal != nil {
		d.log.Info("sip: answer of the phone not usable", "code", refusal.Code, "text", refusal.Text())
		b.caller.post(func() { b.failed(c.index, &Refusal{Code: 488, Warning: refusal.Warning}) })
		d.end(Cause{Code: 488, Text: refusal.Text()})
		c.serve(d)
		return
	}
	d.remoteSDP = answer
	d.startSession(d.server.policy().confirmed(d.session.terms, sessionHeaders(res)))
	b.caller.post(func() { b.picked(c.index, answer) })
	c.serve(d)
}

// confirm says to the leg that the call is its own.
func (d *dialog) confirm() {
	if d.state == confirmed && !d.endOnce {
		d.leg.Confirmed()
	}
}

// leave ends the part of a phone. It may be called from any goroutine. reason is for a CANCEL, nil: the cause.
func (d *dialog) leave(c Cause, reason sipgo.Header) {
	d.stopEntry(errHungUp)
	d.post(func() {
		if d.calling != nil {
			d.calling.reason = reason
		}
		d.end(c)
	})
}

// cancelCall gives a call up that was not answered. What the phone says then still ends it. (TX-6)
func (d *dialog) cancelCall(c Cause) {
	call := d.calling
	call.cause = c
	d.release(c)
	d.state = ending
	if call.invite == nil {
		d.drop(c)
		return
	}
	if call.reason == nil {
		call.reason = reasonHeader(c)
	}
	call.invite.cancel(call.reason)
}

// callOver is the end of a dialog: nothing of its INVITE stays open.
func (d *dialog) callOver() {
	if d.callee {
		d.stopEntry(nil)
	}
	c := d.calling
	if c == nil {
		return
	}
	d.calling = nil
	if c.invite != nil {
		c.invite.cancel(nil)
	}
	for _, r := range c.before {
		r.tx.refuse(481, "the call was not answered")
	}
}

// serve does what came before the 2xx.
func (c *calling) serve(d *dialog) {
	for _, r := range c.before {
		d.serve(r.tx, r.overlaps)
	}
}
