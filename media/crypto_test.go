package media

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
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

// A packet that was changed, cut, sent in clear or twice is dropped and counted, and harms nothing.
func TestTamperedPackets(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite string) {
		s, p := encryptedSession(t, suite), newPeer(t, suite)
		now := time.Duration(0)
		var unauthentic, replayed uint64
		for i := range 300 {
			b := p.says()
			wrong := bytes.Clone(b)
			wrong[12+i%(len(b)-12)] ^= 1 << (i % 8)
			if _, v := s.Receive(now, wrong, phone); v.Drop != Unauthentic {
				t.Fatalf("changed: %+v", v)
			}
			if _, v := s.Receive(now, bytes.Clone(b[:len(b)-1]), phone); v.Drop != Unauthentic {
				t.Fatalf("cut: %+v", v)
			}
			short := bytes.Clone(b[:12+i%4])
			if _, v := s.Receive(now, short, phone); v.Drop != Unauthentic {
				t.Fatalf("cut to %d: %+v", len(short), v)
			}
			clear := talker{ssrc: 7, seq: p.seq, stamp: p.stamp}
			if _, v := s.Receive(now, clear.next(), phone); v.Drop != Unauthentic {
				t.Fatalf("in clear: %+v", v)
			}
			unauthentic += 4
			if _, v := s.Receive(now, bytes.Clone(b), phone); v.Kind != Sound {
				t.Fatalf("the packet itself: %+v", v)
			}
			if _, v := s.Receive(now, b, phone); v.Drop != Replayed {
				t.Fatalf("again: %+v", v)
			}
			replayed++
			now += 20 * time.Millisecond
		}
		st := s.Stats()
		if st.Dropped[Unauthentic] != unauthentic || st.Dropped[Replayed] != replayed || st.Received != 300 || st.Lost != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// Whoever guesses SSRCs makes nothing grow, nor changes ours.
func TestForgedSourcesAreNotKept(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite string) {
		s, p := encryptedSession(t, suite), newPeer(t, suite)
		now := time.Duration(0)
		s.Receive(now, p.says(), phone)
		forged := talker{ssrc: 1000}
		for range 5000 {
			forged.ssrc++
			if _, v := s.Receive(now, forged.next(), phone); v.Drop != Unauthentic {
				t.Fatalf("%+v", v)
			}
			if s.keys.in.knows(forged.ssrc) {
				t.Fatal("a forged source is kept")
			}
		}
		forged.ssrc = s.SSRC()
		s.Receive(now, forged.next(), phone)
		if st := s.Stats(); s.keys.in.sources != 1 || st.Collisions != 0 || st.Sources != 1 || s.SSRC() != 0x1000 {
			t.Errorf("%d sources, %+v", s.keys.in.sources, st)
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

// STYLE 16: a peer that has the key and takes ever new SSRCs reaches a limit; the one that is heard goes on.
func TestSourcesOfOneKeyAreBounded(t *testing.T) {
	const suite = "AEAD_AES_128_GCM"
	s, p := encryptedSession(t, suite), newPeer(t, suite)
	now := time.Duration(0)
	for i := range maxSources {
		p.talker = talker{ssrc: uint32(100 + i), seq: 1}
		if _, v := s.Receive(now, p.says(), phone); v.Drop == Excess || v.Drop == Unauthentic {
			t.Fatalf("source %d: %+v", i, v)
		}
		now += 2 * time.Second
	}
	known := p.talker
	for i := range 100 {
		p.talker = talker{ssrc: uint32(100000 + i), seq: 1}
		if _, v := s.Receive(now, p.says(), phone); v.Drop != Excess {
			t.Fatalf("one more: %+v", v)
		}
	}
	p.talker = known
	if _, v := s.Receive(now, p.says(), phone); v.Kind != Sound {
		t.Errorf("the one that is heard: %+v", v)
	}
	report := func(ssrc uint32) Drop {
		plain, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: ssrc}})
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.out.EncryptRTCP(nil, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s.ReceiveRTCP(now, b, phone)
	}
	for i := range maxSources {
		if why := report(uint32(100 + i)); why != NotDropped {
			t.Fatalf("report %d: %d", i, why)
		}
	}
	if why := report(99); why != Excess {
		t.Errorf("one more report: %d", why)
	}
	if why := report(100); why != NotDropped {
		t.Errorf("a report of a known source: %d", why)
	}
}

// RT-4: an address that nobody named is not asked for a key, but a peer behind NAT that has the key is followed to
// another address; whoever has no key is not, whatever he sends.
func TestAuthenticSourceIsFollowed(t *testing.T) {
	const suite = "AES_CM_128_HMAC_SHA1_80"
	elsewhere := netip.MustParseAddrPort("127.0.0.9:5555")
	for _, nat := range []bool{false, true} {
		s, p := encryptedSession(t, suite, func(c *SessionConfig) { c.Terms.NAT = nat }), newPeer(t, suite)
		now := time.Minute // long after signalling
		for range 5 {
			s.Receive(now, p.says(), phone)
			now += 20 * time.Millisecond
		}
		forged := talker{ssrc: 7, seq: p.seq, stamp: p.stamp}
		for range 20 {
			want := Foreign
			if nat {
				want = Unauthentic
			}
			if _, v := s.Receive(now, forged.next(), elsewhere); v.Drop != want || v.Moved {
				t.Fatalf("NAT %v, forged: %+v", nat, v)
			}
		}
		heard := 0
		for range 20 {
			if _, v := s.Receive(now, p.says(), elsewhere); v.Kind == Sound {
				heard++
			}
			now += 20 * time.Millisecond
		}
		want, at := 0, phone
		if nat {
			want, at = 20-(packetsToMove-1), elsewhere
		}
		if heard != want || s.Remote() != at {
			t.Errorf("NAT %v: heard %d, want %d; sent to %v, want %v", nat, heard, want, s.Remote(), at)
		}
	}
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

// STYLE 14: not a byte for a packet, either way.
func TestSRTPDoesNotAllocate(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite string) {
		s := encryptedSession(t, suite, func(c *SessionConfig) { c.Terms.LevelID = 3 })
		terms := encrypted(t, suite, theirs, ours)
		terms.LevelID = 3
		r := testSession(func(c *SessionConfig) { c.SSRC, c.Terms = 0x2000, terms })
		out, payload := make([]byte, 0, 1500), make([]byte, 160)
		now, heard := time.Duration(0), 0
		send := func() {
			if p, v := r.Receive(now, s.BuildLevel(out, 0, 160, false, Level{DBov: 20}, payload), phone); v.Kind == Sound && p.Level == 20 {
				heard++
			}
			now += 20 * time.Millisecond
		}
		send() // makes the source known
		if n := testing.AllocsPerRun(2000, send); n != 0 {
			t.Errorf("%v allocations a packet", n)
		}
		if heard < 2000 {
			t.Errorf("%d heard", heard)
		}
	})
}

// FuzzSRTP: whatever comes, without the key nothing is heard, believed or kept.
func FuzzSRTP(f *testing.F) {
	for i, c := range suites {
		p := newPeer(f, c.name)
		p.out = p.context(9)
		f.Add(p.says(), uint8(i))
	}
	f.Add([]byte{0x90, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xc0, 0xde, 0, 1, 0x10, 0x85, 0, 0, 'x', 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6}, uint8(0))
	f.Add([]byte{0x81, 200, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xc0, 0xde, 0, 1, 0x10, 0x85, 0, 0, 'x', 1, 2, 3, 4, 5, 6, 7, 8, 9}, uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, which uint8) {
		s := encryptedSession(t, suites[int(which)%len(suites)].name)
		now := time.Minute
		for range 2 {
			if _, v := s.Receive(now, bytes.Clone(b), phone); v.Drop == NotDropped {
				t.Errorf("%+v", v)
			}
			if why := s.ReceiveRTCP(now, bytes.Clone(b), phone); why == NotDropped {
				t.Error("a report was believed")
			}
			now += 20 * time.Millisecond
		}
		if st := s.Stats(); s.keys.in.sources+s.keys.in.reports != 0 || st.Sources != 0 || st.Received != 0 || st.RemoteReports != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// BenchmarkSRTP is one packet of 20 ms of G.711, each way.
func BenchmarkSRTP(b *testing.B) {
	for _, c := range suites {
		payload, out := make([]byte, 160), make([]byte, 0, 1500)
		b.Run(fmt.Sprint("build ", c.name), func(b *testing.B) {
			s := encryptedSession(b, c.name)
			for b.Loop() {
				s.Build(out, 0, 160, false, payload)
			}
		})
		b.Run(fmt.Sprint("both ", c.name), func(b *testing.B) {
			s := encryptedSession(b, c.name)
			r := testSession(func(x *SessionConfig) { x.SSRC, x.Terms = 0x2000, encrypted(b, c.name, theirs, ours) })
			now := time.Duration(0)
			for b.Loop() {
				if _, v := r.Receive(now, s.Build(out, 0, 160, false, payload), phone); v.Kind != Sound {
					b.Fatal(v)
				}
				now += 20 * time.Millisecond
			}
		})
	}
}
