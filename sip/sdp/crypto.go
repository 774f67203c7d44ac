package sdp

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Crypto is what both sides of one m= line encrypt with: SRTP with keys in
// SDP (RFC 4568; SE-1). Master key and master salt stand in one Key, in this
// order. Keys of a Crypto are never written to.
type Crypto struct {
	Tag   int
	Suite string // as in RFC 4568, 6.2, RFC 6188 and RFC 7714: "AEAD_AES_128_GCM"
	Send  Key    // ours
	Recv  Key    // the peer's
}

// Key is a secret: it prints as three dots, whatever verb is asked for.
type Key []byte

// Format implements fmt.Formatter.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "...") }

// MarshalText implements encoding.TextMarshaler, for loggers.
func (Key) MarshalText() ([]byte, error) { return []byte("..."), nil }

// Encryption names the suite that the sound is encrypted with, "" when it is
// not.
func (m *Media) Encryption() string {
	if m.Crypto == nil {
		return ""
	}
	return m.Crypto.Suite
}

// Same tells whether both encrypt alike, whatever their tags.
func (c *Crypto) Same(o *Crypto) bool {
	return c != nil && o != nil && c.Suite == o.Suite && bytes.Equal(c.Send, o.Send) && bytes.Equal(c.Recv, o.Recv)
}

// suite is a crypto-suite of RFC 4568.
type suite struct {
	name  string
	size  int  // of master key and salt together, in bytes
	gcm   bool // preferred: a third of the time of the others
	offer bool // stands in our own offers
}

// suites are those we speak, in our order. Offers leave out what no peer
// lacks the others for, so that they stay within a datagram.
var suites = [...]suite{
	{"AEAD_AES_128_GCM", 16 + 12, true, true}, // RFC 7714, 14.2
	{"AEAD_AES_256_GCM", 32 + 12, true, true},
	{"AES_CM_128_HMAC_SHA1_80", 16 + 14, false, true}, // RFC 4568, 6.2
	{"AES_CM_128_HMAC_SHA1_32", 16 + 14, false, true},
	{"AES_256_CM_HMAC_SHA1_80", 32 + 14, false, false}, // RFC 6188, 4
	{"AES_256_CM_HMAC_SHA1_32", 32 + 14, false, false},
}

func suiteNamed(name string) (suite, bool) {
	for _, s := range suites {
		if strings.EqualFold(s.name, name) {
			return s, true
		}
	}
	return suite{}, false
}

// cryptoLine is one a=crypto line that can be used.
type cryptoLine struct {
	tag   int
	suite suite
	key   Key
}

func (c cryptoLine) String() string {
	return fmt.Sprintf("a=crypto:%d %s inline:%s\r\n", c.tag, c.suite.name, base64.StdEncoding.EncodeToString(c.key))
}

// Bounds of a=crypto.
const (
	maxCryptos   = 64 // lines of one stream that are looked at
	maxTagDigits = 9  // RFC 4568, 9.1
)

// cryptos gives the a=crypto lines that can be used, in their order. One that
// cannot be read, or whose tag stood before, is passed over (SE-1).
func (m *MediaLine) cryptos() []cryptoLine {
	var list []cryptoLine
	tags := map[int]bool{}
	for _, a := range m.Attributes {
		if !strings.EqualFold(a.Name, "crypto") {
			continue
		}
		if len(tags) == maxCryptos {
			break
		}
		f := strings.Fields(a.Value)
		if len(f) == 0 {
			continue
		}
		tag, ok := parseTag(f[0])
		if !ok || tags[tag] {
			continue
		}
		tags[tag] = true
		if c, ok := parseCrypto(f[1:]); ok {
			c.tag = tag
			list = append(list, c)
		}
	}
	return list
}

// hasCrypto tells whether there is any a=crypto line, good or bad.
func (m *MediaLine) hasCrypto() bool {
	_, ok := m.Attribute("crypto")
	return ok
}

// parseTag reads a tag: at most nine digits, no leading zero (RFC 4568, 9.1).
func parseTag(s string) (int, bool) {
	if len(s) == 0 || len(s) > maxTagDigits || len(s) > 1 && s[0] == '0' || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// parseCrypto reads what follows the tag: suite, key and session parameters.
func parseCrypto(f []string) (cryptoLine, bool) {
	if len(f) < 2 {
		return cryptoLine{}, false
	}
	s, ok := suiteNamed(f[0])
	if !ok {
		return cryptoLine{}, false
	}
	key, ok := parseKey(f[1], s.size)
	if !ok {
		return cryptoLine{}, false
	}
	for _, p := range f[2:] {
		if !ignorable(p) {
			return cryptoLine{}, false
		}
	}
	return cryptoLine{suite: s, key: key}, true
}

// parseKey reads inline:KEY|LIFETIME. Several keys, or one with an MKI, mean
// that packets carry one, which we neither send nor expect.
func parseKey(s string, size int) (Key, bool) {
	const method = "inline:"
	if len(s) < len(method) || !strings.EqualFold(s[:len(method)], method) {
		return nil, false
	}
	text, more, limited := strings.Cut(s[len(method):], "|")
	if limited && !lifetime(more) {
		return nil, false
	}
	text = strings.TrimRight(text, "=") // some write the padding, some do not (RFC 4568, 6.1)
	if len(text) != base64.RawStdEncoding.EncodedLen(size) {
		return nil, false
	}
	key, err := base64.RawStdEncoding.DecodeString(text)
	return key, err == nil
}

// lifetime tells whether s is how many packets a key is for (RFC 4568, 6.1).
// It is not counted: at 50 packets a second the least that any suite allows,
// 2^31 of RTCP, and 2^48 of RTP last longer than a call may.
func lifetime(s string) bool {
	s = strings.TrimPrefix(s, "2^")
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// ignorable tells whether a session parameter leaves the meaning of packets as
// it is: one that says so by a dash (RFC 4568, 6.3), and WSH, a hint for the
// size of the replay window. For all others the line is passed over.
func ignorable(parameter string) bool {
	if size, ok := strings.CutPrefix(parameter, "WSH="); ok {
		return size != "" && strings.Trim(size, "0123456789") == ""
	}
	return len(parameter) > 1 && parameter[0] == '-'
}

// draw makes a key of ours.
func (l Local) draw(s suite) Key {
	key := make(Key, s.size)
	if l.Keys == nil {
		panic("sdp: Local.SRTP is " + l.SRTP.String() + " and Local.Keys is nil")
	}
	if _, err := io.ReadFull(l.Keys, key); err != nil {
		panic("sdp: Local.Keys gives no key: " + err.Error())
	}
	return key
}
