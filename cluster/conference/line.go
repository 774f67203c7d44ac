package conference

import (
	"math/rand/v2"
	"time"

	"trivox/loudness"
	"trivox/media"
	"trivox/media/codec"
	"trivox/mixer"
	"trivox/sip/sdp"
)

// line is the worker's half of a leg.
type line struct {
	leg    *Leg
	ssrc   uint32 // of the participant's stream in the conference
	pair   *media.Pair
	agreed sdp.Media
	format format

	session   *media.Session
	digits    *media.Digits
	same      media.Same
	types     []payloadType // of sound that it may send
	hears     codec.Codec   // what the playout plays
	playout   *media.Playout
	turning   bool           // a playout for another codec is being made, or waits
	next      *media.Playout // of another codec, as soon as this one has faded out
	nextHears codec.Codec    // what it plays
	meter     *loudness.Meter
	gain      mixer.Gain
	fade      mixer.Fader
	up        *mixer.Resampler // rate of the codec to rate of the mix

	group *group // whose packets it is sent
	own   ownMix // the mix without itself, while it plays
	lobby *lobby // nil: it is in the conference
	relay relay  // of the digits that the other one of a call between two presses

	in       bool          // its conference has it
	floor    bool          // in F in this slot
	plays    bool          // in F, or fading out
	voice    int           // which of the voices of this slot is its own, -1 none
	mark     bool          // the next packet begins a talkspurt: the first, or the first after a hold
	gone     int           // slots since its call ended
	muted    bool          // by the focus
	metered  time.Duration // media time that the meter is behind real time; below 0: ahead
	began    time.Duration // when sound was agreed first
	early    bool          // its call is not answered yet
	answered time.Duration // when it was, or sound was agreed if that was later
	resumed  time.Duration // when its sound was last asked for
	heard    bool          // an RTP packet came
	alarmed  bool
	looped   bool   // a loop was reported
	echoes   bool   // it sends what the conference sends to another line
	pressed  uint64 // digits so far
	unsent   uint64 // packets that the kernel did not take
}

// setup is what signalling made for the worker: all that takes memory.
type setup struct {
	early   bool
	agreed  sdp.Media
	terms   media.Terms
	format  format
	types   []payloadType
	playout *media.Playout   // nil: the codec is that of before
	coder   *coder           // nil: the format is that of before
	digits  *media.Digits    // nil: the clock of telephone events is that of before
	dials   bool             // what follows is other than before
	dialer  *media.Dialer    // of the digits that we send; nil: none are sent
	prompts *mixer.Resampler // PromptRate to the rate of the codec; nil when the codec is that of before
}

// newLine makes a line that hears and sends nothing yet.
func newLine(l *Leg, terms media.Terms) *line {
	r := rand.New(rand.NewPCG(uint64(l.sendSSRC), uint64(l.ssrc)))
	return &line{
		leg: l, ssrc: l.ssrc, pair: l.pair, voice: -1, mark: true,
		session: media.NewSession(media.SessionConfig{
			SSRC: l.sendSSRC, CNAME: l.id + "@trivox", Epoch: media.Wall(), Rand: r, Terms: terms,
		}),
		meter: loudness.NewMeter(l.cfg.Loudness),
	}
}

// held tells that the peer holds: what it sends is its music.
func (l *line) held() bool { return l.agreed.Hold || !l.agreed.Direction.Receives() }

// silenced tells that a line cannot have the floor.
func (l *line) silenced() bool { return l.muted || l.held() || l.lobby != nil }

// deaf tells that nothing is sent to a line.
func (l *line) deaf() bool { return !l.agreed.Direction.Sends() }

// meterTime keeps the meter at media time: zeros are pushed only for a line more than three slots behind (DESIGN 5).
func (l *line) meterTime() {
	l.metered += Slot
	for l.metered > 3*Slot {
		l.meter.Catch(1)
		l.metered -= Slot
	}
}

// tuneIn fits what comes from a line to the rate of the mix.
func (l *line) tuneIn(rate int) {
	l.up = mustResampler(l.hears.SampleRate, rate)
	l.fade.Reset()
}

// tuneOut fits what goes to a line to the rate of the mix.
func (l *line) tuneOut(rate int) {
	l.own.limiter = mixer.NewLimiter(rate)
	l.own.coder.tune(rate)
}

// takeNext changes to the playout of another codec, once what the last one played has faded out.
func (l *line) takeNext(rate int) {
	if l.next == nil || l.fade.Audible() {
		return
	}
	l.playout, l.hears, l.next, l.turning = l.next, l.nextHears, nil, false
	l.tuneIn(rate)
}

// mustResampler is for the rates of our own codecs, which all go into each other.
func mustResampler(from, to int) *mixer.Resampler {
	r, err := mixer.NewResampler(from, to)
	if err != nil {
		panic(err)
	}
	return r
}

// setUp gives a line what was agreed. It begins with the first time.
func (c *conference) setUp(l *line, s *setup, now time.Duration) {
	deaf, held := l.in && l.deaf(), l.in && l.held()
	l.agreed, l.types = s.agreed, s.types
	if s.digits != nil {
		l.digits = s.digits
	}
	if s.dials {
		l.relay = relay{dialer: s.dialer}
	}
	if s.playout != nil {
		l.next, l.nextHears, l.turning = s.playout, s.format.codec, true
	}
	if l.lobby != nil && s.prompts != nil {
		l.lobby.up, l.own.on = s.prompts, true
	}
	if !l.in {
		l.in, l.early, l.began, l.answered, l.resumed = true, s.early, now, now, now
		l.format = s.format
		l.takeNext(c.rate)
		c.add(l, now)
	} else {
		l.session.Update(now, s.terms)
	}
	if s.coder != nil {
		c.leaveGroup(l)
		l.format = s.format
		l.own = ownMix{coder: s.coder, on: l.own.on, idle: l.own.idle}
		l.tuneOut(c.rate)
		c.retune()
		if err := c.join(l); err != nil {
			c.hangUp(l, Cause{Code: 500, Text: "the encoder cannot be made: " + err.Error()})
		} else if l.own.on { // the shared coder has his voice in it
			l.own.coder.keepTime(l.group.coder)
		}
	}
	l.mark = l.mark || deaf
	if held && !l.held() {
		l.resumed = now
	}
	e := c.event(LegChanged, l)
	e.Summary.Codec, e.Summary.Encryption, e.Address = l.format.codec.Name, l.agreed.Encryption(), l.session.Remote().String()
	c.server.report(e)
}

// answer begins the time of a line whose call had sound before it was answered.
func (l *line) answer(now time.Duration) {
	if l.early {
		l.early, l.answered, l.resumed = false, now, now
	}
}

// drop ends a line: a goodbye, its sockets closed, its figures reported.
func (c *conference) drop(l *line, cause Cause, now time.Duration) {
	if !l.in {
		return
	}
	c.leave(l)
	l.in = false
	s := c.worker.scratch
	if to := l.session.RemoteRTCP(); to.IsValid() {
		if b := l.session.Goodbye(s.packet[:0], cause.Text); len(b) > 0 {
			_ = c.worker.io.Send(l.controlSocket(), b, to) // the peer may be gone: nothing is lost by it
		}
	}
	c.remove(l)
	l.pair.Close()
	l.leg.finish(l.summary(cause, now))
}

// event is one about a line.
func (c *conference) event(k EventKind, l *line) Event {
	return Event{Kind: k, Conference: c.name, Leg: l.leg.id, URI: l.leg.request.URI, Call: l.leg.request.CallID}
}

// hangUp asks signalling to end a line's call.
func (c *conference) hangUp(l *line, cause Cause) { l.leg.request.HangUp(cause) }
