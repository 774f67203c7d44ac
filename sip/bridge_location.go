package sip

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// askWait bounds the questions about who is called that OPTIONS asks.
const askWait = 5 * time.Second

// notHere is said of users who do not exist and of those who have no phone registered: who asks does not learn which.
const notHere = "nobody can be reached at this address now"

// target is one way to who is called.
type target struct {
	user string      // of the room that the leg is asked for: the callee's
	aor  sipgo.Uri   // of the To header
	who  Identity    // the callee
	uri  sipgo.Uri   // the Request-URI
	path []sipgo.Uri // of the Route headers (RFC 3327)
	q    int         // preference in thousandths
	ours bool        // a phone of a user of ours
	way  func(ctx context.Context) (*flow, error)
	// servers are the ways to a URI elsewhere, of which way gives the next; nil: there is one way.
	servers *servers
	// secure says that only TLS will do. RFC 3261, 26.2.2
	secure bool
	// bound says that only the flow reaches the phone: a large request stays on it. (TR-2)
	bound bool
	// diversions are those by which the call came to this target, the last one last.
	diversions []diversion
}

// preferences are those of targets, in thousandths.
func preferences(targets []target) []int {
	q := make([]int, len(targets))
	for i := range targets {
		q[i] = targets[i].q
	}
	return q
}

// secureAll has targets called by TLS alone. RFC 3261, 26.2.2 (SE-5)
func secureAll(targets []target) {
	for i := range targets {
		targets[i].secure, targets[i].aor.Scheme = true, "sips"
	}
}

// route tells where a call goes; the zero Route is a room.
func (s *Server) route(ctx context.Context, c Call) (Route, error) {
	if s.cfg.Route == nil {
		return Route{}, nil
	}
	return s.cfg.Route(ctx, c)
}

// targets gives the ways to who is called, best first, or as *Refusal why there are none.
func (s *Server) targets(ctx context.Context, r Route) ([]target, error) {
	if r.Out != "" {
		t, err := s.outside(r.Out)
		return []target{t}, err
	}
	if err := s.userExists(ctx, r); err != nil {
		return nil, err
	}
	bindings, err := s.Bindings(ctx, r.User, r.Domain)
	if err != nil {
		s.log.Error("sip: bindings not read", "user", r.User, "domain", r.Domain, "error", err)
		return nil, &Refusal{Code: 503, Warning: "the registrations cannot be read now", RetryAfter: s.cfg.RetryAfter}
	}
	if len(bindings) > s.cfg.Limits.Branches {
		s.count.limited.Add(1)
		bindings = bindings[:s.cfg.Limits.Branches]
	}
	targets := make([]target, 0, len(bindings))
	for _, b := range bindings {
		if t, ok := s.phone(r, b); ok {
			targets = append(targets, t)
		}
	}
	if len(targets) == 0 {
		return nil, &Refusal{Code: 480, Warning: notHere}
	}
	return targets, nil
}

// userExists gives the *Refusal of a user who is not there or may not be called.
func (s *Server) userExists(ctx context.Context, r Route) error {
	if s.cfg.Directory == nil {
		return nil
	}
	a, err := s.cfg.Directory.Account(ctx, r.User, r.Domain)
	switch {
	case errors.Is(err, ErrNoAccount):
		return &Refusal{Code: 404, Warning: notHere}
	case err != nil:
		s.log.Error("sip: account not read", "user", r.User, "domain", r.Domain, "error", err)
		return &Refusal{Code: 503, Warning: "the users cannot be read now", RetryAfter: s.cfg.RetryAfter}
	case a.Disabled:
		return &Refusal{Code: 480, Warning: notHere}
	}
	return nil
}

// phone makes a target of a binding; false when its Contact is none that can be called.
func (s *Server) phone(r Route, b Binding) (target, bool) {
	t := target{
		user: r.User, q: b.Q, ours: true, bound: true,
		aor: sipgo.Uri{Scheme: "sip", User: escapeUser(r.User), Host: r.Domain},
		who: Identity{User: r.User + "@" + r.Domain},
		way: func(context.Context) (*flow, error) { return s.flowOf(b) },
	}
	t.who.URI = t.aor.String()
	uri, err := callable(b.Contact)
	if err != nil {
		s.log.Warn("sip: Contact of a binding cannot be called", "user", t.who.User, "error", err)
		return target{}, false
	}
	t.uri, t.secure = uri, uri.Scheme == "sips"
	for _, p := range b.Path {
		uri, err := callable(p)
		if err != nil {
			s.log.Warn("sip: Path of a binding cannot be used", "user", t.who.User, "error", err)
			return target{}, false
		}
		t.path = append(t.path, uri)
	}
	return t, true
}

// outside makes a target of a URI elsewhere.
func (s *Server) outside(out string) (target, error) {
	uri, err := callable(out)
	if err != nil {
		return target{}, &Refusal{Code: 500, Warning: err.Error()}
	}
	aor := sipgo.Uri{Scheme: uri.Scheme, User: uri.User, Password: uri.Password, Host: uri.Host, Port: uri.Port}
	e := &servers{server: s, uri: uri}
	return target{
		user: room(&uri), uri: uri, aor: aor, secure: uri.Scheme == "sips", who: Identity{URI: aor.String()}, way: e.next, servers: e,
	}, nil
}

// callable reads a URI that a request may be sent to.
func callable(text string) (sipgo.Uri, error) {
	var uri sipgo.Uri
	if err := sipgo.ParseUri(strings.Trim(text, "<> "), &uri); err != nil {
		return uri, fmt.Errorf("URI %q: %w", text, err)
	}
	if uri.Scheme != "sip" && uri.Scheme != "sips" || uri.Host == "" || uri.Wildcard {
		return uri, fmt.Errorf("URI %q: only sip and sips URIs with a host can be called", text)
	}
	uri.Headers = nil // RFC 3261, 19.1.1: not in a Request-URI
	return uri, nil
}
