package phone

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// Events are what the peer may do during a call. Each is called from a
// goroutine of the SIP stack; a nil one is answered with a refusal, or with
// nothing to do.
type Events struct {
	// Offer makes the answer to the peer's new offer, or an offer when offer is
	// nil (a re-INVITE without SDP). An error is told the peer as 488.
	Offer func(offer []byte) (sdp []byte, err error)
	// Dialled gets the answer of Dial before the ACK goes out, and so before any
	// new offer of the peer. An error ends the call and is Dial's.
	Dialled func(answer []byte) error
	// Answer gets the peer's answer to an offer that Offer made. An error leaves
	// the call as it was.
	Answer func(answer []byte) error
	// Info gets the body of an INFO.
	Info func(contentType string, body []byte)
}

// End says how a call ended.
type End struct {
	ByPeer bool
	Code   int    // cause of the Reason header (RFC 3326), 0 when there was none
	Text   string // its text
}

// Dialog is one call (RFC 3261, 12). Its methods may be called from any
// goroutine.
type Dialog struct {
	agent  *Agent
	events Events
	callID string
	tag    string  // ours
	remote sip.Uri // the URI dialled, in To
	answer []byte

	mu        sync.Mutex
	peerTag   string
	target    sip.Uri // the peer's Contact
	route     []string
	cseq      uint32 // last we sent
	peerCSeq  uint32 // last the peer sent
	inviting  bool   // an INVITE of ours or the peer's is open
	acks      map[uint32]chan []byte
	lastAck   *sip.Request
	ended     bool
	endReason End

	done chan struct{}
}

func (d *Dialog) key() string { return d.callID + " " + d.tag }

// CallID of the dialog.
func (d *Dialog) CallID() string { return d.callID }

// Answer is the SDP of the 2xx.
func (d *Dialog) Answer() []byte { return d.answer }

// Done is closed when the call has ended.
func (d *Dialog) Done() <-chan struct{} { return d.done }

// End says how it ended; zero until Done.
func (d *Dialog) End() End {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.endReason
}

func (d *Dialog) end(e End) {
	d.mu.Lock()
	first := !d.ended
	if first {
		d.ended, d.endReason = true, e
	}
	d.mu.Unlock()
	if first {
		d.agent.remove(d)
		close(d.done)
	}
}

func (d *Dialog) isPeer(tag string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.peerTag != "" && d.peerTag == tag
}

// build makes a request in the dialog, with the next CSeq.
func (d *Dialog) build(method sip.RequestMethod, contentType string, body []byte) *sip.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cseq++
	req := d.buildAs(method, d.cseq)
	if method == sip.INVITE || method == sip.UPDATE {
		req.AppendHeader(d.agent.contact(d.remote.Scheme))
		req.AppendHeader(sip.NewHeader("Allow", allow))
	}
	if body != nil {
		req.AppendHeader(sip.NewHeader("Content-Type", contentType))
	}
	req.SetBody(body)
	return req
}

// buildAs makes a request with a given CSeq; d.mu is held.
func (d *Dialog) buildAs(method sip.RequestMethod, cseq uint32) *sip.Request {
	req := sip.NewRequest(method, *d.target.Clone())
	from := sip.FromHeader{Address: d.agent.identity()}
	from.Params.Add("tag", d.tag)
	to := sip.ToHeader{Address: d.remote}
	if d.peerTag != "" {
		to.Params.Add("tag", d.peerTag)
	}
	callID, hops := sip.CallIDHeader(d.callID), sip.MaxForwardsHeader(70)
	for _, r := range d.route {
		req.AppendHeader(sip.NewHeader("Route", r))
	}
	req.AppendHeader(&from)
	req.AppendHeader(&to)
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: cseq, MethodName: method})
	req.AppendHeader(&hops)
	if d.agent.cfg.UserAgent != "" {
		req.AppendHeader(sip.NewHeader("User-Agent", d.agent.cfg.UserAgent))
	}
	req.SetTransport(d.agent.network())
	return req
}

// do sends a request other than INVITE and waits for its final answer.
func (d *Dialog) do(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	for tries := 0; ; tries++ {
		res, err := d.agent.client.Do(ctx, req)
		if err != nil {
			return nil, fmt.Errorf("phone: %s %s: %w", req.Method, req.Recipient.String(), err)
		}
		if res.IsSuccess() {
			return res, nil
		}
		if proof := d.agent.prove(req, res, tries); proof != nil {
			req = d.again(req, proof)
			continue
		}
		return nil, d.failed(req, res)
	}
}

// again is req once more, with credentials (RFC 3261, 22.2).
func (d *Dialog) again(req *sip.Request, proof sip.Header) *sip.Request {
	next := req.Clone()
	for _, name := range []string{"Via", "Authorization", "Proxy-Authorization", "CSeq"} {
		next.RemoveHeader(name)
	}
	d.mu.Lock()
	d.cseq++
	next.AppendHeader(&sip.CSeqHeader{SeqNo: d.cseq, MethodName: req.Method})
	d.mu.Unlock()
	next.AppendHeader(proof)
	return next
}

// failed is the error of a refused request; that the peer does not know the
// dialog any more ends it (RFC 3261, 12.2.1.2).
func (d *Dialog) failed(req *sip.Request, res *sip.Response) error {
	f := failure(req, res)
	if f.Code == sip.StatusCallTransactionDoesNotExists || f.Code == sip.StatusRequestTimeout {
		d.end(End{ByPeer: true, Code: f.Code, Text: f.Reason})
	}
	return f
}

// Bye ends the call. reason may be empty; else it goes into a Reason header.
// The dialog is done whatever the peer answers; that it had ended already is
// no error.
func (d *Dialog) Bye(ctx context.Context, reason string) error {
	select {
	case <-d.done:
		return nil
	default:
	}
	req := d.build(sip.BYE, "", nil)
	if reason != "" {
		req.AppendHeader(sip.NewHeader("Reason", fmt.Sprintf("SIP;cause=200;text=%q", reason)))
	}
	_, err := d.do(ctx, req)
	d.end(End{Code: 200, Text: reason})
	var f *Failure
	if errors.As(err, &f) && f.Code == sip.StatusCallTransactionDoesNotExists {
		return nil
	}
	return err
}

// Info sends a body, e.g. a digit as application/dtmf-relay.
func (d *Dialog) Info(ctx context.Context, contentType string, body []byte) error {
	_, err := d.do(ctx, d.build(sip.INFO, contentType, body))
	return err
}

// Options asks whether the peer is there.
func (d *Dialog) Options(ctx context.Context) error {
	_, err := d.do(ctx, d.build(sip.OPTIONS, "", nil))
	return err
}
