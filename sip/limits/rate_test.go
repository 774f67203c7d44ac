package limits

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

var (
	office   = netip.MustParseAddr("192.0.2.1")
	attacker = netip.MustParseAddr("198.51.100.7")
)

func TestRate(t *testing.T) {
	l := New(Config{Invite: Rate{PerMinute: 60, Burst: 3}})
	for _, step := range []struct {
		at    time.Duration
		want  Verdict
		retry time.Duration
	}{
		{0, Pass, 0}, {0, Pass, 0}, {0, Pass, 0}, // the burst
		{0, Refuse, time.Second}, {500 * time.Millisecond, Refuse, 500 * time.Millisecond},
		{time.Second, Pass, 0}, // one a second
		{time.Second, Refuse, time.Second},
		{time.Second, Drop, time.Second},
		{2 * time.Second, Pass, 0},
		{2 * time.Second, Drop, time.Second}, // it has not been quiet since
		{time.Minute, Pass, 0},               // the bucket is full again
		{time.Minute, Pass, 0}, {time.Minute, Pass, 0},
		{time.Minute, Refuse, time.Second}, // and answers are given again
	} {
		if v, retry := l.Take(start.Add(step.at), Invite, office); v != step.want || retry != step.retry {
			t.Errorf("at %v: %v, retry after %v; want %v, %v", step.at, v, retry, step.want, step.retry)
		}
	}
	if v, _ := l.Take(start, Register, office); v != Pass {
		t.Error("calls were counted as registrations")
	}
	if v, _ := l.Take(start, Invite, attacker); v != Pass {
		t.Error("one source was counted as another")
	}
}

// However the requests come, no more pass in any stretch of time than rate and burst allow, and never fewer than the rate
// when there are enough.
func TestRateHolds(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 2))
		rate := Rate{PerMinute: 1 + r.IntN(600), Burst: 1 + r.IntN(30)}
		l := New(Config{Register: rate})
		var passed []time.Time
		now := start
		for range 3000 {
			now = now.Add(time.Duration(r.IntN(40)) * time.Millisecond)
			if v, _ := l.Take(now, Register, office); v == Pass {
				passed = append(passed, now)
			}
		}
		per := time.Minute / time.Duration(rate.PerMinute)
		for i := range passed {
			for j := i; j < len(passed); j += 7 {
				if most := rate.Burst + int(passed[j].Sub(passed[i])/per); j-i+1 > most {
					t.Fatalf("seed %d, %+v: %d passed in %v, most %d", seed, rate, j-i+1, passed[j].Sub(passed[i]), most)
				}
			}
		}
		if least := int(now.Sub(start)/per) / 2; len(passed) < min(least, 1000) {
			t.Errorf("seed %d, %+v: only %d passed in %v", seed, rate, len(passed), now.Sub(start))
		}
	}
}

// A source that goes on and on is not listened to for a while.
func TestFloodIsMuted(t *testing.T) {
	l := New(Config{Invite: Rate{PerMinute: 1, Burst: 1}})
	muted := 0
	for range 2 + patience {
		if v, _ := l.Take(start, Invite, attacker); v == Mute {
			muted++
		}
	}
	if muted != 1 || !l.Banned(start, attacker) || l.Banned(start, office) {
		t.Errorf("muted %d times, attacker banned %v, office %v", muted, l.Banned(start, attacker), l.Banned(start, office))
	}
	if l.Banned(start.Add(MuteTime), attacker) {
		t.Error("muted for too long")
	}
	if b := l.Bans(start); len(b) != 1 || b[0].Reason != "flood" || b[0].Count != 0 || l.Changes() != 1 {
		t.Errorf("%+v, %d changes", b, l.Changes())
	}
}

// A flood from ever new sources neither fills memory nor pushes out who is over his rate. (STYLE 16)
func TestFloodPushesOutItself(t *testing.T) {
	const most = 1000
	l := New(Config{Invite: Rate{PerMinute: 60, Burst: 10}, Most: most})
	for range 10 {
		l.Take(start, Invite, attacker)
	}
	now := start
	for i := range 20 * most {
		now = now.Add(10 * time.Microsecond)
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if v, _ := l.Take(now, Invite, a); v != Pass {
			t.Fatalf("source %d: %v", i, v)
		}
	}
	if v, _ := l.Take(now, Invite, attacker); v == Pass {
		t.Error("the flood made room for one who was over his rate")
	}
	if sources, _, _ := l.Sizes(); sources > most {
		t.Errorf("%d entries, most %d", sources, most)
	}
	now = now.Add(time.Hour) // all are worthless: the table shrinks as it is used
	for i := range most {
		l.Take(now.Add(time.Duration(i)*time.Minute), Invite, netip.AddrFrom4([4]byte{11, 0, byte(i >> 8), byte(i)}))
	}
	if sources, _, _ := l.Sizes(); sources > 10 {
		t.Errorf("%d entries are left", sources)
	}
}

func TestUserRate(t *testing.T) {
	l := New(Config{UserInvite: Rate{PerMinute: 60, Burst: 2}})
	var got []Verdict
	for range 4 + patience {
		v, _ := l.TakeUser(start, Invite, "alice@example.com")
		got = append(got, v)
	}
	if got[0] != Pass || got[1] != Pass || got[2] != Refuse || got[len(got)-1] != Drop {
		t.Errorf("%v", got)
	}
	if v, _ := l.TakeUser(start, Invite, "bob@example.com"); v != Pass {
		t.Error("one user was counted as another")
	}
	if v, _ := l.TakeUser(start, Other, "alice@example.com"); v != Pass {
		t.Error("other requests are not counted by user")
	}
	if len(l.Bans(start)) != 0 {
		t.Error("a user was banned for calling often")
	}
}

func TestPrefix(t *testing.T) {
	for a, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := Prefix(netip.MustParseAddr(a)); got.String() != want {
			t.Errorf("%s: %v, want %s", a, got, want)
		}
	}
	if p := Prefix(netip.Addr{}); p.IsValid() {
		t.Errorf("of no address: %v", p)
	}
}

// Settings may change while sources are known.
func TestConfigure(t *testing.T) {
	l := New(Config{Invite: Rate{PerMinute: 1, Burst: 1}})
	l.Take(start, Invite, office)
	if v, _ := l.Take(start, Invite, office); v != Refuse {
		t.Fatal(v)
	}
	for range 10 {
		l.Failed(start, attacker, "alice@example.com", "password")
	}
	l.Configure(Config{Invite: Rate{PerMinute: 6000, Burst: 1000}})
	if v, _ := l.Take(start.Add(time.Minute), Invite, office); v != Pass {
		t.Error("the old rate still holds")
	}
	if len(l.Bans(start)) != 1 {
		t.Error("bans were forgotten")
	}
}

func BenchmarkTakeFull(b *testing.B) {
	l := New(Config{Most: 1 << 16})
	now := start
	b.ReportAllocs()
	for i := range b.N {
		now = now.Add(time.Microsecond)
		l.Take(now, Register, netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}))
	}
}
