package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"trivox/cmd/trivox/internal/call"
	"trivox/cmd/trivox/internal/load"
	"trivox/cmd/trivox/internal/phone"
)

// callCommand is `trivox call`.
type callCommand struct{ call.Options }

// Run calls, and exits with what became of it.
func (c *callCommand) Run() error { return exit(c.Options.Run) }

// loadCommand is `trivox load`.
type loadCommand struct{ load.Options }

// Run makes the calls, and exits with what became of them.
func (l *loadCommand) Run() error { return exit(l.Options.Run) }

// exit runs a client until it is done or interrupted, and ends the process with its code.
func exit(run func(ctx context.Context, stdout, stderr io.Writer) int) error {
	phone.Quiet()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
	return nil
}
