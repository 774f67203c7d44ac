package sip

import sipgo "github.com/emiago/sipgo/sip"

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
	ack.CSeq().SeqNo = invite.CSeq().SeqNo
	ack.SetBody(nil)
	return ack
}
