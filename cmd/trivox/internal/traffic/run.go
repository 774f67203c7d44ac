package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"trivox/cmd/trivox/internal/jsonfile"
	"trivox/cmd/trivox/internal/usage"
)

// Exit codes of Run.
const (
	exitOK     = 0
	exitFailed = 1 // something failed, or nothing was done
	exitUsage  = 2
)

const (
	step  = time.Millisecond // of the pace
	sweep = 20 * time.Millisecond
	// drainMost bounds the wait for what is under way when no more is begun; what has had no answer then has failed.
	drainMost = 5 * time.Second
)

// Run registers, prints the report to stdout and returns the exit code: 0, 1 when something failed, 2 when it could not
// begin. When ctx ends, it reports what there is.
func (r Register) Run(ctx context.Context, stdout, stderr io.Writer) int {
	t, err := r.check()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	return finish(ctx, "register", r.URI, r.Common, stdout, stderr, func(s *socket, number, of int) (work, error) {
		return newRegistrar(s, r, t, number, of), nil
	})
}

// Run makes calls, as Register.Run registers.
func (s Signal) Run(ctx context.Context, stdout, stderr io.Writer) int {
	t, err := s.check()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	var sink *net.UDPConn // sound goes there and nobody reads it
	defer func() {
		if sink != nil {
			_ = sink.Close()
		}
	}()
	return finish(ctx, "signal", s.URI, s.Common, stdout, stderr, func(on *socket, number, of int) (work, error) {
		if sink == nil {
			at := on.conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr()
			if sink, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0))); err != nil {
				return nil, fmt.Errorf("load: no socket for sound: %w", err)
			}
		}
		return newCaller(on, s, t, sink.LocalAddr().(*net.UDPAddr).AddrPort(), number, of), nil
	})
}

// finish runs and reports.
func finish(ctx context.Context, kind, uri string, c Common, stdout, stderr io.Writer, make func(s *socket, number, of int) (work, error)) int {
	r, err := run(ctx, c, make)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	r.Kind, r.URI = kind, uri
	r.print(stdout)
	if err := jsonfile.Write(c.JSON, r, stdout); err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	if !r.good() {
		return exitFailed
	}
	return exitOK
}

// run opens the sockets, lets them work, and counts.
func run(ctx context.Context, c Common, make func(s *socket, number, of int) (work, error)) (r *report, err error) {
	at, err := net.ResolveUDPAddr("udp", c.Server)
	if err != nil {
		return nil, fmt.Errorf("load: --server %q: %w", c.Server, err)
	}
	local, err := c.local()
	if err != nil {
		return nil, err
	}
	var sockets []*socket
	var reading sync.WaitGroup
	defer func() {
		for _, s := range sockets {
			err = errors.Join(err, s.conn.Close())
		}
		reading.Wait()
	}()
	of := min(c.Sockets, c.Users)
	for number := range of {
		s, err := openSocket(local, netip.AddrPortFrom(at.AddrPort().Addr().Unmap(), at.AddrPort().Port()))
		if err != nil {
			return nil, err
		}
		sockets = append(sockets, s)
		if s.work, err = make(s, number, of); err != nil {
			return nil, err
		}
	}
	for _, s := range sockets {
		reading.Go(s.read)
	}
	before, err := usages(c.ServerPID)
	if err != nil {
		return nil, err
	}
	r = &report{Asked: c.Rate, result: result{Failures: map[string]int{}}}
	began := time.Now()
	pace(ctx, c, sockets, began, &r.own)
	r.Seconds = time.Since(began).Seconds()
	if ctx.Err() != nil {
		for _, s := range sockets {
			s.mu.Lock()
			s.work.stop(time.Now())
			s.mu.Unlock()
		}
	}
	drain(sockets)
	elapsed := time.Since(began)
	after, err := usages(c.ServerPID)
	if err != nil {
		return nil, err
	}
	for _, s := range sockets {
		s.mu.Lock()
		s.giveUp(time.Now())
		r.merge(&s.result)
		s.mu.Unlock()
	}
	r.count(c, before, after, elapsed)
	return r, nil
}

// pace begins what is due until the time is up.
func pace(ctx context.Context, c Common, sockets []*socket, began time.Time, own *latencies) {
	end := began.Add(time.Duration(c.Seconds) * time.Second)
	tick := time.NewTicker(step)
	defer tick.Stop()
	if c.Rate == 0 {
		for n := range c.Parallel {
			s := sockets[n%len(sockets)]
			s.mu.Lock()
			s.again, s.until = true, end
			s.begin(time.Now())
			s.mu.Unlock()
		}
	}
	swept, begun := began, 0
	for now := began; now.Before(end) && ctx.Err() == nil; {
		if c.Rate > 0 {
			for due := int(c.Rate * now.Sub(began).Seconds()); begun < due; begun++ {
				now := time.Now()
				own.add(max(0, now.Sub(began)-time.Duration(float64(begun+1)/c.Rate*float64(time.Second))))
				beginAny(sockets, begun, now)
			}
		}
		tickAll(sockets, now, &swept)
		select {
		case now = <-tick.C:
		case <-ctx.Done():
		}
	}
}

// beginAny begins one more at that socket, or at the next that has somebody free.
func beginAny(sockets []*socket, n int, now time.Time) {
	for i := range sockets {
		s := sockets[(n+i)%len(sockets)]
		s.mu.Lock()
		done := s.begin(now)
		if !done && i == len(sockets)-1 {
			s.result.Skipped++
		}
		s.mu.Unlock()
		if done {
			return
		}
	}
}

// tickAll lets the work do what is due, and now and then repeats what has had no answer.
func tickAll(sockets []*socket, now time.Time, swept *time.Time) {
	all := now.Sub(*swept) >= sweep
	if all {
		*swept = now
	}
	for _, s := range sockets {
		s.mu.Lock()
		if all {
			s.tick(now)
		} else {
			s.work.tick(now)
		}
		s.mu.Unlock()
	}
}

// drain waits for what is under way: calls for as long as they are held, answers for drainMost after that.
func drain(sockets []*socket) {
	tick := time.NewTicker(step)
	defer tick.Stop()
	var swept time.Time
	give := time.Now().Add(drainMost)
	for now := time.Now(); now.Before(give); now = <-tick.C {
		open, held := 0, false
		for _, s := range sockets {
			s.mu.Lock()
			s.again = false
			open += len(s.open)
			held = held || !s.work.idle()
			s.mu.Unlock()
		}
		if open == 0 && !held {
			return
		}
		if held {
			give = now.Add(drainMost)
		}
		tickAll(sockets, now, &swept)
	}
}

// usages reads what the server, if it is known, and this process have used.
func usages(server int) (u [2]usage.Usage, err error) {
	if server != 0 {
		if u[0], err = usage.Of("/proc", server); err != nil {
			return u, fmt.Errorf("load: --server-pid: %w", err)
		}
	}
	u[1], err = usage.Of("/proc", os.Getpid())
	return u, err
}
