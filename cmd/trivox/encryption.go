package main

import (
	"net"
	"net/netip"
	"strings"
	"sync"

	"trivox/cmd/trivox/internal/config"
	"trivox/sip"
	"trivox/sip/sdp"
)

// encryption is the policy for SRTP of each listener (SE-1).
type encryption struct {
	mu       sync.RWMutex
	policies map[listening]sdp.Policy
}

// listening is a socket: by which network, and where it was bound.
type listening struct {
	network string // as sip.Call has it
	at      netip.AddrPort
}

// listen opens a socket; no call by it is asked about before its policy is known.
func (e *encryption) listen(l config.Listen, network string, open func(network, addr string) (net.Addr, error)) (net.Addr, error) {
	policy, err := sdp.ParsePolicy(l.SRTPPolicy())
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	at, err := open(network, l.Addr.String())
	if err != nil {
		return nil, err
	}
	if e.policies == nil {
		e.policies = make(map[listening]sdp.Policy)
	}
	e.policies[listening{strings.ToUpper(network), socketOf(netip.MustParseAddrPort(at.String()))}] = policy
	return at, nil
}

// of is the policy for a call. One by a connection of ours to somewhere has no listener.
func (e *encryption) of(c sip.Call) sdp.Policy {
	e.mu.RLock()
	defer e.mu.RUnlock()
	policy, ok := e.policies[listening{c.Network, socketOf(c.Listener)}]
	if !ok && c.Network == "TLS" {
		return sdp.Offered
	}
	return policy
}

func socketOf(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
