// Package jitter holds the packets of one leg from their arrival to the slot
// they are played in. It follows the sender's clock, learns how much the path
// delays its packets, and keeps the sound waiting just long enough.
//
// It is pure: packets and the time go in, what to play in each slot comes out.
// Nothing is allocated but when a sender's packets get longer or shorter than
// any before. A Buffer is owned by one goroutine.
package jitter

import "time"

// Buffer is the jitter buffer of one leg.
//
// A packet is released in the first slot at least the margin after its
// expected arrival (DESIGN 3). Expected arrival is a line through the least
// delayed packets; the margin is what 99.5 % of them are delayed at most.
// Which slot that is changes only where nobody hears it, in silence, or by
// what the listener stretches.
type Buffer struct {
	c      Config
	rate   int64
	slot   int64 // RTP clock units
	store  store
	clock  clock
	delays delays
	held   holdups
	margin time.Duration

	started bool
	source  int64 // packets since the model began anew
	top     int64 // highest sequence number received
	topTS   int64 // its timestamp
	last    int64 // length of the latest packet, units

	fresh   bool // nothing was released since playing began anew
	playing bool
	next    int64 // sequence number to release next
	head    int64 // timestamp up to which sound was released or given up
	level   int64 // units released and not yet played
	dry     int64 // units concealed since the last sound
	turn    int64 // next as it was before the present slot
	begun   int   // packets since the source began, up to hastyPackets
	cut     bool  // sound was thrown away before what is next

	items   [itemsMost]Item
	count   int
	watch   watch
	suspect suspect
	late    run
	opening opening

	stats counters
}

// run is the late packets that came one after the other.
type run struct {
	packets int
	since   time.Duration
}

// suspect is a packet that fits nothing before it. If the next one follows it,
// the sender has jumped there (RFC 3550, A.1).
type suspect struct {
	held    bool
	packet  Packet
	payload []byte
}

const (
	maxDropout   = 3000                   // RFC 3550, A.1
	maxMisorder  = 100                    // RFC 3550, A.1
	lateRun      = 5                      // so many late packets in a row...
	lateTime     = 60 * time.Millisecond  // ...over so long: the path has changed
	farLate      = time.Second            // a packet this late fits nothing
	farEarly     = 400 * time.Millisecond // nor one this early
	kept         = 12                     // packets behind the slot that are always kept (DESIGN 3)
	hastyPackets = 50                     // the beginning of a source, in which...
	hurrySlots   = 4                      // ...so many slots of delay too much are thrown away
	settled      = 64                     // packets after which the measured margin may be under the first
)

// New is a buffer for one leg. The zero fields of the configuration but
// ClockRate take their default; an error says which setting cannot be used.
func New(c Config) (*Buffer, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	c = c.fill()
	b := &Buffer{c: c, rate: int64(c.ClockRate), store: newStore()}
	b.slot = b.units(c.Slot)
	b.clock.rate = b.rate
	b.Reset()
	b.stats.Resets = 0
	return b, nil
}

// Reset forgets the source: its packets, its clock and its jitter. The next
// packet starts anew, without a mute (SIP RT-3: the SSRC has changed). The
// counters go on.
func (b *Buffer) Reset() {
	b.giveUp()
	b.store.clear()
	b.clock = clock{rate: b.rate}
	b.delays.reset()
	b.held = holdups{}
	b.opening = opening{}
	b.margin = b.c.FirstMargin
	b.started, b.playing = false, false
	b.source, b.dry, b.level, b.begun, b.cut = 0, 0, 0, 0, false
	if b.suspect.held {
		b.stats.Refused++
		b.suspect.held = false
	}
	b.late = run{}
	b.watch = watch{}
	b.stats.Resets++
	b.stats.transit = 0
}

// units is a duration in RTP clock units.
func (b *Buffer) units(d time.Duration) int64 { return int64(d) * b.rate / int64(time.Second) }

// duration is so many RTP clock units as a time.
func (b *Buffer) duration(units int64) time.Duration {
	return time.Duration(units) * time.Second / time.Duration(b.rate)
}

// learn takes a packet's arrival into the model and sets the margin. A packet
// is known by the timestamp of its end: that is when it could be sent, so a
// change of packet time is no jitter.
func (b *Buffer) learn(end int64, arrival time.Duration) {
	b.begun = min(b.begun+1, hastyPackets)
	if b.clock.add(end, arrival, max(10*time.Millisecond, b.margin/2)) {
		b.forget()
	}
	late := arrival - b.clock.expected(end)
	if over := b.opening.add(late); over > max(openingOver, 2*b.stats.jitter) && b.clock.count == 0 {
		b.clock.restart(end, arrival-late+over)
		b.stats.transit = 0
		b.forget()
		b.margin = min(b.margin, b.c.FirstMargin)
		late -= over
	}
	if !b.held.add(arrival, late) {
		b.delays.add(late)
	}
	b.source++
	if b.source%16 == 0 || b.source < settled {
		b.setMargin(arrival)
	}
}

// forget is for delays measured by a line that does not hold any more.
func (b *Buffer) forget() {
	b.delays.reset()
	b.held = holdups{}
	b.source = 0
}

// setMargin follows the measured jitter. As long as few packets were measured
// the margin only grows.
func (b *Buffer) setMargin(now time.Duration) {
	m := max(b.c.MinMargin, b.delays.beyond(b.c.LatePerMille), b.held.usual(now, b.source < settled))
	if b.source < settled {
		m = max(m, b.margin)
	}
	b.margin = min(m, b.c.MaxMargin)
}

// due is when a packet that ends at that timestamp may be played.
func (b *Buffer) due(end int64) time.Duration { return b.clock.expected(end) + b.margin }
