package sdp

import (
	"fmt"
	"strconv"
	"strings"
)

// What a stranger's description may hold at most.
const (
	MaxBytes = 65535 // a whole datagram
	MaxLines = 4096
	MaxMedia = 64
)

// Parse reads a session description. It takes any line ends, a missing last
// one, any order of lines, unknown lines and missing obligatory ones
// (SIP rules UA-9); it refuses only what is no session description at all, or
// too much of one. What a line says wrongly is refused later, stream by
// stream. The result does not alias b.
func Parse(b []byte) (*Description, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("sdp: %d bytes, at most %d are read", len(b), MaxBytes)
	}
	d := &Description{}
	lines, known := 0, 0
	for line := range strings.FieldsFuncSeq(string(b), isLineEnd) {
		if lines++; lines > MaxLines {
			return nil, fmt.Errorf("sdp: more than %d lines", MaxLines)
		}
		line = strings.TrimSpace(strings.Map(printable, line))
		if len(line) < 2 || line[1] != '=' {
			continue
		}
		ok, err := d.line(line[0], strings.TrimSpace(line[2:]))
		if err != nil {
			return nil, err
		}
		if ok {
			known++
		}
	}
	if known == 0 {
		return nil, fmt.Errorf("sdp: no v=, o= or m= line in %d bytes", len(b))
	}
	return d, nil
}

func isLineEnd(r rune) bool { return r == '\r' || r == '\n' }

// printable makes control characters spaces, so that what we echo is text.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

// line takes one line. known: it is one that only a session description has.
func (d *Description) line(letter byte, value string) (known bool, err error) {
	var m *MediaLine
	if n := len(d.Media); n > 0 {
		m = &d.Media[n-1]
	}
	switch letter {
	case 'v':
		if v, err := strconv.Atoi(value); err != nil || v != 0 {
			return false, fmt.Errorf("sdp: v=%.20q: only version 0 is known", value)
		}
		return true, nil
	case 'o':
		if d.Origin == (Origin{}) {
			d.Origin = parseOrigin(value)
		}
		return true, nil
	case 'c':
		c := parseConnection(value)
		switch {
		case m == nil && d.Connection == (Connection{}):
			d.Connection = c
		case m != nil && m.Connection == (Connection{}):
			m.Connection = c
		}
	case 'b':
		kind, v, _ := strings.Cut(value, ":")
		b := Bandwidth{strings.TrimSpace(kind), strings.TrimSpace(v)}
		if m == nil {
			d.Bandwidths = append(d.Bandwidths, b)
		} else {
			m.Bandwidths = append(m.Bandwidths, b)
		}
	case 'a':
		name, v, _ := strings.Cut(value, ":")
		a := Attribute{strings.TrimSpace(name), strings.TrimSpace(v)}
		if m == nil {
			d.Attributes = append(d.Attributes, a)
		} else {
			m.Attributes = append(m.Attributes, a)
		}
	case 'm':
		if len(d.Media) == MaxMedia {
			return false, fmt.Errorf("sdp: more than %d m= lines", MaxMedia)
		}
		d.Media = append(d.Media, parseMedia(value))
		return true, nil
	}
	return false, nil
}

// parseOrigin reads from the end: some phones put spaces in the user name.
func parseOrigin(value string) Origin {
	f := strings.Fields(value)
	n := len(f)
	if n < 6 {
		return Origin{User: value}
	}
	return Origin{User: strings.Join(f[:n-5], " "), ID: f[n-5], Version: f[n-4], Address: f[n-1]}
}

func parseConnection(value string) Connection {
	var c Connection
	f := strings.Fields(value)
	if len(f) > 0 {
		c.NetType = f[0]
	}
	if len(f) > 1 {
		c.AddrType = f[1]
	}
	if len(f) > 2 {
		c.Address, _, _ = strings.Cut(f[2], "/")
	}
	return c
}

// parseMedia keeps what can be read, so that a line with an error is refused
// by itself (OA-1): a port that is none becomes 0.
func parseMedia(value string) MediaLine {
	f := strings.Fields(value)
	m := MediaLine{Kind: "audio", Profile: "RTP/AVP"}
	if len(f) > 0 {
		m.Kind = f[0]
	}
	if len(f) > 1 {
		port, _, _ := strings.Cut(f[1], "/")
		if p, err := strconv.ParseUint(port, 10, 16); err == nil {
			m.Port = uint16(p)
		}
	}
	if len(f) > 2 {
		m.Profile = f[2]
	}
	if len(f) > 3 {
		m.Formats = f[3:]
	} else {
		m.Port = 0 // RFC 8866, 5.14: at least one format
	}
	return m
}
