package sip

import (
	"bytes"
	"hash/maphash"
	"net/netip"
	"strconv"
)

// answer writes a response to r without any state (RFC 3261, 8.2.7), for what
// sipgo's parser would drop in silence. Via, From, To, Call-ID and CSeq are
// given back as they came, the topmost Via with received and rport, To with a
// tag that is the same for every retransmission. to is where it belongs when
// the request came by datagram. It returns nil when there is no Via to answer
// to, when r is a response, and for ACK, which is never answered.
func (r *reading) answer(out []byte, p problem, src netip.AddrPort, seed maphash.Seed) (_ []byte, to netip.AddrPort) {
	top := r.first(viaHeader)
	if r.response || top == nil || string(r.method) == "ACK" {
		return nil, to
	}
	out = append(out, "SIP/2.0 "...)
	out = strconv.AppendInt(out, int64(p.code), 10)
	out = append(out, ' ')
	out = append(out, p.text...)
	out = append(out, "\r\nVia: "...)
	out, to, ok := appendTopVia(out, top.value, src)
	if !ok {
		return nil, to
	}
	seen := 0
	for i := range r.fields {
		f := &r.fields[i]
		switch f.id {
		case viaHeader:
			if f == top {
				continue
			}
		case fromHeader, toHeader, callIDHeader, cseqHeader:
			if seen&(1<<f.id) != 0 {
				continue
			}
			seen |= 1 << f.id
		default:
			continue
		}
		out = append(out, "\r\n"...)
		out = append(out, f.name...)
		out = append(out, ": "...)
		out = append(out, f.value...)
		if f.id == toHeader && !hasTag(f.value) {
			out = append(out, ";tag="...)
			out = strconv.AppendUint(out, r.hash(seed), 36)
		}
	}
	return append(out, "\r\nContent-Length: 0\r\n\r\n"...), to
}

// hash is the same for every retransmission of a request.
func (r *reading) hash(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for i := range r.fields {
		switch f := &r.fields[i]; f.id {
		case viaHeader, fromHeader, callIDHeader, cseqHeader:
			h.Write(f.value)
		}
	}
	return h.Sum64()
}

// hasTag looks for a tag in a To value that may be malformed.
func hasTag(v []byte) bool {
	if i := bytes.LastIndexByte(v, '>'); i >= 0 {
		v = v[i:]
	}
	for _, part := range bytes.Split(v, []byte{';'})[1:] {
		name, _, _ := bytes.Cut(part, []byte{'='})
		if bytes.EqualFold(trim(name), []byte("tag")) {
			return true
		}
	}
	return false
}

// appendTopVia writes the values of the topmost Via field, however malformed
// the parameters of the first are, and says where a datagram in answer goes
// (RFC 3261, 18.2.2; RFC 3581, 4).
func appendTopVia(out, list []byte, src netip.AddrPort) (_ []byte, to netip.AddrPort, ok bool) {
	value, rest, more := cutValue(list)
	h, ok := readViaValue(value)
	switch {
	case ok:
		out = appendViaValue(out, h)
	case len(h.transport) == 0: // not even "SIP/2.0/UDP "
		return out, to, false
	default: // sent-by is malformed: given back as it came, and the answer goes to the usual port
		h.host, h.port = nil, 0
		sentBy, _, _ := bytes.Cut(value, []byte{';'})
		out = append(out, trim(sentBy)...)
	}
	rport := false
	for _, part := range bytes.Split(h.params, []byte{';'}) {
		name, _, _ := bytes.Cut(part, []byte{'='})
		switch name = trim(name); {
		case bytes.EqualFold(name, []byte("rport")):
			rport = true
		case len(name) > 0 && !bytes.EqualFold(name, []byte("received")):
			out = append(out, ';')
			out = append(out, trim(part)...)
		}
	}
	out = appendReceived(out, h.host, src, rport)
	if more {
		out = append(out, ',')
		out = append(out, rest...)
	}
	return out, answerTo(h, src, rport), true
}

// answerTo is where a datagram that answers a request goes: the source address,
// and with rport its port, else the port of sent-by.
func answerTo(top viaValue, src netip.AddrPort, rport bool) netip.AddrPort {
	switch {
	case rport:
		return src
	case top.port != 0:
		return netip.AddrPortFrom(src.Addr(), top.port)
	}
	return netip.AddrPortFrom(src.Addr(), defaultPort)
}

// defaultPort is where SIP listens unless it says otherwise (RFC 3261, 19.1.2).
const defaultPort = 5060
