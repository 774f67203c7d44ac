package sdp

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// profiles are those we speak, and whether they encrypt.
var profiles = [...]struct {
	name   string
	secure bool
}{{"RTP/AVP", false}, {"RTP/AVPF", false}, {"RTP/SAVP", true}, {"RTP/SAVPF", true}}

// profile gives the profile of a line as we write it.
func (m *MediaLine) profile() (name string, secure, ok bool) {
	for _, p := range profiles {
		if strings.EqualFold(p.name, m.Profile) {
			return p.name, p.secure, true
		}
	}
	return "", false, false
}

// protected decides how a line of an offer is encrypted: by the line of
// a=crypto returned, or not at all when that is nil (SE-1, OA-10).
func (m *MediaLine) protected(ours Local, prev *Media) (*cryptoLine, *Refusal) {
	name, secure, _ := m.profile()
	if ours.SRTP == Off {
		if secure {
			return nil, refuse(WarnTransport, "%s is not taken here: keys in SDP are taken over TLS only, unless the listener says srtp=offered", name)
		}
		return nil, nil
	}
	c := m.chosen(prev)
	switch {
	case c != nil:
		return c, nil
	case m.hasCrypto() && (secure || ours.SRTP == Required):
		return nil, refuse(WarnTransport, "no a=crypto line can be used: %s, one key, no MKI, no session parameters", offeredSuites())
	case secure:
		return nil, refuse(WarnTransport, "%s without a=crypto: only keys in SDP are supported", name)
	case ours.SRTP == Required:
		return nil, refuse(WarnTransport, "calls are encrypted here: offer RTP/SAVP with a=crypto, %s", offeredSuites())
	}
	return nil, nil
}

// chosen is the a=crypto line to take: of the suite in use, so that a
// re-INVITE changes nothing, else the first with AES-GCM, else the first.
func (m *MediaLine) chosen(prev *Media) *cryptoLine {
	var best *cryptoLine
	for _, c := range m.cryptos() {
		if prev != nil && prev.Crypto != nil {
			if bytes.Equal(c.key, prev.Crypto.Send) { // our own: both directions would have one key stream
				continue
			}
			if c.suite.name == prev.Crypto.Suite {
				return &c
			}
		}
		if best == nil || c.suite.gcm && !best.suite.gcm {
			best = &c
		}
	}
	return best
}

// protect settles the encryption of an answer. Our key stays while the stream
// is encrypted by the same suite. It never returns once it has been left, for
// the packets of then and now would have the same key stream; and it goes when
// both address and key of the peer are new, for then it may be another
// machine, which cannot know how often our sequence numbers have wrapped
// (RFC 4568, 7.1.4).
func (m *Media) protect(c *cryptoLine, ours Local, prev *Media) {
	if c == nil {
		return
	}
	m.Crypto = &Crypto{Tag: c.tag, Suite: c.suite.name, Recv: c.key}
	if prev != nil && prev.Crypto != nil && prev.Crypto.Suite == c.suite.name {
		moved := prev.Remote.IsValid() && m.Remote.IsValid() && prev.Remote != m.Remote
		if !moved || bytes.Equal(c.key, prev.Crypto.Recv) {
			m.Crypto.Send = prev.Crypto.Send
			return
		}
	}
	m.Crypto.Send = ours.draw(c.suite)
}

// line is how our side of the encryption stands in a description.
func (c *Crypto) line() string {
	s, _ := suiteNamed(c.Suite)
	return cryptoLine{tag: c.Tag, suite: s, key: c.Send}.String()
}

// offerSecurity settles profile and a=crypto lines of an offer. Inside a
// session what was agreed on is offered again and nothing else: a list of new
// keys would read as a new beginning. Where one is meant (Q6), tag and suite
// stay, for the peer knows them.
func (m *Media) offerSecurity(ours Local, prev *Media) (lines string) {
	inUse := prev != nil && prev.Crypto != nil
	switch {
	case ours.SRTP == Off:
		m.Profile = strings.Replace(m.Profile, "SAVP", "AVP", 1)
		return ""
	case inUse && ours.Rekey:
		c := *prev.Crypto
		s, _ := suiteNamed(c.Suite)
		c.Send = ours.draw(s)
		return c.line()
	case inUse:
		return prev.Crypto.line()
	case ours.SRTP == Offered && prev != nil:
		return ""
	case ours.SRTP == Required:
		m.Profile = strings.Replace(m.Profile, "/AVP", "/SAVP", 1)
	}
	tag := 0 // under RTP/AVP it is RFC 8643
	for _, s := range suites {
		if s.offer {
			tag++
			lines += cryptoLine{tag: tag, suite: s, key: ours.draw(s)}.String()
		}
	}
	return lines
}

// concluded compares the a=crypto of an answer with that of our offer. Some
// answer with a tag that was not offered; the suite says which line is meant.
func (m *Media) concluded(offer, answer *MediaLine, ours Local) *Refusal {
	name, secure, _ := answer.profile()
	mine := offer.cryptos()
	if len(mine) > 0 {
		for _, c := range answer.cryptos() {
			i := slices.IndexFunc(mine, func(o cryptoLine) bool { return o.suite == c.suite })
			if i >= 0 && !bytes.Equal(mine[i].key, c.key) {
				m.Crypto = &Crypto{Tag: mine[i].tag, Suite: c.suite.name, Send: mine[i].key, Recv: c.key}
				return nil
			}
		}
	}
	switch {
	case len(mine) > 0 && answer.hasCrypto():
		return refuse(WarnTransport, "the answer has no a=crypto line that fits one of the offer")
	case secure:
		return refuse(WarnTransport, "the answer is %s without a key that can be used", name)
	case ours.SRTP == Required:
		return refuse(WarnTransport, "the answer is not encrypted, and calls are encrypted here")
	}
	return nil
}

// offeredSuites lists, for people, what we offer.
func offeredSuites() string {
	var names []string
	for _, s := range suites {
		if s.offer {
			names = append(names, s.name)
		}
	}
	last := len(names) - 1
	return fmt.Sprintf("%s or %s", strings.Join(names[:last], ", "), names[last])
}
