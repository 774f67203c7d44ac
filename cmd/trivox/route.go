package main

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"trivox/cmd/trivox/internal/policy"
	"trivox/sip"
)

// retryStorage is when to call again while the database does not answer.
const retryStorage = 10 * time.Second

// route tells where a call goes: to a user of ours, to a room, or elsewhere.
func (p *process) route(ctx context.Context, c sip.Call) (sip.Route, error) {
	past := p.config.Load().Calls.Media == "past"
	switch out, err := p.dialledOut(c); {
	case err != nil:
		return sip.Route{}, err
	case out != "":
		return sip.Route{Out: out, Direct: past}, nil
	}
	domain := p.domain(c.Host)
	if domain == "" {
		return sip.Route{}, nil
	}
	switch _, err := p.storage.Account(ctx, c.User, domain); {
	case err == nil:
		return sip.Route{User: c.User, Domain: domain, Direct: past}, nil
	case errors.Is(err, sip.ErrNoAccount):
		return sip.Route{}, nil // a room
	default:
		p.log.Error("users cannot be looked up", "call", c.CallID, "error", err)
		return sip.Route{}, &sip.Refusal{Code: 503, Warning: "users cannot be looked up now", RetryAfter: retryStorage}
	}
}

// divert tells where a call goes that a phone of c.Caller's sends on, by calls.divert and by what he may call himself: not by
// what his caller may, who else would call out through him. A *sip.Refusal is for the log.
func (p *process) divert(ctx context.Context, c sip.Call) (sip.Route, error) {
	allowed := p.config.Load().Calls.Divert
	if allowed == "off" {
		return sip.Route{}, &sip.Refusal{Code: 403, Rule: "calls.divert", Warning: "phones may not send calls on"}
	}
	r, err := p.route(ctx, c)
	if err == nil && r.Out != "" && allowed != "dial" {
		return sip.Route{}, &sip.Refusal{Code: 403, Rule: "calls.divert", Warning: "phones may send calls on to users only"}
	}
	return r, err
}

// dialledOut gives the URI elsewhere that a call goes to by calls.dial, made anew so that nothing is called but what was
// judged. Empty: the call stays here, for its host is ours, or every host is since no domain is set (DESIGN 10). A host
// that is neither ours nor allowed is a *sip.Refusal, whoever calls.
func (p *process) dialledOut(c sip.Call) (string, error) {
	cfg := p.config.Load()
	target, unfit := policy.ReadTarget(c.URI)
	here := p.ours(c.Host)
	allowed := unfit == nil && slices.ContainsFunc(cfg.Calls.Dial, func(d policy.Dial) bool { return d.Matches(target) })
	switch {
	case here && (unfit != nil || !p.beside(target)):
		return "", nil
	case allowed && (c.Caller.Trusted || c.Caller.User != ""):
		return target.String(), nil
	case here || len(cfg.Domains) == 0:
		return "", nil
	}
	no := &sip.Refusal{Code: 403, Rule: "calls.dial", Warning: "calls to other hosts than this server's are not allowed, or not to this one"}
	if unfit != nil && len(cfg.Calls.Dial) > 0 {
		no.Warning = unfit.Error()
	}
	return "", no
}

// beside tells whether a target is another server at an address of this one: only a port can tell it.
func (p *process) beside(t policy.Target) bool {
	_, err := netip.ParseAddr(t.Host)
	return err == nil && t.Port != 0 && !p.at.listensAt(t.Port)
}
