package sip

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// nextWay is the way for a request of ours: flows to try in order, and a URI to open one for.
type nextWay struct {
	flow  *flow     // of the peer's last request
	uri   sipgo.Uri // first route, or the remote target
	loose bool      // the Request-URI is the remote target
	nat   bool      // the URI is of the peer's own network: answer to where it called from
}

// way decides the way: over TCP and TLS the same connection, over UDP the route or Contact, unless
// that is a private address which the peer did not come from (Q28).
func (d *dialog) way() nextWay {
	h := nextWay{flow: d.flow, uri: d.target, loose: true}
	if len(d.routes) > 0 {
		h.uri, h.loose = d.routes[0], d.routes[0].UriParams.Has("lr")
		return h
	}
	ip, err := netip.ParseAddr(strings.Trim(h.uri.Host, "[]"))
	if err != nil {
		h.nat = strings.HasSuffix(strings.ToLower(h.uri.Host), ".invalid")
		return h
	}
	ip = ip.Unmap()
	h.nat = ip != d.flow.source.Addr() &&
		(ip.IsPrivate() || ip.IsLoopback() || ip.IsUnspecified() || ip.IsLinkLocalUnicast())
	return h
}

// open gives the flow to send by; it may ask DNS and connect. What cannot be resolved or reached is
// answered where it came from, but nothing that is to go by TLS goes by another way: then there is an error.
func (h nextWay) open(ctx context.Context) (*flow, error) {
	back := *h.flow
	back.remote = back.source
	switch {
	case h.uri.Scheme == "sips" && h.flow.network() != networkTLS:
		return h.reopen(ctx)
	case h.flow.reliable():
		return &back, nil
	}
	network := transportOf(h.uri)
	if network == networkTLS {
		return h.reopen(ctx)
	}
	if h.nat {
		return &back, nil
	}
	if network == networkTCP {
		if f, err := h.first(ctx, networkTCP); err == nil {
			return f, nil
		}
	}
	if f, err := h.first(ctx, networkUDP); err == nil {
		return f, nil
	}
	return &back, nil
}

// reopen gives a new connection when there is none or the old one is closed: by TLS when the URI asks for it or the old
// one was, else by TCP. A peer behind NAT can only connect itself.
func (h nextWay) reopen(ctx context.Context) (*flow, error) {
	if h.nat {
		return nil, fmt.Errorf("%w, and %s cannot be reached from here", errFlowClosed, h.uri.Host)
	}
	network := networkTCP
	if h.flow.network() == networkTLS || transportOf(h.uri) == networkTLS {
		network = networkTLS
	}
	return h.first(ctx, network)
}

// first gives a way by network to the first server of the URI that can be reached: by UDP nobody knows more than that it has
// an address. RFC 3263, 4 (TR-9)
func (h nextWay) first(ctx context.Context, network string) (*flow, error) {
	near := h.flow.listener
	found, err := near.server.locate(ctx, h.uri, network)
	if err != nil {
		return nil, err
	}
	var unreached error
	for tries := 0; tries < serversMost; {
		at, err := found.next(ctx)
		switch {
		case err != nil && unreached != nil:
			return nil, unreached
		case err != nil:
			return nil, err
		case found.named && at.remote.Addr().Is4() != near.local.Addr().Is4():
			unreached = fmt.Errorf("%w of the family of %s", errNoSocket, at.remote)
			continue
		case network == networkUDP:
			f := *h.flow
			f.remote = at.remote
			return &f, nil
		}
		f, err := near.dial(ctx, at.remote, network, h.uri.Host)
		if err == nil {
			return f, nil
		}
		unreached = err
		tries++
	}
	return nil, unreached
}

// transportOf is the transport that a URI asks for; "" leaves it open. A sips URI is TLS, whatever else it says.
// RFC 3261, 26.2.2; RFC 3263, 4.1
func transportOf(uri sipgo.Uri) string {
	t, _ := uri.UriParams.Get("transport")
	t = strings.ToUpper(t)
	switch {
	case uri.Scheme == "sips" || t == networkTLS:
		return networkTLS
	case t == networkTCP || t == networkUDP:
		return t
	}
	return ""
}
