package sip

import (
	"context"
	"time"
)

// Refuse answers new calls with 503 and Retry-After from now on. Calls that are up go on: Drain ends
// them.
func (s *Server) Refuse() { s.draining.Store(true) }

// Drain refuses new calls with 503, hangs up every call with BYE, and waits until all have
// answered or ctx ends. Calls that were just answered get until the middle of the time for their
// ACK, since BYE has to wait for it; then BYE goes out without.
func (s *Server) Drain(ctx context.Context) error {
	s.Refuse()
	s.mu.Lock()
	if len(s.dialogs)+s.leaving == 0 {
		s.mu.Unlock()
		return nil
	}
	if s.empty == nil {
		s.empty = make(chan struct{})
	}
	empty := s.empty
	ds := make([]*dialog, 0, len(s.dialogs))
	for _, d := range s.dialogs {
		ds = append(ds, d)
	}
	s.mu.Unlock()
	c := Cause{Code: 503, Text: "the server is shutting down"}
	for _, d := range ds {
		d.hangUp(c)
	}
	half := 64 * s.cfg.Timers.T1
	if until, ok := ctx.Deadline(); ok {
		half = min(half, time.Until(until)/2)
	}
	timer := time.NewTimer(half)
	defer timer.Stop()
	for {
		select {
		case <-empty:
			return nil
		case <-timer.C:
			for _, d := range ds {
				d.post(func() { d.bye(c) })
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *Server) drainRefusal() *Refusal {
	return &Refusal{Code: 503, Warning: "the server is shutting down", RetryAfter: s.cfg.RetryAfter}
}
