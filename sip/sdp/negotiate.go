package sdp

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPTime = 20 * time.Millisecond
	leastPTime   = 10 * time.Millisecond
	mostPTime    = 60 * time.Millisecond
)

// acceptable judges one m= line of a peer: nil, or why not (OA-1, OA-10).
// family is that of our address.
func (d *Description) acceptable(m *MediaLine, family netip.Addr) *Refusal {
	if !strings.EqualFold(m.Kind, "audio") {
		return refuse(WarnMedia, "media type %s is not available, only audio is", m.Kind)
	}
	if m.Port == 0 {
		return refuse(WarnMedia, "the audio stream has port 0 or cannot be read")
	}
	if _, _, ok := m.profile(); !ok {
		return refuse(WarnTransport, "transport %s is not supported; RTP/AVP, RTP/AVPF, RTP/SAVP and RTP/SAVPF are", m.Profile)
	}
	w := d.locate(m, false)
	if !w.network {
		return refuse(WarnNetwork, "the network type in c= is not IN")
	}
	if !w.addrtype {
		return refuse(WarnAddress, "the address type in c= is neither IP4 nor IP6")
	}
	if w.family.IsValid() && family.IsValid() && w.family.Is4() != family.Unmap().Is4() {
		return refuse(WarnAddress, "the address %s cannot be reached from %s: another IP version", w.family, family)
	}
	return nil
}

// choose picks the speech codec of a peer's list: its first that we have, or
// our first that it has (OA-5). i counts in theirs.
func choose(theirs []Codec, ours Local) (i int, our Codec, ok bool) {
	best := len(ours.Codecs)
	at := -1
	for i, t := range theirs {
		for j, o := range ours.Codecs {
			if !t.is(o) || j >= best {
				continue
			}
			if !ours.PreferOurs {
				return i, o, true
			}
			best, at = j, i
		}
	}
	if at < 0 {
		return 0, Codec{}, false
	}
	return at, ours.Codecs[best], true
}

// events picks the telephone-event format for a clock rate: that rate, else
// 8000, else the first (OA-11). also are the numbers of the others.
func events(list []Codec, rate int) (chosen Codec, also []uint8, ok bool) {
	for _, want := range []int{rate, 8000, 0} {
		for _, c := range list {
			if !ok && strings.EqualFold(c.Name, telephoneEvent) && (c.ClockRate == want || want == 0) {
				chosen, ok = c, true
			}
		}
	}
	for _, c := range list {
		if strings.EqualFold(c.Name, telephoneEvent) && c.PayloadType != chosen.PayloadType {
			also = append(also, c.PayloadType)
		}
	}
	return chosen, also, ok
}

// noise finds comfort noise at a clock rate, -1 when there is none.
func noise(list []Codec, rate int) int {
	for _, c := range list {
		if strings.EqualFold(c.Name, comfortNoise) && c.ClockRate == rate {
			return int(c.PayloadType)
		}
	}
	return -1
}

// suppressing reports whether the peer lets us be silent (Q9: some list CN
// beside a=silenceSupp:off, and mean the latter).
func (d *Description) suppressing(m *MediaLine) bool {
	value, _ := d.inherited(m, "silenceSupp")
	return !strings.HasPrefix(strings.ToLower(value), "off")
}

// milliseconds reads an attribute such as ptime, 0 when it has no sense.
func (d *Description) milliseconds(m *MediaLine, name string) time.Duration {
	value, _ := d.inherited(m, name)
	value, _, _ = strings.Cut(strings.TrimSpace(value), ".")
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Millisecond
}

// packetTime is how long the packets are that we send (OA-8): the peer's
// ptime when it lies within what we send, else ours, at most its maxptime, at
// least its minptime, and a length that the codec can carry.
func (d *Description) packetTime(m *MediaLine, c Codec, ours Local) time.Duration {
	low, high := ours.packetTimes()
	p := d.milliseconds(m, "ptime")
	if p < low || p > high {
		p = ours.PTime
		if p == 0 {
			p = defaultPTime
		}
	}
	if min := time.Duration(c.number("minptime")) * time.Millisecond; p < min && min <= high {
		p = min
	}
	if most := d.milliseconds(m, "maxptime"); most > 0 && p > most {
		p = max(most, low)
	}
	p = min(max(p, low), high)
	p -= p % leastPTime
	if strings.EqualFold(c.Name, "opus") && p > 20*time.Millisecond {
		p -= p % (20 * time.Millisecond) // RFC 6716, 2.1.4: frames of 10, 20, 40, 60 ms
	}
	return p
}

// packetTimes are the shortest and longest packets we send.
func (l Local) packetTimes() (low, high time.Duration) {
	low, high = leastPTime, mostPTime
	if l.MinPTime > low {
		low = min(l.MinPTime, high)
	}
	if l.MaxPTime > 0 && l.MaxPTime < high {
		high = max(l.MaxPTime, low)
	}
	return low, high
}

const levelURI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"

// level finds the client-to-mixer level extension (RFC 6464, RFC 8285, 5):
// its number 1 to 14, and what to answer. 0: none, or not from the peer to us.
func (d *Description) level(m *MediaLine) (id uint8, answer string) {
	for _, list := range [][]Attribute{m.Attributes, d.Attributes} {
		for _, a := range list {
			f := strings.Fields(a.Value)
			if a.Name != "extmap" || len(f) < 2 || f[1] != levelURI {
				continue
			}
			number, way, _ := strings.Cut(f[0], "/")
			n, err := strconv.ParseUint(number, 10, 8)
			if err != nil || n < 1 || n > 14 || way == "recvonly" || way == "inactive" {
				continue
			}
			if way != "" {
				number += "/" + parseWay(way).Reverse().String()
			}
			vad := ""
			if len(f) > 2 && (f[2] == "vad=on" || f[2] == "vad=off") {
				vad = " " + f[2]
			}
			return uint8(n), number + " " + levelURI + vad
		}
	}
	return 0, ""
}

func parseWay(s string) Direction {
	if s == "sendonly" {
		return SendOnly
	}
	return SendRecv
}

// multiplexed reports whether RTCP may come on the RTP port: the peer says so,
// and no number of ours looks like RTCP then (RFC 5761, 4).
func (m *MediaLine) multiplexed() bool {
	if _, ok := m.Attribute("rtcp-mux"); !ok {
		return false
	}
	for _, c := range m.codecs() {
		if c.PayloadType >= 64 && c.PayloadType <= 95 && c.Name != "" {
			return false
		}
	}
	return true
}

// silentRTCP is b=RS:0 with b=RR:0 (RFC 3556, 2; OA-9).
func (d *Description) silentRTCP(m *MediaLine) bool {
	rs, ok1 := d.bandwidth(m, "RS")
	rr, ok2 := d.bandwidth(m, "RR")
	return ok1 && ok2 && rs == "0" && rr == "0"
}

// settle fills in what both Answer and Accept read from the peer's line.
func (m *Media) settle(d *Description, line *MediaLine, ours Local) {
	m.RTCPMux = line.multiplexed() && m.RTCPMux
	w := d.locate(line, m.RTCPMux)
	m.Remote, m.RemoteRTCP = w.rtp, w.rtcp
	m.RemoteHost, m.RemotePort, m.RemoteRTCPPort = w.host, w.port, w.rtcpPort
	theirs := d.direction(line)
	if w.unspecified { // RFC 3264, 8.4; OA-3: sending to it is impossible
		theirs = theirs.And(SendOnly)
	}
	m.Hold = !theirs.Receives() && ours.Direction.Sends()
	m.Direction = theirs.Reverse().And(ours.Direction)
	m.NoRTCP = d.silentRTCP(line)
	m.PTime = d.packetTime(line, m.Codec, ours)
	m.Profile, _, _ = line.profile()
}

// remember adds numbers to those the session has used, the latest last
// (RFC 3264, 8.3.2). A number that a peer gives a new meaning has the latest
// one (Q24).
func remember(numbers []Codec, list []Codec) []Codec {
	out := append([]Codec(nil), numbers...)
	for _, c := range list {
		if c.Name == "" || !dynamic(c.PayloadType) {
			continue
		}
		c.Fmtp = ""
		out = slices.DeleteFunc(out, func(o Codec) bool { return o.PayloadType == c.PayloadType })
		out = append(out, c)
	}
	return out
}
