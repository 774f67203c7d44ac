package sip

import (
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// options answers OPTIONS outside a dialog as an INVITE would be answered: 200 for a room that
// exists (with isfocus) or would be opened (without), else the refusal. RFC 3261, 11.2; RFC 4579 (UA-6)
func (s *Server) options(tx *serverTx) {
	req := tx.req
	if s.draining.Load() {
		tx.refuseWith(s.drainRefusal())
		return
	}
	if !acceptsSDP(req) {
		if r := s.noRoom(tx); r != nil {
			tx.refuseWith(r)
			return
		}
		tx.refuse(406, "session descriptions here are application/sdp", acceptHeader)
		return
	}
	exists := false
	if req.Recipient.User != "" {
		if r := s.unavailable(); r != nil {
			tx.refuseWith(r)
			return
		}
		var err error
		if exists, err = s.known(tx); err != nil {
			tx.refuseWith(asRefusal(err, 500))
			return
		}
	} // without user it is the server that is asked, as PBXs and trunks do to see whether it lives (Q20, Q23)
	supported := supportedHeader
	if s.registers() {
		supported = supportedAllHeader
	}
	s.ok(tx, s.contact(&req.Recipient, tx.flow, exists), acceptHeader, acceptEncodingHeader, s.allow(req), supported)
}

// optionsInDialog answers OPTIONS inside a dialog; it changes nothing there.
func (d *dialog) optionsInDialog(tx *serverTx) {
	d.server.ok(tx, d.contact, acceptHeader, acceptEncodingHeader, allowHeader, supportedHeader)
}

// contact is the URI of the room at an address that reaches this server. RFC 4579, 5.1; RFC 3840
func (s *Server) contact(room *sipgo.Uri, f *flow, focus bool) *sipgo.ContactHeader {
	local := s.reachable(f)
	c := &sipgo.ContactHeader{Address: sipgo.Uri{
		Scheme: "sip", User: room.User, Password: room.Password,
		Host: local.Addr().String(), Port: int(local.Port()),
	}}
	switch {
	case room.Scheme == "sips": // and no transport, which would say TLS twice. RFC 5630, 3.1.4
		c.Address.Scheme = "sips"
	case f.reliable():
		c.Address.UriParams.Add("transport", strings.ToLower(f.network()))
	}
	if focus {
		c.Params.Add("isfocus", "")
	}
	return c
}
