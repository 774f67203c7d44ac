package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// leastTLS is the oldest version spoken, whatever a tls.Config allows. RFC 8996 forbids those before it.
const leastTLS = tls.VersionTLS12

// ServeTLS is ServeTCP with TLS as c says. Each connection shakes hands in the goroutine that reads it, counted among
// the connections before, so that one which says nothing holds its own place and nobody else's.
func (e *Edge) ServeTLS(l net.Listener, c *tls.Config, handle Handler) error {
	return e.accept(l, streams{handle: handle, tls: c})
}

// DialTLS opens a connection to a peer whose certificate c verifies; the peer's messages go to handle.
func (e *Edge) DialTLS(ctx context.Context, remote netip.AddrPort, c *tls.Config, handle Handler) (net.Conn, error) {
	return e.dial(ctx, remote, streams{handle: handle, tls: c})
}

// shakeHands agrees on TLS with a peer who connected, in HandshakeTimeout; where there is no TLS it does nothing, and
// where it has been done neither.
func (s *streamConn) shakeHands() error {
	t, ok := s.Conn.(*tls.Conn)
	if !ok || t.ConnectionState().HandshakeComplete {
		return nil
	}
	e := s.edge
	_ = t.SetDeadline(time.Now().Add(e.cfg.HandshakeTimeout))
	err := t.Handshake()
	if err == nil {
		err = s.accepted(t)
	}
	if err != nil {
		e.count.insecure.Add(1)
		e.once(causeHandshake, "a connection did not agree on TLS; level debug tells of each", "source", s.source, "error", err)
		e.log.Debug("sip: no TLS with a connection", "source", s.source, "error", err)
		return err
	}
	_ = t.SetDeadline(time.Time{})
	e.count.secured.Add(1)
	return nil
}

// greet agrees on TLS with a peer whom we connected to.
func (s *streamConn) greet(ctx context.Context) error {
	t, ok := s.Conn.(*tls.Conn)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.edge.cfg.HandshakeTimeout)
	defer cancel()
	err := t.HandshakeContext(ctx)
	if err == nil {
		err = s.accepted(t)
	}
	if err != nil {
		s.edge.count.insecure.Add(1)
		return err
	}
	s.edge.count.secured.Add(1)
	return nil
}

// accepted looks at what was agreed on.
func (s *streamConn) accepted(t *tls.Conn) error {
	state := t.ConnectionState()
	if state.Version < leastTLS {
		return fmt.Errorf("the peer speaks %s; %s is the oldest that is spoken here", tls.VersionName(state.Version), tls.VersionName(leastTLS))
	}
	s.peerUser = certifiedUser(state)
	return nil
}

// listenConfig makes of the server's settings what a listening socket needs.
func listenConfig(c *tls.Config) (*tls.Config, error) {
	if c == nil || len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil {
		return nil, errors.New("there is no certificate: Config.TLS must have one")
	}
	out := c.Clone()
	out.MinVersion = max(out.MinVersion, leastTLS)
	return out, nil
}
