package sdp

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"strings"
)

// rejected is an m= line with port 0: the formats are kept (RFC 3264, 6; OA-1).
func rejected(m *MediaLine) string {
	formats := strings.Join(m.Formats, " ")
	if formats == "" {
		formats = "0"
	}
	s := fmt.Sprintf("m=%s 0 %s %s\r\n", m.Kind, m.Profile, formats)
	if mid, ok := m.Attribute("mid"); ok && mid != "" {
		s += "a=mid:" + mid + "\r\n"
	}
	return s
}

// writeCodec adds rtpmap and fmtp of a codec as we name it, under a number.
func writeCodec(b *strings.Builder, c Codec, pt uint8) {
	fmt.Fprintf(b, "a=rtpmap:%d %s/%d", pt, c.Name, c.ClockRate)
	if strings.EqualFold(c.Name, "opus") {
		b.WriteString("/2")
	} else if c.channels() > 1 {
		fmt.Fprintf(b, "/%d", c.Channels)
	}
	b.WriteString("\r\n")
	if p := c.parameters(); p != "" {
		fmt.Fprintf(b, "a=fmtp:%d %s\r\n", pt, p)
	}
}

// events of our own: all sixteen of RFC 4733, 3.2.
func ourEvents(rate int) Codec {
	return Codec{Name: telephoneEvent, ClockRate: rate, Channels: 1, Fmtp: "0-15"}
}

func addressLine(a netip.Addr) string {
	a = a.Unmap()
	switch {
	case !a.IsValid():
		return "IN IP4 0.0.0.0"
	case a.Is4():
		return "IN IP4 " + a.String()
	}
	return "IN IP6 " + a.WithZone("").String()
}

// session puts the session's lines before the rest and writes the version:
// that of before when nothing changed, else one more (OA-7).
func session(ours Local, prev *Media, group, rest string, out *Media) []byte {
	addr := addressLine(ours.Addr)
	head := "s=-\r\nc=" + addr + "\r\nt=0 0\r\n" + group
	out.SessionID, out.Version = ours.SessionID, ours.Version
	out.ours = digest(addr, head+rest)
	if prev != nil {
		out.SessionID = prev.SessionID
		next := prev.Version
		if out.ours != prev.ours {
			next++
		}
		out.Version = max(out.Version, next)
	}
	return fmt.Appendf(nil, "v=0\r\no=- %d %d %s\r\n%s%s", out.SessionID, out.Version, addr, head, rest)
}

func digest(addr, body string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(addr))
	h.Write([]byte(body))
	return h.Sum64()
}

// sent is the digest of a description that session wrote.
func sent(b []byte) uint64 {
	_, rest, _ := strings.Cut(string(b), "\r\n")
	origin, body, _ := strings.Cut(rest, "\r\n")
	addr := ""
	if f := strings.SplitN(origin, " ", 4); len(f) == 4 {
		addr = f[3]
	}
	return digest(addr, body)
}

// content is the digest of a peer's description without its o= line, so that
// a version that rises for nothing, or does not rise, changes nothing (OA-7).
func content(b []byte) uint64 {
	h := fnv.New64a()
	for line := range strings.FieldsFuncSeq(string(b), isLineEnd) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "o=") {
			h.Write([]byte(line))
			h.Write([]byte{'\n'})
		}
	}
	return h.Sum64()
}
