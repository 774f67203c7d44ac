package sip

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"trivox/sip/limits"
)

// ListenStream opens a socket for ServeTCP; addr as for ListenPacket.
func (e *Edge) ListenStream(ctx context.Context, addr string) (net.Listener, error) {
	lc := net.ListenConfig{Control: markSocket(e.cfg.DSCP)}
	l, err := lc.Listen(ctx, network("tcp", addr), addr)
	if err != nil {
		return nil, fmt.Errorf("sip: listen tcp %s: %w", addr, err)
	}
	return l, nil
}

// streams is what the connections of one listening socket have in common.
type streams struct {
	handle   Handler
	tls      *tls.Config // nil: not TLS
	listener *listener   // nil: of nobody
}

// ServeTCP accepts connections until l is closed, and then returns nil. Each is
// read by a goroutine of its own until it ends.
func (e *Edge) ServeTCP(l net.Listener, handle Handler) error {
	return e.accept(l, streams{handle: handle})
}

func (e *Edge) accept(l net.Listener, of streams) error {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil: // no descriptor left, or the peer was gone before
			e.count.readErrors.Add(1)
			e.once(causeReadError, "accepting connections", "local", l.Addr(), "error", err)
			time.Sleep(readPause)
			continue
		}
		if e.cfg.Refused(addrPort(c.RemoteAddr()).Addr()) {
			e.count.refused.Add(1)
			_ = c.Close()
			continue
		}
		if !e.cfg.Connects(addrPort(c.RemoteAddr()).Addr()) {
			e.count.overRate.Add(1)
			_ = c.Close()
			continue
		}
		s, ok := e.admit(c, of, true)
		if !ok {
			e.count.overLimit.Add(1)
			e.once(causeOverLimit, "connection closed: too many", "source", c.RemoteAddr())
			_ = c.Close()
			continue
		}
		e.count.accepted.Add(1)
		go s.serve()
	}
}

// dialTimeout bounds the wait for a peer that does not say whether it listens.
const dialTimeout = 5 * time.Second

// Dial opens a connection to a peer, whose messages go to handle as those of
// accepted ones do.
func (e *Edge) Dial(ctx context.Context, remote netip.AddrPort, handle Handler) (net.Conn, error) {
	return e.dial(ctx, remote, streams{handle: handle})
}

func (e *Edge) dial(ctx context.Context, remote netip.AddrPort, of streams) (net.Conn, error) {
	d := net.Dialer{Control: markSocket(e.cfg.DSCP), Timeout: dialTimeout}
	c, err := d.DialContext(ctx, "tcp", remote.String())
	if err != nil {
		return nil, fmt.Errorf("sip: connect to %s: %w", remote, err)
	}
	s, ok := e.admit(c, of, false)
	if !ok {
		_ = c.Close()
		return nil, net.ErrClosed
	}
	if err := s.greet(ctx); err != nil {
		_ = s.Close()
		e.reading.Done()
		return nil, fmt.Errorf("sip: TLS with %s: %w", remote, err)
	}
	go s.serve()
	return s, nil
}

// admit counts a connection in, unless the limits or Close forbid it.
func (e *Edge) admit(c net.Conn, of streams, limited bool) (*streamConn, bool) {
	s := &streamConn{Conn: c, streams: of, edge: e, source: addrPort(c.RemoteAddr()), token: rand.Text()}
	switch {
	case of.tls == nil:
	case limited:
		s.Conn = tls.Server(c, of.tls)
	default:
		s.Conn = tls.Client(c, of.tls)
	}
	s.framer.limits = framingLimits{header: e.cfg.MaxHeader, body: e.cfg.MaxBody}
	from := limits.Prefix(s.source.Addr())
	s.stranger = limited && !e.cfg.Trusted(s.source.Addr())
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, false
	}
	if limited && len(e.conns) >= e.cfg.MaxConns || s.stranger && e.sources[from] >= e.cfg.MaxConnsPerSource {
		return nil, false
	}
	e.conns[s], e.tokens[s.token] = struct{}{}, s
	e.sources[from]++
	e.reading.Add(1)
	return s, true
}

// release counts a connection out; it may be called more than once.
func (e *Edge) release(s *streamConn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, there := e.conns[s]; there {
		delete(e.conns, s)
		delete(e.tokens, s.token)
		from := limits.Prefix(s.source.Addr())
		if e.sources[from]--; e.sources[from] <= 0 {
			delete(e.sources, from)
		}
	}
}

// connOf gives the living connection that a token names, nil when there is none.
func (e *Edge) connOf(token string) *streamConn {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tokens[token]
}
