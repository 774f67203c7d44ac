package sip

import (
	"fmt"
	"net/netip"
)

// token names the connection of f in this process, for as long as that lives; by UDP there is none.
func (f *flow) token() string {
	if s, ok := f.conn.(*streamConn); ok {
		return s.token
	}
	return ""
}

// peerUser is the user "user@domain" whom the peer's verified certificate names, "" where there is none.
func (f *flow) peerUser() string {
	if s, ok := f.conn.(*streamConn); ok {
		return s.peerUser
	}
	return ""
}

// flowOf gives the flow that a binding was made by: for UDP the socket it came to, and for a connection that one while
// it lives. Else the error is errFlowClosed, and the peer cannot be reached until it connects again. RFC 5626, 5.3
func (s *Server) flowOf(b Binding) (*flow, error) {
	if b.Transport != networkUDP {
		c := s.edge.connOf(b.Flow)
		if c == nil || c.listener == nil {
			return nil, fmt.Errorf("%w: that of %s by %s has ended", errFlowClosed, b.Source, b.Transport)
		}
		return &flow{listener: c.listener, source: c.source, remote: c.source, conn: c}, nil
	}
	l := s.listenerAt(networkUDP, b.Local)
	if l == nil {
		return nil, fmt.Errorf("%w: %s is not listened at by UDP any more", errFlowClosed, b.Local)
	}
	return &flow{listener: l, source: b.Source, remote: b.Source}, nil
}

// listenerAt gives the socket that is bound to local, or else to the same port of every address; nil when there is none.
func (s *Server) listenerAt(network string, local netip.AddrPort) *listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	var wild *listener
	for _, l := range s.listeners {
		switch {
		case l.network != network || l.local.Port() != local.Port():
		case l.local.Addr() == local.Addr():
			return l
		case l.local.Addr().IsUnspecified() && l.local.Addr().Is4() == local.Addr().Is4():
			wild = l
		}
	}
	return wild
}

// listenerLike gives a socket of network that peers reach at the address of near, or else any of its family; near itself
// when there is none.
func (s *Server) listenerLike(network string, near *listener) *listener {
	if near.network == network {
		return near
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := near
	for _, l := range s.listeners {
		if l.network != network || l.local.Addr().Is4() != near.local.Addr().Is4() {
			continue
		}
		if l.local.Addr() == near.local.Addr() {
			return l
		}
		if found == near {
			found = l
		}
	}
	return found
}
