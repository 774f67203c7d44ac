// Package lobby is the talk with a caller who is not in his room yet: he is asked for a PIN, waits for the host, or is
// told why he cannot enter. It is pure: keys, prompts that are out and the time go in, what to do comes out.
package lobby

import (
	"slices"
	"time"
)

// Prompt is something that is said, by the name of its file.
type Prompt string

// The prompts.
const (
	EnterPIN    Prompt = "enter-pin"         // enter your PIN, then press the hash key
	EnterOrHash Prompt = "enter-pin-or-hash" // hosts: enter your PIN; all others: press the hash key
	WrongPIN    Prompt = "wrong-pin"
	WaitHost    Prompt = "wait-host" // the conference begins when the host is there
	NotOpen     Prompt = "not-open"  // the conference has not begun yet
	Locked      Prompt = "locked"
	Full        Prompt = "full"
	Goodbye     Prompt = "goodbye"
)

// Prompts are all of them.
func Prompts() []Prompt {
	return []Prompt{EnterPIN, EnterOrHash, WrongPIN, WaitHost, NotOpen, Locked, Full, Goodbye}
}

// How long a caller may take, and how often he may try (USERS 24).
const (
	Tries      = 3                // wrong PINs in one call
	Asks       = 3                // times that he is asked and types nothing
	firstDigit = 10 * time.Second // from the end of the prompt
	nextDigit  = 5 * time.Second  // then what was typed is taken as if # had followed
	promptMost = 30 * time.Second // prompts whose end nobody tells of have ended after this
	waitAgain  = time.Minute      // who waits is told so this often
	talkMost   = 3 * time.Minute  // all of it, but the wait for the host and the goodbye
	longestPIN = 16               // a longer one is wrong, whatever it is
)

// Cause is why a call is ended, as in the Reason header.
type Cause struct {
	Code int
	Text string
}

// Step is what is to be done. Zero is nothing.
type Step struct {
	Play   []Prompt // say these, in place of what is being said, and tell Played(Number) when they are out
	Number int
	Firm   bool // no key stops them

	Try bool // judge PIN, and then call Wrong, Wait, Refuse or Done
	PIN string

	End *Cause // hang up
}

type state uint8

const (
	fresh     state = iota
	asking          // a question is being asked
	listening       // it has been, and nothing was typed
	typing
	trying // somebody judges what was typed
	waiting
	leaving // why he cannot enter is being said
	over
)

// Dialogue is the talk with one caller. Its times are since any one moment. The owner calls one method at a time, and
// Expire when Deadline has come.
type Dialogue struct {
	state    state
	optional bool // a PIN is for moderators
	number   int  // of the prompts said last
	typed    []byte
	asks     int // since a key was pressed
	wrong    int
	deadline time.Duration
	last     time.Duration // no PIN is taken after this
	cause    Cause
}

// New is a talk that has not begun. With optional, who types nothing but # enters as a participant.
func New(optional bool) *Dialogue { return &Dialogue{optional: optional} }

// Deadline is when to call Expire; ok is false when there is nothing to wait for.
func (d *Dialogue) Deadline() (at time.Duration, ok bool) {
	switch d.state {
	case fresh, trying, over:
		return 0, false
	case waiting, leaving:
		return d.deadline, true
	}
	return min(d.deadline, d.last), true
}

// Over tells that nothing more will come of it.
func (d *Dialogue) Over() bool { return d.state == over }

// Ask asks for the PIN.
func (d *Dialogue) Ask(now time.Duration) Step {
	d.last = now + talkMost
	return d.ask(now)
}

func (d *Dialogue) ask(now time.Duration, before ...Prompt) Step {
	if d.asks == Asks || now >= d.last {
		return d.Refuse(now, Cause{403, "no PIN was typed"})
	}
	d.asks++
	d.typed = d.typed[:0]
	question := EnterPIN
	if d.optional {
		question = EnterOrHash
	}
	return d.say(now, asking, false, append(before, question)...)
}

// say enters a state in which prompts are played.
func (d *Dialogue) say(now time.Duration, s state, firm bool, prompts ...Prompt) Step {
	d.state, d.deadline = s, now+promptMost
	d.number++
	return Step{Play: prompts, Number: d.number, Firm: firm}
}

// Digit takes a key.
func (d *Dialogue) Digit(now time.Duration, key byte) Step {
	switch d.state {
	case waiting: // it has stopped the prompt
		d.deadline = now + waitAgain
		return Step{}
	case asking, listening, typing:
	default:
		return Step{}
	}
	switch {
	case key == '#':
		return d.submit(now)
	case key == '*':
		d.typed = d.typed[:0]
		d.state, d.deadline = listening, now+firstDigit
	case key >= '0' && key <= '9':
		if len(d.typed) <= longestPIN {
			d.typed = append(d.typed, key)
		}
		d.state, d.deadline, d.asks = typing, now+nextDigit, 0
	case d.state == asking: // a key that means nothing has stopped the prompt
		d.state, d.deadline = listening, now+firstDigit
	}
	return Step{}
}

// submit takes what was typed for the PIN.
func (d *Dialogue) submit(now time.Duration) Step {
	if len(d.typed) == 0 && !d.optional {
		return d.ask(now)
	}
	d.state = trying
	pin := string(d.typed)
	clear(d.typed)
	return Step{Try: true, PIN: pin}
}

// Played says that the prompts of a Step are out.
func (d *Dialogue) Played(now time.Duration, number int) Step {
	if number != d.number {
		return Step{}
	}
	return d.heard(now)
}

// heard goes on after prompts.
func (d *Dialogue) heard(now time.Duration) Step {
	switch d.state {
	case asking:
		d.state, d.deadline = listening, now+firstDigit
	case waiting:
		d.deadline = now + waitAgain
	case leaving:
		d.state = over
		return Step{End: &d.cause}
	}
	return Step{}
}

// Expire says that Deadline has come.
func (d *Dialogue) Expire(now time.Duration) Step {
	if at, ok := d.Deadline(); !ok || now < at {
		return Step{}
	}
	switch d.state {
	case asking, listening, typing:
		if now >= d.last {
			return d.ask(now)
		}
	}
	switch d.state {
	case listening:
		if d.optional {
			return d.submit(now)
		}
		return d.ask(now)
	case typing:
		return d.submit(now)
	case waiting:
		return d.Wait(now)
	}
	return d.heard(now)
}

// Wrong says that the PIN tried was wrong.
func (d *Dialogue) Wrong(now time.Duration) Step {
	if d.wrong++; d.wrong == Tries {
		return d.Refuse(now, Cause{403, "three wrong PINs"}, WrongPIN)
	}
	d.asks = 0
	return d.ask(now, WrongPIN)
}

// Wait says that the caller is left waiting for the host.
func (d *Dialogue) Wait(now time.Duration) Step { return d.say(now, waiting, false, WaitHost) }

// Refuse ends the call, when the caller has been told why (USERS 1).
func (d *Dialogue) Refuse(now time.Duration, why Cause, prompts ...Prompt) Step {
	d.cause = why
	return d.say(now, leaving, true, append(slices.Clip(prompts), Goodbye)...)
}

// Done says that the caller is in the room, or gone.
func (d *Dialogue) Done() { d.state = over }
