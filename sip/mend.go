package sip

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"maps"
	"net/netip"
	"strconv"

	"github.com/emiago/sipgo/sip"
)

// problem is why a message is not handed on: the code and reason phrase of the
// answer to it. Code 0 is no problem.
type problem struct {
	code int
	text string
}

func badField(what string) problem {
	return problem{400, "Bad Request: malformed " + what}
}

// Limits on what a stranger may make the edge hold.
const (
	maxFields  = 256       // header fields of one message
	maxCSeq    = 1<<31 - 1 // RFC 3261, 8.1.1.5
	maxPacket  = 65535     // bytes of a datagram (TR-1)
	maxContent = 1<<32 - 1 // a Content-Length above is malformed, not only too much
)

// mended is what became of a message.
type mended struct {
	message sip.Message       // hand this on, when not nil
	answer  []byte            // send this back, when not nil
	to      netip.AddrPort    // where the answer goes when it is a datagram
	problem problem           // why it is not handed on; code 0: not SIP
	method  sip.RequestMethod // of a request that is not handed on
	ignored int               // header fields left out for being malformed
	noTag   bool              // RFC 2543: From has no tag
}

// mender reads messages tolerantly and writes them anew in the one form that
// sipgo's parser reads right: long names, no folded lines, no white space where
// none is needed, one value to a line, Content-Length true, received and rport
// in the topmost Via. What cannot be served it answers. It opens nothing and is
// not for use by two goroutines at once; what it returns lives until its next
// call, but for the message, which is the caller's.
type mender struct {
	reading reading
	parser  *sip.Parser
	seed    maphash.Seed
	out     []byte
	back    []byte
	scheme  string // of the Request-URI, where sipgo cannot read it
}

// newParser makes sipgo's parser as a mender needs it. It may be shared.
func newParser() *sip.Parser {
	headers := maps.Clone(sip.DefaultHeadersParser())
	headers["via"] = parseVia(headers["via"])
	headers["contact"] = parseContact(headers["contact"])
	p := sip.NewParser(sip.WithHeadersParsers(headers))
	p.MaxMessageLength = 1 << 30 // bounded before: a mended message may be longer than it came
	return p
}

// mend judges one whole message that came from src. stream says that it came
// framed by its Content-Length; else it is a datagram.
func (m *mender) mend(b []byte, src netip.AddrPort, stream bool) (res mended) {
	r := &m.reading
	if !r.read(b) {
		return res
	}
	res.ignored = r.dropped
	body, p := r.judge(stream)
	if p.code == 0 {
		p = m.write(&res, body, src)
	}
	if p.code == 0 {
		p = m.parse(&res)
	}
	if p.code != 0 {
		res = m.refuse(p, src, res)
	}
	return res
}

// refuse answers the message read last, unless it is one that gets no answer.
func (m *mender) refuse(p problem, src netip.AddrPort, res mended) mended {
	res.message, res.problem = nil, p
	if res.answer, res.to = m.reading.answer(m.back[:0], p, src, m.seed); res.answer != nil {
		m.back = res.answer
	}
	if !m.reading.response {
		res.method = sip.RequestMethod(m.reading.method)
	}
	return res
}

// parse gives what was written to sipgo's parser. Its refusal would be a gap in
// the checks before it, and is answered all the same.
func (m *mender) parse(res *mended) problem {
	msg, err := m.parser.ParseSIP(m.out)
	if err != nil {
		return problem{400, "Bad Request: malformed message"}
	}
	if req, ok := msg.(*sip.Request); ok {
		// sipgo folds the case of methods; RFC 3261, 7.1 does not.
		req.Method = sip.RequestMethod(m.reading.method)
		if m.scheme != "" {
			req.Recipient.Scheme = m.scheme
		}
	}
	res.message = msg
	return problem{}
}

// judge checks what holds for requests and responses alike and returns the
// body as Content-Length gives it (RFC 3261, 18.3; TR-5).
func (r *reading) judge(stream bool) (body []byte, p problem) {
	if !bytes.EqualFold(r.version, []byte("SIP/2.0")) {
		return nil, problem{505, "Version Not Supported"}
	}
	if len(r.fields) > maxFields {
		return nil, problem{400, fmt.Sprintf("Bad Request: more than %d header fields", maxFields)}
	}
	seen := 0
	for i := range r.fields {
		bit := 1 << r.fields[i].id
		if seen&bit&once != 0 {
			return nil, problem{400, "Bad Request: more than one " + idNames[r.fields[i].id]}
		}
		seen |= bit
	}
	if missing := required &^ seen; missing != 0 {
		for id := viaHeader; id < headerIDs; id++ {
			if missing&(1<<id) != 0 {
				return nil, problem{400, "Bad Request: no " + idNames[id]}
			}
		}
	}
	f := r.first(contentLengthHeader)
	if f == nil {
		if stream {
			return nil, p
		}
		return r.body, p
	}
	n, ok := number(f.value, maxContent)
	switch {
	case !ok:
		return nil, badField("Content-Length")
	case n > uint64(len(r.body)):
		return nil, problem{400, "Bad Request: body shorter than Content-Length"}
	}
	return r.body[:n], p
}

// write writes the message anew into m.out, every header field checked.
func (m *mender) write(res *mended, body []byte, src netip.AddrPort) problem {
	r := &m.reading
	out, p := m.writeStart(m.out[:0])
	if p.code != 0 {
		return p
	}
	if r.response {
		src = netip.AddrPort{}
	}
	for i := range r.fields {
		f := &r.fields[i]
		start := len(out)
		var ok bool
		if out, ok = m.appendField(out, f, res, src); ok {
			if f.id == viaHeader {
				src = netip.AddrPort{} // only the topmost is ours to mark
			}
			continue
		}
		if f.id <= routeHeader && f.id != otherHeader { // TR-7
			return badField(idNames[f.id])
		}
		out = out[:start]
		res.ignored++
	}
	out = append(out, "Content-Length: "...)
	out = strconv.AppendInt(out, int64(len(body)), 10)
	out = append(out, "\r\n\r\n"...)
	m.out = append(out, body...)
	return problem{}
}

// writeStart writes the start line. A scheme of the Request-URI that sipgo
// cannot read is left for the UAS to refuse (UA-1), in m.scheme.
func (m *mender) writeStart(out []byte) ([]byte, problem) {
	r := &m.reading
	m.scheme = ""
	if r.response {
		if code, ok := number(r.status, 699); !ok || code < 100 {
			return out, badField("status code")
		}
		out = append(out, "SIP/2.0 "...)
		out = append(out, r.status...)
		out = append(out, ' ')
		out = append(out, r.reason...)
		return append(out, "\r\n"...), problem{}
	}
	uri, ok := readURI(r.uri)
	switch {
	case !ok:
		return out, badField("Request-URI")
	case uri.headers: // RFC 3261, 19.1.1; RFC 4475, 3.1.2.11
		return out, problem{400, "Bad Request: header fields in Request-URI"}
	}
	out = append(out, r.method...)
	out = append(out, ' ')
	if plainScheme(uri.scheme) {
		out = append(out, r.uri...)
	} else {
		m.scheme = string(bytes.ToLower(uri.scheme))
		out = append(out, "unknown"...)
		out = append(out, r.uri[len(uri.scheme):]...)
	}
	return append(out, " SIP/2.0\r\n"...), problem{}
}
