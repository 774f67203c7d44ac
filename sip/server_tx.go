package sip

import (
	"context"
	"sync/atomic"

	sipgo "github.com/emiago/sipgo/sip"
)

// mergeID identifies a request without To-tag, whatever way it came. RFC 3261, 8.2.2.2 (TX-5)
type mergeID struct {
	callID, fromTag string
	seq             uint32
	method          sipgo.RequestMethod
}

// serverTx is a server transaction of sipgo's with what the dialog layer has to know of it.
type serverTx struct {
	*sipgo.ServerTx
	server *Server
	req    *sipgo.Request
	flow   *flow
	key    string
	merge  mergeID // zero: has a To-tag
	tag    string  // ours for the To header

	// final is the code of the final response, 0 while there is none. Who sets it may send: so
	// CANCEL, answer and hang-up cannot both win. RFC 3261, 9.2 (TX-7)
	final  atomic.Int32
	cancel context.CancelCauseFunc // INVITE: stops the work on it; set before the transaction is known
	ctx    context.Context
}

// open makes the transaction of a new request. It returns nil when the request is a
// retransmission, which sipgo's state machine has answered.
func (s *Server) open(req *sipgo.Request, f *flow, key string) *serverTx {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	if old, ok := s.servers[key]; ok {
		s.mu.Unlock()
		_ = old.Receive(req)
		return nil
	}
	tx := &serverTx{ServerTx: sipgo.NewServerTx(key, req, f, s.log), server: s, req: req, flow: f, key: key}
	if tag, ok := req.To().Params.Get("tag"); ok {
		tx.tag = tag
	} else {
		tx.tag = newTag()
		from, _ := req.From().Params.Get("tag")
		tx.merge = mergeID{req.CallID().Value(), from, req.CSeq().SeqNo, req.Method}
		if _, ok := s.merged[tx.merge]; !ok {
			s.merged[tx.merge] = key
		}
	}
	if req.Method == sipgo.INVITE {
		tx.ctx, tx.cancel = context.WithCancelCause(s.ctx)
	}
	s.servers[key] = tx
	s.mu.Unlock()
	if err := tx.Init(); err != nil {
		s.forget(tx)
		return nil
	}
	if !tx.OnTerminate(func(string, error) { s.forget(tx) }) {
		s.forget(tx)
	}
	return tx
}

func (s *Server) forget(tx *serverTx) {
	s.mu.Lock()
	delete(s.servers, tx.key)
	if tx.merge != (mergeID{}) && s.merged[tx.merge] == tx.key {
		delete(s.merged, tx.merge)
	}
	s.mu.Unlock()
	if tx.cancel != nil {
		tx.cancel(nil)
	}
}

func (s *Server) serverTx(key string) *serverTx {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.servers[key]
}

// isMerged says that the same request came before by another way.
func (tx *serverTx) isMerged() bool {
	if tx.merge == (mergeID{}) {
		return false
	}
	tx.server.mu.Lock()
	defer tx.server.mu.Unlock()
	key, ok := tx.server.merged[tx.merge]
	return ok && key != tx.key
}

// decide claims the right to send the final response.
func (tx *serverTx) decide(code int) bool { return tx.final.CompareAndSwap(0, int32(code)) }

// respond sends res. It reports false when another final response has been decided on before.
func (tx *serverTx) respond(res *sipgo.Response) bool {
	if res.StatusCode >= 200 && !tx.decide(res.StatusCode) {
		return false
	}
	tx.server.count.responses.Add(1)
	if err := tx.Respond(res); err != nil {
		tx.server.log.Debug("sip: response not sent", "code", res.StatusCode, "call", tx.req.CallID().Value(), "error", err)
	}
	if res.StatusCode >= 200 && tx.flow.reliable() && tx.req.Method != sipgo.INVITE {
		tx.Terminate()
	}
	return true
}

// refuse answers with an error; warning may be empty.
func (tx *serverTx) refuse(code int, warning string, more ...sipgo.Header) bool {
	return tx.refuseWith(&Refusal{Code: code, Warning: warning}, more...)
}

func (tx *serverTx) refuseWith(r *Refusal, more ...sipgo.Header) bool {
	res := tx.server.refusal(tx.req, tx.tag, r)
	for _, h := range more {
		res.AppendHeader(h)
	}
	res.SetBody(nil)
	return tx.respond(res)
}

// terminateAll ends every transaction; for Close.
func (s *Server) terminateAll() {
	s.mu.Lock()
	servers := make([]*serverTx, 0, len(s.servers))
	for _, tx := range s.servers {
		servers = append(servers, tx)
	}
	clients := make([]*sipgo.ClientTx, 0, len(s.clients))
	for _, tx := range s.clients {
		clients = append(clients, tx)
	}
	s.mu.Unlock()
	for _, tx := range servers {
		tx.Terminate()
	}
	for _, tx := range clients {
		tx.Terminate()
	}
}
