package sim

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Slot is the packet time of a simulated phone.
const Slot = 20 * time.Millisecond

// slotsPerMinute turns a rate per minute into one per slot.
const slotsPerMinute = float64(time.Minute / Slot)

// Kind is what a participant does in a slot: the truth that a server's choice is
// held against.
type Kind uint8

const (
	Noise        Kind = iota // nothing but the steady noise of his room
	Speech                   // has his turn, or talks at the seam between two turns
	Interruption             // talks into somebody else's turn
	Laughter                 // laughs with all others
	Bang                     // a door slams
	Music                    // has put the conference on hold and plays music into it
)

// Speaks reports whether there are words in it that the others should hear.
func (k Kind) Speaks() bool { return k == Speech || k == Interruption }

// String returns the kind in lower case.
func (k Kind) String() string {
	return [...]string{"noise", "speech", "interruption", "laughter", "bang", "music"}[k]
}

// Sound is what one participant's microphone gives in one slot.
type Sound struct {
	Participant int
	X           uint16 // RMS amplitude, 65535 is full scale
	Kind        Kind
	Age         int // slots since this talkspurt (laugh, bang, tune) began, 0 in its first
}

// Talk says how people talk. Start from [DefaultTalk].
//
// At any time one of them has the turn and hands it on to a random other, after
// a pause or with double talk at the seam; see turn.go for the figures, which are
// those of ITU-T P.59. All else comes on top of that, at rates per minute.
type Talk struct {
	Participants int
	Speakers     int // so many of them, evenly spread, ever have the turn; 0: all
	Tables       int // so many conversations go on at once, each with speakers of its own
	Crowd        int // instead of turns, so many speakers talk and pause regardless of each other

	Interruptions float64 // a minute
	Bangs         float64 // slammed doors, a minute
	Laughs        float64 // jokes at which all laugh, a minute
	LaughAt       []int   // slots of further jokes, rising
	Tunes         float64 // calls that somebody puts on hold with music, a minute

	Level  float64 // mean level of a talker while he talks, dB of full scale
	Spread float64 // standard deviation of that level between talkers, dB
	Soft   float64 // share of participants far from their microphones
	Far    float64 // how much lower these come in, dB
	Noisy  float64 // share of participants with steady noise
	Hiss   float64 // mean level of that noise, dB of full scale
}

// DefaultTalk is a meeting of n that nothing disturbs, at the level at which
// speech codecs are tested.
func DefaultTalk(n int) Talk {
	return Talk{Participants: n, Tables: 1, Level: -26, Spread: 2, Far: 12, Hiss: -50}
}

// Check returns an error that names the first setting that cannot be used.
func (t Talk) Check() error {
	for _, v := range []struct {
		name          string
		value, lo, hi float64
	}{
		{"Participants", float64(t.Participants), 1, 1 << 24},
		{"Speakers", float64(t.Speakers), 0, float64(t.Participants)},
		{"Tables", float64(t.Tables), 1, float64(t.Participants)},
		{"Crowd", float64(t.Crowd), 0, float64(t.Participants)},
		{"Interruptions", t.Interruptions, 0, slotsPerMinute},
		{"Bangs", t.Bangs, 0, slotsPerMinute},
		{"Laughs", t.Laughs, 0, slotsPerMinute},
		{"Tunes", t.Tunes, 0, slotsPerMinute},
		{"Level", t.Level, -50, -6},
		{"Spread", t.Spread, 0, 12},
		{"Soft", t.Soft, 0, 1},
		{"Far", t.Far, 0, 40},
		{"Noisy", t.Noisy, 0, 1},
		{"Hiss", t.Hiss, -90, -20},
	} {
		if !(v.value >= v.lo && v.value <= v.hi) {
			return fmt.Errorf("sim: %s %v: need %v to %v", v.name, v.value, v.lo, v.hi)
		}
	}
	return nil
}

// Conversation makes what people say, slot by slot. Who is silent costs nothing.
type Conversation struct {
	talk   Talk
	slot   int
	people []person
	noisy  []int32 // participants with steady noise
	tables []table
	crowd  []int // slots until each of the crowd begins or stops
	spurts []spurt
	jokes  []int // of LaughAt, those to come
	out    []Sound

	turns, events, voices *rand.Rand // apart, so that more of one changes no other
}

// person is one participant.
type person struct {
	level uint16 // RMS amplitude while he talks
	noise uint16 // RMS amplitude of his room
	busy  bool   // has a spurt
}

// NewConversation returns the conversation that follows from a seed. It panics
// when t.Check() would refuse t.
func NewConversation(t Talk, seed uint64) *Conversation {
	if err := t.Check(); err != nil {
		panic(err)
	}
	c := &Conversation{
		talk:   t,
		people: make([]person, t.Participants),
		jokes:  t.LaughAt,
		turns:  rand.New(rand.NewPCG(seed, 1)),
		events: rand.New(rand.NewPCG(seed, 2)),
		voices: rand.New(rand.NewPCG(seed, 3)),
	}
	r := rand.New(rand.NewPCG(seed, 4))
	for i := range c.people {
		p := &c.people[i]
		level := t.Level + t.Spread*r.NormFloat64()
		if r.Float64() < t.Soft {
			level -= t.Far
		}
		p.level = amplitude(level)
		hiss := t.Hiss + 3*r.NormFloat64()
		if r.Float64() < t.Noisy {
			p.noise = amplitude(hiss)
			c.noisy = append(c.noisy, int32(i))
		}
	}
	if t.Crowd > 0 {
		c.crowd = make([]int, t.Crowd)
		for i := range c.crowd {
			c.crowd[i] = geometric(c.turns, meanPause)
		}
	} else {
		c.tables = make([]table, t.Tables)
	}
	return c
}

// Next returns the sounds of the next slot: at most one of each participant, and
// none of those from whom nothing comes. The slice is valid until the next call.
func (c *Conversation) Next() []Sound {
	for i := range c.tables {
		c.step(&c.tables[i])
	}
	for i := range c.crowd {
		c.mill(i)
	}
	c.happen()
	c.out = c.out[:0]
	kept := c.spurts[:0]
	for _, s := range c.spurts {
		p := &c.people[s.who]
		if s.left == 0 {
			p.busy = false
			continue
		}
		if s.wait > 0 {
			s.wait--
			kept = append(kept, s)
			continue
		}
		x := s.next(c.voices, p.level)
		if p.noise > 0 {
			x = join(x, flutter(c.voices, p.noise))
		}
		c.out = append(c.out, Sound{int(s.who), x, s.kind, s.age})
		s.age++
		if s.left > 0 {
			s.left--
		}
		kept = append(kept, s)
	}
	c.spurts = kept
	for _, i := range c.noisy {
		if p := &c.people[i]; !p.busy {
			c.out = append(c.out, Sound{Participant: int(i), X: flutter(c.voices, p.noise)})
		}
	}
	c.slot++
	return c.out
}

// Slots returns how many slots have passed.
func (c *Conversation) Slots() int { return c.slot }

// begin gives a participant a spurt, unless he has one.
func (c *Conversation) begin(who int, s spurt) bool {
	p := &c.people[who]
	if p.busy {
		return false
	}
	p.busy = true
	s.who = int32(who)
	c.spurts = append(c.spurts, s)
	return true
}

// end lets a participant fall silent from this slot on, unless it is something
// else than his turn that keeps him busy.
func (c *Conversation) end(who int) {
	for i := range c.spurts {
		if s := &c.spurts[i]; int(s.who) == who && s.kind == Speech {
			s.left = 0
		}
	}
}
