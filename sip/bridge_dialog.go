package sip

import sipgo "github.com/emiago/sipgo/sip"

// establish completes the record of a dialog of ours by its 2xx, and moves it to its place in the table. RFC 3261, 12.1.2
func (d *dialog) establish(res *sipgo.Response) {
	half := d.id
	d.record.complete(res)
	s := d.server
	s.mu.Lock()
	if s.dialogs[half] == d {
		delete(s.dialogs, half)
		s.dialogs[d.id] = d
	}
	s.mu.Unlock()
}

// complete takes what a 2xx says about the dialog. RFC 3261, 12.1.2
func (r *record) complete(res *sipgo.Response) {
	r.id.remote = toTag(res)
	r.routes = nil
	for _, h := range res.GetHeaders("record-route") {
		if rr, ok := h.(*sipgo.RecordRouteHeader); ok {
			r.routes = append([]sipgo.Uri{*rr.Address.Clone()}, r.routes...)
		}
	}
	r.retarget(res)
}

// acknowledge sends the ACK of a 2xx to v. RFC 3261, 13.2.2.4 (TX-3)
func (d *dialog) acknowledge(v *invitation, answer []byte) {
	ack := d.ackFor(v.req)
	if answer != nil {
		ack.AppendHeader(contentSDPHeader)
		ack.SetBody(answer)
	}
	v.acknowledge(d.id.remote, ack)
}

// refuseAnswer gets rid of a 2xx that comes when the call is somebody else's: ACK, then BYE. RFC 3261, 13.2.2.4 (UA-2, TX-6)
func (d *dialog) refuseAnswer(v *invitation, res *sipgo.Response) {
	lost := &dialog{record: d.record, server: d.server, flow: v.flow}
	lost.record.complete(res)
	lost.localSeq = v.req.CSeq().SeqNo
	lost.acknowledge(v, nil)
	bye := lost.newRequest(sipgo.BYE)
	bye.AppendHeader(completedElsewhere)
	bye.SetBody(nil)
	go d.server.transact(lost.way(), bye, nil)
}
