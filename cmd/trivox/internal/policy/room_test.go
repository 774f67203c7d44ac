package policy

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// Each refusal, question and wait that the rules can give.
func TestDecide(t *testing.T) {
	open := Room{Match: "*", Create: who(t, "anyone"), Join: who(t, "anyone"), BeforeHost: Open}
	pin, hosted, both := open, open, open
	pin.PIN = "1234"
	hosted.ModeratorPIN = "9999"
	both.PIN, both.ModeratorPIN = "1234", "9999"
	with := func(r Room, change func(*Room)) Room { change(&r); return r }
	moderated := with(open, func(r *Room) { r.Moderate = who(t, "ann@example.com") })
	wait := with(moderated, func(r *Room) { r.BeforeHost = Wait })
	refuse := with(moderated, func(r *Room) { r.BeforeHost = Refuse })
	busy := State{Open: true, People: 2, Hosts: 1}
	for _, c := range []struct {
		name   string
		room   Room
		caller Caller
		state  State
		want   string
	}{
		{"the open room", open, stranger, State{}, "enter"},
		{"the open room, in use", open, stranger, busy, "enter"},
		{"moderator by name", moderated, ann, State{}, "moderator"},
		{"not the moderator", moderated, bob, State{}, "enter"},
		{"nobody may join", with(open, func(r *Room) { r.Join = nil }), ann, busy, "403 join"},
		{"users only, a stranger", with(open, func(r *Room) { r.Join = who(t, "users") }), stranger, busy, "403 join"},
		{"users only, a user", with(open, func(r *Room) { r.Join = who(t, "users") }), bob, busy, "enter"},
		{"one of several", with(open, func(r *Room) { r.Join = who(t, "ann@example.com", "network:10.0.0.0/8") }), inside, busy, "enter"},
		{"a moderator need not be told to join", with(moderated, func(r *Room) { r.Join = nil }), ann, State{}, "moderator"},
		{"may not open", with(open, func(r *Room) { r.Create = who(t, "users") }), stranger, State{}, "480 create 1m0s"},
		{"may not open, but it is", with(open, func(r *Room) { r.Create = who(t, "users") }), stranger, busy, "enter"},
		{"may open", with(open, func(r *Room) { r.Create = who(t, "users") }), ann, State{}, "enter"},
		{"a moderator always opens", with(moderated, func(r *Room) { r.Create = nil }), ann, State{}, "moderator"},
		{"who may not open waits where that is done", with(wait, func(r *Room) { r.Create = nil }), bob, State{}, "wait"},
		{"full", with(open, func(r *Room) { r.MaxParticipants = 2 }), stranger, busy, "486 max_participants 1m0s"},
		{"full for moderators too", with(moderated, func(r *Room) { r.MaxParticipants = 2 }), ann, busy, "486 max_participants 1m0s"},
		{"one place left", with(open, func(r *Room) { r.MaxParticipants = 3 }), stranger, busy, "enter"},
		{"locked", open, stranger, State{Open: true, Locked: true}, "403 locked"},
		{"locked, a moderator", moderated, ann, State{Open: true, Locked: true}, "moderator"},
		{"locked from the start", with(open, func(r *Room) { r.Locked = true }), stranger, State{}, "403 locked"},
		{"unlocked since", with(open, func(r *Room) { r.Locked = true }), stranger, State{Open: true}, "enter"},
		{"wait for the host", wait, bob, State{}, "wait"},
		{"wait, others wait too", wait, bob, State{}, "wait"},
		{"the host is there", wait, bob, busy, "enter"},
		{"the host has left", wait, bob, State{Open: true, People: 1}, "wait"},
		{"too early", refuse, bob, State{}, "480 before_host 1m0s"},
		{"early, but the host", refuse, ann, State{}, "moderator"},
		{"not too early", refuse, bob, busy, "enter"},
		{"PIN", pin, ann, busy, "ask"},
		{"PIN was right", pin, Caller{Role: Participant}, busy, "enter"},
		{"PIN and moderator PIN", both, ann, busy, "ask"},
		{"only a moderator PIN", hosted, ann, busy, "ask optional"},
		{"and none was typed", hosted, Caller{Role: Participant}, busy, "enter"},
		{"and it was right", hosted, Caller{Role: Moderator}, State{}, "moderator"},
		{"no PIN of those who moderate", with(both, func(r *Room) { r.Moderate = who(t, "users") }), ann, busy, "moderator"},
		{"no PIN where one may not enter", with(pin, func(r *Room) { r.Join = nil }), ann, busy, "403 join"},
		{"locked: a PIN is asked that could be the moderator's", both, bob, State{Open: true, Locked: true}, "ask"},
		{"locked, it was a participant's", both, Caller{Role: Participant}, State{Open: true, Locked: true}, "403 locked"},
		{"locked, it was the moderator's", both, Caller{Role: Moderator}, State{Open: true, Locked: true}, "moderator"},
		{"locked, no moderator PIN", pin, bob, State{Open: true, Locked: true}, "403 locked"},
		{"too early: the same", with(both, func(r *Room) { r.BeforeHost = Refuse }), bob, State{}, "ask"},
		{"too early, a participant", with(both, func(r *Room) { r.BeforeHost = Refuse }), Caller{Role: Participant}, State{}, "480 before_host 1m0s"},
		{"may not open: the same", with(both, func(r *Room) { r.Create = nil }), bob, State{}, "ask"},
		{"may not open, a participant", with(both, func(r *Room) { r.Create = nil }), Caller{Role: Participant}, State{}, "480 create 1m0s"},
		{"first the PIN, then the wait", with(both, func(r *Room) { r.BeforeHost = Wait }), bob, State{}, "ask"},
		{"the wait after the PIN", with(both, func(r *Room) { r.BeforeHost = Wait }), Caller{Role: Participant}, State{}, "wait"},
		{"full since the PIN was asked", with(both, func(r *Room) { r.MaxParticipants = 1 }), Caller{Role: Participant}, busy, "486 max_participants 1m0s"},
		{"too many wrong PINs", pin, bob, State{Shut: time.Minute}, "480 pin 1m0s"},
		{"too many wrong PINs, but he is known", with(pin, func(r *Room) { r.Moderate = who(t, "ann@example.com") }), ann, State{Shut: time.Minute}, "moderator"},
		{"no moderator PIN is asked then", hosted, bob, State{Open: true, Shut: time.Minute}, "enter"},
		{"nor of one who finds it locked", hosted, bob, State{Open: true, Locked: true, Shut: time.Minute}, "403 locked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.caller.Role != Unknown && !c.caller.Source.IsValid() {
				c.caller.User, c.caller.Source = bob.User, bob.Source
			}
			v := c.room.Decide(c.caller, c.state)
			if got := told(v); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if v.Refused != nil && (v.Refused.Text == "" || !strings.HasPrefix(v.Refused.Rule, `room "*": `)) {
				t.Errorf("%+v tells nobody why", v.Refused)
			}
		})
	}
	if no := NoRoom(); no.Code != 404 || no.Text == "" || no.Rule == "" {
		t.Errorf("%+v", no)
	}
}

func told(v Verdict) string {
	switch {
	case v.Refused != nil:
		out := fmt.Sprintf("%d %s", v.Refused.Code, v.Refused.Rule[strings.LastIndexByte(v.Refused.Rule, ' ')+1:])
		if v.Refused.RetryAfter > 0 {
			out += " " + v.Refused.RetryAfter.String()
		}
		return out
	case v.Ask && v.Optional:
		return "ask optional"
	case v.Ask:
		return "ask"
	case v.Wait:
		return "wait"
	case v.Moderator:
		return "moderator"
	}
	return "enter"
}

// Whatever the rules and the room, nobody gets past them: no entry without a PIN where one is set, none into a full or
// locked room, and a verdict with a role asks for no PIN again.
func TestDecideHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	lists := [][]Who{nil, who(t, "anyone"), who(t, "users"), who(t, "ann@example.com"), who(t, "network:10.0.0.0/8")}
	callers := []Caller{stranger, inside, ann, bob}
	for range 100_000 {
		room := Room{
			Match: "*", Create: lists[r.IntN(5)], Join: lists[r.IntN(5)], Moderate: lists[r.IntN(5)],
			PIN: []PIN{"", "1234"}[r.IntN(2)], ModeratorPIN: []PIN{"", "9999"}[r.IntN(2)], MaxParticipants: r.IntN(3),
			Locked: r.IntN(2) == 0, BeforeHost: []BeforeHost{Open, Wait, Refuse}[r.IntN(3)],
		}
		c := callers[r.IntN(4)]
		c.Role = Role(r.IntN(3))
		s := State{People: r.IntN(3), Locked: r.IntN(2) == 0, Shut: time.Duration(r.IntN(2)) * time.Minute}
		s.Open, s.Hosts = s.People > 0, min(s.People, r.IntN(2))
		v := room.Decide(c, s)
		moderator := includes(room.Moderate, c) || c.Role == Moderator
		enters := v.Refused == nil && !v.Ask && !v.Wait
		full := room.MaxParticipants > 0 && s.People >= room.MaxParticipants
		locked := s.Open && s.Locked || !s.Open && room.Locked
		for what, wrong := range map[string]bool{
			"a moderator is no moderator":       v.Moderator != (moderator && enters),
			"a full room is entered":            full && v.Refused == nil,
			"a PIN is asked twice":              v.Ask && (c.Role != Unknown || moderator || s.Shut > 0),
			"entered without PIN":               enters && !moderator && room.PIN.Set() && c.Role == Unknown,
			"entered what is locked":            enters && !moderator && locked,
			"entered without leave":             (enters || v.Ask || v.Wait) && !moderator && !includes(room.Join, c),
			"opened without leave":              enters && !moderator && !s.Open && !includes(room.Create, c),
			"entered before the host":           enters && !moderator && room.BeforeHost != Open && s.Hosts == 0,
			"waits where nobody should":         v.Wait && (room.BeforeHost != Wait || s.Hosts > 0),
			"a PIN may be left out that is set": v.Optional && room.PIN.Set(),
		} {
			if wrong {
				t.Fatalf("%s: %+v for %+v in %+v gives %+v", what, room, c, s, v)
			}
		}
	}
}
