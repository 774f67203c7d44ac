package sip

import "bytes"

// field is one header field, unfolded and trimmed.
type field struct {
	id    headerID
	name  []byte // the long form where the edge knows it, else as it was sent
	value []byte
}

// reading is a message read tolerantly: nothing in it is checked yet beyond
// what it takes to tell the parts apart. Its slices point into the message or
// into scratch and live until the next read.
type reading struct {
	response bool
	method   []byte // requests
	uri      []byte // requests; holds blanks when the request line has too many parts
	version  []byte
	status   []byte // responses: code
	reason   []byte // responses: phrase

	fields  []field
	dropped int // lines that are no header field
	body    []byte
	scratch []byte
}

// read takes a message apart. It returns false for what is not SIP: no start
// line with a version of SIP in its place.
func (r *reading) read(b []byte) bool {
	*r = reading{fields: r.fields[:0], scratch: r.scratch[:0]}
	for len(b) > 0 && (b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	line, rest := cutLine(b)
	if !r.startLine(line) {
		return false
	}
	for len(rest) > 0 {
		line, rest = cutLine(rest)
		if len(line) == 0 || len(r.fields) > maxFields { // judge refuses more
			break
		}
		for len(rest) > 0 && isBlank(rest[0]) { // RFC 3261, 7.3.1
			var more []byte
			more, rest = cutLine(rest)
			line = r.join(line, trim(more))
		}
		r.addField(line)
	}
	r.body = rest
	return true
}

// cutLine returns the first line of b without its end, CRLF or bare LF, and
// what follows it.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return bytes.TrimSuffix(b, []byte{'\r'}), nil
	}
	return bytes.TrimSuffix(b[:i], []byte{'\r'}), b[i+1:]
}

// join puts a folded line behind the one it continues, one space between.
func (r *reading) join(line, more []byte) []byte {
	start := len(r.scratch)
	if n := len(line); start >= n && n > 0 && &r.scratch[start-n] == &line[0] {
		start -= n // the line already ends scratch: lengthen it where it lies
	} else {
		r.scratch = append(r.scratch, line...)
	}
	r.scratch = append(r.scratch, ' ')
	r.scratch = append(r.scratch, more...)
	return r.scratch[start:len(r.scratch):len(r.scratch)]
}

func (r *reading) addField(line []byte) {
	if bytes.IndexByte(line, '\r') >= 0 { // a stray CR is white space
		start := len(r.scratch)
		r.scratch = append(r.scratch, line...)
		line = r.scratch[start:len(r.scratch):len(r.scratch)]
		for i, c := range line {
			if c == '\r' {
				line[i] = ' '
			}
		}
	}
	i := bytes.IndexByte(line, ':')
	if i < 0 {
		r.dropped++
		return
	}
	f := field{name: trim(line[:i]), value: trim(line[i+1:])}
	if !isToken(f.name) {
		r.dropped++
		return
	}
	if k, ok := lookupHeader(f.name); ok {
		f.id, f.name = k.id, k.name
	}
	r.fields = append(r.fields, f)
}

// startLine takes the first line apart (RFC 3261, 7.1 and 7.2). Runs of blanks
// count as one (RFC 4475, 3.1.2.9 and 3.1.2.10 allow it).
func (r *reading) startLine(line []byte) bool {
	line = trim(line)
	first := bytes.IndexAny(line, " \t")
	if first < 0 {
		return false
	}
	if isVersion(line[:first]) {
		r.response, r.version = true, line[:first]
		r.status = trim(line[first:])
		if i := bytes.IndexAny(r.status, " \t"); i >= 0 {
			r.status, r.reason = r.status[:i], trim(r.status[i:])
		}
		return true
	}
	last := bytes.LastIndexAny(line, " \t")
	r.method, r.version = line[:first], line[last+1:]
	r.uri = trim(line[first : last+1])
	return isVersion(r.version) && isToken(r.method)
}

// isVersion says whether b looks like the version of SIP, of whatever number.
func isVersion(b []byte) bool {
	return len(b) > 4 && bytes.EqualFold(b[:4], []byte("SIP/"))
}

// first returns the first field of that kind, nil when there is none.
func (r *reading) first(id headerID) *field {
	for i := range r.fields {
		if r.fields[i].id == id {
			return &r.fields[i]
		}
	}
	return nil
}
