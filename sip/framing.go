package sip

import "bytes"

// framingLimits bound one message of a stream.
type framingLimits struct {
	header int // bytes of start line and header fields
	body   int // bytes of body
}

// framer cuts a stream into messages by Content-Length, whatever the pieces it
// comes in (RFC 3261, 18.3; TR-4). It opens nothing. Give it bytes by space and
// wrote, take messages by next until there is none.
type framer struct {
	limits framingLimits
	buf    []byte // what has come and is not taken yet
	taken  int    // length of the message that next gave last, to be dropped
	lines  int    // start of the first header line not looked at yet
	seen   int    // up to here there is no further line end
	head   int    // length of the header with its empty line, 0 while unknown
	total  int    // length of the message, once head is known
	crlfs  int    // line ends since the last message
	noLen  bool   // the message has no Content-Length
	stray  int    // bytes dropped since, that may have been its body
}

const firstBuffer = 4 << 10 // bytes; most messages fit

// space returns room to read into, never empty.
func (f *framer) space() []byte {
	f.drop()
	if cap(f.buf) == 0 {
		f.buf = make([]byte, 0, firstBuffer)
	}
	if len(f.buf) == cap(f.buf) {
		f.buf = append(make([]byte, 0, 2*cap(f.buf)), f.buf...)
	}
	return f.buf[len(f.buf):cap(f.buf)]
}

// wrote tells that n bytes were read into what space gave.
func (f *framer) wrote(n int) { f.buf = f.buf[:len(f.buf)+n] }

// inside tells that a message has begun and is not complete.
func (f *framer) inside() bool { return len(f.buf) > f.taken }

// drop forgets the message given last, and a buffer that grew for it.
func (f *framer) drop() {
	if f.taken == 0 {
		return
	}
	rest := f.buf[f.taken:]
	if cap(f.buf) > 4*firstBuffer && len(rest) <= firstBuffer {
		f.buf = append(make([]byte, 0, firstBuffer), rest...)
	} else {
		f.buf = f.buf[:copy(f.buf, rest)]
	}
	f.taken, f.lines, f.seen, f.head, f.total = 0, 0, 0, 0, 0
}

// next returns the next whole message, nil when more bytes are needed; it is
// valid until the next call of any method. pings is how often the peer sent two
// line ends in a row between messages, each to be answered with one (RFC 5626,
// 4.4.1). A problem means that the stream cannot be read on; the message is then
// what there is of it, to answer to. Code 0 with ok false: this is no SIP.
func (f *framer) next() (msg []byte, pings int, p problem, ok bool) {
	f.drop()
	pings = f.skip()
	for f.head == 0 {
		again := false
		if p, again, ok = f.findHead(); again {
			pings += f.skip()
			continue
		}
		if !ok || p.code != 0 || f.head == 0 {
			return f.partial(p), pings, p, ok && p.code == 0
		}
	}
	if len(f.buf) < f.total {
		return nil, pings, problem{}, true
	}
	f.taken, f.crlfs = f.total, 0
	return f.buf[:f.total:f.total], pings, problem{}, true
}

// partial is what can be answered to when the stream breaks.
func (f *framer) partial(p problem) []byte {
	if p.code == 0 {
		return nil
	}
	return f.buf
}

// skip drops line ends and NULs between messages and counts pings.
func (f *framer) skip() (pings int) {
	if f.lines > 0 {
		return 0 // inside a message
	}
	i := 0
loop:
	for ; i < len(f.buf); i++ {
		switch f.buf[i] {
		case '\n':
			if f.crlfs++; f.crlfs%2 == 0 {
				pings++
			}
		case '\r', 0:
		default:
			break loop
		}
	}
	f.buf = f.buf[:copy(f.buf, f.buf[i:])]
	return pings
}

// findHead looks for the empty line that ends the header, going over each byte
// once, and then for Content-Length. again is true when it dropped a line: what
// follows a message without Content-Length may be its body, and is passed over.
func (f *framer) findHead() (p problem, again, ok bool) {
	for {
		from := max(f.lines, f.seen)
		i := bytes.IndexByte(f.buf[from:], '\n')
		if i < 0 {
			f.seen = len(f.buf)
			break
		}
		end := from + i + 1
		if end > f.limits.header { // as where its end has not come yet
			break
		}
		line := bytes.TrimSuffix(f.buf[f.lines:end-1], []byte{'\r'})
		if f.lines == 0 && !looksLikeSIP(line) {
			f.stray += end
			if !f.noLen || f.stray > f.limits.body {
				return problem{}, false, false
			}
			f.buf, f.seen = f.buf[:copy(f.buf, f.buf[end:])], 0
			return problem{}, true, true
		}
		f.lines = end
		if len(line) == 0 {
			f.head = end
			break
		}
	}
	if len(f.buf) > f.limits.header && (f.head == 0 || f.head > f.limits.header) {
		return problem{513, "Message Too Large: header"}, false, true
	}
	if f.head == 0 {
		return problem{}, false, true
	}
	n, found, ok := contentLength(f.buf[:f.head])
	f.noLen, f.stray = !found, 0
	switch {
	case !ok:
		return badField("Content-Length"), false, true
	case n > uint64(f.limits.body):
		return problem{413, "Request Entity Too Large"}, false, true
	}
	f.total = f.head + int(n)
	return problem{}, false, true
}

// looksLikeSIP tells a first line of SIP from that of another protocol.
func looksLikeSIP(line []byte) bool {
	var r reading
	return r.startLine(line)
}

// contentLength finds Content-Length, in either form, folded or not. ok is false when it
// is no number or there are two: then nobody knows where the message ends.
func contentLength(head []byte) (n uint64, found, ok bool) {
	_, rest := cutLine(head)
	for len(rest) > 0 {
		var line []byte
		line, rest = cutLine(rest)
		name, value, colon := bytes.Cut(line, []byte{':'})
		if !colon || len(name) == 0 || (name[0]|0x20 != 'c' && name[0]|0x20 != 'l') {
			continue
		}
		if k, known := lookupHeader(trim(name)); !known || k.id != contentLengthHeader {
			continue
		}
		value = trim(value)
		for len(rest) > 0 && isBlank(rest[0]) {
			line, rest = cutLine(rest)
			value = append(append(value[:len(value):len(value)], ' '), trim(line)...)
			value = trim(value)
		}
		v, isNumber := number(value, maxContent)
		if found || !isNumber {
			return 0, true, false
		}
		n, found = v, true
	}
	return n, found, true
}
