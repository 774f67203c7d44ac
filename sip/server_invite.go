package sip

import (
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// forkedAnswers bounds the 2xx of different phones behind one INVITE of ours that are acknowledged.
const forkedAnswers = 16

// invitation is an INVITE of ours whose every answer is seen: provisional ones, the final one, and each further 2xx with a
// To-tag of its own. It can be cancelled, and its ACK may wait. RFC 3261, 13.2.2 and 9.1; RFC 6026, 7.2
type invitation struct {
	server *Server
	flow   *flow
	req    *sipgo.Request
	tx     *sipgo.ClientTx
	heard  func(*invitation, *sipgo.Response)
	stop   chan struct{} // closed by cancel

	mu       sync.Mutex
	acks     map[string]*sipgo.Request // by To-tag: the ACK of a 2xx, nil while there is none
	progress bool                      // a provisional answer has come
	final    bool
	stopped  bool
	reason   sipgo.Header
}

// inviteBy sends req on f. heard gets each answer that is new, at last one that is final or nil when there is none; it is
// called by one goroutine after the other and must not block.
func (s *Server) inviteBy(f *flow, req *sipgo.Request, heard func(*invitation, *sipgo.Response)) (*invitation, error) {
	tx, err := s.openClient(f, req)
	if err != nil {
		return nil, err
	}
	v := &invitation{
		server: s, flow: f, req: req, tx: tx, heard: heard,
		stop: make(chan struct{}), acks: make(map[string]*sipgo.Request),
	}
	tx.OnRetransmission(v.again)
	go v.listen()
	return v, nil
}

// inviteWithin sends req, which belongs to a dialog, by h.
func (s *Server) inviteWithin(h nextWay, req *sipgo.Request, heard func(*invitation, *sipgo.Response)) (*invitation, error) {
	f, err := h.open(s.ctx)
	if err != nil {
		return nil, err
	}
	f = s.bySize(f, req, h.nat)
	v, err := s.inviteBy(f, req, heard)
	if err != nil && f.reliable() {
		if f, err = h.reopen(s.ctx); err == nil {
			v, err = s.inviteBy(f, req, heard)
		}
	}
	return v, err
}

// listen waits for the final answer: 64*T1 for the first sign of life (Timer B), and as long after a CANCEL; between
// them whoever sent the INVITE decides. RFC 3261, 17.1.1.2 and 9.1
func (v *invitation) listen() {
	patience := 64 * v.server.cfg.Timers.T1
	limit := time.NewTimer(patience)
	defer limit.Stop()
	stop := v.stop
	for {
		select {
		case res := <-v.tx.Responses():
			if !res.IsProvisional() {
				v.ended(res)
				return
			}
			if v.progressed() {
				limit.Stop()
			}
			v.heard(v, res)
		case <-stop:
			stop = nil
			limit.Reset(patience)
		case <-v.tx.Done():
			v.ended(nil)
			return
		case <-limit.C:
			v.tx.Terminate()
			v.ended(nil)
			return
		}
	}
}

// progressed notes a provisional answer and sends the CANCEL that waited for it. It reports whether the wait for the final
// answer has no end of its own. (TX-6)
func (v *invitation) progressed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.progress && v.stopped {
		v.sendCancel()
	}
	v.progress = true
	return !v.stopped
}

// ended takes the final answer; nil: there is none. The transaction stays for as long as the answer may be repeated.
func (v *invitation) ended(res *sipgo.Response) {
	v.mu.Lock()
	v.final = true
	if res != nil && res.IsSuccess() {
		v.acks[toTag(res)] = nil
	}
	v.mu.Unlock()
	if res != nil && (res.IsSuccess() || !v.flow.reliable()) {
		linger := time.AfterFunc(64*v.server.cfg.Timers.T1, v.tx.Terminate) // Timers D and M
		v.tx.OnTerminate(func(string, error) { linger.Stop() })
	}
	v.heard(v, res)
}

// again takes a 2xx that comes after the first: the same one gets the same ACK, another is new. (TX-3, UA-2)
func (v *invitation) again(res *sipgo.Response) {
	tag := toTag(res)
	v.mu.Lock()
	ack, known := v.acks[tag]
	if !known {
		if known = len(v.acks) >= forkedAnswers; !known {
			v.acks[tag] = nil
		}
	}
	v.mu.Unlock()
	switch {
	case ack != nil:
		_ = v.flow.WriteMsg(ack)
	case !known:
		v.heard(v, res)
	}
}

// acknowledge sends the ACK of the 2xx with the To-tag tag, now and as often as that 2xx comes. RFC 3261, 13.2.2.4
func (v *invitation) acknowledge(tag string, ack *sipgo.Request) {
	v.server.addVia(ack, v.flow)
	v.mu.Lock()
	v.acks[tag] = ack
	v.mu.Unlock()
	_ = v.flow.WriteMsg(ack)
}

// alive tells whether there was any answer.
func (v *invitation) alive() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.progress || v.final
}

// cancel sends CANCEL, once, and not before a provisional answer has come. reason may be nil. RFC 3261, 9.1 (TX-6)
func (v *invitation) cancel(reason sipgo.Header) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stopped || v.final {
		return
	}
	v.stopped, v.reason = true, reason
	close(v.stop)
	if v.progress {
		v.sendCancel()
	}
}

// sendCancel needs v.mu.
func (v *invitation) sendCancel() {
	req := sipgo.NewRequest(sipgo.CANCEL, *v.req.Recipient.Clone())
	req.AppendHeader(sipgo.HeaderClone(v.req.Via()))
	forwards := sipgo.MaxForwardsHeader(70)
	req.AppendHeader(&forwards)
	sipgo.CopyHeaders("Route", v.req, req)
	req.AppendHeader(sipgo.HeaderClone(v.req.From()))
	req.AppendHeader(sipgo.HeaderClone(v.req.To()))
	req.AppendHeader(v.req.CallID())
	req.AppendHeader(&sipgo.CSeqHeader{SeqNo: v.req.CSeq().SeqNo, MethodName: sipgo.CANCEL})
	if v.reason != nil {
		req.AppendHeader(v.reason)
	}
	req.SetBody(nil)
	req.SetTransport(v.flow.network())
	go v.server.finalOf(v.flow, req)
}

// finalOf sends req, which has its Via, on f and waits for its final answer; nil when there is none.
func (s *Server) finalOf(f *flow, req *sipgo.Request) *sipgo.Response {
	tx, err := s.startClient(f, req)
	if err != nil {
		return nil
	}
	limit := time.NewTimer(s.answerWait(req))
	defer limit.Stop()
	defer tx.Terminate()
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res
			}
		case <-tx.Done():
			return nil
		case <-limit.C:
			return nil
		}
	}
}

func toTag(res *sipgo.Response) string {
	if res.To() == nil {
		return ""
	}
	tag, _ := res.To().Params.Get("tag")
	return tag
}
