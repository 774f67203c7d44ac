package limits

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

const alice, bob = "alice@example.com", "bob@example.com"

// A user who is guessed at is banned at that source: longer each time, up to a longest, and forgotten after a while.
func TestBansDouble(t *testing.T) {
	l := New(Config{Failures: 10, Ban: 5 * time.Minute, BanMost: 24 * time.Hour})
	now := start
	for i, want := range []time.Duration{5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440} {
		for n := range 10 {
			b, banned := l.Failed(now, attacker, alice, "password")
			if banned != (n == 9) {
				t.Fatalf("ban %d: banned %v after %d failures", i, banned, n+1)
			}
			if banned && (b.Until != now.Add(want*time.Minute) || b.Count != i+1 || b.User != alice || b.Reason != "password") {
				t.Fatalf("ban %d: %+v, want %v", i, b, want*time.Minute)
			}
		}
		if w := l.Wait(now, attacker, alice); w != want*time.Minute {
			t.Errorf("ban %d: wait %v", i, w)
		}
		now = now.Add(want * time.Minute)
		if l.Wait(now, attacker, alice) != 0 {
			t.Errorf("ban %d has not ended", i)
		}
	}
	// The entry is remembered as long as the longest ban, and then gives way to others.
	now = now.Add(24*time.Hour + time.Second)
	for i := range 10 {
		l.Failed(now, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), bob, "password")
	}
	for range 9 {
		l.Failed(now, attacker, alice, "password")
	}
	if b, banned := l.Failed(now, attacker, alice, "password"); !banned || b.Count != 1 || b.Until != now.Add(5*time.Minute) {
		t.Errorf("after a day: %+v", b)
	}
}

// Each failure after the third costs a wait that doubles; a success ends it.
func TestBackOff(t *testing.T) {
	l := New(Config{Failures: 100})
	for i, want := range []time.Duration{0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60} {
		l.Failed(start, attacker, alice, "password")
		if w := l.Wait(start, attacker, alice); w != want*time.Second {
			t.Errorf("failure %d: wait %v, want %v", i+1, w, want*time.Second)
		}
	}
	if l.Wait(start, attacker, bob) != 0 || l.Wait(start, office, alice) != 0 {
		t.Error("somebody else has to wait")
	}
	l.Succeeded(attacker, alice)
	if l.Wait(start, attacker, alice) != 0 {
		t.Error("still to wait after a success")
	}
}

// Failures of long ago do not add up.
func TestWindow(t *testing.T) {
	l := New(Config{Failures: 10, Window: 10 * time.Minute})
	now := start
	for i := range 100 {
		if _, banned := l.Failed(now, office, alice, "password"); banned {
			t.Fatalf("banned by failure %d, of which there were 9 in 10 minutes", i)
		}
		now = now.Add(67 * time.Second)
	}
}

// In an office behind one address a telephone with an old password bans itself and nobody else; who guesses at many
// users is banned as a whole.
func TestOffice(t *testing.T) {
	l := New(Config{})
	now := start
	for range 24 * 60 * 2 {
		now = now.Add(30 * time.Second)
		if l.Wait(now, office, alice) == 0 {
			l.Failed(now, office, alice, "password")
		}
		if l.Banned(now, office) || l.Wait(now, office, bob) != 0 {
			t.Fatalf("the office is banned after %v", now.Sub(start))
		}
	}
	if l.Wait(now, office, alice) == 0 {
		t.Error("the telephone is not banned")
	}
	tries := 0
	for ; !l.Banned(now, attacker); tries++ {
		l.Failed(now, attacker, fmt.Sprintf("user%d@example.com", tries), "password")
	}
	if tries != sourceFactor*10 {
		t.Errorf("banned after %d tries", tries)
	}
}

func TestFailureWithoutUser(t *testing.T) {
	l := New(Config{Failures: 2})
	for i := range 2 * sourceFactor {
		if _, banned := l.Failed(start, attacker, "", "pin"); banned != (i == 2*sourceFactor-1) {
			t.Fatalf("failure %d: banned %v", i+1, banned)
		}
	}
	if b := l.Bans(start); len(b) != 1 || b[0].User != "" || b[0].Reason != "pin" || b[0].Source != Prefix(attacker) {
		t.Errorf("%+v", b)
	}
}

func TestLift(t *testing.T) {
	l := New(Config{Failures: 1})
	six, neighbour := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	for _, a := range []netip.Addr{attacker, office, six} {
		for range sourceFactor {
			l.Failed(start, a, alice, "password")
		}
	}
	if n := len(l.Bans(start)); n != 6 {
		t.Fatalf("%d bans", n)
	}
	for a, want := range map[netip.Addr]bool{office: true, neighbour: true, netip.MustParseAddr("10.0.0.1"): false} {
		before := l.Changes()
		if got := l.Lift(start, a); got != want || (l.Changes() != before) != want {
			t.Errorf("%v: lifted %v", a, got)
		}
	}
	b := l.Bans(start)
	if len(b) != 2 || b[0].Source.Addr() != attacker || b[0].User != "" || b[1].User != alice {
		t.Errorf("%+v", b)
	}
	if l.Banned(start, six) || l.Wait(start, office, alice) != 0 {
		t.Error("still banned")
	}
	if _, banned := l.Failed(start, office, "", "password"); banned {
		t.Error("the past was not forgotten")
	}
}

// Who fails once from each of many sources cannot push out who is banned, nor fill memory. (STYLE 16)
func TestFloodKeepsBans(t *testing.T) {
	const most = 500
	l := New(Config{Most: most})
	now := start
	for range sourceFactor * 10 {
		l.Failed(now, attacker, "", "password")
	}
	for i := range 20 * most {
		now = now.Add(10 * time.Millisecond)
		l.Failed(now, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), alice, "password")
	}
	if !l.Banned(now, attacker) {
		t.Error("the ban was pushed out")
	}
	if _, _, n := l.Sizes(); n > most {
		t.Errorf("%d entries, most %d", n, most)
	}
}

// When bans alone fill the table, the one that is worth least gives way, and whoever keeps a list of bans is told.
func TestBansAreBounded(t *testing.T) {
	l := New(Config{Failures: 1, Most: 8})
	for i := range 40 {
		a := netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
		before := l.Changes()
		for range sourceFactor {
			l.Failed(start.Add(time.Duration(i)*time.Second), a, "", "password")
		}
		if made := l.Changes() - before; made < 1 || i >= 8 && made < 2 {
			t.Errorf("ban %d: %d changes", i, made)
		}
	}
	if n := len(l.Bans(start.Add(40 * time.Second))); n != 8 {
		t.Errorf("%d bans", n)
	}
}
