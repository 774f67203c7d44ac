package phone

import (
	"context"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// handle says what becomes of requests of the peers.
func (a *Agent) handle(s *sipgo.Server) {
	s.OnInvite(a.inDialog((*Dialog).onInvite))
	s.OnUpdate(a.inDialog((*Dialog).onUpdate))
	s.OnBye(a.inDialog((*Dialog).onBye))
	s.OnInfo(a.inDialog((*Dialog).onInfo))
	s.OnOptions(func(req *sip.Request, tx sip.ServerTransaction) {
		if to := req.To(); to != nil && !to.Params.Has("tag") {
			respond(req, tx, sip.StatusOK, "OK", "Accept", sdpType)
			return
		}
		a.inDialog((*Dialog).onOptions)(req, tx)
	})
	s.OnAck(func(req *sip.Request, _ sip.ServerTransaction) {
		if d, ok := a.find(req); ok {
			d.onAck(req)
		}
	})
	s.OnCancel(func(req *sip.Request, tx sip.ServerTransaction) {
		respond(req, tx, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
	})
	s.OnNoRoute(func(req *sip.Request, tx sip.ServerTransaction) {
		respond(req, tx, sip.StatusMethodNotAllowed, "Method Not Allowed")
	})
}

// inDialog finds the dialog and keeps its order: a request with a lower CSeq
// than the last is refused (RFC 3261, 12.2.2), one that requires an extension
// too (8.2.2.3).
func (a *Agent) inDialog(f func(*Dialog, *sip.Request, sip.ServerTransaction)) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		d, ok := a.find(req)
		if !ok {
			if to := req.To(); to != nil && !to.Params.Has("tag") && req.IsInvite() {
				respond(req, tx, sip.StatusTemporarilyUnavailable, "Takes No Calls")
				return
			}
			respond(req, tx, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
			return
		}
		if tags := requires(req); tags != "" {
			respond(req, tx, sip.StatusBadExtension, "Bad Extension", "Unsupported", tags)
			return
		}
		if !d.next(req.CSeq()) {
			respond(req, tx, sip.StatusInternalServerError, "CSeq Out Of Order")
			return
		}
		f(d, req, tx)
	}
}

// requires lists the option tags of Require. None is supported here: session
// timers are kept by peers that want them, and answered.
func requires(req *sip.Request) string {
	var tags []string
	for _, h := range req.GetHeaders("Require") {
		if v := strings.TrimSpace(h.Value()); v != "" {
			tags = append(tags, v)
		}
	}
	return strings.Join(tags, ", ")
}

func (d *Dialog) next(cseq *sip.CSeqHeader) bool {
	if cseq == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if cseq.SeqNo < d.peerCSeq {
		return false
	}
	d.peerCSeq = cseq.SeqNo
	return true
}

// respond answers, with extra headers as name, value, name, value. A response
// that cannot be sent is asked for again by the peer.
func respond(req *sip.Request, tx sip.ServerTransaction, code int, reason string, extra ...string) {
	respondBody(req, tx, code, reason, nil, extra...)
}

func respondBody(req *sip.Request, tx sip.ServerTransaction, code int, reason string, body []byte, extra ...string) *sip.Response {
	res := sip.NewResponseFromRequest(req, code, reason, body)
	res.AppendHeader(sip.NewHeader("Allow", allow))
	for i := 0; i+1 < len(extra); i += 2 {
		res.AppendHeader(sip.NewHeader(extra[i], extra[i+1]))
	}
	if body != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", sdpType))
	}
	_ = tx.Respond(res)
	return res
}

func (d *Dialog) onOptions(req *sip.Request, tx sip.ServerTransaction) {
	respond(req, tx, sip.StatusOK, "OK", "Accept", sdpType)
}

func (d *Dialog) onInfo(req *sip.Request, tx sip.ServerTransaction) {
	respond(req, tx, sip.StatusOK, "OK")
	if d.events.Info == nil {
		return
	}
	kind := ""
	if h := req.ContentType(); h != nil {
		kind = h.Value()
	}
	d.events.Info(kind, req.Body())
}

func (d *Dialog) onBye(req *sip.Request, tx sip.ServerTransaction) {
	respond(req, tx, sip.StatusOK, "OK")
	cause, text := reasonOf(req)
	d.end(End{ByPeer: true, Code: cause, Text: text})
}

// onUpdate answers an UPDATE (RFC 3311): with SDP as an offer, without as the
// refresh of a session timer (RFC 4028).
func (d *Dialog) onUpdate(req *sip.Request, tx sip.ServerTransaction) {
	d.refresh(req.Contact())
	if len(req.Body()) == 0 {
		d.answerWith(req, tx, nil)
		return
	}
	if !d.open(req, tx) {
		return
	}
	defer d.setInviting(false)
	if sdp, ok := d.negotiate(req, tx); ok {
		d.answerWith(req, tx, sdp)
	}
}

// open makes sure that no other offer is open: with one of ours it is glare
// (RFC 3261, 14.2).
func (d *Dialog) open(req *sip.Request, tx sip.ServerTransaction) bool {
	d.mu.Lock()
	busy := d.inviting
	d.inviting = true
	d.mu.Unlock()
	if busy {
		respond(req, tx, sip.StatusRequestPending, "Request Pending")
	}
	return !busy
}

// negotiate has the owner answer an offer, or make one; ok is false when the
// request was refused.
func (d *Dialog) negotiate(req *sip.Request, tx sip.ServerTransaction) (sdp []byte, ok bool) {
	if d.events.Offer == nil {
		respond(req, tx, sip.StatusNotAcceptableHere, "Not Acceptable Here")
		return nil, false
	}
	var offer []byte
	if len(req.Body()) > 0 {
		offer = req.Body()
	}
	sdp, err := d.events.Offer(offer)
	if err != nil {
		text := strings.Map(func(r rune) rune {
			if r < ' ' || r == '"' || r == '\\' {
				return ' '
			}
			return r
		}, err.Error())
		respond(req, tx, sip.StatusNotAcceptableHere, "Not Acceptable Here", "Warning", `399 trivox "`+text+`"`)
		return nil, false
	}
	return sdp, true
}

func (d *Dialog) answerWith(req *sip.Request, tx sip.ServerTransaction, sdp []byte) *sip.Response {
	return respondBody(req, tx, sip.StatusOK, "OK", sdp, "Contact", d.agent.contact(d.remote.Scheme).Value())
}

// onInvite answers a re-INVITE and repeats the 2xx until its ACK comes (RFC
// 3261, 13.3.1.4), then ends the call if it never does.
func (d *Dialog) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	if !d.open(req, tx) {
		return
	}
	defer d.setInviting(false)
	sdp, ok := d.negotiate(req, tx)
	if !ok {
		return
	}
	d.refresh(req.Contact())
	cseq := req.CSeq().SeqNo
	acked := make(chan []byte, 1)
	d.mu.Lock()
	if d.acks == nil {
		d.acks = make(map[uint32]chan []byte)
	}
	d.acks[cseq] = acked
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.acks, cseq)
		d.mu.Unlock()
	}()
	res := d.answerWith(req, tx, sdp)
	wait := sip.T1
	repeat := time.NewTimer(wait)
	defer repeat.Stop()
	giveUp := time.NewTimer(64 * sip.T1)
	defer giveUp.Stop()
	for {
		select {
		case body := <-acked:
			if len(req.Body()) == 0 && len(body) > 0 && d.events.Answer != nil {
				_ = d.events.Answer(body) // the ACK cannot be refused
			}
			return
		case <-repeat.C:
			_ = tx.Respond(res)
			wait = min(2*wait, sip.T2)
			repeat.Reset(wait)
		case <-giveUp.C:
			d.agent.later(func() {
				ctx, cancel := context.WithTimeout(d.agent.quit, byeTime)
				defer cancel()
				_ = d.Bye(ctx, "no ACK to the re-INVITE")
			})
			return
		case <-d.done:
			return
		case <-d.agent.quit.Done():
			return
		}
	}
}

func (d *Dialog) onAck(req *sip.Request) {
	if req.CSeq() == nil {
		return
	}
	d.mu.Lock()
	acked := d.acks[req.CSeq().SeqNo]
	d.mu.Unlock()
	select {
	case acked <- req.Body():
	default: // repeated, or to nothing
	}
}
