package sip

import (
	"context"
	"fmt"
	"net"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// flowFor gives the way back to a phone: by UDP from the socket that it registered at to where it registered from, which
// a NAT before it lets through; on a stream the connection, as long as that lives. RFC 3261, 18; RFC 5626, 5.3 (RG-3)
func (s *Server) flowFor(b Binding) (*flow, error) {
	if strings.EqualFold(b.Transport, "UDP") {
		l := s.packetListener(b)
		if l == nil {
			return nil, fmt.Errorf("sip: there is no UDP socket to reach %s by", b.Source)
		}
		return &flow{listener: l, source: b.Source, remote: b.Source}, nil
	}
	conn := s.edge.connTo(b)
	if conn == nil {
		return nil, errNoFlow
	}
	local := addrPort(conn.LocalAddr())
	var found *listener
	for _, l := range s.listening() {
		if l.accepts != nil && (found == nil || l.local.Port() == local.Port()) {
			found = l
		}
	}
	if found == nil {
		return nil, errNoFlow
	}
	return &flow{listener: found, source: b.Source, remote: b.Source, conn: conn}, nil
}

// packetListener is the UDP socket that a binding came in by, or after a restart with other addresses one of the same family.
func (s *Server) packetListener(b Binding) *listener {
	var found *listener
	best := 0
	for _, l := range s.listening() {
		if l.packets == nil || l.local.Addr().Is4() != b.Source.Addr().Is4() {
			continue
		}
		fit := 1
		if l.local == b.Local {
			fit = 3
		} else if l.local.Port() == b.Local.Port() {
			fit = 2
		}
		if fit > best {
			found, best = l, fit
		}
	}
	return found
}

func (s *Server) listening() []*listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listeners
}

// connTo is the living connection that a binding was made by, or nil.
func (e *Edge) connTo(b Binding) net.Conn {
	e.mu.Lock()
	defer e.mu.Unlock()
	for c := range e.conns {
		if c.source == b.Source && addrPort(c.LocalAddr()) == b.Local {
			return c
		}
	}
	return nil
}

// flowTo gives a way to a URI elsewhere: it may ask DNS, and connect. RFC 3263, 4.2, of which addresses only
func (s *Server) flowTo(ctx context.Context, uri sipgo.Uri) (*flow, error) {
	remote, err := resolve(ctx, uri)
	if err != nil {
		return nil, fmt.Errorf("sip: %s: %w", uri.Host, err)
	}
	transport, _ := uri.UriParams.Get("transport")
	stream := strings.EqualFold(transport, "tcp")
	if !stream && transport != "" && !strings.EqualFold(transport, "udp") {
		return nil, fmt.Errorf("sip: %s: transport %s is not built; use udp or tcp", uri.Host, transport)
	}
	for _, l := range s.listening() {
		switch {
		case l.local.Addr().Is4() != remote.Addr().Is4():
		case stream && l.accepts != nil:
			return l.dial(ctx, remote)
		case !stream && l.packets != nil:
			return &flow{listener: l, source: remote, remote: remote}, nil
		}
	}
	return nil, fmt.Errorf("sip: there is no socket to reach %s by", remote)
}
