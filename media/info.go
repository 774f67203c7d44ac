package media

import (
	"bytes"
	"errors"
	"strconv"
	"time"
)

// What a body of INFO may say (RT-8).
const (
	maxInfoBody     = 512
	usualDuration   = 250 * time.Millisecond // of a body that names none
	longestDuration = longestDigit
)

// ErrNotADigit is what ParseInfo gives for bodies that hold no key of a telephone.
var ErrNotADigit = errors.New("media: the INFO body names no telephone key: need Signal=5 (application/dtmf-relay) or a bare 5 (application/dtmf)")

// InfoType tells whether a Content-Type, with or without parameters, is one of those that ParseInfo
// reads.
func InfoType(contentType string) bool {
	name := []byte(contentType)
	if i := bytes.IndexByte(name, ';'); i >= 0 {
		name = name[:i]
	}
	switch string(bytes.ToLower(bytes.TrimSpace(name))) {
	case "application/dtmf-relay", "application/dtmf", "audio/telephone-event":
		return true
	}
	return false
}

// ParseInfo reads the digit of an INFO body of one of these types: lines Signal= and Duration= (in ms)
// in any order and case, blanks anywhere, any line ends, unknown lines passed over; or a bare key. 10 to
// 15 are *, #, A to D, as in RFC 4733.
func ParseInfo(body []byte) (Digit, error) {
	if len(body) > maxInfoBody {
		return Digit{}, ErrNotADigit
	}
	d := Digit{Duration: usualDuration}
	bare := true
	for len(body) > 0 {
		var line []byte
		line, body = infoLine(body)
		if len(line) == 0 {
			continue
		}
		name, value, isPair := bytes.Cut(line, []byte("="))
		value = bytes.Trim(value, " \t\"")
		switch name = bytes.TrimSpace(name); {
		case isPair && (bytes.EqualFold(name, []byte("signal")) || bytes.EqualFold(name, []byte("d")) || bytes.EqualFold(name, []byte("digit"))):
			d.Key = parseKey(value)
			if d.Key == 0 {
				return Digit{}, ErrNotADigit
			}
		case isPair && bytes.EqualFold(name, []byte("duration")):
			if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
				d.Duration = min(time.Duration(ms)*time.Millisecond, longestDuration)
			}
		case !isPair && bare && d.Key == 0:
			d.Key = parseKey(name)
		}
		bare = false
	}
	if d.Key == 0 {
		return Digit{}, ErrNotADigit
	}
	return d, nil
}

// infoLine cuts off a line that ends in CRLF, CR, LF or the end.
func infoLine(b []byte) (line, rest []byte) {
	i := bytes.IndexAny(b, "\r\n")
	if i < 0 {
		return bytes.TrimSpace(b), nil
	}
	return bytes.TrimSpace(b[:i]), b[i+1:]
}

// parseKey reads a key or the number of its event; 0 when it is neither.
func parseKey(b []byte) byte {
	switch {
	case len(b) == 1:
		key := bytes.ToUpper(b)[0]
		if bytes.IndexByte([]byte(keys), key) >= 0 {
			return key
		}
	case len(b) == 2 && b[0] == '1' && b[1] >= '0' && b[1] <= '5':
		return keys[10+b[1]-'0']
	}
	return 0
}
