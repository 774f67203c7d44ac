package sip

import (
	"bytes"
	"strings"
)

// headerID names the header fields that the edge reads itself. All others are
// passed on as they are.
type headerID uint8

const (
	otherHeader headerID = iota
	viaHeader
	fromHeader
	toHeader
	callIDHeader
	cseqHeader
	maxForwardsHeader
	contentLengthHeader
	routeHeader
	contentTypeHeader
	contactHeader
	recordRouteHeader
	referToHeader
	referredByHeader
	headerIDs // how many there are
)

// once holds the header fields that may occur once only: a second one is
// answered 400 (RFC 4475, 3.3.8 and 3.3.9).
const once = 1<<fromHeader | 1<<toHeader | 1<<callIDHeader | 1<<cseqHeader |
	1<<maxForwardsHeader | 1<<contentLengthHeader | 1<<contentTypeHeader

// required holds the header fields without which a message cannot be served
// (RFC 3261, 8.1.1). Max-Forwards is not among them: RFC 2543 knew none.
const required = 1<<viaHeader | 1<<fromHeader | 1<<toHeader | 1<<callIDHeader | 1<<cseqHeader

// known is what the edge knows about a header field name.
type known struct {
	id   headerID
	name []byte // the long form, as RFC 3261 writes it
}

// longNames maps lower-case names and compact forms (TR-6) to the long form.
var longNames = map[string]known{
	"via": {viaHeader, []byte("Via")}, "v": {viaHeader, []byte("Via")},
	"from": {fromHeader, []byte("From")}, "f": {fromHeader, []byte("From")},
	"to": {toHeader, []byte("To")}, "t": {toHeader, []byte("To")},
	"call-id": {callIDHeader, []byte("Call-ID")}, "i": {callIDHeader, []byte("Call-ID")},
	"cseq":           {cseqHeader, []byte("CSeq")},
	"max-forwards":   {maxForwardsHeader, []byte("Max-Forwards")},
	"content-length": {contentLengthHeader, []byte("Content-Length")}, "l": {contentLengthHeader, []byte("Content-Length")},
	"route":        {routeHeader, []byte("Route")},
	"content-type": {contentTypeHeader, []byte("Content-Type")}, "c": {contentTypeHeader, []byte("Content-Type")},
	"contact": {contactHeader, []byte("Contact")}, "m": {contactHeader, []byte("Contact")},
	"record-route": {recordRouteHeader, []byte("Record-Route")},
	"refer-to":     {referToHeader, []byte("Refer-To")}, "r": {referToHeader, []byte("Refer-To")},
	"referred-by": {referredByHeader, []byte("Referred-By")}, "b": {referredByHeader, []byte("Referred-By")},
	"a": {otherHeader, []byte("Accept-Contact")},
	"d": {otherHeader, []byte("Request-Disposition")},
	"e": {otherHeader, []byte("Content-Encoding")},
	"j": {otherHeader, []byte("Reject-Contact")},
	"k": {otherHeader, []byte("Supported")},
	"n": {otherHeader, []byte("Identity-Info")},
	"o": {otherHeader, []byte("Event")},
	"s": {otherHeader, []byte("Subject")},
	"u": {otherHeader, []byte("Allow-Events")},
	"x": {otherHeader, []byte("Session-Expires")},
	"y": {otherHeader, []byte("Identity")},
}

// idNames gives the long form back.
var idNames = [headerIDs]string{
	otherHeader: "header", viaHeader: "Via", fromHeader: "From", toHeader: "To",
	callIDHeader: "Call-ID", cseqHeader: "CSeq", maxForwardsHeader: "Max-Forwards",
	contentLengthHeader: "Content-Length", routeHeader: "Route",
	contentTypeHeader: "Content-Type", contactHeader: "Contact",
	recordRouteHeader: "Record-Route", referToHeader: "Refer-To",
	referredByHeader: "Referred-By",
}

// lookupHeader finds a field name, whatever its case; ok is false for names
// the edge does not know.
func lookupHeader(name []byte) (k known, ok bool) {
	var lower [16]byte
	if len(name) > len(lower) {
		return known{}, false
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	k, ok = longNames[string(lower[:len(name)])]
	return k, ok
}

// isToken says whether b is a token of RFC 3261, 25.1.
func isToken(b []byte) bool {
	for _, c := range b {
		if !tokenBytes[c] {
			return false
		}
	}
	return len(b) > 0
}

// tokenBytes are those that a token is made of.
var tokenBytes = func() (t [256]bool) {
	for c := range t {
		t[c] = isAlphanum(byte(c)) || strings.IndexByte("-.!%*_+`'~", byte(c)) >= 0
	}
	return t
}()

func isAlphanum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// trim cuts white space off both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func hasBlank(b []byte) bool {
	return bytes.IndexByte(b, ' ') >= 0 || bytes.IndexByte(b, '\t') >= 0
}

// number reads a run of digits; ok is false for anything else and for what is
// above most.
func number(b []byte, most uint64) (n uint64, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
		if n > most {
			return 0, false
		}
	}
	return n, true
}
