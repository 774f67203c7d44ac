package sip

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// inviteWait bounds the wait for the final response of our re-INVITE. RFC 3261, 16.6 (Timer C)
const inviteWait = 3 * time.Minute

// answerWait is how long to wait for the final response to req. RFC 3261, 17.1.2.2 (Timer F)
func (s *Server) answerWait(req *sipgo.Request) time.Duration {
	if req.Method == sipgo.INVITE {
		return inviteWait
	}
	return 64 * s.cfg.Timers.T1
}

// transact sends req by the next hop and waits for its final response; nil when there is none.
func (s *Server) transact(h nextWay, req, ack *sipgo.Request) *sipgo.Response {
	var tx *sipgo.ClientTx
	f, err := h.open(s.ctx)
	if err == nil {
		f = s.bySize(f, req, h.nat)
		tx, err = s.openClient(f, req)
		if err != nil && f.reliable() {
			if f, err = h.reopen(s.ctx); err == nil {
				tx, err = s.openClient(f, req)
			}
		}
	}
	if err != nil {
		s.log.Info("sip: request not sent", "method", req.Method, "to", req.Recipient.String(), "call", req.CallID().Value(), "error", err)
		return nil
	}
	var acked atomic.Bool
	if ack != nil {
		s.addVia(ack, f)
		tx.OnRetransmission(func(*sipgo.Response) {
			if acked.Load() {
				_ = f.WriteMsg(ack)
			}
		})
	}
	limit := time.NewTimer(s.answerWait(req))
	defer limit.Stop()
	for {
		select {
		case res := <-tx.Responses():
			switch {
			case res.IsProvisional():
				continue
			case ack != nil && res.IsSuccess():
				if c := res.Contact(); c != nil && c.Address.Host != "" && h.loose {
					ack.Recipient = *c.Address.Clone() // a 2xx refreshes the target
				}
				acked.Store(true)
				_ = f.WriteMsg(ack)
			case ack == nil:
				tx.Terminate()
			}
			return res
		case <-tx.Done():
			return nil
		case <-limit.C:
			tx.Terminate()
			return nil
		}
	}
}

// openClient starts a client transaction on f.
func (s *Server) openClient(f *flow, req *sipgo.Request) (*sipgo.ClientTx, error) {
	req.RemoveHeader("Via")
	s.addVia(req, f)
	return s.startClient(f, req)
}

// startClient does the same for a request that has its Via.
func (s *Server) startClient(f *flow, req *sipgo.Request) (*sipgo.ClientTx, error) {
	key, err := sipgo.ClientTxKeyMake(req)
	if err != nil {
		return nil, err
	}
	tx := sipgo.NewClientTx(key, req, f, s.machines)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, net.ErrClosed
	}
	s.clients[key] = tx
	s.mu.Unlock()
	tx.OnTerminate(func(string, error) {
		s.mu.Lock()
		delete(s.clients, key)
		s.mu.Unlock()
	})
	if err := tx.Init(); err != nil {
		tx.Terminate()
		return nil, err
	}
	return tx, nil
}

// addVia puts our Via on top. RFC 3261, 18.1.1; RFC 3581, 3
func (s *Server) addVia(req *sipgo.Request, f *flow) {
	local := s.reachable(f)
	via := &sipgo.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: f.network(),
		Host: local.Addr().String(), Port: int(local.Port()),
	}
	via.Params.Add("branch", sipgo.GenerateBranch())
	if !f.reliable() {
		via.Params.Add("rport", "")
	}
	req.PrependHeader(via)
	req.SetTransport(f.network())
}

// reachable is the address of ours that the peer at the other end of f can reach.
func (s *Server) reachable(f *flow) netip.AddrPort {
	local := f.local()
	if f.reliable() && f.listener.network == f.network() { // a connection we opened has another port
		local = netip.AddrPortFrom(local.Addr(), f.listener.local.Port())
	}
	if s.cfg.Advertise != nil {
		if a := s.cfg.Advertise(local.Addr()); a.IsValid() {
			return netip.AddrPortFrom(a, local.Port())
		}
	}
	return local
}
