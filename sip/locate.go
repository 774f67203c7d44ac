package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Resolver looks up in DNS where servers are; *net.Resolver is one. Both methods are called concurrently.
type Resolver interface {
	// LookupSRV gives the SRV records of _service._proto.name in the order in which they are to be tried: by priority,
	// those of one priority at random by their weight. RFC 2782
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, records []*net.SRV, err error)
	// LookupNetIP gives the addresses of host, network "ip" being of both families.
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Bounds of what whoever answers for a name in DNS can have us do for one request.
const (
	lookupWait    = 2 * time.Second // for each answer
	recordsMost   = 8               // SRV records that count, of all transports
	addressesMost = 4               // addresses of one name that count
)

// hop is where a server listens.
type hop struct {
	network string
	remote  netip.AddrPort
}

// place is a hop whose name has not been looked up.
type place struct {
	network, host string
	port          uint16
}

// search is the way from a URI to the servers that it leads to, best first. Names are looked up when it is their turn, so that a
// call which the first server takes asks no more than it needs. It belongs to one goroutine at a time. RFC 3263, 4
type search struct {
	server *Server
	host   string // of the URI, without brackets
	named  bool   // it is no address
	places []place
	hops   []hop
	why    error // why the last name led nowhere
}

// locate begins to look for the servers of a URI by any of networks, which are ours in the order that we prefer; there is at
// least one. An address or a port in the URI leaves nothing for SRV to say, and where DNS has no SRV record the name's
// addresses count, by the first of networks. RFC 3263, 4.1 and 4.2, without NAPTR (TR-9)
func (s *Server) locate(ctx context.Context, uri sipgo.Uri, networks ...string) (*search, error) {
	l := &search{server: s, host: strings.Trim(uri.Host, "[]")}
	first := place{networks[0], l.host, usualPort(networks[0])}
	portNamed := uri.Port > 0 && uri.Port < 65536
	if portNamed {
		first.port = uint16(uri.Port)
	}
	if ip, err := netip.ParseAddr(l.host); err == nil {
		l.hops = []hop{{first.network, netip.AddrPortFrom(ip.Unmap(), first.port)}}
		return l, nil
	}
	l.named = true
	if portNamed {
		l.places = []place{first}
		return l, nil
	}
	places, refused := s.services(ctx, l.host, networks)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case len(places) == 0 && refused: // RFC 2782, of the target "."
		return nil, fmt.Errorf("sip: %s: DNS says by SRV that there is no such service", l.host)
	case len(places) == 0:
		places = []place{first}
	}
	l.places = places
	return l, nil
}

// services asks for the SRV records of each network. refused says that one of them says that the service is not there.
// A resolver that fails is taken for one that has no such record: some forward nothing but questions for addresses.
func (s *Server) services(ctx context.Context, host string, networks []string) (places []place, refused bool) {
	within, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	if strings.Contains(host, ".") && !strings.HasSuffix(host, ".") {
		host += "." // else a search list would be tried, too
	}
	found := make([][]*net.SRV, len(networks))
	var asking sync.WaitGroup
	for i, network := range networks {
		asking.Go(func() {
			service, proto := serviceOf(network)
			_, records, err := s.cfg.Resolver.LookupSRV(within, service, proto, host)
			if miss := (*net.DNSError)(nil); err != nil && ctx.Err() == nil && !(errors.As(err, &miss) && miss.IsNotFound) {
				s.log.Info("sip: SRV not looked up", "host", host, "service", "_"+service+"._"+proto, "error", err)
			}
			found[i] = records // with an error too: those that are well-formed
		})
	}
	asking.Wait()
	for i, records := range found {
		for _, r := range records {
			switch {
			case r.Target == "." || r.Target == "":
				refused = true
			case r.Port == 0:
			case len(places) == recordsMost:
				s.count.limited.Add(1)
				return places, refused
			default:
				places = append(places, place{networks[i], r.Target, r.Port})
			}
		}
	}
	return places, refused
}

// next gives the next server; an error when there is none left.
func (l *search) next(ctx context.Context) (hop, error) {
	for len(l.hops) == 0 {
		if len(l.places) == 0 {
			if l.why == nil {
				l.why = fmt.Errorf("sip: %s: there is no other server", l.host)
			}
			return hop{}, l.why
		}
		p := l.places[0]
		l.places = l.places[1:]
		addrs, err := l.addresses(ctx, p.host)
		if err != nil {
			l.why = fmt.Errorf("sip: %s: %w", l.host, err)
		}
		for _, a := range addrs {
			l.hops = append(l.hops, hop{p.network, netip.AddrPortFrom(a, p.port)})
		}
	}
	h := l.hops[0]
	l.hops = l.hops[1:]
	return h, nil
}

// more says that there may be another server.
func (l *search) more() bool { return len(l.hops)+len(l.places) > 0 }

// addresses looks a name up.
func (l *search) addresses(ctx context.Context, name string) (addrs []netip.Addr, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	s := l.server
	ips, err := s.cfg.Resolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil, err
	}
	for _, a := range ips {
		a = a.Unmap()
		switch {
		case !s.speaks(a):
			err = fmt.Errorf("%w of the family of %s, the address of %s", errNoSocket, a, name)
		case inward(a) && !isLocalhost(l.host):
			err = fmt.Errorf("%s is %s in DNS, which nobody is called at by name; write the address if it is meant", name, a)
		case len(addrs) == addressesMost:
			s.count.limited.Add(1)
			return addrs, nil
		default:
			addrs = append(addrs, a)
		}
	}
	if len(addrs) == 0 && err == nil {
		err = fmt.Errorf("%s has no address in DNS", name)
	}
	return addrs, err
}

// speaks tells whether there is a socket of the family of an address.
func (s *Server) speaks(a netip.Addr) bool {
	return slices.ContainsFunc(s.listening(), func(l *listener) bool { return l.local.Addr().Is4() == a.Is4() })
}

// inward says that an address is this machine, its link, or nobody's: whoever answers for a name must not reach by it what is
// reached from here only, such as a server that believes loopback.
func inward(a netip.Addr) bool {
	return a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func isLocalhost(host string) bool {
	return strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
}

// serviceOf gives the names by which SRV knows a transport. RFC 3263, 4.1
func serviceOf(network string) (service, proto string) {
	switch network {
	case networkTLS:
		return "sips", "tcp"
	case networkTCP:
		return "sip", "tcp"
	}
	return "sip", "udp"
}

// usualPort is the one of a transport. RFC 3261, 19.1.2
func usualPort(network string) uint16 {
	if network == networkTLS {
		return 5061
	}
	return 5060
}
