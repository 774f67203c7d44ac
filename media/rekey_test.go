package media

import (
	"net/netip"
	"testing"
	"time"
)

// goesOn lets a peer speak for d; it tells how many packets were heard, and how often a key was asked for.
func (p *peer) goesOn(s *Session, now *time.Duration, from netip.AddrPort, d time.Duration) (heard, asked int) {
	p.t.Helper()
	for end := *now + d; *now < end; *now += 20 * time.Millisecond {
		_, v := s.Receive(*now, p.says(), from)
		if v.Kind == Sound {
			heard++
		}
		if v.Rekey {
			asked++
		}
	}
	return heard, asked
}

// Q6: a phone begins its sequence numbers, or its rollover counter, anew under the SSRC and the key of before. It is asked for
// another key, once; with it, it is heard from its first packet on.
func TestPeerLockedOut(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite string) {
		for name, begin := range map[string]talker{
			"sequence": {ssrc: 7, seq: 1000}, "rollover counter": {ssrc: 7, seq: 30000},
		} {
			s, p := encryptedSession(t, suite), newPeer(t, suite)
			p.seq = 20000
			if name != "sequence" {
				p.out.SetROC(p.ssrc, 2)
				s.keys.in.context.SetROC(p.ssrc, 2)
			}
			now := time.Minute
			if heard, asked := p.goesOn(s, &now, phone, 10*time.Second); heard != 500 || asked != 0 {
				t.Fatalf("%s, before: %d heard, %d times asked", name, heard, asked)
			}
			p.out, p.talker = p.context(theirs), begin
			if heard, asked := p.goesOn(s, &now, phone, 900*time.Millisecond); heard != 0 || asked != 0 {
				t.Errorf("%s, at first: %d heard, %d times asked", name, heard, asked)
			}
			if heard, asked := p.goesOn(s, &now, phone, time.Minute+10*time.Second); heard != 0 || asked != 1 {
				t.Errorf("%s, later: %d heard, %d times asked", name, heard, asked)
			}
			keep(t, s, now, suite) // it answers with the key of before: nothing can be told from a replay
			if heard, asked := p.goesOn(s, &now, phone, 2*time.Minute); heard != 0 || asked != 0 {
				t.Errorf("%s, with the key of before: %d heard, %d times asked", name, heard, asked)
			}
			s.Update(now, encrypted(t, suite, 4, 3))
			p.out, p.in = p.context(3), p.context(4)
			if heard, asked := p.goesOn(s, &now, phone, 10*time.Second); heard != 500 || asked != 0 {
				t.Errorf("%s, with a new key: %d heard, %d times asked", name, heard, asked)
			}
			p.reads(s.Build(nil, 0, 160, false, []byte("by our new key")))
		}
	})
}

// What is sent in a peer's name while it is silent makes a key be asked for once a minute at most, and only when the peer was
// understood in between.
func TestForgedPacketsAskSeldom(t *testing.T) {
	const suite = "AEAD_AES_128_GCM"
	s, p := encryptedSession(t, suite), newPeer(t, suite)
	forged := newPeer(t, suite)
	forged.out, forged.talker = forged.context(9), talker{ssrc: 7, seq: 5000}
	now := time.Minute
	if _, asked := forged.goesOn(s, &now, phone, time.Minute); asked != 0 {
		t.Errorf("asked %d times before the peer had been understood", asked)
	}
	total := 0
	for range 100 {
		if heard, _ := p.goesOn(s, &now, phone, 200*time.Millisecond); heard == 0 {
			t.Fatal("the peer is not heard")
		}
		_, asked := forged.goesOn(s, &now, phone, 4800*time.Millisecond)
		total += asked
	}
	if total < 5 || total > 9 { // in 500 s
		t.Errorf("asked %d times", total)
	}
}

// Neither garbage from elsewhere, nor beside the peer's own sound, nor many packets at once, nor those of a call in clear.
func TestNotLockedOut(t *testing.T) {
	const suite = "AES_CM_128_HMAC_SHA1_80"
	fresh := func() (*Session, *peer, *peer) {
		s, p, forged := encryptedSession(t, suite), newPeer(t, suite), newPeer(t, suite)
		forged.out = forged.context(9)
		now := time.Minute
		p.goesOn(s, &now, phone, time.Second)
		return s, p, forged
	}
	never := func(what string, v Verdict) {
		t.Helper()
		if v.Rekey {
			t.Errorf("%s: a key is asked for", what)
		}
	}
	now := 2 * time.Minute
	s, p, forged := fresh()
	for range 500 {
		_, v := s.Receive(now, forged.says(), netip.AddrPortFrom(phone.Addr(), 9))
		never("from another port", v)
		now += 20 * time.Millisecond
	}
	for range 500 {
		_, v := s.Receive(now, forged.says(), phone)
		never("beside the peer", v)
		s.Receive(now, p.says(), phone)
		now += 20 * time.Millisecond
	}
	for range 500 {
		_, v := s.Receive(now, forged.says(), phone)
		never("all at once", v)
	}
	clear := testSession()
	for range 500 {
		_, v := clear.Receive(now, forged.says(), phone)
		never("in clear", v)
		now += 20 * time.Millisecond
	}
}
