package main

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"trivox/cmd/trivox/internal/config"
)

// addresses are those by which peers reach this server, beside its domains: where it listens, and what is advertised.
type addresses struct {
	mu        sync.Mutex
	listening []netip.Addr
	ports     []uint16
	wild4     bool // every address of this machine
	wild6     bool

	machine []netip.Addr // addresses of the interfaces, as they were
	asked   time.Time    // then
}

// asksEvery is how often the kernel is asked for the addresses of the interfaces: several times a request would cost more
// than the request itself.
const asksEvery = time.Second

// add takes an address that is listened at.
func (a *addresses) add(of net.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	socket := netip.MustParseAddrPort(of.String())
	a.ports = append(a.ports, socket.Port())
	switch at := socket.Addr().Unmap(); {
	case at.IsUnspecified() && at.Is4():
		a.wild4 = true
	case at.IsUnspecified():
		a.wild6 = true
	default:
		a.listening = append(a.listening, at)
	}
}

// listensAt tells whether there is a socket of that port.
func (a *addresses) listensAt(port int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.ports, uint16(port))
}

// has tells whether peers reach this server at an address.
func (a *addresses) has(at netip.Addr) bool {
	at = at.Unmap().WithZone("")
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case slices.Contains(a.listening, at):
		return true
	case at.Is4() && !a.wild4, at.Is6() && !a.wild6:
		return false
	}
	return at.IsLoopback() || slices.Contains(a.interfaces(time.Now()), at)
}

// interfaces are the addresses of this machine, which come and go; it needs a.mu.
func (a *addresses) interfaces(now time.Time) []netip.Addr {
	if now.Sub(a.asked) < asksEvery {
		return a.machine
	}
	a.asked = now
	of, err := net.InterfaceAddrs()
	if err != nil { // as they were
		return a.machine
	}
	a.machine = a.machine[:0]
	for _, n := range of {
		if p, err := netip.ParsePrefix(n.String()); err == nil {
			a.machine = append(a.machine, p.Addr().Unmap().WithZone(""))
		}
	}
	return a.machine
}

// plainHost is a host in small letters, without the brackets of IPv6 or the dot at the end of a name.
func plainHost(host string) string {
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// ours tells whether the host of a URI means this server (DESIGN 10).
func (p *process) ours(host string) bool {
	host = plainHost(host)
	c := p.config.Load()
	if slices.Contains(c.Domains, host) {
		return true
	}
	if host == "localhost" {
		return p.at.has(netip.AddrFrom4([4]byte{127, 0, 0, 1})) || p.at.has(netip.IPv6Loopback())
	}
	at, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	at = at.Unmap()
	return p.at.has(at) || slices.ContainsFunc(c.Advertise, func(a config.Public) bool { return a.Public == at })
}

// domain is the domain of ours that a host is, or for an address of this server the first; empty for a host that is not
// ours, and where no domain is set.
func (p *process) domain(host string) string {
	host = plainHost(host)
	domains := p.config.Load().Domains
	switch {
	case len(domains) == 0:
		return ""
	case slices.Contains(domains, host):
		return host
	case p.ours(host):
		return domains[0]
	}
	return ""
}
