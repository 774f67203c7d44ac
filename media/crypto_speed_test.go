//go:build !race

// The race detector makes sync.Pool, which pion/srtp uses, forget at random.

package media

import (
	"fmt"
	"testing"
	"time"
)

// The path of sound allocates nothing: not a byte for a packet, either way.
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
		b.Run(fmt.Sprint("forged ", c.name), func(b *testing.B) { // what a stranger's packet costs who has the phone's address
			s, in := encryptedSession(b, c.name), (&talker{ssrc: 1}).next()
			for i := 0; b.Loop(); i++ {
				in[11] = byte(i)
				if _, v := s.Receive(0, in, phone); v.Drop != Unauthentic {
					b.Fatal(v)
				}
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
