package sip

import (
	"context"
	"fmt"

	sipgo "github.com/emiago/sipgo/sip"
)

// flowTo gives a way to a URI elsewhere: it may ask DNS, and connect. RFC 3263, 4.2, of which addresses only
func (s *Server) flowTo(ctx context.Context, uri sipgo.Uri) (*flow, error) {
	network := transportOf(uri)
	if network == "" {
		if t, _ := uri.UriParams.Get("transport"); t != "" {
			return nil, fmt.Errorf("sip: %s: transport %s is not built; use udp, tcp or tls", uri.Host, t)
		}
		network = networkUDP
	}
	remote, err := resolve(ctx, uri, network)
	if err != nil {
		return nil, fmt.Errorf("sip: %s: %w", uri.Host, err)
	}
	for _, l := range s.listening() {
		switch {
		case l.network != network || l.local.Addr().Is4() != remote.Addr().Is4():
		case network != networkUDP:
			return l.dial(ctx, remote, network, uri.Host)
		default:
			return &flow{listener: l, source: remote, remote: remote}, nil
		}
	}
	return nil, fmt.Errorf("sip: there is no %s socket to reach %s by", network, remote)
}

func (s *Server) listening() []*listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listeners
}
