package sip

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// viaValue is one Via value (RFC 3261, 20.42).
type viaValue struct {
	name, version, transport []byte
	host                     []byte // IPv6 in brackets
	port                     uint16 // 0 when there is none
	params                   []byte
}

// readViaValue takes a Via value apart up to its parameters.
func readViaValue(v []byte) (h viaValue, ok bool) {
	if i := indexQuoted(v, ';'); i >= 0 {
		v, h.params = v[:i], v[i:]
	}
	i := bytes.IndexByte(v, '/')
	if i < 0 {
		return h, false
	}
	h.name, v = trim(v[:i]), v[i+1:]
	if i = bytes.IndexByte(v, '/'); i < 0 {
		return h, false
	}
	h.version, v = trim(v[:i]), trim(v[i+1:])
	if i = bytes.IndexAny(v, " \t"); i < 0 {
		return h, false
	}
	h.transport, v = v[:i], trim(v[i:])
	if !isToken(h.name) || !isToken(h.version) || !isToken(h.transport) {
		return h, false
	}
	var rest []byte
	h.host, rest = cutHost(v)
	h.host, rest = trim(h.host), trim(rest)
	if len(rest) > 0 {
		n, ok := number(trim(rest[1:]), 65535)
		if !ok || rest[0] != ':' {
			return h, false
		}
		h.port = uint16(n)
	}
	return h, isHost(h.host)
}

// appendViaValue writes a Via value in the form that sipgo reads.
func appendViaValue(out []byte, h viaValue) []byte {
	out = append(out, h.name...)
	out = append(out, '/')
	out = append(out, h.version...)
	out = append(out, '/')
	out = append(out, h.transport...)
	out = append(out, ' ')
	out = append(out, h.host...)
	if h.port != 0 {
		out = append(out, ':')
		out = strconv.AppendUint(out, uint64(h.port), 10)
	}
	return out
}

// appendVia writes the values of a Via field, a line each. src is the address
// the request came from when the field is the topmost, the zero AddrPort
// otherwise. rport tells whether the topmost value asks for RFC 3581 routing.
func appendVia(out, list []byte, src netip.AddrPort) (_ []byte, top viaValue, rport, ok bool) {
	for first, more := true, true; more; first = false {
		var v []byte
		v, list, more = cutValue(list)
		h, ok := readViaValue(v)
		if !ok {
			return out, top, false, false
		}
		out = append(out, "Via: "...)
		out = appendViaValue(out, h)
		if first {
			top = h
		}
		var asked bool
		out, asked, ok = appendViaParams(out, h.params, first && src.IsValid())
		if !ok {
			return out, top, false, false
		}
		if first && src.IsValid() {
			rport = asked
			out = appendReceived(out, h.host, src, rport)
		}
		out = append(out, "\r\n"...)
	}
	return out, top, rport, true
}

// appendViaParams writes Via parameters, known names in lower case. From the
// topmost value it takes received and rport, which are ours to write.
func appendViaParams(out, p []byte, topmost bool) (_ []byte, rport, ok bool) {
	for it := (params{p}); ; {
		name, value, more, ok := it.next()
		if !more {
			return out, rport, true
		}
		if !ok {
			return out, rport, false
		}
		for _, n := range [...]string{"branch", "received", "rport", "maddr", "ttl"} {
			if bytes.EqualFold(name, []byte(n)) {
				name = []byte(n)
			}
		}
		switch {
		case topmost && string(name) == "rport":
			rport = true
			continue
		case topmost && string(name) == "received":
			continue
		}
		out = append(out, ';')
		out = append(out, name...)
		if value != nil {
			out = append(out, '=')
			out = append(out, value...)
		}
	}
}

// appendReceived writes received when the request came from elsewhere than
// host says, or when rport is wanted, and rport (TR-3; RFC 3581, 4).
func appendReceived(out, host []byte, src netip.AddrPort, rport bool) []byte {
	ip := src.Addr().WithZone("")
	said, err := netip.ParseAddr(string(bytes.Trim(host, "[]")))
	if rport || err != nil || said.Unmap() != ip {
		out = append(out, ";received="...)
		out = ip.AppendTo(out)
	}
	if rport {
		out = append(out, ";rport="...)
		out = strconv.AppendUint(out, uint64(src.Port()), 10)
	}
	return out
}

// viaHost is a host as sipgo's Via keeps it. sipgo puts brackets round what it
// writes only where it sees an address of IPv6 in it, which one mapped from
// IPv4 is not to it: there they stay (RFC 5118, 4.9).
func viaHost(host string) string {
	bare := strings.Trim(host, "[]")
	if ip, err := netip.ParseAddr(bare); err == nil && ip.Is6() && !ip.Is4In6() {
		return bare
	}
	return host
}

// parseVia is given to sipgo in place of its own parser of Via, which mangles
// parameters with quotes and addresses in brackets. All others it leaves to
// sipgo's.
func parseVia(fallback sip.HeaderParser) sip.HeaderParser {
	return func(name []byte, data string) (sip.Header, error) {
		if strings.IndexByte(data, '"') < 0 && strings.IndexByte(data, '[') < 0 {
			return fallback(name, data)
		}
		h, ok := readViaValue([]byte(data))
		if !ok {
			return fallback(name, data)
		}
		via := &sip.ViaHeader{
			ProtocolName:    string(h.name),
			ProtocolVersion: string(h.version),
			Transport:       string(h.transport),
			Host:            viaHost(string(h.host)),
			Port:            int(h.port),
			Params:          sip.NewParams(),
		}
		for it := (params{h.params}); ; {
			name, value, more, ok := it.next()
			if !more {
				return via, nil
			}
			if !ok {
				return fallback(name, data)
			}
			// sipgo puts quotes round what has blanks, and only that.
			if hasBlank(value) {
				value = bytes.Trim(value, `"`)
			}
			via.Params.Add(string(name), string(value))
		}
	}
}
