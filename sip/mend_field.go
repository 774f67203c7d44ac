package sip

import (
	"bytes"
	"net/netip"
)

// appendField writes one header field with its line end; ok is false when it
// is malformed, and then what was appended counts for nothing.
func (m *mender) appendField(out []byte, f *field, res *mended, src netip.AddrPort) (_ []byte, ok bool) {
	switch f.id {
	case viaHeader:
		out, _, _, ok = appendVia(out, f.value, src)
		return out, ok
	case contactHeader, routeHeader, recordRouteHeader:
		return appendAddresses(out, f)
	case contentLengthHeader:
		return out, true // written at the end, from the body
	}
	out = append(out, f.name...)
	out = append(out, ": "...)
	switch f.id {
	case fromHeader, toHeader:
		var tag []byte
		out, tag, ok = appendAddress(out, f.value, false)
		if ok && tag == nil && f.id == fromHeader && !m.reading.response {
			// RFC 2543 knew no tags; sipgo wants one to make a transaction.
			out = append(out, emptyTag...)
			res.noTag = true
		}
	case referToHeader, referredByHeader:
		out, _, ok = appendAddress(out, f.value, true)
	case callIDHeader:
		out, ok = append(out, f.value...), len(f.value) > 0 && !hasBlank(f.value)
	case cseqHeader:
		out, ok = m.appendCSeq(out, f.value)
	case maxForwardsHeader:
		_, ok = number(f.value, 255) // RFC 3261, 20.22
		out = append(out, f.value...)
	case contentTypeHeader:
		out, ok = append(out, f.value...), len(f.value) > 0
	default:
		out, ok = append(out, f.value...), true
	}
	return append(out, "\r\n"...), ok
}

// emptyTag stands in From for the tag that an RFC 2543 client does not send.
// It is taken off what is sent to that client: see dropEmptyTag.
const emptyTag = ";tag="

// appendCSeq writes "number method"; the method must be that of the request
// (RFC 3261, 8.1.1.5).
func (m *mender) appendCSeq(out, v []byte) ([]byte, bool) {
	i := bytes.IndexAny(v, " \t")
	if i < 0 {
		return out, false
	}
	digits, method := v[:i], trim(v[i:])
	_, ok := number(digits, maxCSeq)
	out = append(out, digits...)
	out = append(out, ' ')
	out = append(out, method...)
	r := &m.reading
	return out, ok && isToken(method) && (r.response || bytes.Equal(method, r.method))
}

// appendAddress writes an address as `"name" <uri>;params`.
func appendAddress(out, v []byte, lenient bool) (_, tag []byte, ok bool) {
	a, ok := readAddress(v)
	if !ok {
		return out, nil, false
	}
	uri, ok := readURI(a.uri)
	if !ok || !plainScheme(uri.scheme) {
		return out, nil, false
	}
	if len(a.display) > 0 {
		out = append(out, '"')
		out = append(out, a.display...)
		out = append(out, `" `...)
	}
	out = append(out, '<')
	out = append(out, a.uri...)
	out = append(out, '>')
	return appendParams(out, a.params, lenient)
}

// appendAddresses writes each address of a list on a line of its own, for
// sipgo misreads lists of three and more.
func appendAddresses(out []byte, f *field) ([]byte, bool) {
	if f.id == contactHeader && string(f.value) == "*" {
		return append(out, "Contact: *\r\n"...), true
	}
	ok, more := true, true
	for list := f.value; more; {
		var v []byte
		v, list, more = cutValue(list)
		out = append(out, f.name...)
		out = append(out, ": "...)
		if out, _, ok = appendAddress(out, v, f.id != routeHeader); !ok {
			return out, false
		}
		out = append(out, "\r\n"...)
	}
	return out, true
}

// dropEmptyTag takes the placeholder of emptyTag off a message that goes out:
// it must not reach a client that sent none. It returns b itself when there is
// nothing to take off, else a copy.
func dropEmptyTag(b []byte) []byte {
	i := bytes.Index(b, []byte("\r\nFrom: "))
	if i < 0 {
		return b
	}
	end := bytes.Index(b[i+2:], []byte("\r\n"))
	if end < 0 {
		return b
	}
	end += i + 2
	// sipgo writes a parameter without value as its bare name.
	line := b[i:end]
	at := bytes.LastIndexByte(line, '>')
	if at < 0 {
		return b
	}
	j := bytes.Index(line[at:], []byte(";tag"))
	if j < 0 {
		return b
	}
	after := i + at + j + len(";tag")
	if after < end && b[after] != ';' {
		return b
	}
	return append(append(make([]byte, 0, len(b)), b[:i+at+j]...), b[after:]...)
}
