package sip

import (
	"context"
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

// way decides the way: over TCP the same connection, over UDP the route or Contact, unless
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

// open gives the flow to send by; it may ask DNS and connect. What cannot be resolved or reached
// is answered where it came from.
func (h nextWay) open(ctx context.Context) *flow {
	back := *h.flow
	back.remote = back.source
	if h.nat || h.flow.reliable() {
		return &back
	}
	remote, err := resolve(ctx, h.uri)
	if err != nil {
		return &back
	}
	if t, _ := h.uri.UriParams.Get("transport"); strings.EqualFold(t, "tcp") {
		if f, err := h.flow.listener.dial(ctx, remote); err == nil {
			return f
		}
	}
	back.remote = remote
	return &back
}

// reopen gives a new connection when the old one is closed.
func (h nextWay) reopen(ctx context.Context) (*flow, error) {
	remote, err := resolve(ctx, h.uri)
	if err != nil {
		return nil, err
	}
	return h.flow.listener.dial(ctx, remote)
}

func resolve(ctx context.Context, uri sipgo.Uri) (netip.AddrPort, error) {
	port := uint16(5060)
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
