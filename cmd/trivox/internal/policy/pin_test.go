package policy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestPIN(t *testing.T) {
	for _, good := range []string{"", "1234", "0000", "1234567890123456"} {
		var p PIN
		if err := p.UnmarshalText([]byte(good)); err != nil || string(p) != good || p.Set() != (good != "") {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"123", "12345678901234567", "12a4", "12 34", "１２３４", "12*4"} {
		if err := new(PIN).UnmarshalText([]byte(bad)); err == nil || strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if p := PIN("1234"); !p.Is("1234") || p.Is("") || p.Is("123") || p.Is("12345") || PIN("").Is("") {
		t.Error("PINs are compared wrongly")
	}
	secret := Room{PIN: "271828", ModeratorPIN: "314159"}
	text, err := json.Marshal(secret)
	if all := fmt.Sprintf("%v %+v %#v %s %v", secret, secret, secret, text, err); strings.Contains(all, "271828") || strings.Contains(all, "314159") || !strings.Contains(all, "(withheld)") {
		t.Errorf("a PIN shows: %s", all)
	}
	both, host, none := Room{PIN: "1234", ModeratorPIN: "9999"}, Room{ModeratorPIN: "9999"}, Room{PIN: "1234"}
	for _, c := range []struct {
		room  Room
		typed string
		role  Role
		ok    bool
	}{
		{both, "1234", Participant, true}, {both, "9999", Moderator, true}, {both, "", Unknown, false}, {both, "0000", Unknown, false},
		{host, "", Participant, true}, {host, "9999", Moderator, true}, {host, "1234", Unknown, false}, {none, "1234", Participant, true},
		{none, "", Unknown, false},
	} {
		if role, ok := c.room.Judge(c.typed); role != c.role || ok != c.ok {
			t.Errorf("%q gives %v, %v", c.typed, role, ok)
		}
	}
}

// 20 wrong PINs within 10 minutes shut a room's door for 10 (USERS 24); the twin remembers them all.
func TestLockout(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 6))
		var l Lockout
		var wrong []time.Duration // the twin's
		until := time.Duration(-1)
		for now, step := time.Duration(0), time.Duration(1+r.IntN(80))*time.Second; now < 4*time.Hour; now += time.Duration(r.Int64N(int64(step))) {
			want := false
			if now >= until {
				wrong = append(wrong, now)
				if n := len(wrong) - LockoutPINs; n >= 0 && now-wrong[n] <= LockoutWithin {
					want, until, wrong = true, now+LockoutFor, nil
				}
			}
			if got := l.Wrong(now); got != want {
				t.Fatalf("seed %d at %v: shut %v, want %v", seed, now, got, want)
			}
			if got := l.Left(now); got != max(0, until-now) {
				t.Fatalf("seed %d at %v: shut for %v, want %v", seed, now, got, until-now)
			}
		}
	}
}
