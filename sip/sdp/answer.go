package sdp

import (
	"fmt"
	"slices"
	"strings"
)

// Answer takes an offer and gives our answer and what was agreed (RFC 3264,
// 6). prev is what the session agreed on before, nil at first. The error is a
// *Refusal: nothing in the offer can be taken, and the session stays as it was.
func Answer(offer []byte, ours Local, prev *Media) (answer []byte, m Media, err error) {
	d, err := Parse(offer)
	if err != nil {
		return nil, Media{}, refuse(WarnParameter, "the session description cannot be read: %s", readable(err.Error()))
	}
	at, crypto, refusal := d.pick(ours, prev)
	if refusal != nil {
		return nil, Media{}, refusal
	}
	out := agree(d, at, ours)
	out.protect(crypto, ours, prev)
	if prev != nil {
		out.Numbers = prev.Numbers
	}
	out.Numbers = remember(out.Numbers, d.Media[at].codecs())
	out.peers = content(offer)
	out.Same = prev != nil && prev.peers == out.peers

	var rest strings.Builder
	out.Others = make([]string, len(d.Media))
	for i := range d.Media {
		if i == at {
			out.write(&rest, d, ours)
			continue
		}
		out.Others[i] = rejected(&d.Media[i])
		rest.WriteString(out.Others[i])
	}
	return session(ours, prev, d.bundle(at, out.RTCPMux), rest.String(), &out), out, nil
}

// pick gives the m= line to take: the one of before when it is still good,
// else the first acceptable one that is encrypted, else the first (OA-2, Q22).
// crypto is how it is encrypted.
func (d *Description) pick(ours Local, prev *Media) (at int, crypto *cryptoLine, why *Refusal) {
	first := -1
	for i := range d.Media {
		c, refusal := d.takes(&d.Media[i], ours, prev)
		if refusal != nil {
			if why == nil || why.Warning == WarnMedia {
				why = refusal
			}
			continue
		}
		if prev != nil && prev.Index == i {
			return i, c, nil
		}
		if first < 0 || crypto == nil && c != nil {
			first, crypto = i, c
		}
	}
	if first >= 0 {
		return first, crypto, nil
	}
	if why == nil {
		why = refuse(WarnMedia, "the session description has no audio stream")
	}
	return 0, nil, why
}

// takes judges one m= line of an offer, and says how it is encrypted.
func (d *Description) takes(m *MediaLine, ours Local, prev *Media) (*cryptoLine, *Refusal) {
	if refusal := d.acceptable(m, ours.Addr); refusal != nil {
		return nil, refusal
	}
	crypto, refusal := m.protected(ours, prev)
	if refusal != nil {
		return nil, refusal
	}
	if _, _, ok := choose(m.codecs(), ours); !ok {
		return nil, refuse(WarnFormat, "none of the codecs %s is supported, %s are", names(m.codecs()), names(ours.Codecs))
	}
	return crypto, nil
}

// agree decides everything about the line at an index that pick gave.
func agree(d *Description, at int, ours Local) Media {
	m := &d.Media[at]
	list := m.codecs()
	i, _, _ := choose(list, ours)
	out := Media{Index: at, Codec: list[i], DTMFSend: -1, DTMFRecv: -1, CN: -1, RTCPMux: true}
	out.SendPT, out.RecvPT = list[i].PayloadType, list[i].PayloadType
	if ours.DTMF {
		if e, also, ok := events(list, out.Codec.ClockRate); ok {
			out.DTMFSend, out.DTMFRecv = int(e.PayloadType), int(e.PayloadType)
			out.DTMFRate, out.AlsoDTMF = e.ClockRate, also
		}
	}
	if ours.CN && d.suppressing(m) {
		out.CN = noise(list, out.Codec.ClockRate)
	}
	if ours.LevelExt {
		out.LevelExt, _ = d.level(m)
	}
	out.settle(d, m, ours)
	return out
}

// write adds our answer to the line that was taken.
func (m *Media) write(b *strings.Builder, d *Description, ours Local) {
	line := &d.Media[m.Index]
	_, codec, _ := choose(line.codecs(), ours)
	formats := fmt.Sprint(m.RecvPT)
	if m.DTMFRecv >= 0 {
		formats += fmt.Sprint(" ", m.DTMFRecv)
	}
	if m.CN >= 0 {
		formats += fmt.Sprint(" ", m.CN)
	}
	fmt.Fprintf(b, "m=audio %d %s %s\r\n", ours.Port, m.Profile, formats)
	writeCodec(b, codec, m.RecvPT)
	if m.DTMFRecv >= 0 {
		writeCodec(b, ourEvents(m.DTMFRate), uint8(m.DTMFRecv))
	}
	if m.CN >= 0 {
		writeCodec(b, Codec{Name: comfortNoise, ClockRate: m.Codec.ClockRate}, uint8(m.CN))
	}
	if m.Crypto != nil {
		b.WriteString(m.Crypto.line())
	}
	m.writeStream(b, ours, m.PTime.Milliseconds())
	if m.LevelExt != 0 {
		_, answer := d.level(line)
		b.WriteString("a=extmap:" + answer + "\r\n")
	}
	if mid, ok := line.Attribute("mid"); ok && mid != "" {
		b.WriteString("a=mid:" + mid + "\r\n")
	}
}

// writeStream adds what an offer and an answer say alike.
func (m *Media) writeStream(b *strings.Builder, ours Local, ptime int64) {
	fmt.Fprintf(b, "a=ptime:%d\r\n", ptime)
	if ours.AnnounceMaxPTime > 0 {
		fmt.Fprintf(b, "a=maxptime:%d\r\n", ours.AnnounceMaxPTime.Milliseconds())
	}
	switch {
	case m.RTCPMux:
		b.WriteString("a=rtcp-mux\r\n")
	case ours.RTCPPort != 0 && ours.RTCPPort != ours.Port+1:
		fmt.Fprintf(b, "a=rtcp:%d\r\n", ours.RTCPPort)
	}
	b.WriteString("a=" + m.Direction.String() + "\r\n")
}

// bundle answers a group of which one line is left (RFC 8843, 7.3; OA-2).
func (d *Description) bundle(at int, mux bool) string {
	mid, ok := d.Media[at].Attribute("mid")
	if !ok || !mux {
		return ""
	}
	for _, a := range d.Attributes {
		f := strings.Fields(a.Value)
		if a.Name == "group" && len(f) > 1 && f[0] == "BUNDLE" && slices.Contains(f[1:], mid) {
			return "a=group:BUNDLE " + mid + "\r\n"
		}
	}
	return ""
}

// names lists codecs for a Warning, at most eight.
func names(list []Codec) string {
	var s []string
	for _, c := range list {
		if c.Name == "" || c.speech() {
			name := c.Name
			if name == "" {
				name = fmt.Sprint("type ", c.PayloadType)
			}
			s = append(s, name)
		}
	}
	if len(s) > 8 {
		s = append(s[:8], "...")
	}
	return readable(strings.Join(s, ", "))
}

// readable keeps what may stand in a quoted string, and not too much of it.
func readable(text string) string {
	s := strings.Map(func(r rune) rune {
		if r < ' ' || r == '"' || r == '\\' || r == 0x7f {
			return -1
		}
		return r
	}, text)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	return s
}
