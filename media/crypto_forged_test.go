package media

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

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
