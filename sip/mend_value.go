package sip

import "bytes"

// cutValue splits the first value off a list of values parted by commas,
// commas inside quotes and angle brackets not counted. more is false when it
// was the last.
func cutValue(list []byte) (value, rest []byte, more bool) {
	i := indexOutside(list, ',')
	if i < 0 {
		return trim(list), nil, false
	}
	return trim(list[:i]), list[i+1:], true
}

// indexOutside finds the first c outside quotes and angle brackets, -1 when
// there is none.
func indexOutside(b []byte, c byte) int {
	quoted, bracket := false, false
	for i := 0; i < len(b); i++ {
		switch d := b[i]; {
		case quoted:
			if d == '\\' {
				i++
			} else if d == '"' {
				quoted = false
			}
		case d == '"':
			quoted = true
		case d == '<':
			bracket = true
		case d == '>':
			bracket = false
		case d == c && !bracket:
			return i
		}
	}
	return -1
}

// params walks over ";name=value" (RFC 3261, 25.1, generic-param).
type params struct{ rest []byte }

// next returns the next parameter, white space round ";" and "=" gone; value
// keeps its quotes and is nil where there is no "=". more is false at the end;
// ok is false when the parameter is malformed.
func (p *params) next() (name, value []byte, more, ok bool) {
	p.rest = trim(p.rest)
	if len(p.rest) == 0 {
		return nil, nil, false, true
	}
	if p.rest[0] != ';' {
		p.rest = nil
		return nil, nil, true, false
	}
	part := p.rest[1:]
	if i := indexQuoted(part, ';'); i >= 0 {
		part, p.rest = part[:i], part[i:]
	} else {
		p.rest = nil
	}
	if i := bytes.IndexByte(part, '='); i >= 0 {
		name, value = trim(part[:i]), trim(part[i+1:])
		return name, value, true, isToken(name) && isParamValue(value)
	}
	name = trim(part)
	return name, nil, true, isToken(name)
}

// indexQuoted finds the first c outside quotes.
func indexQuoted(b []byte, c byte) int {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch d := b[i]; {
		case quoted && d == '\\':
			i++
		case d == '"':
			quoted = !quoted
		case d == c && !quoted:
			return i
		}
	}
	return -1
}

// isParamValue accepts a whole quoted string, or a run of printable bytes: more
// than the token and host of the RFC, for phones write more.
func isParamValue(v []byte) bool {
	if len(v) > 0 && v[0] == '"' {
		return quotedEnd(v) == len(v)
	}
	for _, c := range v {
		if c <= ' ' || c == 0x7f || c == '"' || c == ',' || c == '<' || c == '>' {
			return false
		}
	}
	return true
}

// quotedEnd returns how long the quoted string at the start of v is, 0 when it
// does not end.
func quotedEnd(v []byte) int {
	for i := 1; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// appendParams writes the parameters in p without white space, those named in
// lower-case, names of RFC 3261 in lower case. tag is the value of the tag
// parameter, nil when there is none. skipEmpty leaves ";;" out instead of
// calling it malformed.
func appendParams(out, p []byte, skipEmpty bool) (_, tag []byte, ok bool) {
	for it := (params{p}); ; {
		name, value, more, ok := it.next()
		if !more {
			return out, tag, true
		}
		if !ok {
			if skipEmpty && len(name) == 0 && value == nil {
				continue
			}
			return out, nil, false
		}
		out = append(out, ';')
		if bytes.EqualFold(name, []byte("tag")) {
			if tag != nil || bytes.IndexByte(value, '=') >= 0 || bytes.IndexByte(value, '"') >= 0 {
				return out, nil, false
			}
			name, tag = []byte("tag"), value
			if tag == nil {
				tag = []byte{}
			}
		}
		out = append(out, name...)
		if value != nil {
			out = append(out, '=')
			out = append(out, value...)
		}
	}
}

// address is a name-addr or addr-spec with its header parameters.
type address struct {
	display []byte // without quotes
	uri     []byte
	params  []byte
}

// readAddress takes a From, To, Contact or Route value apart. It takes blanks
// inside the angle brackets (RFC 4475, 3.1.2.14) and unquoted display names
// that should be quoted (3.1.2.15).
func readAddress(v []byte) (a address, ok bool) {
	v = trim(v)
	if len(v) > 0 && v[0] == '"' {
		n := quotedEnd(v)
		if n == 0 {
			return a, false
		}
		a.display, v = v[1:n-1], trim(v[n:])
		if len(v) == 0 || v[0] != '<' {
			return a, false
		}
	}
	open := bytes.IndexByte(v, '<')
	if open < 0 {
		a.uri = v
		if i := bytes.IndexByte(v, ';'); i >= 0 {
			a.uri, a.params = trim(v[:i]), v[i:]
		}
		// A URI with "?" must stand in brackets (RFC 3261, 20.10).
		return a, bytes.IndexByte(a.uri, '?') < 0
	}
	if open > 0 {
		a.display = trim(v[:open])
		if bytes.IndexByte(a.display, '"') >= 0 || bytes.IndexByte(a.display, '\\') >= 0 {
			return a, false
		}
	}
	end := bytes.IndexByte(v, '>')
	if end < open {
		return a, false
	}
	a.uri, a.params = trim(v[open+1:end]), trim(v[end+1:])
	return a, true
}
