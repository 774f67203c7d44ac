package sip

import (
	"net/netip"

	sipgo "github.com/emiago/sipgo/sip"

	"trivox/sip/limits"
)

// admission is what a source may do before it has proved anything.
type admission struct {
	trusted bool // may call without a password
	users   bool // there are users, who may call with one
}

// allowed says whether a source may call without a password, whatever users there are.
func (s *Server) allowed(source netip.Addr) bool {
	if s.cfg.Allowed == nil {
		return true
	}
	ok, _ := s.cfg.Allowed(source)
	return ok
}

// admission decides whether a request outside dialogs is looked at. With the first user begins deny by default: until then
// loopback may call, and afterwards who is allowed or proves to be a user. DESIGN 10 (USERS 24)
func (s *Server) admission(tx *serverTx) (a admission, d *denial) {
	if s.cfg.Directory != nil {
		ctx, cancel := tx.context()
		defer cancel()
		var err error
		if a.users, err = s.cfg.Directory.Any(ctx); err != nil {
			return a, s.unavailableDirectory(err)
		}
	}
	source := tx.flow.source.Addr()
	if s.allowed(source) || source.IsLoopback() && !a.users {
		a.trusted = true
		return a, nil
	}
	stranger := deny("allow", 403, "this address may not call here")
	if s.cfg.Allowed != nil {
		if _, rule := s.cfg.Allowed(source); rule != "" {
			stranger.rule = rule
		}
	}
	switch {
	case !a.users:
		return a, stranger
	case tx.req.Method == sipgo.OPTIONS && tx.req.Recipient.User != "":
		return a, stranger // what rooms there are is nobody's business; without user part it is a phone's keep-alive
	}
	return a, nil
}

// caller finds out who sends an INVITE, and whether he may.
func (s *Server) caller(tx *serverTx, a admission) (Identity, *denial) {
	if a.trusted {
		return s.identify(tx.req, tx.flow.source.Addr(), "", true), nil
	}
	from := &tx.req.From().Address
	realm := s.domain(from.Host)
	if realm == "" {
		realm = s.domain(tx.req.Recipient.Host)
	}
	if realm == "" {
		return Identity{}, deny("domain", 403, "neither the caller nor who is called is of a domain served here")
	}
	user, d := s.authenticate(tx, realm, s.aorOf(from))
	if d != nil {
		return Identity{}, d
	}
	if d := s.limitedUser(tx, limits.Invite, user); d != nil {
		return Identity{}, d
	}
	if d := s.claims(tx.req, user); d != nil {
		return Identity{}, d
	}
	return s.identify(tx.req, tx.flow.source.Addr(), user, false), nil
}
