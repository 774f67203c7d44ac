package sip

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// request takes one request, which came then, in the order it arrived on its socket, and must not block: what takes
// time goes to the queue of the dialog, or to a goroutine of its own when there is no dialog.
func (s *Server) request(req *sipgo.Request, f *flow, came time.Time) {
	s.count.requests.add(req.Method)
	if req.Via() == nil {
		s.count.unreadable.Add(1)
		return
	}
	key, why := s.transactionKey(req)
	if !f.reliable() {
		f.remote = responseTo(f.source, req.Via())
	}
	markVia(f.source, req.Via())
	if why != "" {
		if req.Method == sipgo.ACK {
			s.count.unreadable.Add(1)
			return
		}
		s.stateless(req, f, 400, why)
		return
	}
	switch req.Method {
	case sipgo.ACK:
		s.ack(req, f, key)
	case sipgo.CANCEL:
		s.cancelRequest(req, f, key)
	default:
		s.dispatch(req, f, key, came)
	}
}

// transactionKey gives the key of RFC 3261, 17.2.3, or why the request cannot be served. ACK
// and CANCEL get the key of their INVITE.
func (s *Server) transactionKey(req *sipgo.Request) (key, why string) {
	switch {
	case req.From() == nil:
		return "", "From is missing or malformed"
	case req.To() == nil:
		return "", "To is missing or malformed"
	case req.CallID() == nil:
		return "", "Call-ID is missing or malformed"
	case req.CSeq() == nil:
		return "", "CSeq is missing or malformed"
	case req.CSeq().MethodName != req.Method:
		return "", "CSeq method differs from the request's"
	}
	if what := longIdentifier(req); what != "" {
		return "", what + " is longer than " + strconv.Itoa(identifierMost) + " bytes"
	}
	cseq := req.CSeq()
	if req.Method == sipgo.CANCEL {
		cseq.MethodName = sipgo.INVITE
		defer func() { cseq.MethodName = sipgo.CANCEL }()
	}
	key, err := sipgo.ServerTxKeyMake(req)
	if err != nil {
		return "", "the request belongs to no transaction: " + strings.ReplaceAll(err.Error(), "\"", "'")
	}
	return key, ""
}

// identifierMost bounds what names a transaction or a dialog, in bytes: tables are full of them.
const identifierMost = 1024

// longIdentifier names the identifier of a request that is too long; "" is none.
func longIdentifier(req *sipgo.Request) string {
	branch, _ := req.Via().Params.Get("branch")
	from, _ := req.From().Params.Get("tag")
	to, _ := req.To().Params.Get("tag")
	switch {
	case len(branch) > identifierMost || len(req.Via().Host) > identifierMost:
		return "Via"
	case len(from) > identifierMost:
		return "the tag of From"
	case len(to) > identifierMost:
		return "the tag of To"
	case len(req.CallID().Value()) > identifierMost:
		return "Call-ID"
	}
	return ""
}

// stateless answers without a transaction what is too broken to have one.
func (s *Server) stateless(req *sipgo.Request, f *flow, code int, warning string) {
	r := &Refusal{Code: code, Warning: warning}
	if code == 503 {
		r.RetryAfter = s.cfg.RetryAfter
	}
	s.statelessly(req, f, r)
}

func (s *Server) statelessly(req *sipgo.Request, f *flow, r *Refusal) {
	res := s.refusal(req, s.repeatableTag(req), r)
	res.SetBody(nil)
	s.count.responses.add(r.Code)
	_ = f.WriteMsg(res)
}

// repeatableTag is a tag of ours that is the same for a request which is repeated. RFC 3261, 8.2.7
func (s *Server) repeatableTag(req *sipgo.Request) string {
	var h maphash.Hash
	h.SetSeed(s.edge.seed)
	branch, _ := req.Via().Params.Get("branch")
	_, _ = h.WriteString(branch) // never fails
	if id := req.CallID(); id != nil {
		_, _ = h.WriteString(id.Value())
	}
	return "s" + strconv.FormatUint(h.Sum64(), 36)
}

// ack goes to the transaction when it acknowledges a refusal, else to the dialog. Phones that
// send the ACK of a 2xx with the branch of the INVITE are served too (Q25).
func (s *Server) ack(req *sipgo.Request, f *flow, key string) {
	tx, done := s.serverTx(key)
	switch {
	case tx != nil && tx.machine != nil && tx.final.Load() >= 300:
		if tx.blocks(f) {
			return // it is forgotten by itself
		}
		_ = tx.machine.Receive(req) // before Terminate, which does not wait for a response on its way out
		tx.finish(nil)
		return
	case done != nil && done.code >= 300:
		return
	}
	d := s.dialogOf(req)
	if d == nil {
		s.count.stray.Add(1)
		return
	}
	if !d.offer(func() { d.acknowledged(req) }) {
		s.count.limited.Add(1)
		s.count.acksLimited.Add(1)
	}
}

// cancelRequest serves CANCEL: 200, and 487 for the INVITE unless that has its final response.
// It needs no transaction of its own: while the INVITE's is there, a repetition gets the same
// answer and changes nothing. RFC 3261, 9.2 (TX-6)
func (s *Server) cancelRequest(req *sipgo.Request, f *flow, inviteKey string) {
	if !s.isRepeated(inviteKey) && s.limited(req, f) {
		return
	}
	invite, done := s.serverTx(inviteKey)
	var tag string
	switch {
	case invite != nil && invite.machine != nil:
		tag = invite.tag
	case done != nil && done.invite:
		tag = done.tag
	default:
		s.stateless(req, f, 481, "there is no INVITE to cancel")
		return
	}
	res := s.newResponse(req, 200, "", tag)
	res.SetBody(nil)
	s.count.responses.add(200)
	_ = f.WriteMsg(res)
	if invite == nil || invite.final.Load() != 0 {
		return
	}
	invite.cancelled.CompareAndSwap(nil, &cancellation{causeText(req), headerValue(req, "reason", "")})
	if invite.blocks(f) {
		go invite.cancelledNow() // pjproject#936: a CANCEL by UDP of an INVITE by TCP
		return
	}
	invite.cancelledNow()
}

// cancelledNow answers an INVITE that was cancelled, unless it has its final response.
func (tx *serverTx) cancelledNow() {
	if tx.refuseWith(&Refusal{Code: 487, Warning: "the caller cancelled"}) {
		tx.server.count.cancelled.Add(1)
		tx.cancel(errCancelled)
	}
}

// dispatch serves every other request: in the dialog's queue, or by a goroutine of its own.
func (s *Server) dispatch(req *sipgo.Request, f *flow, key string, came time.Time) {
	var d *dialog
	outside := !req.To().Params.Has("tag")
	if !outside {
		d = s.dialogOf(req)
	}
	if d == nil && !s.isRepeated(key) && (s.limited(req, f) || outside && s.late(req, f, came)) {
		return
	}
	tx := s.open(req, f, key)
	if tx == nil {
		return
	}
	if outside {
		s.waits(tx, came)
		go s.outOfDialog(tx)
		return
	}
	if r, more := s.unservable(tx); r != nil {
		tx.refuseWith(r, more...)
		return
	}
	if d == nil {
		tx.refuse(481, "no such dialog here; it may have ended")
		return
	}
	d.arrived(tx)
}

// outOfDialog serves a request without To-tag.
func (s *Server) outOfDialog(tx *serverTx) {
	defer tx.handled()
	a, d := s.admission(tx)
	if d != nil {
		s.deny(tx, d)
		return
	}
	if r, more := s.unservable(tx); r != nil {
		if r.Code == 420 && a.trusted {
			if no := s.noRoom(tx); no != nil {
				r, more = no, nil
			}
		}
		tx.refuseWith(r, more...)
		return
	}
	switch tx.req.Method {
	case sipgo.INVITE:
		if tx.caller, d = s.caller(tx, a); d != nil {
			s.deny(tx, d)
			return
		}
		s.invite(tx)
	case sipgo.OPTIONS:
		s.options(tx)
	case sipgo.REGISTER:
		s.register(tx)
	default: // BYE, INFO and UPDATE exist in dialogs only
		tx.refuse(481, "this request needs a dialog")
	}
}

// known asks the rooms about the Request-URI, or whether who is called there can be. exists says that it is a room that is open.
func (s *Server) known(tx *serverTx) (exists bool, err error) {
	if s.cfg.Route != nil {
		ctx, cancel := context.WithTimeout(s.ctx, askWait)
		defer cancel()
		c := callOf(tx)
		if c.Caller == (Identity{}) { // nobody was asked for a proof
			source := tx.flow.source.Addr()
			c.Caller = s.identify(tx.req, source, "", s.allowed(source))
		}
		route, err := s.route(ctx, c)
		if err != nil {
			return false, err
		}
		if route.User != "" || route.Out != "" {
			_, err := s.targets(ctx, route)
			return false, err
		}
	}
	return s.cfg.Rooms.Known(room(&tx.req.Recipient), strings.Trim(tx.req.Recipient.Host, "[]"))
}

// noRoom is the 404 when the Request-URI is no room and would open none; this counts before what
// the request requires or carries. RFC 3261, 8.2.2.1 (UA-1)
func (s *Server) noRoom(tx *serverTx) *Refusal {
	if tx.req.Recipient.User == "" {
		return nil
	}
	_, err := s.known(tx)
	var r *Refusal
	if errors.As(err, &r) && r.Code == 404 {
		return r
	}
	return nil
}

// response hands a response to its client transaction.
func (s *Server) response(res *sipgo.Response) {
	if res.Via() == nil || res.CSeq() == nil || res.StatusCode < 100 || res.StatusCode > 699 {
		s.count.stray.Add(1)
		return
	}
	key, err := sipgo.ClientTxKeyMake(res)
	if err != nil {
		s.count.stray.Add(1)
		return
	}
	s.mu.Lock()
	tx := s.clients[key]
	s.mu.Unlock()
	if tx == nil {
		s.count.stray.Add(1)
		return
	}
	go tx.Receive(res) // waits for the reader of the transaction
}

// isBuilt says that the method of a request is served: REGISTER outside dialogs only.
func (s *Server) isBuilt(req *sipgo.Request) bool {
	if req.Method == sipgo.REGISTER {
		return s.registers() && !req.To().Params.Has("tag")
	}
	return slices.Contains(builtMethods[:], req.Method)
}
