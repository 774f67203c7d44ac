package sdp

import (
	"strconv"
	"strings"
)

// Codec is one format of an m=audio line.
type Codec struct {
	Name        string // as in rtpmap: "PCMU", "PCMA", "G722", "opus"
	ClockRate   int    // RTP clock in Hz
	Channels    int    // as in rtpmap; opus says 2 whatever it carries (RFC 7587, 7)
	PayloadType uint8
	Fmtp        string // format parameters, without the number
}

const (
	telephoneEvent = "telephone-event" // RFC 4733
	comfortNoise   = "CN"              // RFC 3389
)

// static gives the payload types of RFC 3551, table 4, that phones list
// without rtpmap and that name what we might speak.
func static(pt uint8) (Codec, bool) {
	switch pt {
	case 0:
		return Codec{Name: "PCMU", ClockRate: 8000, Channels: 1, PayloadType: 0}, true
	case 8:
		return Codec{Name: "PCMA", ClockRate: 8000, Channels: 1, PayloadType: 8}, true
	case 9:
		return Codec{Name: "G722", ClockRate: 8000, Channels: 1, PayloadType: 9}, true
	case 13:
		return Codec{Name: comfortNoise, ClockRate: 8000, Channels: 1, PayloadType: 13}, true
	}
	return Codec{}, false
}

// dynamic reports whether a payload type has no meaning without rtpmap.
func dynamic(pt uint8) bool { return pt >= 96 }

// is reports whether both are the same codec, whatever their numbers.
func (c Codec) is(o Codec) bool {
	return strings.EqualFold(c.Name, o.Name) && c.ClockRate == o.ClockRate &&
		(c.channels() == o.channels() || strings.EqualFold(c.Name, "opus"))
}

func (c Codec) channels() int { return max(c.Channels, 1) }

// speech reports whether c carries speech.
func (c Codec) speech() bool {
	return !strings.EqualFold(c.Name, telephoneEvent) && !strings.EqualFold(c.Name, comfortNoise)
}

// codecs gives what an m= line lists, in its order: formats that are no
// number are left out, those without a meaning have no name. One pass over
// the attributes, so that a long description costs no more than its length.
func (m *MediaLine) codecs() []Codec {
	maps, fmtps := m.numbered("rtpmap"), m.numbered("fmtp")
	var seen [128]bool
	var list []Codec
	for _, f := range m.Formats {
		pt, ok := payloadType(f)
		if !ok || seen[pt] {
			continue
		}
		seen[pt] = true
		c := rtpmap(pt, maps[pt])
		if c.Name == "" {
			c, _ = static(pt)
			c.PayloadType = pt
		}
		c.Fmtp = fmtps[pt]
		list = append(list, c)
	}
	return list
}

func payloadType(s string) (uint8, bool) {
	n, err := strconv.ParseUint(s, 10, 7)
	return uint8(n), err == nil
}

func contains(list []Codec, pt uint8) bool {
	for _, c := range list {
		if c.PayloadType == pt {
			return true
		}
	}
	return false
}

// rtpmap reads "opus/48000/2"; no name when it says nothing. Where the clock
// rate is missing (as in the body of RFC 4475, 3.3.15) it is 8000, that of most.
func rtpmap(pt uint8, value string) Codec {
	part := strings.Split(value, "/")
	c := Codec{Name: strings.TrimSpace(part[0]), ClockRate: 8000, Channels: 1, PayloadType: pt}
	if len(part) > 1 {
		if n, err := strconv.Atoi(strings.TrimSpace(part[1])); err == nil && n > 0 {
			c.ClockRate = n
		}
	}
	if len(part) > 2 {
		if n, err := strconv.Atoi(strings.TrimSpace(part[2])); err == nil && n > 0 {
			c.Channels = n
		}
	}
	if pt == 9 && strings.EqualFold(c.Name, "G722") {
		c.ClockRate = 8000 // RFC 3551, 4.5.2: 8000, though the sound has 16000
	}
	return c
}

// numbered collects "a=name:pt value" by payload type. The first line for a
// number counts.
func (m *MediaLine) numbered(name string) (values [128]string) {
	for _, a := range m.Attributes {
		if !strings.EqualFold(a.Name, name) {
			continue
		}
		end := strings.IndexAny(a.Value, " \t")
		if end < 0 {
			continue
		}
		if pt, ok := payloadType(a.Value[:end]); ok && values[pt] == "" {
			values[pt] = strings.TrimSpace(a.Value[end:])
		}
	}
	return values
}

// Parameter gives one value of the format parameters ("useinbandfec=1; ...").
func (c Codec) Parameter(name string) (value string, ok bool) {
	for part := range strings.SplitSeq(c.Fmtp, ";") {
		key, v, _ := strings.Cut(part, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}

// number is Parameter as a number, 0 when it is none.
func (c Codec) number(name string) int {
	v, _ := c.Parameter(name)
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Opus is what a peer's format parameters ask of a sender of Opus
// (RFC 7587, 6.1). Zero numbers: it did not say.
type Opus struct {
	FEC, DTX, CBR     bool
	MaxAverageBitrate int // bit/s
	MaxPlaybackRate   int // Hz
	MinPTime          int // ms
}

// Opus reads the format parameters of a codec that is Opus.
func (c Codec) Opus() Opus {
	return Opus{
		FEC:               c.number("useinbandfec") == 1,
		DTX:               c.number("usedtx") == 1,
		CBR:               c.number("cbr") == 1,
		MaxAverageBitrate: c.number("maxaveragebitrate"),
		MaxPlaybackRate:   c.number("maxplaybackrate"),
		MinPTime:          c.number("minptime"),
	}
}

// parameters are what we write in fmtp. Opus without settings of the caller
// asks for mono and in-band FEC.
func (c Codec) parameters() string {
	if c.Fmtp == "" && strings.EqualFold(c.Name, "opus") {
		return "minptime=10;useinbandfec=1;stereo=0;sprop-stereo=0"
	}
	return c.Fmtp
}
