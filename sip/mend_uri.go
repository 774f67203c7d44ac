package sip

import "bytes"

// uriParts is what the edge needs to know of a URI.
type uriParts struct {
	scheme  []byte
	headers bool // a sip or sips URI with "?" behind its host
}

func (u uriParts) isSIP() bool {
	return bytes.EqualFold(u.scheme, []byte("sip")) || bytes.EqualFold(u.scheme, []byte("sips"))
}

// readURI checks a URI (RFC 3261, 25.1) so far as to be sure that sipgo's
// parser reads it and reads the same. ok is false for a malformed one; a
// scheme that is unknown is not malformed.
func readURI(u []byte) (p uriParts, ok bool) {
	colon := bytes.IndexByte(u, ':')
	if colon <= 0 || !isScheme(u[:colon]) {
		return p, false
	}
	p.scheme = u[:colon]
	for _, c := range u {
		if c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"' {
			return p, false
		}
	}
	rest := u[colon+1:]
	if !p.isSIP() {
		return p, len(rest) > 0 && len(u) >= 3
	}
	rest = bytes.TrimPrefix(rest, []byte("//"))
	at := bytes.IndexByte(rest, '@')
	if at >= 0 {
		if at == 0 || bytes.IndexByte(rest[:at], '[') >= 0 {
			return p, false
		}
		rest = rest[at+1:]
	}
	host, tail := cutHost(rest)
	if !isHost(host) {
		return p, false
	}
	if len(tail) > 0 && tail[0] == ':' {
		end := bytes.IndexAny(tail, ";?")
		if end < 0 {
			end = len(tail)
		}
		if _, ok := number(tail[1:end], 65535); !ok {
			return p, false
		}
		tail = tail[end:]
	}
	p.headers = bytes.IndexByte(tail, '?') >= 0
	// Without a user part sipgo takes the first "[" for the host, wherever it is.
	return p, at >= 0 || bytes.IndexByte(tail, '[') < 0
}

// isScheme follows RFC 3986, 3.1.
func isScheme(b []byte) bool {
	for i, c := range b {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || !('0' <= c && c <= '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return true
}

// plainScheme says whether sipgo reads a URI of that scheme: letters only.
func plainScheme(b []byte) bool {
	for _, c := range b {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return true
}

// cutHost splits a host, brackets kept, off what follows it.
func cutHost(b []byte) (host, rest []byte) {
	end := 0
	if len(b) > 0 && b[0] == '[' {
		if end = bytes.IndexByte(b, ']') + 1; end == 0 {
			return nil, b
		}
	}
	i := bytes.IndexAny(b[end:], ":;?")
	if i < 0 {
		return b, nil
	}
	return b[:end+i], b[end+i:]
}

// isHost accepts names and addresses; an IPv6 address stands in brackets.
func isHost(h []byte) bool {
	if len(h) == 0 {
		return false
	}
	if h[0] == '[' {
		if len(h) < 4 || len(h) > 41 || h[len(h)-1] != ']' {
			return false
		}
		for _, c := range h[1 : len(h)-1] {
			hex := '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
			if !hex && c != ':' && c != '.' {
				return false
			}
		}
		return true
	}
	for _, c := range h {
		if !isAlphanum(c) && c != '-' && c != '.' && c != '_' && c < 0x80 {
			return false
		}
	}
	return true
}
