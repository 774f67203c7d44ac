package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"trivox/cmd/trivox/internal/jsonfile"
	"trivox/cmd/trivox/internal/phone"
	"trivox/cmd/trivox/internal/usage"
	"trivox/media"
)

const rest = 200 * time.Millisecond // for the last packets to be read

// Exit codes of Run.
const (
	exitOK     = 0
	exitFailed = 1 // calls failed, were ended by the server, or got no sound
	exitUsage  = 2
)

// Run makes the calls, measures, hangs up and prints the report to stdout;
// progress goes to stderr. It returns the exit code: 0, 1 when a call failed,
// was ended by the server or received nothing, 2 when it could not begin.
// When ctx ends, it hangs up and reports what there is.
func (o Options) Run(ctx context.Context, stdout, stderr io.Writer) int {
	p, err := o.check()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	if !p.local.IsValid() {
		if p.local, err = phone.Source(ctx, p.target.uri(1, p.Conferences)); err != nil {
			fmt.Fprintln(stderr, err)
			return exitUsage
		}
	}
	config := phone.Config{
		Local: netip.AddrPortFrom(p.local, 0), Transport: p.Transport, User: p.User, UserAgent: "trivox-load",
		Log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	if err := p.Access.Apply(&config); err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	agent, err := phone.Open(config)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	defer agent.Close()
	r, err := run(ctx, p, dialPhone(agent), stderr)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	r.print(stdout)
	if err := jsonfile.Write(p.JSON, r, stdout); err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	if !r.good() {
		return exitFailed
	}
	return exitOK
}

// run is Run without SIP of its own.
func run(ctx context.Context, p plan, dial dialer, progress io.Writer) (*report, error) {
	t := &test{plan: p, progress: progress}
	if err := t.prepare(); err != nil {
		return nil, errors.Join(err, t.close())
	}
	dialCtx, stop := context.WithCancel(ctx)
	defer stop()
	dialled := make(chan struct{})
	go func() {
		dialAll(dialCtx, p, dial, t.callers, t.engines)
		close(dialled)
	}()
	t.watch(ctx, dialled, 0)
	<-dialled
	if t.count(); t.alive > 0 { // else there is nothing to measure
		t.watch(ctx, nil, t.settle)
		if err := t.measure(ctx); err != nil {
			t.setWindow(window{})
			hangUpAll(context.WithoutCancel(ctx), t.callers)
			return nil, errors.Join(err, t.close())
		}
	}
	t.watch(context.WithoutCancel(ctx), nil, rest)
	for _, c := range t.callers {
		if c.err == nil && c.gone() {
			t.dropped++
		}
	}
	t.unanswered = hangUpAll(context.WithoutCancel(ctx), t.callers)
	if err := t.close(); err != nil {
		return nil, err
	}
	return t.report()
}

// test is one run.
type test struct {
	plan
	progress io.Writer
	sounds   sounds
	rtcp     *media.Socket
	callers  []*caller
	engines  []*engine

	window        window
	before        usage.Usage   // of the server, without calls
	elapsed       time.Duration // over which CPU was read
	cpu, own      time.Duration // of the server and of this process, used in it
	rss           int64         // of the server, in the end
	dropped       int           // calls ended by the server
	unanswered    int           // BYEs
	began, shown  time.Time
	lastReceived  uint64
	droppedSoFar  int
	failed, alive int
}

// prepare opens everything before the first call.
func (t *test) prepare() error {
	var err error
	if t.sounds, err = makeSounds(t.plan); err != nil {
		return err
	}
	if t.ServerPID != 0 {
		if t.before, err = usage.Of("/proc", t.ServerPID); err != nil {
			return fmt.Errorf("load: --server-pid: %w", err)
		}
	}
	if t.rtcp, err = media.OpenSocket(netip.AddrPortFrom(t.local, 0), 0); err != nil {
		return err
	}
	for n := range t.Legs {
		c, err := newCaller(t.plan, n, t.sounds, t.local, t.rtcp.Local().Port())
		if err != nil {
			return err
		}
		t.callers = append(t.callers, c)
	}
	for range t.Threads {
		e, err := newEngine(t.Legs)
		if err != nil {
			return err
		}
		go e.run()
		t.engines = append(t.engines, e)
	}
	t.began = time.Now()
	return nil
}

// close ends the threads; every socket is closed after.
func (t *test) close() error {
	var errs []error
	for _, e := range t.engines {
		errs = append(errs, e.finish())
	}
	for _, c := range t.callers {
		c.leg.socket.Close() // again for those the engines had: does nothing
	}
	if t.rtcp != nil {
		t.rtcp.Close()
	}
	return errors.Join(errs...)
}

// measure sets the window and waits for its end. The CPU is read at both ends;
// what it cost is divided by the time between the readings.
func (t *test) measure(ctx context.Context) error {
	from := media.Now() + 2*slot
	t.setWindow(window{from: from, to: from + time.Duration(t.Seconds)*time.Second, keep: t.keep()})
	begin, mine, err := t.usages()
	if err != nil {
		return err
	}
	start := media.Now()
	t.watch(ctx, nil, t.window.to-start)
	end, after, err := t.usages()
	t.elapsed = media.Now() - start
	if early := media.Now(); early < t.window.to {
		t.setWindow(window{from: from, to: max(early, from)})
	}
	t.cpu, t.rss, t.own = end.CPU-begin.CPU, end.RSS, after.CPU-mine.CPU
	return err
}

func (t *test) setWindow(w window) {
	t.window = w
	for _, e := range t.engines {
		e.measure(w)
	}
}

// usages reads what the server, if it is known, and this process have used.
func (t *test) usages() (server, mine usage.Usage, err error) {
	if t.ServerPID != 0 {
		if server, err = usage.Of("/proc", t.ServerPID); err != nil {
			return server, mine, fmt.Errorf("load: --server-pid: %w", err)
		}
	}
	mine, err = usage.Of("/proc", os.Getpid())
	return server, mine, err
}
