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
	"trivox/cmd/trivox/internal/traffic"
)

// callCommand is `trivox call`.
type callCommand struct{ call.Options }

// Run calls, and exits with what became of it.
func (c *callCommand) Run() error { return exit(c.Options.Run) }

// loadCommand is `trivox load`.
type loadCommand struct {
	Calls    callsCommand    `cmd:"" default:"withargs" help:"Callers with sound, and what they heard. What is meant when nothing is said."`
	Register registerCommand `cmd:"" help:"REGISTERs of many users: how many a second, and how long they take."`
	Signal   signalCommand   `cmd:"" help:"Calls without sound: how many a second, and how long INVITE and BYE take."`
}

// The kinds of load.
type (
	callsCommand    struct{ load.Options }
	registerCommand struct{ traffic.Register }
	signalCommand   struct{ traffic.Signal }
)

// Run makes the calls, and exits with what became of them.
func (l *callsCommand) Run() error { return exit(l.Options.Run) }

// Run registers, and exits with what became of it.
func (r *registerCommand) Run() error { return exit(r.Register.Run) }

// Run makes calls without sound, and exits with what became of them.
func (s *signalCommand) Run() error { return exit(s.Signal.Run) }

// exit runs a client until it is done or interrupted, and ends the process with its code.
func exit(run func(ctx context.Context, stdout, stderr io.Writer) int) error {
	phone.Quiet()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
	return nil
}
