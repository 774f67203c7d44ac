package sdp

import (
	"net/netip"
	"strconv"
	"strings"
)

// where is where a media line wants its packets.
type where struct {
	rtp, rtcp         netip.AddrPort // invalid: nowhere
	host              string         // a name to resolve
	port, rtcpPort    uint16
	unspecified       bool // 0.0.0.0 or ::, the old way to hold (RFC 3264, 8.4)
	family            netip.Addr
	network, addrtype bool // both are ours to read
}

// sendable reports whether a datagram to a reaches one host.
func sendable(a netip.Addr) bool {
	if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" {
		return false
	}
	if a.Is4() {
		b := a.As4()
		return b[0] != 0 && b[0] < 240 // RFC 1122, 3.2.1.3; class E and broadcast
	}
	return true
}

func addrPort(a netip.Addr, port uint16) netip.AddrPort {
	if port == 0 || !sendable(a) {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a, port)
}

// locate reads c= and a=rtcp of a media line (RFC 8866, 5.7; RFC 3605).
func (d *Description) locate(m *MediaLine, mux bool) where {
	c := m.Connection
	if c == (Connection{}) {
		c = d.Connection
	}
	w := where{port: m.Port, network: true, addrtype: true}
	if c != (Connection{}) {
		w.network = strings.EqualFold(c.NetType, "IN")
		w.addrtype = strings.EqualFold(c.AddrType, "IP4") || strings.EqualFold(c.AddrType, "IP6")
	}
	addr, err := netip.ParseAddr(c.Address)
	addr = addr.Unmap()
	switch {
	case err != nil && hostname(c.Address):
		w.host = c.Address
	case err == nil:
		w.unspecified = addr.IsUnspecified()
		w.rtp = addrPort(addr, m.Port)
		if sendable(addr) {
			w.family = addr
		}
	}
	w.rtcp, w.rtcpPort = rtcp(m, addr, mux)
	return w
}

// rtcp gives the place for RTCP: the RTP port when multiplexed, else that of
// a=rtcp, else the next port.
func rtcp(m *MediaLine, addr netip.Addr, mux bool) (netip.AddrPort, uint16) {
	if mux {
		return addrPort(addr, m.Port), m.Port
	}
	port := m.Port + 1 // 65535 gives 0: nowhere
	if m.Port == 0 {
		port = 0
	}
	if value, ok := m.Attribute("rtcp"); ok {
		f := strings.Fields(value)
		if len(f) > 0 {
			if p, err := strconv.ParseUint(f[0], 10, 16); err == nil {
				port = uint16(p)
			}
		}
		if len(f) > 3 {
			if a, err := netip.ParseAddr(f[3]); err == nil && !addr.IsUnspecified() {
				addr = a.Unmap()
			}
		}
	}
	return addrPort(addr, port), port
}

// hostname reports whether s may be a DNS name (RFC 1123, 2.1).
func hostname(s string) bool {
	if len(s) == 0 || len(s) > 253 {
		return false
	}
	letter := false
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
			letter = true
		case r >= '0' && r <= '9', r == '-', r == '.', r == '_':
		default:
			return false
		}
	}
	return letter
}
