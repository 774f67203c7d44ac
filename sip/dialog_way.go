package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

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
	remote, err := resolve(ctx, h.uri, networkUDP)
	if err != nil {
		return &back, nil
	}
	if network == networkTCP {
		if f, err := h.flow.listener.dial(ctx, remote, networkTCP, ""); err == nil {
			return f, nil
		}
	}
	back.remote = remote
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
	remote, err := resolve(ctx, h.uri, network)
	if err != nil {
		return nil, err
	}
	return h.flow.listener.dial(ctx, remote, network, h.uri.Host)
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

// resolve gives the address that a URI leads to by network, whose port is meant where the URI names none.
func resolve(ctx context.Context, uri sipgo.Uri, network string) (netip.AddrPort, error) {
	port := uint16(5060)
	if network == networkTLS {
		port = 5061
	}
	if uri.Port > 0 && uri.Port < 65536 {
		port = uint16(uri.Port)
	}
	host := strings.Trim(uri.Host, "[]")
	if ip, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(ip.Unmap(), port), nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(ips[0].Unmap(), port), nil
}
