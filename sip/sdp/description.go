package sdp

import (
	"strconv"
	"strings"
)

// Description is a session description as read: every line that matters here,
// in the order of the text, unknown lines left out (RFC 8866, 5).
type Description struct {
	Origin     Origin
	Connection Connection // of the session; zero when there is none
	Bandwidths []Bandwidth
	Attributes []Attribute // of the session
	Media      []MediaLine
}

// Origin is the o= line. ID and Version are text: real peers write more
// digits than fit in 64 bits.
type Origin struct {
	User, ID, Version string
	Address           string
}

// numbers gives ID and Version as numbers, 0 for what is none.
func (o Origin) numbers() (id, version uint64) {
	id, _ = strconv.ParseUint(o.ID, 10, 64)
	version, _ = strconv.ParseUint(o.Version, 10, 64)
	return id, version
}

// Connection is a c= line. Address has its TTL or count cut off.
type Connection struct {
	NetType, AddrType, Address string
}

// Bandwidth is a b= line.
type Bandwidth struct {
	Type, Value string
}

// Attribute is an a= line: a name and what follows its colon.
type Attribute struct {
	Name, Value string
}

// MediaLine is an m= line with the lines below it.
type MediaLine struct {
	Kind       string // "audio", "video", ...
	Port       uint16 // 0: refused, switched off, or unreadable
	Profile    string // "RTP/AVP", ...
	Formats    []string
	Connection Connection // zero when the session's holds
	Bandwidths []Bandwidth
	Attributes []Attribute
}

// Attribute gives the value of the first attribute of that name.
func (m *MediaLine) Attribute(name string) (value string, ok bool) {
	return find(m.Attributes, name)
}

func find(list []Attribute, name string) (value string, ok bool) {
	for _, a := range list {
		if strings.EqualFold(a.Name, name) {
			return a.Value, true
		}
	}
	return "", false
}

// inherited gives the attribute of the line, else that of the session
// (RFC 8866, 5.13).
func (d *Description) inherited(m *MediaLine, name string) (value string, ok bool) {
	if v, ok := m.Attribute(name); ok {
		return v, true
	}
	return find(d.Attributes, name)
}

// bandwidth gives the value of a b= line, that of the media first.
func (d *Description) bandwidth(m *MediaLine, kind string) (value string, ok bool) {
	for _, list := range [][]Bandwidth{m.Bandwidths, d.Bandwidths} {
		for _, b := range list {
			if strings.EqualFold(b.Type, kind) {
				return b.Value, true
			}
		}
	}
	return "", false
}
