package sip

import sipgo "github.com/emiago/sipgo/sip"

// dialogID is the identity of a dialog, local what is ours. Of one that we make remote is empty until its 2xx is there.
// RFC 3261, 12
type dialogID struct{ callID, local, remote string }

// record is what has to be known to go on with a dialog: values only, no sockets and no timers.
// RFC 3261, 12.1.1
type record struct {
	id                  dialogID
	localURI, remoteURI sipgo.Uri
	target              sipgo.Uri   // remote target
	routes              []sipgo.Uri // fixed when the dialog is made
	localSeq, remoteSeq uint32
	peerAllow           bool   // the peer's Allow has UPDATE
	localSDP, remoteSDP []byte // the last descriptions that went each way
}

// newDialog takes the record of a dialog from the INVITE. RFC 3261, 12.1.1
func (s *Server) newDialog(tx *serverTx) *dialog {
	req := tx.req
	from, _ := req.From().Params.Get("tag")
	d := &dialog{
		record: record{
			id:        dialogID{req.CallID().Value(), tx.tag, from},
			remoteSeq: req.CSeq().SeqNo,
			localURI:  *req.To().Address.Clone(), remoteURI: *req.From().Address.Clone(),
			target: *req.From().Address.Clone(), // of RFC 2543 peers, who give no Contact
		},
		server: s, inviteTx: tx, stopEntry: tx.cancel, flow: tx.flow,
	}
	d.log = s.log.With("call", d.id.callID)
	d.contact = s.contact(&req.Recipient, tx.flow, true)
	d.openInvite.Store(tx)
	for _, h := range req.GetHeaders("record-route") {
		if rr, ok := h.(*sipgo.RecordRouteHeader); ok {
			d.routes = append(d.routes, *rr.Address.Clone())
		}
	}
	d.retarget(req)
	return d
}

// retarget takes the remote target and what the peer allows from a request. RFC 3261, 12.2.2 (UA-3)
func (r *record) retarget(m interface {
	Contact() *sipgo.ContactHeader
	GetHeaders(string) []sipgo.Header
}) {
	if c := m.Contact(); c != nil && !c.Address.Wildcard && c.Address.Host != "" {
		r.target = *c.Address.Clone()
	}
	if len(m.GetHeaders("allow")) > 0 {
		r.peerAllow = hasOption(m, "allow", "", "UPDATE")
	}
}

// dialogOf finds the dialog that a request belongs to. RFC 3261, 12.2.2
func (s *Server) dialogOf(req *sipgo.Request) *dialog {
	local, _ := req.To().Params.Get("tag")
	remote, _ := req.From().Params.Get("tag")
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.dialogs[dialogID{req.CallID().Value(), local, remote}]; d != nil {
		return d
	}
	if d := s.dialogs[dialogID{req.CallID().Value(), local, ""}]; d != nil && d.callee {
		return d // its 2xx may be on its way to the queue
	}
	return nil
}
