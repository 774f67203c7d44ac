package sip

import (
	"context"
	"log/slog"
)

// quieted lowers to debug what sipgo's machines log. They tell of ordinary things as of errors, such as of a 100 whose
// time came in the moment in which the INVITE was answered; what goes wrong with a call is told by us.
type quieted struct{ slog.Handler }

// Enabled is slog.Handler's.
func (q quieted) Enabled(ctx context.Context, _ slog.Level) bool {
	return q.Handler.Enabled(ctx, slog.LevelDebug)
}

// Handle is slog.Handler's.
func (q quieted) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return q.Handler.Handle(ctx, r)
}

// WithAttrs is slog.Handler's.
func (q quieted) WithAttrs(a []slog.Attr) slog.Handler { return quieted{q.Handler.WithAttrs(a)} }

// WithGroup is slog.Handler's.
func (q quieted) WithGroup(name string) slog.Handler { return quieted{q.Handler.WithGroup(name)} }
