package main

import (
	"context"
	"errors"
	"time"

	"trivox/sip"
)

// retryStorage is when to call again while the database does not answer.
const retryStorage = 10 * time.Second

// route tells where a call goes: to a user of ours, to a room, or elsewhere.
func (p *process) route(ctx context.Context, c sip.Call) (sip.Route, error) {
	domain := p.domain(c.Host)
	if domain == "" {
		return sip.Route{}, nil
	}
	switch _, err := p.storage.Account(ctx, c.User, domain); {
	case err == nil:
		return sip.Route{User: c.User, Domain: domain, Direct: p.config.Load().Calls.Media == "past"}, nil
	case errors.Is(err, sip.ErrNoAccount):
		return sip.Route{}, nil // a room
	default:
		p.log.Error("users cannot be looked up", "call", c.CallID, "error", err)
		return sip.Route{}, &sip.Refusal{Code: 503, Warning: "users cannot be looked up now", RetryAfter: retryStorage}
	}
}
