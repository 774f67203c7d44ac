package sip

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// tcpWriteTimeout bounds how long a peer that does not read can hold up a write.
const tcpWriteTimeout = 3 * time.Second

// listener is one socket that requests come in by, with sipgo's transports of its own: addresses
// of peers in the pool of one listener never meet those of another (sipgo's pools are by address).
type listener struct {
	server  *Server
	local   netip.AddrPort
	packets net.PacketConn // UDP
	accepts net.Listener   // TCP
	layer   *sipgo.TransportLayer
	udp     *sipgo.TransportUDP
	tcp     *sipgo.TransportTCP

	mu     sync.Mutex
	routes map[netip.Addr]netip.Addr // wildcard socket: which address of ours a peer sees
}

// Listen opens addr ("127.0.0.1:5060", "[::1]:0") for network "udp" or "tcp" and serves it until
// Close. It returns the address bound.
func (s *Server) Listen(network, addr string) (net.Addr, error) {
	l := &listener{server: s, udp: &sipgo.TransportUDP{}, tcp: &sipgo.TransportTCP{WriteTimeout: tcpWriteTimeout}}
	l.layer = sipgo.NewTransportLayer(net.DefaultResolver, sipgo.NewParser(), &tls.Config{},
		sipgo.WithTransportLayerLogger(s.log),
		sipgo.WithTransportLayerTransports(sipgo.TransportsConfig{UDP: l.udp, TCP: l.tcp}))
	switch network {
	case "udp":
		c, err := (&net.ListenConfig{}).ListenPacket(s.ctx, network, addr)
		if err != nil {
			return nil, fmt.Errorf("sip: listen udp %s: %w", addr, err)
		}
		l.packets = c
		return c.LocalAddr(), s.serve(l, c.LocalAddr(), func() error { return l.udp.Serve(c, l.message) })
	case "tcp":
		c, err := (&net.ListenConfig{}).Listen(s.ctx, network, addr)
		if err != nil {
			return nil, fmt.Errorf("sip: listen tcp %s: %w", addr, err)
		}
		l.accepts = c
		return c.Addr(), s.serve(l, c.Addr(), func() error { return l.tcp.Serve(c, l.message) })
	}
	return nil, fmt.Errorf("sip: listen %q: network is not built; use \"udp\" or \"tcp\"", network)
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
	s.serving.Go(func() { _ = loop() })
	return nil
}

func (l *listener) close() error {
	var err error
	if l.packets != nil {
		err = l.packets.Close()
	}
	if l.accepts != nil {
		err = l.accepts.Close()
	}
	_ = l.layer.Close()
	return err
}

// message is called by the transport for each message, in the order of arrival on one socket.
func (l *listener) message(m sipgo.Message) {
	source, err := netip.ParseAddrPort(m.Source())
	if err != nil {
		return
	}
	f := &flow{listener: l, source: unmapPort(source), remote: unmapPort(source)}
	if l.packets == nil || m.Transport() == "TCP" {
		c, ok := l.tcp.GetConnection(m.Source()).(*sipgo.TCPConnection)
		if !ok || c == nil {
			return
		}
		_, _ = c.TryClose()
		f.conn = c
	}
	switch m := m.(type) {
	case *sipgo.Request:
		l.server.request(m, f)
	case *sipgo.Response:
		l.server.response(m)
	}
}

// dial opens a connection to remote whose messages come here too.
func (l *listener) dial(ctx context.Context, remote netip.AddrPort) (*flow, error) {
	c, err := l.tcp.CreateConnection(ctx, sipgo.Addr{}, sipgo.Addr{IP: remote.Addr().AsSlice(), Port: int(remote.Port())}, l.message)
	if err != nil {
		return nil, err
	}
	tc, ok := c.(*sipgo.TCPConnection)
	if !ok {
		return nil, errFlowClosed
	}
	return &flow{listener: l, source: remote, remote: remote, conn: tc}, nil
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
	if l.routes == nil || len(l.routes) >= 4096 {
		l.routes = make(map[netip.Addr]netip.Addr)
	}
	l.routes[peer] = a
	return netip.AddrPortFrom(a, l.local.Port())
}
