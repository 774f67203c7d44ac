package sip

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// mergeID identifies a request without To-tag, whatever way it came. RFC 3261, 8.2.2.2 (TX-5)
type mergeID struct {
	callID, fromTag string
	seq             uint32
	method          sipgo.RequestMethod
}

// serverTx is a server transaction until its end is certain; then a finished takes its place. An
// INVITE has sipgo's state machine for 100 and for the repetition of refusals. Other requests
// need none, since they get one response, at once.
type serverTx struct {
	server  *Server
	req     *sipgo.Request
	flow    *flow
	key     string
	merge   mergeID         // zero: has a To-tag
	tag     string          // ours for the To header
	machine *sipgo.ServerTx // INVITE only
	came    time.Time
	caller  Identity // INVITE outside a dialog: who sends it

	backlog atomic.Pointer[backlog] // what it waits in until it is handled
	arrived time.Time               // on its socket, where it has a backlog

	// final is the code of the final response, 0 while there is none. Who sets it may send: so
	// CANCEL, answer and hang-up cannot both win. RFC 3261, 9.2 (TX-7)
	final     atomic.Int32
	ctx       context.Context // INVITE: ends when the work on it is pointless
	cancel    context.CancelCauseFunc
	cancelled atomic.Pointer[cancellation] // INVITE: what the first CANCEL says, before final is 487
	repeats   int                          // guarded by the server's mu
	sending   sync.Mutex                   // INVITE: no provisional response goes to the machine after a final one
}

// cancellation is what a CANCEL says about its reason.
type cancellation struct {
	text   string // for a person
	reason string // the first Reason header as it came, or ""
}

// cancelCause is why an INVITE that got its final response before the answer ended.
func (tx *serverTx) cancelCause() Cause {
	c := Cause{Code: 487, Text: "cancelled by the caller", ByPeer: true}
	if why := tx.cancelled.Load(); why != nil && why.text != "" {
		c.Text = why.text
	}
	return c
}

// open makes the transaction of a new request. It returns nil when the request is a
// retransmission, which then has been dealt with.
func (s *Server) open(req *sipgo.Request, f *flow, key string) *serverTx {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.count.closing.Add(1)
		return nil
	}
	if old, ok := s.servers[key]; ok {
		s.mu.Unlock()
		if old.machine != nil && !old.blocks(f) {
			_ = old.machine.Receive(req)
		}
		return nil
	}
	if done, ok := s.finished[key]; ok {
		s.mu.Unlock()
		done.repeat()
		return nil
	}
	if len(s.servers) >= s.cfg.Limits.Open && !req.To().Params.Has("tag") {
		s.mu.Unlock()
		s.count.limited.Add(1)
		s.stateless(req, f, 503, "too many requests are open")
		return nil
	}
	tx := &serverTx{server: s, req: req, flow: f, key: key, came: time.Now()}
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
		tx.machine = sipgo.NewServerTx(key, req, f, s.machines)
		_ = tx.machine.Init() // starts the timer of 100 and cannot fail
		tx.machine.OnTerminate(func(string, error) { s.forget(tx) })
	}
	s.servers[key] = tx
	s.mu.Unlock()
	return tx
}

// blocks says that whoever reads the socket of f must not wait for the machine of tx: what it writes goes to a connection,
// whose peer may not read, and f is a socket that all have in common. A stranger could else open a transaction by TCP and
// repeat it by UDP, and nobody would be heard meanwhile.
func (tx *serverTx) blocks(f *flow) bool { return tx.flow.reliable() && !f.reliable() }

// forget is the end of a transaction that nothing has to be remembered of: a refused INVITE whose
// ACK never came.
func (s *Server) forget(tx *serverTx) {
	s.mu.Lock()
	if s.servers[tx.key] == tx {
		delete(s.servers, tx.key)
		s.unmerge(tx.merge, tx.key)
	}
	s.mu.Unlock()
	tx.cancel(nil)
}

// unmerge needs s.mu.
func (s *Server) unmerge(id mergeID, key string) {
	if id != (mergeID{}) && s.merged[id] == key {
		delete(s.merged, id)
	}
}

// repeatsMost is how often a request may come again without being counted as a new one: UDP repeats one ten times in
// 64*T1 (RFC 3261, 17.1.2.2), and a network may double that.
const repeatsMost = 32

// isRepeated says that a request has a transaction already, and does not come so often that it is a flood.
func (s *Server) isRepeated(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var n *int
	if tx, done := s.servers[key], s.finished[key]; tx != nil {
		n = &tx.repeats
	} else if done != nil {
		n = &done.repeats
	} else {
		return false
	}
	*n++
	return *n <= repeatsMost
}

func (s *Server) serverTx(key string) (*serverTx, *finished) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.servers[key], s.finished[key]
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

// beforeTrying is how long the machine of an INVITE has certainly not said 100, which it does after 200 ms: the peer still
// repeats the INVITE. RFC 3261, 17.2.1
const beforeTrying = 100 * time.Millisecond

// respond sends a final response. It reports false when another one has been decided on before. A challenge to an
// INVITE is repeated only to who repeats the INVITE, and waits for no ACK, so that who writes somebody else's address on a
// datagram gets him one answer, and fills no table of what is open. RFC 3261, 26.3.2.4
func (tx *serverTx) respond(res *sipgo.Response) bool {
	if !tx.decide(res.StatusCode) {
		return false
	}
	tx.server.count.responses.add(res.StatusCode)
	var err error
	switch {
	case tx.machine == nil || res.StatusCode == 401 && time.Since(tx.came) < beforeTrying:
		var b bytes.Buffer
		res.StringWrite(&b)
		tx.finish(b.Bytes())
		err = tx.flow.write(b.Bytes())
	case res.StatusCode < 300: // the repetition of a 2xx is the dialog's, not the machine's (TX-2)
		tx.finish(nil)
		err = tx.flow.WriteMsg(res)
	default:
		tx.sending.Lock()
		err = tx.machine.Respond(res)
		tx.sending.Unlock()
	}
	if err != nil {
		tx.server.log.Debug("sip: response not sent", "code", res.StatusCode, "call", tx.req.CallID().Value(), "error", err)
	}
	return true
}

// provisional sends a 1xx other than 100, unless the final response is decided on. The machine repeats it to who repeats the
// INVITE.
func (tx *serverTx) provisional(res *sipgo.Response) {
	tx.sending.Lock()
	defer tx.sending.Unlock()
	if tx.final.Load() == 0 {
		_ = tx.machine.Respond(res)
	}
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
	s.stopSweeping()
	s.mu.Unlock()
	for _, tx := range servers {
		if tx.machine != nil {
			tx.machine.Terminate()
		}
	}
	for _, tx := range clients {
		tx.Terminate()
	}
}
