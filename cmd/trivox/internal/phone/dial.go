package phone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// allow lists what handle answers.
const allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE"

const sdpType = "application/sdp"

// Call is what Dial needs to know.
type Call struct {
	URI    string // sip:room@host
	Offer  []byte // SDP
	Events Events
}

// Dial calls and waits for the answer. The error is a *Failure when the peer
// refused, else it says what was in the way. When ctx ends first the call is
// cancelled, or ended should the answer cross the CANCEL; Dial does not wait
// for that, Close does.
func (a *Agent) Dial(ctx context.Context, call Call) (*Dialog, error) {
	uri, err := parseTarget(call.URI)
	if err != nil {
		return nil, err
	}
	if uri.Scheme == "sips" && a.cfg.Transport != "tls" {
		return nil, fmt.Errorf("phone: URI %q: sips goes by tls, not by %s", call.URI, a.cfg.Transport)
	}
	d := &Dialog{
		agent: a, events: call.Events,
		callID: sip.GenerateTagN(20) + fmt.Sprintf("-%d@%s", a.seq.Add(1), a.addr.Addr()), tag: sip.GenerateTagN(12),
		remote: uri, target: uri, inviting: true, done: make(chan struct{}),
	}
	d.remote.UriParams, d.remote.Headers = nil, nil
	a.add(d)
	var proof sip.Header
	for tries := 0; ; tries++ {
		req := d.build(sip.INVITE, sdpType, call.Offer)
		req.AppendHeader(sip.NewHeader("Accept", sdpType))
		if proof != nil {
			req.AppendHeader(proof)
		}
		res, err := d.invite(ctx, req)
		if err != nil {
			return nil, err
		}
		if proof = a.prove(req, res, tries); proof == nil {
			return d.conclude(req, res)
		}
	}
}

// ErrGivenUp says that a call was given up by its context. It is being cancelled: see Agent.Settle.
var ErrGivenUp = errors.New("given up before an answer")

// invite sends the first INVITE of a call and waits for its final answer.
func (d *Dialog) invite(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	a := d.agent
	tx, err := a.client.TransactionRequest(ctx, req)
	if err != nil {
		d.end(End{})
		return nil, fmt.Errorf("phone: cannot reach %s by %s: %w", req.Recipient.String(), a.cfg.Transport, err)
	}
	tx.OnRetransmission(func(*sip.Response) { d.ackAgain() })
	rang := false
	for {
		select {
		case res := <-tx.Responses():
			if res.IsProvisional() {
				rang = true
				continue
			}
			return res, nil
		case <-tx.Done():
			d.end(End{})
			return nil, silent(req, a.cfg.Transport, tx.Err())
		case <-ctx.Done():
			a.later(func() { d.abandon(req, tx, rang) })
			if rang || errors.Is(ctx.Err(), context.Canceled) {
				return nil, fmt.Errorf("phone: INVITE %s: %w: %w", req.Recipient.String(), ErrGivenUp, ctx.Err())
			}
			return nil, silent(req, a.cfg.Transport, ctx.Err())
		}
	}
}

// silent is the error when no answer came.
func silent(req *sip.Request, transport string, err error) error {
	return fmt.Errorf("phone: %s %s: no answer from %s by %s; is a server listening there? (%w)",
		req.Method, req.Recipient.String(), req.Destination(), transport, err)
}

// conclude takes the final answer to the first INVITE.
func (d *Dialog) conclude(req *sip.Request, res *sip.Response) (*Dialog, error) {
	if !res.IsSuccess() {
		d.end(End{ByPeer: true, Code: res.StatusCode, Text: res.Reason})
		return nil, failure(req, res)
	}
	d.establish(res)
	var refused error
	if d.events.Dialled != nil {
		refused = d.events.Dialled(res.Body())
	}
	d.setInviting(false)
	if err := d.ack(req); err != nil {
		d.end(End{})
		return nil, errors.Join(refused, err)
	}
	if refused != nil {
		d.agent.later(func() {
			ctx, cancel := context.WithTimeout(d.agent.quit, byeTime)
			defer cancel()
			_ = d.Bye(ctx, "no use for the answer")
		})
		return nil, fmt.Errorf("phone: answer of %s: %w", req.Recipient.String(), refused)
	}
	return d, nil
}

// byeTime bounds a BYE that nobody waits for.
const byeTime = 4 * time.Second

// establish makes the dialog of a 2xx (RFC 3261, 12.1.2).
func (d *Dialog) establish(res *sip.Response) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if to := res.To(); to != nil {
		d.peerTag, _ = to.Params.Get("tag")
	}
	if c := res.Contact(); c != nil {
		d.target = c.Address
	}
	routes := res.GetHeaders("Record-Route")
	for i := len(routes) - 1; i >= 0; i-- {
		d.route = append(d.route, routes[i].Value())
	}
	d.answer = res.Body()
}

// ack sends the ACK of a 2xx to invite (RFC 3261, 13.2.2.4) and keeps it for
// the 2xx that are repeated.
func (d *Dialog) ack(invite *sip.Request) error {
	d.mu.Lock()
	req := d.buildAs(sip.ACK, invite.CSeq().SeqNo)
	sip.CopyHeaders("Authorization", invite, req) // RFC 3261, 22.1
	sip.CopyHeaders("Proxy-Authorization", invite, req)
	req.SetBody(nil)
	err := sipgo.ClientRequestAddVia(d.agent.client, req) // one branch for all repeats
	d.lastAck = req
	copied := req.Clone()
	d.mu.Unlock()
	if err == nil {
		err = d.agent.client.WriteRequest(copied)
	}
	if err != nil {
		return fmt.Errorf("phone: ACK %s: %w", req.Recipient.String(), err)
	}
	return nil
}

// ackAgain answers a repeated 2xx. What cannot be sent now will be asked for
// again.
func (d *Dialog) ackAgain() {
	d.mu.Lock()
	var req *sip.Request
	if d.lastAck != nil {
		req = d.lastAck.Clone()
	}
	d.mu.Unlock()
	if req != nil {
		_ = d.agent.client.WriteRequest(req)
	}
}

// abandon cancels an INVITE nobody waits for any more (RFC 3261, 9.1): CANCEL
// goes out only after a provisional answer, and an answer that crosses it is
// acknowledged and ended.
func (d *Dialog) abandon(invite *sip.Request, tx sip.ClientTransaction, rang bool) {
	ctx, cancel := context.WithTimeout(d.agent.quit, 64*sip.T1)
	defer cancel()
	defer d.end(End{Text: "given up"})
	defer tx.Terminate()
	if rang {
		d.sendCancel(ctx, invite)
	}
	for {
		select {
		case res := <-tx.Responses():
			switch {
			case res.IsProvisional() && !rang:
				rang = true
				d.sendCancel(ctx, invite)
			case res.IsSuccess():
				d.establish(res)
				d.setInviting(false)
				if d.ack(invite) == nil {
					_ = d.Bye(ctx, "given up")
				}
				return
			case !res.IsProvisional():
				return
			}
		case <-tx.Done():
			return
		case <-ctx.Done():
			return
		}
	}
}

func (d *Dialog) sendCancel(ctx context.Context, invite *sip.Request) {
	req := sip.NewRequest(sip.CANCEL, invite.Recipient)
	req.AppendHeader(sip.HeaderClone(invite.Via())) // the same branch
	sip.CopyHeaders("Route", invite, req)
	for _, h := range []sip.Header{invite.From(), invite.To(), invite.CallID(), invite.MaxForwards()} {
		req.AppendHeader(sip.HeaderClone(h))
	}
	req.AppendHeader(&sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sip.CANCEL})
	req.SetTransport(d.agent.network())
	req.SetBody(nil)
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	_, _ = d.agent.client.Do(ctx, req) // the INVITE's own answer decides
}

// Reinvite sends a new offer and returns the answer. A *Failure leaves the
// call as it was, unless the dialog is Done.
func (d *Dialog) Reinvite(ctx context.Context, offer []byte) (answer []byte, err error) {
	d.mu.Lock()
	busy := d.inviting
	d.inviting = true
	d.mu.Unlock()
	if busy {
		return nil, errors.New("phone: re-INVITE: another one is open; try again when it is done")
	}
	defer d.setInviting(false)
	req := d.build(sip.INVITE, sdpType, offer)
	for tries := 0; ; tries++ {
		res, err := d.reinvite(ctx, req)
		if err != nil {
			return nil, err
		}
		if res.IsSuccess() {
			d.refresh(res.Contact())
			return res.Body(), d.ack(req)
		}
		if proof := d.agent.prove(req, res, tries); proof != nil {
			req = d.again(req, proof)
			continue
		}
		return nil, d.failed(req, res)
	}
}

// reinvite sends an INVITE within the call and waits for its final answer.
func (d *Dialog) reinvite(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	tx, err := d.agent.client.TransactionRequest(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("phone: re-INVITE %s: %w", req.Recipient.String(), err)
	}
	tx.OnRetransmission(func(*sip.Response) { d.ackAgain() })
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
		case <-tx.Done():
			return nil, silent(req, d.agent.cfg.Transport, tx.Err())
		case <-d.done:
			tx.Terminate()
			return nil, errors.New("phone: re-INVITE: the call ended")
		case <-ctx.Done():
			tx.Terminate()
			return nil, fmt.Errorf("phone: re-INVITE %s: %w", req.Recipient.String(), ctx.Err())
		}
	}
}

func (d *Dialog) setInviting(on bool) {
	d.mu.Lock()
	d.inviting = on
	d.mu.Unlock()
}

// refresh takes the peer's new Contact (RFC 3261, 12.2).
func (d *Dialog) refresh(c *sip.ContactHeader) {
	if c == nil || c.Address.Host == "" {
		return
	}
	d.mu.Lock()
	d.target = c.Address
	d.mu.Unlock()
}
