package sim

import (
	"math"
	"math/rand/v2"
)

// Turns after ITU-T P.59. That recommendation gives, for a conversation of two,
// means of 1.004 s for a talkspurt, 1.587 s for a pause, 0.228 s for double talk
// and 0.508 s for mutual silence, and describes it as a chain of states: single
// talk ends in double talk or in mutual silence, and either of these with equal
// chance in one or the other talking. All four means together leave such a chain
// no freedom: per single talk of mean s with double talk following with chance p,
//
//	talkspurt  s + 2*0.228*p = 1.004
//	cycle      s + 0.228*p + 0.508*(1-p) = (1.004+1.587)/2
//
// so that s is 0.870 s and p is 0.294. (In the same chain 5.2 % of the time is
// double talk and 27.6 % mutual silence.) Times are geometric with these means,
// the discrete form of the recommendation's exponentials. With more than two the
// "other" is a random one.
const (
	meanSingle = 0.870 / 0.020 // slots
	meanDouble = 0.228 / 0.020
	meanMutual = 0.508 / 0.020
	meanSpurt  = 1.004 / 0.020
	meanPause  = 1.587 / 0.020

	seam = 0.294 // share of single talk that ends in double talk
)

// table is one conversation by turns.
type table struct {
	state  uint8
	left   int // slots left of the state
	holder int // who has the turn, or had it
	other  int // who talks into it, in double talk
}

const (
	mutualSilence uint8 = iota
	singleTalk
	doubleTalk
)

// step lets one slot of a table pass.
func (c *Conversation) step(t *table) {
	for t.left == 0 {
		switch t.state {
		case singleTalk:
			if c.turns.Float64() < seam {
				if other := c.another(); c.begin(other, spurt{kind: Speech, left: endless}) {
					t.state, t.other, t.left = doubleTalk, other, geometric(c.turns, meanDouble)
					continue
				}
			}
			c.end(t.holder)
			t.state, t.left = mutualSilence, geometric(c.turns, meanMutual)
		case doubleTalk:
			stops := t.other
			if c.turns.IntN(2) == 0 {
				stops, t.holder = t.holder, t.other
			}
			c.end(stops)
			t.state, t.left = singleTalk, geometric(c.turns, meanSingle)
		case mutualSilence:
			if c.turns.IntN(2) == 0 || c.slot == 0 {
				t.holder = c.another()
			}
			if !c.begin(t.holder, spurt{kind: Speech, left: endless}) {
				t.holder, t.left = c.another(), 1 // he is laughing, or on hold
				continue
			}
			t.state, t.left = singleTalk, geometric(c.turns, meanSingle)
		}
	}
	t.left--
}

// mill lets one slot of one talker of a crowd pass.
func (c *Conversation) mill(i int) {
	c.crowd[i]--
	if c.crowd[i] > 0 {
		return
	}
	who := c.speaker(i, len(c.crowd))
	n := geometric(c.turns, meanSpurt)
	c.begin(who, spurt{kind: Speech, left: n})
	// The slot after the last is the first of the pause.
	c.crowd[i] = n + geometric(c.turns, meanPause)
}

// another draws a speaker who is not busy; after a few tries, any speaker.
func (c *Conversation) another() int {
	n := c.talk.Speakers
	if n == 0 {
		n = len(c.people)
	}
	who := 0
	for range 8 {
		who = c.speaker(c.turns.IntN(n), n)
		if !c.people[who].busy {
			break
		}
	}
	return who
}

// speaker is the i-th of n that are spread evenly over the participants.
func (c *Conversation) speaker(i, n int) int { return i * len(c.people) / n }

// happen begins what happens by chance in this slot.
func (c *Conversation) happen() {
	chance := func(rate float64) bool { return c.events.Float64() < rate/slotsPerMinute }
	if chance(c.talk.Interruptions) && len(c.tables) > 0 && c.tables[0].state == singleTalk {
		n := max(c.talk.Speakers, 1)
		if c.talk.Speakers == 0 {
			n = len(c.people)
		}
		// Somebody who wants to be heard: up to 6 dB louder, for half a second or more.
		c.begin(c.speaker(c.events.IntN(n), n),
			spurt{kind: Interruption, left: 25 + geometric(c.events, 75), raise: int16(c.events.IntN(61))})
	}
	if chance(c.talk.Bangs) {
		c.begin(c.events.IntN(len(c.people)), spurt{kind: Bang, left: 3 + c.events.IntN(5)})
	}
	if chance(c.talk.Tunes) {
		c.begin(c.events.IntN(len(c.people)), spurt{kind: Music, left: 500 + c.events.IntN(1000)})
	}
	joke := chance(c.talk.Laughs)
	for len(c.jokes) > 0 && c.jokes[0] <= c.slot {
		c.jokes, joke = c.jokes[1:], true
	}
	if joke {
		for who := range c.people { // each after a moment of his own, for 1.5 to 4 s
			c.begin(who, spurt{kind: Laughter, left: 75 + c.events.IntN(125), wait: int16(c.events.IntN(30))})
		}
	}
}

// geometric draws a number of slots, at least 1, of a mean.
func geometric(r *rand.Rand, mean float64) int {
	return 1 + int(math.Log(1-r.Float64())/math.Log(1-1/mean))
}
