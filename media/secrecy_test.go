package media

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// keep hands the same keys to a session again, freshly made as signalling does.
func keep(t *testing.T, s *Session, now time.Duration, suite string, change ...func(*Terms)) {
	t.Helper()
	terms := encrypted(t, suite, ours, theirs)
	for _, f := range change {
		f(&terms)
	}
	s.Update(now, terms)
}

// SE-1, RT-3: rollover counters are kept over wraps of the sequence, hold and re-INVITE with the same key, for 70,000
// packets each way; sequence numbers go on.
func TestRolloverOverReinvite(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite string) {
		s, p := encryptedSession(t, suite), newPeer(t, suite)
		now := time.Duration(0)
		out := make([]byte, 0, 1500)
		for i := range 70000 {
			if i%3000 == 0 {
				keep(t, s, now, suite, func(terms *Terms) { terms.NoSend = i%6000 == 0 }) // hold, and resume
			}
			if _, v := s.Receive(now, p.says(), phone); v.Kind != Sound {
				t.Fatalf("packet %d of the peer: %+v", i, v)
			}
			plain := p.reads(s.Build(out, 0, 160, false, []byte("sound")))
			if seq := uint16(plain[2])<<8 | uint16(plain[3]); seq != uint16(100+i) || string(plain[12:]) != "sound" {
				t.Fatalf("packet %d of ours has seq %d", i, seq)
			}
			now += 20 * time.Millisecond
		}
		if n, ok := s.keys.in.context.ROC(7); !ok || n != 1 {
			t.Errorf("the peer has wrapped %d times", n)
		}
		if n, ok := s.keys.out.context.ROC(s.SSRC()); !ok || n != 1 {
			t.Errorf("we have wrapped %d times", n)
		}
		if st := s.Stats(); st.Received != 70000 || st.Lost != 0 || st.Restarts != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// RT-3: another SSRC of the peer's begins at rollover 0; the one of before keeps its own, and is understood when it returns.
func TestSourceReturns(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite string) {
		s, p := encryptedSession(t, suite), newPeer(t, suite)
		now := time.Duration(0)
		p.seq = 30000
		for i := range 40000 {
			if _, v := s.Receive(now, p.says(), phone); v.Kind != Sound {
				t.Fatalf("packet %d: %+v", i, v)
			}
			now += 20 * time.Millisecond
		}
		first := p.talker
		p.talker = talker{ssrc: 8, seq: 5}
		for i := range 100 {
			if _, v := s.Receive(now, p.says(), phone); v.Kind != Sound {
				t.Fatalf("packet %d of another source: %+v", i, v)
			}
			now += 20 * time.Millisecond
		}
		p.talker = first
		for i := range 100 {
			if _, v := s.Receive(now, p.says(), phone); v.Kind != Sound {
				t.Fatalf("packet %d of the source that returned: %+v", i, v)
			}
			now += 20 * time.Millisecond
		}
	})
}

// Late packets around a wrap are understood; those too late to tell from copies are not heard.
func TestReorderedAroundWrap(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite string) {
		s, p := encryptedSession(t, suite), newPeer(t, suite)
		p.seq = 65400
		now := time.Duration(0)
		var all [][]byte
		for range 400 {
			all = append(all, p.says())
		}
		for i := 0; i+4 <= len(all); i += 4 {
			for _, j := range []int{1, 3, 0, 2} {
				if i == 0 && j == 0 {
					continue
				}
				if _, v := s.Receive(now, bytes.Clone(all[i+j]), phone); v.Kind != Sound {
					t.Fatalf("packet %d: %+v", i+j, v)
				}
			}
			now += 80 * time.Millisecond
		}
		for i, b := range all {
			if _, v := s.Receive(now, b, phone); v.Drop != Replayed {
				t.Fatalf("packet %d again: %+v", i, v)
			}
		}
	})
}

// SE-1: a re-INVITE with a new key of the peer's. Both are taken for a second, then the new one alone; our own goes on.
func TestNewKeyOfThePeer(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite string) {
		for _, wrapped := range []uint32{0, 2} { // how often the peer's sequence has wrapped before
			for _, goesOn := range []bool{false, true} { // RFC 3711, 3.3.1: the counter goes on; or it begins anew
				s, p := encryptedSession(t, suite), newPeer(t, suite)
				if wrapped > 0 {
					p.out.SetROC(p.ssrc, wrapped)
					s.keys.in.context.SetROC(p.ssrc, wrapped)
				}
				now := time.Minute
				hear := func(b []byte, want Drop) {
					t.Helper()
					if _, v := s.Receive(now, bytes.Clone(b), phone); v.Drop != want {
						t.Fatalf("wrapped %d, goes on %v: %+v, want %d", wrapped, goesOn, v, want)
					}
				}
				for range 10 {
					hear(p.says(), NotDropped)
				}
				old := p.out
				p.out = p.context(3)
				if goesOn {
					p.out.SetROC(p.ssrc, wrapped)
				}
				s.Update(now, encrypted(t, suite, ours, 3))
				under := p.talker // packets under the old key, under way beside the new ones
				for range 20 {
					before, err := old.EncryptRTP(nil, under.next(), nil)
					if err != nil {
						t.Fatal(err)
					}
					p.talker = talker{ssrc: p.ssrc, seq: under.seq + 100, stamp: under.stamp}
					hear(before, NotDropped)
					hear(p.says(), NotDropped)
					p.talker.seq++
				}
				plain, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 7}})
				if err != nil {
					t.Fatal(err)
				}
				report, err := old.EncryptRTCP(nil, plain, nil)
				if err != nil {
					t.Fatal(err)
				}
				if why := s.ReceiveRTCP(now, report, phone); why != NotDropped {
					t.Errorf("a report under the old key: %d", why)
				}
				now += keepOldKey
				late, err := old.EncryptRTP(nil, under.next(), nil)
				if err != nil {
					t.Fatal(err)
				}
				hear(late, Unauthentic)
				p.talker = talker{ssrc: 7, seq: under.seq + 200, stamp: under.stamp}
				hear(p.says(), NotDropped)
				p.reads(s.Build(nil, 0, 160, false, []byte("our key is that of before")))
			}
		}
	})
}

// A peer whose sequence wraps between its last packet under one key and its first under the next.
func TestNewKeyAtTheWrap(t *testing.T) {
	const suite = "AEAD_AES_128_GCM"
	s, p := encryptedSession(t, suite), newPeer(t, suite)
	p.out.SetROC(p.ssrc, 2)
	s.keys.in.context.SetROC(p.ssrc, 2)
	p.seq = 65534
	now := time.Minute
	for range 2 {
		if _, v := s.Receive(now, p.says(), phone); v.Kind != Sound {
			t.Fatalf("%+v", v)
		}
	}
	s.Update(now, encrypted(t, suite, ours, 3))
	p.out = p.context(3)
	p.out.SetROC(p.ssrc, 3)
	forged := talker{ssrc: p.ssrc, seq: 3}
	for range 3 { // does not spoil the attempt
		if _, v := s.Receive(now, append(forged.next(), make([]byte, 16)...), phone); v.Drop != Unauthentic {
			t.Fatalf("%+v", v)
		}
	}
	for range 10 {
		if _, v := s.Receive(now, p.says(), phone); v.Kind != Sound {
			t.Fatalf("%+v", v)
		}
	}
	if s.keys.in.sources != 1 {
		t.Errorf("%d sources", s.keys.in.sources)
	}
}

// A peer that goes back to its old key at once is the one it was: no packet of before is taken again.
func TestOldKeyReturns(t *testing.T) {
	const suite = "AES_CM_128_HMAC_SHA1_80"
	s, p := encryptedSession(t, suite), newPeer(t, suite)
	now := time.Minute
	before := p.says()
	s.Receive(now, bytes.Clone(before), phone)
	s.Update(now, encrypted(t, suite, ours, 3))
	keep(t, s, now+500*time.Millisecond, suite)
	if _, v := s.Receive(now+5*time.Second, before, phone); v.Drop != Replayed {
		t.Errorf("%+v", v)
	}
	if _, v := s.Receive(now+5*time.Second, p.says(), phone); v.Kind != Sound {
		t.Errorf("%+v", v)
	}
}

// From clear to encrypted and back, as re-INVITEs may have it, and to another suite.
func TestEncryptionComesAndGoes(t *testing.T) {
	const suite = "AES_CM_128_HMAC_SHA1_80"
	s := testSession()
	k := &talker{ssrc: 7, seq: 100}
	now := time.Minute
	if got := hears(s, &now, k, phone, 5); got != 5 {
		t.Fatalf("%d heard in clear", got)
	}
	p := newPeer(t, suite)
	p.talker = *k
	keep(t, s, now, suite)
	if _, v := s.Receive(now, p.says(), phone); v.Kind != Sound || v.NewSource {
		t.Errorf("encrypted: %+v", v)
	}
	if got := hears(s, &now, k, phone, 5); got != 0 {
		t.Errorf("%d heard in clear though encryption was agreed on", got)
	}
	const other = "AEAD_AES_256_GCM"
	s.Update(now, encrypted(t, other, 4, 5))
	q := newPeer(t, other)
	q.out, q.in, q.talker = q.context(5), q.context(4), p.talker
	if _, v := s.Receive(now, q.says(), phone); v.Kind != Sound {
		t.Errorf("by another suite: %+v", v)
	}
	if _, v := s.Receive(now, p.says(), phone); v.Drop != NotDropped {
		t.Errorf("under way by the suite of before: %+v", v)
	}
	q.reads(s.Build(nil, 0, 160, false, []byte("sound")))
	s.Update(now, testTerms())
	*k = q.talker
	if got := hears(s, &now, k, phone, 5); got != 5 {
		t.Errorf("%d heard in clear again", got)
	}
	if b := s.Build(nil, 0, 160, false, []byte("sound")); string(b[12:]) != "sound" {
		t.Errorf("sent %q", b[12:])
	}
}

// RFC 3550, 8.2, RFC 3711, 9.1: the peer happens to have our SSRC. We take one that was never used under our key.
func TestSRTPCollision(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite string) {
		s, p := encryptedSession(t, suite), newPeer(t, suite)
		seen := map[uint32]bool{}
		now := time.Minute
		for range maxCollisions {
			for range 3 {
				p.reads(s.Build(nil, 0, 160, false, []byte("sound")))
			}
			if seen[s.SSRC()] {
				t.Fatal("an SSRC of before")
			}
			seen[s.SSRC()] = true
			p.talker = talker{ssrc: s.SSRC(), seq: 40000, stamp: 1 << 30}
			if _, v := s.Receive(now, p.says(), phonesPort); v.Drop == Unauthentic || v.Drop == Looped {
				t.Fatalf("%+v", v)
			}
			s.clash.from = phone // else the next would be taken for a loop
		}
		if s.Stats().Collisions != maxCollisions || seen[s.SSRC()] {
			t.Errorf("%+v", s.Stats())
		}
		plain, err := p.in.DecryptRTCP(nil, s.Report(now, nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rtcp.Unmarshal(plain); err != nil {
			t.Error(err)
		}
	})
}
