package media

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// Bounds of what a peer can make us keep.
const (
	// maxSources is how many SSRCs are known under one key of the peer's. Only packets that are authentic make one
	// known; a phone that takes another at each re-INVITE needs four an hour.
	maxSources = 256
	// replayWindow is how many packets may come late, or be told from copies. A multiple of 64: pion's window forgets
	// some of its bits otherwise.
	replayWindow = 128
)

// Crypto is the keys of one RTP session: SRTP (RFC 3711) by a suite of RFC 4568, 6188 or 7714. Making one derives keys
// and takes memory; the packets that it then encrypts and decrypts take none. It belongs to the Session whose Terms have it.
type Crypto struct {
	suite         string
	send, receive *cipher
}

// NewCrypto takes master key and master salt of both directions, each pair in one slice that is copied. A send key must
// be one that this peer never saw in another Session, nor in this one before another took its place: what was encrypted
// by it then and now could be read.
func NewCrypto(suite string, send, receive []byte) (*Crypto, error) {
	out, err := newCipher(suite, send)
	if err != nil {
		return nil, err
	}
	in, err := newCipher(suite, receive)
	if err != nil {
		return nil, err
	}
	in.scratch = make([]byte, packetSize)
	return &Crypto{suite: suite, send: out, receive: in}, nil
}

// profileOf gives what pion calls a suite.
func profileOf(suite string) (srtp.ProtectionProfile, bool) {
	switch suite {
	case "AEAD_AES_128_GCM":
		return srtp.ProtectionProfileAeadAes128Gcm, true
	case "AEAD_AES_256_GCM":
		return srtp.ProtectionProfileAeadAes256Gcm, true
	case "AES_CM_128_HMAC_SHA1_80":
		return srtp.ProtectionProfileAes128CmHmacSha1_80, true
	case "AES_CM_128_HMAC_SHA1_32":
		return srtp.ProtectionProfileAes128CmHmacSha1_32, true
	case "AES_256_CM_HMAC_SHA1_80":
		return srtp.ProtectionProfileAes256CmHmacSha1_80, true
	case "AES_256_CM_HMAC_SHA1_32":
		return srtp.ProtectionProfileAes256CmHmacSha1_32, true
	}
	return 0, false
}

// cipher is one direction under one master key: what pion calls a context. It keeps the rollover counter of every SSRC,
// so that a source which returns is understood (RT-3).
type cipher struct {
	suite   string
	key     []byte
	context *srtp.Context
	header  rtp.Header // scratch
	report  rtcp.Header
	sources int // SSRCs of RTP that are known
	reports int // SSRCs of RTCP that are known
	scratch []byte
	before  rollover
}

// rollover is how often the source that was heard under the key of before had wrapped. RFC 3711, 3.3.1 lets it go on
// counting under the new key, RFC 4568, 7.1.4 lets it begin anew, and there are phones of both kinds.
type rollover struct {
	ssrc, count uint32
	open        bool // nothing of the source has come under this key
}

func newCipher(suite string, key []byte) (*cipher, error) {
	profile, ok := profileOf(suite)
	if !ok {
		return nil, fmt.Errorf("media: srtp suite %q is not known", suite)
	}
	size, _ := profile.KeyLen() // profileOf has only those it knows
	salt, _ := profile.SaltLen()
	if len(key) != size+salt {
		return nil, fmt.Errorf("media: srtp suite %s: key and salt have %d bytes together, need %d", suite, len(key), size+salt)
	}
	c := &cipher{suite: suite, key: bytes.Clone(key)}
	var err error
	c.context, err = srtp.CreateContext(c.key[:size], c.key[size:], profile,
		srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return nil, fmt.Errorf("media: srtp suite %s: %w", suite, err)
	}
	return c, nil
}

// is tells whether both have the same key.
func (c *cipher) is(o *cipher) bool {
	return c != nil && o != nil && c.suite == o.suite && bytes.Equal(c.key, o.key)
}

// knows tells whether packets of an SSRC were encrypted or decrypted by this key.
func (c *cipher) knows(ssrc uint32) bool {
	if c == nil {
		return false
	}
	_, rtp := c.context.ROC(ssrc)
	_, rtcp := c.context.Index(ssrc)
	return rtp || rtcp
}

// seal encrypts the RTP packet that begins at start, where it is when dst has room. When the key is used up nothing is left of it.
func (c *cipher) seal(dst []byte, start int) []byte {
	out, err := c.context.EncryptRTP(dst[start:], dst[start:], &c.header)
	return sealed(dst, start, out, err)
}

// sealRTCP is seal for RTCP.
func (c *cipher) sealRTCP(dst []byte, start int) []byte {
	out, err := c.context.EncryptRTCP(dst[start:], dst[start:], &c.report)
	return sealed(dst, start, out, err)
}

func sealed(dst []byte, start int, out []byte, err error) []byte {
	if err != nil {
		return dst[:start]
	}
	if cap(dst)-start >= len(out) { // pion used the room that there was
		return dst[:start+len(out)]
	}
	return append(dst[:start], out...)
}

// open decrypts an RTP packet into dst, which may be b itself; b is then lost where the packet is not authentic. Such a packet
// costs up to 3 us and leaves 304 bytes of garbage, all of it pion's: what it would keep of an SSRC that it does not know, and
// an error with another in it. The path of sound allocates nothing for packets that are the peer's; of others a slot has
// SweepLimit for each leg and SpareLimit for all legs of a worker, which is 8 MB a second at the very most.
func (c *cipher) open(dst, b []byte, ssrc uint32) ([]byte, Drop) {
	_, known := c.context.ROC(ssrc)
	if !known && c.sources >= maxSources {
		return nil, Excess
	}
	if c.before.open && c.before.ssrc == ssrc {
		return c.openFirst(b)
	}
	out, err := c.context.DecryptRTP(dst, b, &c.header)
	if err != nil {
		return nil, c.why(b, err)
	}
	if !known {
		c.sources++
	}
	return out, NotDropped
}

// openFirst decrypts the first packet under a new key of the source heard before, whose rollover counter may be 0, that
// of before, or one more.
func (c *cipher) openFirst(b []byte) ([]byte, Drop) {
	if _, known := c.context.ROC(c.before.ssrc); !known {
		c.sources++
	}
	why := Unauthentic
	for _, count := range [...]uint32{0, c.before.count, c.before.count + 1} {
		c.context.SetROC(c.before.ssrc, count)
		out, err := c.context.DecryptRTP(c.scratch[:0], b, &c.header)
		if err == nil {
			c.before.open = false
			return out, NotDropped
		}
		if why = c.why(b, err); why != Unauthentic {
			break
		}
	}
	return nil, why
}

// openRTCP is open for RTCP.
func (c *cipher) openRTCP(dst, b []byte, ssrc uint32) ([]byte, Drop) {
	_, known := c.context.Index(ssrc)
	if !known && c.reports >= maxSources {
		return nil, Excess
	}
	out, err := c.context.DecryptRTCP(dst, b, &c.report)
	switch {
	case err == nil:
	case errors.Is(err, srtp.ErrFailedToVerifyAuthTag), len(b) < c.least():
		return nil, Unauthentic
	default:
		return nil, Replayed
	}
	if !known {
		c.reports++
	}
	return out, NotDropped
}

// least is the size of the shortest SRTCP packet: header, index and tag (RFC 3711, 3.4).
func (c *cipher) least() int {
	if tag, _ := c.profile().AEADAuthTagLen(); tag > 0 {
		return 8 + 4 + tag
	}
	tag, _ := c.profile().AuthTagRTCPLen()
	return 8 + 4 + tag
}

func (c *cipher) profile() srtp.ProtectionProfile {
	p, _ := profileOf(c.suite)
	return p
}

// why is the reason of an error of pion's, whose kinds it does not tell but for one.
func (c *cipher) why(b []byte, err error) Drop {
	if errors.Is(err, srtp.ErrFailedToVerifyAuthTag) {
		return Unauthentic
	}
	size, err := c.header.Unmarshal(b)
	switch {
	case err != nil:
		return Malformed
	case c.header.Extension && (c.header.ExtensionProfile == rtp.CryptexProfileOneByte || c.header.ExtensionProfile == rtp.CryptexProfileTwoByte):
		return Malformed // RFC 9335, which was not agreed on
	case len(b) < size+c.tag():
		return Unauthentic // too short for its tag: not encrypted at all, most likely
	}
	return Replayed
}

// tag is the size of what authenticates an RTP packet.
func (c *cipher) tag() int {
	if tag, _ := c.profile().AEADAuthTagLen(); tag > 0 {
		return tag
	}
	tag, _ := c.profile().AuthTagRTPLen()
	return tag
}
