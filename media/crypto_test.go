package media

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
)

// suites are those of SE-1, with the bytes of key and salt and the bytes that RTP grows by.
var suites = []struct {
	name       string
	size, tag  int
	controlTag int
}{
	{"AEAD_AES_128_GCM", 28, 16, 16},
	{"AEAD_AES_256_GCM", 44, 16, 16},
	{"AES_CM_128_HMAC_SHA1_80", 30, 10, 10},
	{"AES_CM_128_HMAC_SHA1_32", 30, 4, 10},
	{"AES_256_CM_HMAC_SHA1_80", 46, 10, 10},
	{"AES_256_CM_HMAC_SHA1_32", 46, 4, 10},
}

func eachSuite(t *testing.T, f func(t *testing.T, suite string)) {
	for _, s := range suites {
		t.Run(s.name, func(t *testing.T) { f(t, s.name) })
	}
}

// secret is a key with its salt, told apart by a number.
func secret(suite string, which byte) []byte {
	for _, s := range suites {
		if s.name == suite {
			b := make([]byte, s.size)
			_, _ = rand.NewChaCha8([32]byte{which}).Read(b)
			return b
		}
	}
	panic(suite)
}

const (
	ours   = 1 // which secret
	theirs = 2
)

// encrypted are terms with keys.
func encrypted(t testing.TB, suite string, send, receive byte) Terms {
	t.Helper()
	terms := testTerms()
	var err error
	if terms.Crypto, err = NewCrypto(suite, secret(suite, send), secret(suite, receive)); err != nil {
		t.Fatal(err)
	}
	return terms
}

func encryptedSession(t testing.TB, suite string, change ...func(*SessionConfig)) *Session {
	return testSession(append([]func(*SessionConfig){func(c *SessionConfig) { c.Terms = encrypted(t, suite, ours, theirs) }}, change...)...)
}

// peer is a phone that encrypts by pion alone.
type peer struct {
	t     testing.TB
	suite string
	talker
	out, in *srtp.Context
}

func newPeer(t testing.TB, suite string) *peer {
	p := &peer{t: t, suite: suite, talker: talker{ssrc: 7, seq: 100}}
	p.out, p.in = p.context(theirs), p.context(ours)
	return p
}

func (p *peer) context(which byte) *srtp.Context {
	profile, _ := profileOf(p.suite)
	key := secret(p.suite, which)
	n, err := profile.KeyLen()
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := srtp.CreateContext(key[:n], key[n:], profile, srtp.SRTPReplayProtection(64), srtp.SRTCPReplayProtection(64))
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// says gives the next packet, encrypted.
func (p *peer) says() []byte {
	b, err := p.out.EncryptRTP(nil, p.next(), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

// reads decrypts a packet of ours.
func (p *peer) reads(b []byte) []byte {
	p.t.Helper()
	plain, err := p.in.DecryptRTP(nil, b, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return plain
}

// RFC 3711, 6188, 7714 (SE-1): both ways against pion, RTP and RTCP, by every suite.
func TestSRTPAgainstPion(t *testing.T) {
	for _, c := range suites {
		t.Run(c.name, func(t *testing.T) {
			s, p := encryptedSession(t, c.name), newPeer(t, c.name)
			now := time.Minute
			for i := range 200 {
				got, v := s.Receive(now, p.says(), phone)
				if v.Kind != Sound || len(got.Payload) != 160 || bytes.Count(got.Payload, []byte{0}) != 160 {
					t.Fatalf("packet %d: %+v, %x", i, v, got.Payload)
				}
				sent := s.Build(make([]byte, 0, 1500), 8, 160, false, []byte("what was said"))
				if len(sent) != 12+13+c.tag || bytes.Contains(sent, []byte("said")) {
					t.Fatalf("packet %d has %d bytes: %x", i, len(sent), sent)
				}
				if plain := p.reads(sent); string(plain[12:]) != "what was said" {
					t.Fatalf("packet %d: %x", i, plain)
				}
				now += 20 * time.Millisecond
			}
			plain, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: 7, NTPTime: 5 << 32}})
			if err != nil {
				t.Fatal(err)
			}
			b, err := p.out.EncryptRTCP(nil, plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			if why := s.ReceiveRTCP(now, bytes.Clone(b), phone); why != NotDropped {
				t.Errorf("RTCP dropped: %d", why)
			}
			if why := s.ReceiveRTCP(now, bytes.Clone(b), phone); why != Replayed {
				t.Errorf("RTCP again: %d", why)
			}
			if why := s.ReceiveRTCP(now, plain, phone); why != Unauthentic {
				t.Errorf("RTCP in clear: %d", why)
			}
			_ = s.Report(now, nil) // plans the first
			for _, b := range [][]byte{s.Report(now+time.Minute, nil), s.Goodbye(nil, "over")} {
				plain, err := p.in.DecryptRTCP(nil, b, nil)
				if err != nil {
					t.Fatal(err)
				}
				if len(b) != len(plain)+4+c.controlTag {
					t.Errorf("RTCP of %d bytes for %d", len(b), len(plain))
				}
				if _, err := rtcp.Unmarshal(plain); err != nil {
					t.Errorf("%v: %x", err, plain)
				}
			}
		})
	}
}

// The level of RFC 6464 is authentic and in clear; a packet behind something else in the buffer is encrypted alone.
func TestSRTPWithLevel(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite string) {
		terms := encrypted(t, suite, ours, theirs)
		terms.LevelID = 3
		s := testSession(func(c *SessionConfig) { c.Terms = terms })
		back := terms
		back.Crypto = encrypted(t, suite, theirs, ours).Crypto
		r := testSession(func(c *SessionConfig) { c.SSRC, c.Terms = 0x2000, back })
		for _, room := range []int{0, 20, 1500} { // the packet moves when there is no room
			b := s.BuildLevel(append(make([]byte, 0, room), "before"...), 0, 160, false, Level{DBov: 33}, []byte("sound"))
			if string(b[:6]) != "before" {
				t.Fatalf("%q", b)
			}
			p, v := r.Receive(0, b[6:], phone)
			if v.Kind != Sound || p.Level != 33 || string(p.Payload) != "sound" {
				t.Errorf("%+v: level %d, %q", v, p.Level, p.Payload)
			}
		}
	})
}

// What has our SSRC and our numbers is our own packet that came back, which no key of the peer's fits (RT-12).
func TestSRTPLoop(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite string) {
		s := encryptedSession(t, suite)
		for range 10 {
			if _, v := s.Receive(0, s.Build(nil, 0, 160, false, make([]byte, 160)), phone); v.Drop != Looped {
				t.Fatalf("%+v", v)
			}
		}
		if st := s.Stats(); st.Loops != 10 || st.Collisions != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestNewCryptoRefuses(t *testing.T) {
	key := secret("AEAD_AES_128_GCM", ours)
	for _, c := range []struct {
		suite         string
		send, receive []byte
	}{
		{"NULL_HMAC_SHA1_80", key, key}, {"", key, key}, {"AEAD_AES_128_GCM", key[:27], key}, {"AEAD_AES_128_GCM", key, nil},
		{"AES_CM_128_HMAC_SHA1_80", key, key},
	} {
		if _, err := NewCrypto(c.suite, c.send, c.receive); err == nil || bytes.Contains([]byte(err.Error()), key[:8]) {
			t.Errorf("%s: %v", c.suite, err)
		}
	}
}
