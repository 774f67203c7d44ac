package conference

import (
	"context"
	"fmt"
	"time"

	"trivox/media/codec"
	"trivox/mixer"
)

// PromptRate is the sample rate of prompts in Hz.
const PromptRate = 16000

const (
	promptSlot = PromptRate / 50
	// promptWait is how long the first prompt waits for the caller's first packet: before it, nobody may hear yet, and
	// some phones send none (USERS 1).
	promptWait = time.Second
)

// Prompt is something to say: mono samples at PromptRate. It is read by any number of callers at once, so nobody may
// change it.
type Prompt []int16

// Play are prompts for one who is in the lobby.
type Play struct {
	Number  int // comes back in the event LegPlayed
	Prompts []Prompt
	Firm    bool // a digit does not stop them
}

// Play says prompts to a leg in the lobby, in place of those that it hears. They begin with the caller's first packet,
// or a second after the answer; an Event of kind LegPlayed says that they are out. A digit stops them, and then there
// is none. p and its slices are kept and must not change.
func (l *Leg) Play(p Play) error {
	if !l.outside() {
		return errAdmitted
	}
	l.mu.Lock()
	ln, ended := l.line, l.ended
	l.mu.Unlock()
	switch {
	case ended:
		return errLegEnded
	case ln == nil:
		return fmt.Errorf("conference: prompts for a leg: %w", errNotNegotiated)
	}
	return l.room.conf.worker.do(context.Background(), func(time.Duration) {
		if ln.lobby != nil {
			ln.lobby.play(p)
		}
	})
}

// lobby is what a line has while it is outside: nobody hears it, and it hears its prompts.
type lobby struct {
	hears   bool // the caller can hear
	holds   bool // the caller does not listen: prompts wait
	present Play
	on      bool // prompts play
	at      int  // samples of the first one that are out
	stops   bool // they fade out
	fade    mixer.Fader
	up      *mixer.Resampler    // PromptRate to the rate of the codec
	noise   *codec.ComfortNoise // nil: none
}

// newLobby is for a leg without a line.
func newLobby(l *Leg) *lobby {
	o := &lobby{}
	if l.cfg.NoiseLevel < noNoise {
		o.noise = codec.NewComfortNoise(uint64(l.sendSSRC))
		o.noise.SetLevel(uint8(l.cfg.NoiseLevel))
	}
	return o
}

// play begins prompts.
func (o *lobby) play(p Play) { o.present, o.at, o.on, o.stops = p, 0, true, false }

// read fills pcm, a slot at the rate of the codec; prompt has room for one at PromptRate. It reports that the last
// sample of the last prompt is in it.
func (o *lobby) read(pcm, prompt []int16) (played bool) {
	clear(prompt)
	if o.on && o.hears && !o.holds {
		o.fill(prompt)
		if !o.fade.Apply(prompt, PromptRate, !o.stops) {
			clear(prompt)
		}
		if played = len(o.present.Prompts) == 0 && !o.stops; played || o.stops {
			o.on = false
			o.fade.Reset()
		}
	}
	o.up.Process(pcm, prompt)
	if o.noise != nil {
		o.hiss(pcm, prompt)
	}
	return played
}

// fill takes what comes next of the prompts.
func (o *lobby) fill(pcm []int16) {
	for p := &o.present.Prompts; len(*p) > 0 && len(pcm) > 0; {
		n := copy(pcm, (*p)[0][o.at:])
		pcm = pcm[n:]
		if o.at += n; o.at == len((*p)[0]) {
			*p, o.at = (*p)[1:], 0
		}
	}
}

// hiss adds noise, part by part, for it has no memory of its own.
func (o *lobby) hiss(pcm, part []int16) {
	for len(pcm) > 0 {
		n := min(len(pcm), len(part))
		o.noise.Read(part[:n])
		for i, s := range part[:n] {
			pcm[i] = int16(min(max(int32(pcm[i])+int32(s), -32768), 32767))
		}
		pcm = pcm[n:]
	}
}

// listens notes that a line in the lobby can hear its prompts.
func (l *line) listens(now time.Duration) {
	if o := l.lobby; o != nil {
		o.hears = o.hears || l.heard || now-l.answered >= promptWait
		o.holds = l.deaf()
	}
}

// interrupt stops the prompts of a line whose caller has pressed a key.
func (l *line) interrupt() {
	if o := l.lobby; o != nil && o.on && !o.present.Firm {
		o.stops = true
	}
}

// sendLobby sends a line in the lobby its prompts.
func (c *conference) sendLobby(l *line) {
	s := c.worker.scratch
	k := l.own.coder
	pcm := s.heard[:k.format.codec.SampleRate/50]
	if l.lobby.read(pcm, s.mixed[:promptSlot]) {
		e := c.event(LegPlayed, l)
		e.Number = l.lobby.present.Number
		c.server.report(e)
	}
	for k.take(pcm); k.ready(); {
		c.sendPacket(l, s.coded[:k.next(s.coded[:])])
	}
}

// admit lets a line in. Its own encoder goes on with the mix, until it can hear what the others of its format do.
func (c *conference) admit(l *line, now time.Duration) {
	if !l.in || l.lobby == nil {
		return
	}
	l.lobby = nil
	l.own.on, l.own.idle, l.own.last = !l.deaf(), 0, false
	l.own.coder.down.Reset()
	l.own.limiter.Reset()
	c.begin(now)
	c.retune()
	c.server.report(c.event(LegAdmitted, l))
	if l.heard {
		c.welcome()
	}
}

// begin notes that somebody is in.
func (c *conference) begin(now time.Duration) {
	if c.begun == 0 {
		c.begun = now
	}
}

// people are the lines that are not in the lobby.
func (c *conference) people() (n int) {
	for _, l := range c.lines {
		if l.lobby == nil {
			n++
		}
	}
	return n
}
