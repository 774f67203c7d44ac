// Package policy decides who may enter which room, and how: rules and what is known of the caller and the room go in, a
// verdict comes out. It is pure; PINs are compared here and asked for elsewhere.
package policy

import (
	"fmt"
	"net/netip"
	"time"
)

// BeforeHost says what becomes of callers as long as no moderator is in.
type BeforeHost string

// What becomes of them.
const (
	Open   BeforeHost = "open"   // they enter
	Wait   BeforeHost = "wait"   // they wait outside
	Refuse BeforeHost = "refuse" // they are told to call again
)

// Room is the rules of the rooms that its pattern names.
type Room struct {
	Match                  Pattern
	Create, Join, Moderate []Who // who may open a room, enter it, and be its moderator; an empty list is nobody
	PIN, ModeratorPIN      PIN
	MaxParticipants        int
	Locked                 bool // when it opens
	BeforeHost             BeforeHost
}

// Role is what a caller has shown to be by his PIN.
type Role uint8

// The roles.
const (
	Unknown     Role = iota // no PIN was asked yet
	Participant             // the PIN was right, or none is needed
	Moderator
)

// Caller is who calls.
type Caller struct {
	User   string     // the user of ours that he has proved to be, "user@domain"; empty: nobody asked, or he is none
	Source netip.Addr // where the call comes from
	Role   Role
}

// State is how the room is.
type State struct {
	Open   bool // somebody is in
	Locked bool // of an open room
	People int
	Hosts  int           // moderators in it
	Shut   time.Duration // its PINs are asked of nobody for so long (Lockout)
}

// Refusal is a caller sent away.
type Refusal struct {
	Code       int           // SIP status
	Rule       string        // for the log: which rule refused
	Text       string        // for the caller
	RetryAfter time.Duration // 0: never
}

// Verdict is what becomes of a caller: he is refused, asked for his PIN, left waiting, or enters.
type Verdict struct {
	Refused   *Refusal
	Ask       bool // for a PIN,
	Optional  bool // but he may enter without
	Wait      bool // for a moderator
	Moderator bool // he is one
}

// How long those wait who are told to call again.
const (
	retryHost = 60 * time.Second
	retryFull = 60 * time.Second
)

// NoRoom refuses a name that no rule has.
func NoRoom() *Refusal {
	return &Refusal{Code: 404, Rule: "no [[room]] matches", Text: "there is no such room here"}
}

// NotHere refuses a room at a host that is none of this server's.
func NotHere() *Refusal {
	return &Refusal{Code: 404, Rule: "host", Text: "this server does not serve that domain"}
}

// Decide says what becomes of a caller. Who has typed a PIN since, and with it has a Role, is judged anew with it.
func (r *Room) Decide(c Caller, s State) Verdict {
	if includes(r.Moderate, c) || c.Role == Moderator {
		if no := r.Full(s); no != nil {
			return Verdict{Refused: no}
		}
		return Verdict{Moderator: true}
	}
	if !includes(r.Join, c) {
		return r.refuse("join", Refusal{Code: 403, Text: "you may not enter this room"})
	}
	if no := r.Full(s); no != nil {
		return Verdict{Refused: no}
	}
	asks := c.Role == Unknown && s.Shut == 0
	perhaps := asks && r.ModeratorPIN.Set() // he may turn out to be a moderator
	switch locked := s.Open && s.Locked || !s.Open && r.Locked; {
	case locked && !perhaps:
		return r.refuse("locked", Refusal{Code: 403, Text: "the room is locked"})
	case !s.Open && !includes(r.Create, c) && r.BeforeHost != Wait && !perhaps:
		return r.refuse("create", Refusal{Code: 480, Text: "the room is not open yet", RetryAfter: retryHost})
	case r.BeforeHost == Refuse && s.Hosts == 0 && !perhaps:
		return r.refuse("before_host", Refusal{Code: 480, Text: "the host is not there yet", RetryAfter: retryHost})
	case r.PIN.Set() && c.Role == Unknown && s.Shut > 0:
		return r.refuse("pin", Refusal{Code: 480, Text: "too many wrong PINs were typed for this room", RetryAfter: s.Shut})
	case asks && r.PIN.Set():
		return Verdict{Ask: true}
	case perhaps:
		return Verdict{Ask: true, Optional: true}
	case r.BeforeHost == Wait && s.Hosts == 0:
		return Verdict{Wait: true}
	}
	return Verdict{}
}

// Full refuses when there is no place.
func (r *Room) Full(s State) *Refusal {
	if s.People < r.MaxParticipants || r.MaxParticipants == 0 {
		return nil
	}
	return r.refuse("max_participants", Refusal{Code: 486, Text: fmt.Sprintf("the room is full: %d are in it", s.People), RetryAfter: retryFull}).Refused
}

// refuse names the key of the rules that refuses.
func (r *Room) refuse(key string, no Refusal) Verdict {
	no.Rule = fmt.Sprintf("room %q: %s", r.Match, key)
	return Verdict{Refused: &no}
}

// Judge says what role a PIN gives; ok is false when it is none of this room's. Where none is needed an empty one will
// do, for a participant.
func (r *Room) Judge(typed string) (role Role, ok bool) {
	moderator, participant := r.ModeratorPIN.Is(typed), r.PIN.Is(typed)
	switch {
	case moderator:
		return Moderator, true
	case participant || typed == "" && !r.PIN.Set():
		return Participant, true
	}
	return Unknown, false
}
