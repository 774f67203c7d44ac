package sip

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// newRequest makes a request inside the dialog, without Via and body. RFC 3261, 12.2.1.1
func (d *dialog) newRequest(method sipgo.RequestMethod) *sipgo.Request {
	if method != sipgo.ACK {
		d.localSeq++
	}
	target, routes := d.target, d.routes
	if len(routes) > 0 && !routes[0].UriParams.Has("lr") { // strict router
		routes = append(append([]sipgo.Uri{}, routes[1:]...), target)
		target = d.routes[0]
	}
	req := sipgo.NewRequest(method, *target.Clone())
	from := &sipgo.FromHeader{Address: d.localURI}
	from.Params.Add("tag", d.id.local)
	to := &sipgo.ToHeader{Address: d.remoteURI}
	if d.id.remote != "" { // RFC 2543 peers have none
		to.Params.Add("tag", d.id.remote)
	}
	callID, forwards := sipgo.CallIDHeader(d.id.callID), sipgo.MaxForwardsHeader(70)
	req.AppendHeader(&forwards)
	for _, r := range routes {
		req.AppendHeader(&sipgo.RouteHeader{Address: r})
	}
	req.AppendHeader(from)
	req.AppendHeader(to)
	req.AppendHeader(&callID)
	req.AppendHeader(&sipgo.CSeqHeader{SeqNo: d.localSeq, MethodName: method})
	req.AppendHeader(sipgo.NewHeader("User-Agent", d.server.cfg.Product))
	return req
}

// nextWay is the way for a request of ours: flows to try in order, and a URI to open one for.
type nextWay struct {
	flow  *flow     // of the peer's last request
	uri   sipgo.Uri // first route, or the remote target
	loose bool      // the Request-URI is the remote target
	nat   bool      // the URI is of the peer's own network: answer to where it called from
}

// way decides the way: over TCP the same connection, over UDP the route or Contact, unless
// that is a private address which the peer did not come from (Q28).
func (d *dialog) way() nextWay {
	h := nextWay{flow: d.flow, uri: d.target, loose: true}
	if len(d.routes) > 0 {
		h.uri, h.loose = d.routes[0], d.routes[0].UriParams.Has("lr")
		return h
	}
	ip, err := netip.ParseAddr(strings.Trim(h.uri.Host, "[]"))
	if err != nil {
		h.nat = strings.HasSuffix(strings.ToLower(h.uri.Host), ".invalid")
		return h
	}
	ip = ip.Unmap()
	h.nat = ip != d.flow.source.Addr() &&
		(ip.IsPrivate() || ip.IsLoopback() || ip.IsUnspecified() || ip.IsLinkLocalUnicast())
	return h
}

// open gives the flow to send by; it may ask DNS and connect.
func (h nextWay) open(ctx context.Context) (*flow, error) {
	back := *h.flow
	back.remote = back.source
	if h.nat || h.flow.reliable() {
		return &back, nil
	}
	remote, err := resolve(ctx, h.uri)
	if err != nil {
		return &back, nil // better where it came from than nowhere
	}
	if t, _ := h.uri.UriParams.Get("transport"); strings.EqualFold(t, "tcp") {
		return h.flow.listener.dial(ctx, remote)
	}
	back.remote = remote
	return &back, nil
}

// reopen gives a new connection when the old one is closed.
func (h nextWay) reopen(ctx context.Context) (*flow, error) {
	remote, err := resolve(ctx, h.uri)
	if err != nil {
		return nil, err
	}
	return h.flow.listener.dial(ctx, remote)
}

func resolve(ctx context.Context, uri sipgo.Uri) (netip.AddrPort, error) {
	port := uint16(5060)
	if uri.Port > 0 && uri.Port < 65536 {
		port = uint16(uri.Port)
	}
	host := strings.Trim(uri.Host, "[]")
	if ip, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(ip.Unmap(), port), nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(ips[0].Unmap(), port), nil
}

// send transmits a request and posts done with its final response, or nil when none came. It
// does not block the queue.
func (d *dialog) send(req *sipgo.Request, done func(*sipgo.Response)) {
	h, ack := d.way(), d.ackFor(req)
	go func() {
		res := d.server.transact(h, req, ack)
		d.post(func() { done(res) })
	}()
}

// ackFor makes the ACK that a 2xx to our INVITE gets, each time it comes. RFC 3261, 13.2.2.4 (TX-3)
func (d *dialog) ackFor(invite *sipgo.Request) *sipgo.Request {
	if invite.Method != sipgo.INVITE {
		return nil
	}
	ack := d.newRequest(sipgo.ACK)
	ack.SetBody(nil)
	return ack
}

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
	f, err := h.open(s.ctx)
	if err != nil {
		return nil
	}
	tx, err := s.openClient(f, req)
	if err != nil && f.reliable() {
		if f, err = h.reopen(s.ctx); err == nil {
			tx, err = s.openClient(f, req)
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
	key, err := sipgo.ClientTxKeyMake(req)
	if err != nil {
		return nil, err
	}
	tx := sipgo.NewClientTx(key, req, f, s.log)
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
	if f.reliable() && f.listener.accepts != nil { // a connection we opened has another port
		local = netip.AddrPortFrom(local.Addr(), f.listener.local.Port())
	}
	if s.cfg.Advertise != nil {
		if a := s.cfg.Advertise(local.Addr()); a.IsValid() {
			return netip.AddrPortFrom(a, local.Port())
		}
	}
	return local
}
