package sdp

import (
	"fmt"
	"slices"
	"strings"
)

// Offer makes an offer of all that ours allows (RFC 3264, 5; OA-4). prev is
// what the session agreed on before, nil at first: its numbers, lines and
// order of codecs are kept (RFC 3264, 8).
//
// The version written is one above prev's when the offer differs from the
// description sent before. A caller whose earlier offer was refused sets
// Local.Version above what that offer carried. Keys that the offer has are
// those that Accept finds in it.
func Offer(ours Local, prev *Media) []byte {
	out := Media{Profile: "RTP/AVP", Direction: ours.Direction, CN: -1}
	lines := []string{""}
	if prev != nil {
		out.Profile, out.Index, out.RTCPMux = prev.Profile, prev.Index, prev.RTCPMux
		if len(prev.Others) > 0 {
			lines = prev.Others
		}
	}
	var rest strings.Builder
	for i, line := range lines {
		if i == out.Index {
			out.offer(&rest, ours, prev)
		} else {
			rest.WriteString(line)
		}
	}
	return session(ours, prev, "", rest.String(), &out)
}

// offer writes our one audio line.
func (m *Media) offer(b *strings.Builder, ours Local, prev *Media) {
	list := offered(ours, prev)
	crypto := m.offerSecurity(ours, prev)
	fmt.Fprintf(b, "m=audio %d %s", ours.Port, m.Profile)
	for _, c := range list {
		fmt.Fprint(b, " ", c.PayloadType)
	}
	b.WriteString("\r\n")
	for _, c := range list {
		writeCodec(b, c, c.PayloadType)
	}
	b.WriteString(crypto)
	ptime := ours.PTime
	if ptime == 0 {
		ptime = defaultPTime
	}
	m.writeStream(b, ours, ptime.Milliseconds())
	if ours.LevelExt {
		id := uint8(1)
		if prev != nil && prev.LevelExt != 0 {
			id = prev.LevelExt
		}
		fmt.Fprintf(b, "a=extmap:%d %s\r\n", id, levelURI)
	}
}

// offered is the list of formats with their numbers: speech, the codec in use
// first, then telephone-event at each clock rate, then comfort noise.
func offered(ours Local, prev *Media) []Codec {
	var list, used []Codec
	if prev != nil {
		used = append(used, prev.Numbers...)
	}
	add := func(c Codec) {
		c.PayloadType = number(c, used, list)
		list = append(list, c)
	}
	for _, c := range ours.Codecs {
		if prev != nil && c.is(prev.Codec) {
			add(c)
		}
	}
	for _, c := range ours.Codecs {
		if prev == nil || !c.is(prev.Codec) {
			add(c)
		}
	}
	rates := clockRates(list)
	if ours.DTMF {
		for _, r := range rates {
			c := ourEvents(r)
			c.PayloadType = 101
			add(c)
		}
	}
	if ours.CN {
		for _, r := range rates {
			if r == 8000 {
				add(Codec{Name: comfortNoise, ClockRate: 8000, Channels: 1, PayloadType: 13})
			}
		}
	}
	return list
}

func clockRates(list []Codec) []int {
	var rates []int
	for _, want := range []bool{true, false} { // 8000 first: it gets 101, as everywhere
		for _, c := range list {
			seen := false
			for _, r := range rates {
				seen = seen || r == c.ClockRate
			}
			if !seen && (c.ClockRate == 8000) == want {
				rates = append(rates, c.ClockRate)
			}
		}
	}
	return rates
}

// number is the payload type to offer a codec with: the one it had in this
// session, else the one it asks for, else a free dynamic one. A number that
// meant another codec is never given again (RFC 3264, 8.3.2; OA-5).
func number(c Codec, used, list []Codec) uint8 {
	for _, u := range slices.Backward(used) {
		if u.is(c) && !contains(list, u.PayloadType) {
			return u.PayloadType
		}
	}
	free := func(pt uint8) bool { return !contains(used, pt) && !contains(list, pt) }
	if free(c.PayloadType) {
		return c.PayloadType
	}
	for pt := uint8(96); pt < 128; pt++ {
		if free(pt) {
			return pt
		}
	}
	return c.PayloadType // all 32 are taken: a clash is left to the peer
}
