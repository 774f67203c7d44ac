package main

import (
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"trivox/cluster/conference"
	"trivox/cmd/trivox/internal/lobby"
	"trivox/cmd/trivox/internal/policy"
	"trivox/cmd/trivox/internal/prompts"
	"trivox/media"
	"trivox/sip"
)

// maxShut bounds the rooms whose wrong PINs are counted; they are named by the patterns of [[room]], of which there are
// at most half as many at a time.
const maxShut = 2000

// lobbies is the callers outside their rooms, and who is kept from guessing. Its methods may be called by any goroutine.
type lobbies struct {
	prompts atomic.Pointer[prompts.Set]
	log     *slog.Logger
	// failed is told of each wrong PIN, for those who keep count of a source: its user where he proved to be one.
	failed func(source netip.Addr, user, what string)

	wrong, shuts atomic.Uint64 // PINs, and times that a room asked for no more

	mu       sync.Mutex
	visitors map[string]*visitor // by the id of the leg
	locks    map[policy.Pattern]*policy.Lockout
}

func newLobbies(log *slog.Logger, failed func(netip.Addr, string, string)) *lobbies {
	return &lobbies{log: log, failed: failed, visitors: map[string]*visitor{}, locks: map[policy.Pattern]*policy.Lockout{}}
}

// shut is for how long the rooms of a pattern ask nobody for a PIN.
func (o *lobbies) shut(match policy.Pattern) time.Duration {
	if o == nil {
		return 0
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if l := o.locks[match]; l != nil {
		return l.Left(media.Now())
	}
	return 0
}

// guessed notes a wrong PIN, and reports that the room now asks for no more.
func (o *lobbies) guessed(match policy.Pattern, c sip.Call) (shut bool) {
	o.wrong.Add(1)
	if o.failed != nil {
		o.failed(c.Source.Addr(), c.Caller.User, "PIN")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := media.Now()
	l := o.locks[match]
	if l == nil {
		if len(o.locks) >= maxShut { // patterns of settings that are no more
			for m, old := range o.locks {
				if old.Left(now) == 0 {
					delete(o.locks, m)
				}
			}
		}
		l = &policy.Lockout{}
		o.locks[match] = l
	}
	if shut = l.Wrong(now); shut {
		o.shuts.Add(1)
	}
	return shut
}

// open begins the stay of a caller outside his room. What is said to him waits for begin.
func (o *lobbies) open(r *rooms, leg *conference.Leg, c sip.Call, name, language string, rules policy.Room, verdict policy.Verdict) *visitor {
	v := &visitor{
		lobbies: o, rooms: r, leg: leg, call: c, name: name, language: language, rules: rules, asks: verdict.Ask,
		talk: lobby.New(verdict.Optional),
		log:  o.log.With("conference", name, "leg", leg.ID(), "caller", c.Caller.URI, "source", c.Source.String()),
	}
	o.mu.Lock()
	o.visitors[leg.ID()] = v
	o.mu.Unlock()
	return v
}

// take passes on what a caller outside does, and what becomes of his prompts.
func (o *lobbies) take(e conference.Event) {
	o.mu.Lock()
	v := o.visitors[e.Leg]
	o.mu.Unlock()
	if v == nil {
		return
	}
	switch e.Kind {
	case conference.LegDigit:
		v.do(func(now time.Duration) lobby.Step { return v.talk.Digit(now, e.Digit) })
	case conference.LegPlayed:
		v.do(func(now time.Duration) lobby.Step { return v.talk.Played(now, e.Number) })
	case conference.LegAdmitted:
		v.close()
	}
}

// visitor is one caller outside his room.
type visitor struct {
	lobbies  *lobbies
	rooms    *rooms
	leg      *conference.Leg
	call     sip.Call
	name     string // of the conference
	language string
	rules    policy.Room
	asks     bool // for a PIN; else he waits for the host
	log      *slog.Logger

	mu    sync.Mutex
	begun bool
	talk  *lobby.Dialogue
	timer *time.Timer
}

// begin speaks to the caller, once: sound has been agreed. A nil visitor is in his room.
func (v *visitor) begin() {
	if v == nil {
		return
	}
	v.do(func(now time.Duration) lobby.Step {
		switch {
		case v.begun:
			return lobby.Step{}
		case v.asks:
			v.begun = true
			return v.talk.Ask(now)
		}
		v.begun = true
		return v.wait(now)
	})
}

// close ends the stay outside. A nil visitor is in his room.
func (v *visitor) close() {
	if v == nil {
		return
	}
	v.lobbies.mu.Lock()
	delete(v.lobbies.visitors, v.leg.ID())
	v.lobbies.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.talk.Done()
	if v.timer != nil {
		v.timer.Stop()
	}
}

// do lets something happen to the talk, and does what comes of it.
func (v *visitor) do(happen func(now time.Duration) lobby.Step) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.talk.Over() {
		return
	}
	now := media.Now()
	step := happen(now)
	for step.Try {
		step = v.try(now, step.PIN)
	}
	if len(step.Play) > 0 {
		if err := v.leg.Play(v.play(step)); err != nil { // it is in, or gone
			v.talk.Done()
		}
	}
	if step.End != nil {
		v.call.HangUp(sip.Cause{Code: step.End.Code, Text: step.End.Text})
	}
	if v.timer != nil {
		v.timer.Stop()
	}
	if at, ok := v.talk.Deadline(); ok {
		v.timer = time.AfterFunc(at-now, func() { v.do(v.talk.Expire) })
	}
}

// play is what a step says, in the caller's language.
func (v *visitor) play(s lobby.Step) conference.Play {
	p := conference.Play{Number: s.Number, Firm: s.Firm}
	set := v.lobbies.prompts.Load()
	for _, name := range s.Play {
		p.Prompts = append(p.Prompts, set.Get(v.language, string(name)))
	}
	return p
}

// try judges a PIN.
func (v *visitor) try(now time.Duration, typed string) lobby.Step {
	if v.lobbies.shut(v.rules.Match) > 0 {
		return v.talk.Refuse(now, lobby.Cause{Code: 403, Text: "too many wrong PINs were typed for this room"})
	}
	role, ok := v.rules.Judge(typed)
	if !ok {
		v.log.Info("wrong PIN")
		if v.lobbies.guessed(v.rules.Match, v.call) {
			v.log.Warn("too many wrong PINs: none is asked for now", "rooms", string(v.rules.Match), "for", policy.LockoutFor.String())
		}
		return v.talk.Wrong(now)
	}
	caller := policy.Caller{User: v.call.Caller.User, Source: v.call.Source.Addr(), Role: role}
	verdict := v.rules.Decide(caller, v.rooms.state(v.name, v.rules.Match))
	switch {
	case verdict.Refused != nil:
		v.log.Info("caller refused after his PIN", "code", verdict.Refused.Code, "rule", verdict.Refused.Rule)
		return v.refuse(now, verdict.Refused.Code, verdict.Refused.Text)
	case verdict.Wait:
		return v.wait(now)
	}
	return v.admit(now, verdict.Moderator)
}

// wait leaves the caller outside until there is a host.
func (v *visitor) wait(now time.Duration) lobby.Step {
	in, err := v.leg.Wait()
	return v.settled(now, err, func() lobby.Step {
		if in {
			v.talk.Done()
			return lobby.Step{}
		}
		return v.talk.Wait(now)
	})
}

// admit lets the caller in.
func (v *visitor) admit(now time.Duration, moderator bool) lobby.Step {
	return v.settled(now, v.leg.Admit(moderator), func() lobby.Step {
		v.log.Info("let in by PIN", "moderator", moderator)
		v.talk.Done()
		return lobby.Step{}
	})
}

// settled goes on where there was no error; a room that has become full or locked meanwhile refuses.
func (v *visitor) settled(now time.Duration, err error, on func() lobby.Step) lobby.Step {
	switch {
	case err == nil:
		return on()
	case errors.Is(err, conference.ErrFull):
		return v.refuse(now, 486, err.Error())
	case errors.Is(err, conference.ErrLocked):
		return v.refuse(now, 403, err.Error())
	}
	v.talk.Done() // the call has ended
	return lobby.Step{}
}

// refuse says why the caller cannot enter, and ends the call.
func (v *visitor) refuse(now time.Duration, code int, text string) lobby.Step {
	said := map[int]lobby.Prompt{403: lobby.Locked, 480: lobby.NotOpen, 486: lobby.Full}[code]
	return v.talk.Refuse(now, lobby.Cause{Code: code, Text: text}, said)
}
