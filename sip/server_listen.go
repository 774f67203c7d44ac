package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// listener is one socket that requests come in by.
type listener struct {
	server  *Server
	network string // "UDP", "TCP" or "TLS"
	local   netip.AddrPort
	packets net.PacketConn // UDP
	accepts net.Listener   // TCP and TLS

	mu     sync.Mutex
	routes map[netip.Addr]netip.Addr // wildcard socket: which address of ours a peer sees
}

// dialWait is how long a peer may take to accept a connection, tlsWait to agree on TLS too.
const (
	dialWait = 2 * time.Second
	tlsWait  = 5 * time.Second
)

// routesMax bounds the addresses remembered of a wildcard socket.
const routesMax = 4096

// Listen opens addr ("127.0.0.1:5060", "[::1]:0") for network "udp", "tcp" or "tls" and serves it
// until Close. It returns the address bound.
func (s *Server) Listen(network, addr string) (net.Addr, error) {
	l := &listener{server: s, network: strings.ToUpper(network)}
	switch network {
	case "udp":
		c, err := s.edge.ListenPacket(s.ctx, addr)
		if err != nil {
			return nil, err
		}
		l.packets = c
		return c.LocalAddr(), s.serve(l, c.LocalAddr(), func() error { return s.edge.ServeUDP(c, l.message) })
	case "tcp", "tls":
		of := streams{handle: l.message, listener: l}
		if network == "tls" {
			var err error
			if of.tls, err = listenConfig(s.cfg.TLS); err != nil {
				return nil, fmt.Errorf("sip: listen tls %s: %w", addr, err)
			}
		}
		c, err := s.edge.ListenStream(s.ctx, addr)
		if err != nil {
			return nil, err
		}
		l.accepts = c
		return c.Addr(), s.serve(l, c.Addr(), func() error { return s.edge.accept(c, of) })
	}
	return nil, fmt.Errorf("sip: listen %q: network is not built; use \"udp\", \"tcp\" or \"tls\"", network)
}

func (s *Server) serve(l *listener, local net.Addr, loop func() error) error {
	l.local = addrPort(local)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = l.close()
		return net.ErrClosed
	}
	s.listeners = append(s.listeners, l)
	s.serving.Go(func() {
		if err := loop(); err != nil {
			s.log.Error("sip: no longer listening", "address", local, "error", err)
		}
	})
	return nil
}

func (l *listener) close() error {
	if l.packets != nil {
		return l.packets.Close()
	}
	return l.accepts.Close()
}

// message takes each message in the order in which it came on its socket; conn is nil for UDP.
func (l *listener) message(m sipgo.Message, source netip.AddrPort, conn net.Conn, came time.Time) {
	switch m := m.(type) {
	case *sipgo.Request:
		l.server.request(m, &flow{listener: l, source: source, remote: source, conn: conn}, came)
	case *sipgo.Response:
		l.server.response(m)
	}
}

// dial opens a connection to remote by network "TCP" or "TLS", whose messages come here too. By TLS the peer must have
// a certificate of host.
func (l *listener) dial(ctx context.Context, remote netip.AddrPort, network, host string) (*flow, error) {
	l = l.server.listenerLike(network, l)
	of, wait := streams{handle: l.message, listener: l}, dialWait
	if network == networkTLS {
		of.tls, wait = dialConfig(l.server.cfg.TLS, host), tlsWait
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	c, err := l.server.edge.dial(ctx, remote, of)
	if err != nil {
		return nil, err
	}
	return &flow{listener: l, source: remote, remote: remote, conn: c}, nil
}

// addressFor is the local address that peer sees: the socket's own, or for a wildcard socket the
// one the system routes to peer with.
func (l *listener) addressFor(peer netip.Addr) netip.AddrPort {
	if !l.local.Addr().IsUnspecified() {
		return l.local
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if a, ok := l.routes[peer]; ok {
		return netip.AddrPortFrom(a, l.local.Port())
	}
	c, err := net.Dial("udp", netip.AddrPortFrom(peer, 9).String()) // sends nothing, asks for a route
	if err != nil {
		return l.local
	}
	a := addrPort(c.LocalAddr()).Addr()
	_ = c.Close()
	if l.routes == nil || len(l.routes) >= routesMax {
		l.routes = make(map[netip.Addr]netip.Addr)
	}
	l.routes[peer] = a
	return netip.AddrPortFrom(a, l.local.Port())
}
