package traffic

import (
	"bytes"
	"strconv"
)

// branchPrefix begins our branches; the number of the transaction follows, in hexadecimal digits, and a dot.
const branchPrefix = "z9hG4bKload-"

// isResponse tells a response from a request.
func isResponse(b []byte) bool { return bytes.HasPrefix(b, []byte("SIP/2.0 ")) }

// status is the code of a response, 0 when it has none.
func status(b []byte) int {
	if len(b) < 12 {
		return 0
	}
	n, err := strconv.Atoi(string(b[8:11]))
	if err != nil || n < 100 || n > 699 {
		return 0
	}
	return n
}

// branchOf is the number of the transaction that a response is of.
func branchOf(b []byte) (uint64, bool) {
	i := bytes.Index(b, []byte(branchPrefix))
	if i < 0 {
		return 0, false
	}
	rest := b[i+len(branchPrefix):]
	end := bytes.IndexByte(rest[:min(len(rest), 17)], '.')
	if end < 0 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(rest[:end]), 16, 64)
	return n, err == nil
}

// headers calls each with every header of a message, its name as it came, until it returns false.
func headers(b []byte, each func(name, value []byte) bool) {
	_, b, _ = bytes.Cut(b, []byte("\r\n"))
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\r\n"))
		if len(line) == 0 {
			return
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok && !each(bytes.TrimSpace(name), bytes.TrimSpace(value)) {
			return
		}
	}
}

// header is the first header of that name, or of its short form.
func header(b []byte, name, short string) []byte {
	var out []byte
	headers(b, func(n, v []byte) bool {
		if !named(n, name, short) {
			return true
		}
		out = v
		return false
	})
	return out
}

// all are all headers of that name.
func all(b []byte, name, short string) [][]byte {
	var out [][]byte
	headers(b, func(n, v []byte) bool {
		if named(n, name, short) {
			out = append(out, v)
		}
		return true
	})
	return out
}

func named(n []byte, name, short string) bool {
	return bytes.EqualFold(n, []byte(name)) || short != "" && bytes.EqualFold(n, []byte(short))
}

// address is the URI of a Contact or Record-Route value.
func address(v []byte) []byte {
	if _, rest, ok := bytes.Cut(v, []byte("<")); ok {
		v, _, _ = bytes.Cut(rest, []byte(">"))
		return v
	}
	v, _, _ = bytes.Cut(v, []byte(";"))
	return bytes.TrimSpace(v)
}

// answer makes a response to a request of the server's.
func answer(req []byte, code string) []byte {
	out := append([]byte("SIP/2.0 "), code...)
	out = append(out, "\r\n"...)
	headers(req, func(n, v []byte) bool {
		for _, keep := range [...][2]string{{"Via", "v"}, {"From", "f"}, {"To", "t"}, {"Call-ID", "i"}, {"CSeq", ""}} {
			if named(n, keep[0], keep[1]) {
				out = append(append(append(append(out, n...), ": "...), v...), "\r\n"...)
			}
		}
		return true
	})
	return append(out, "Content-Length: 0\r\n\r\n"...)
}
