package media

import (
	"encoding/binary"
	"time"
)

// Digit is one key that was pressed: '0' to '9', '*', '#' or 'A' to 'D', and for how long.
type Digit struct {
	Key      byte
	Duration time.Duration
}

// keys are the events 0 to 15 of RFC 4733, table 3; others are no digits.
const keys = "0123456789*#ABCD"

// Settings of the receiver of events.
const (
	// An event whose end is lost ends when nothing more comes of it for three updates of 50 ms, the
	// slowest that phones send (RT-8).
	lostEnd = 150 * time.Millisecond
	// A digit held longer than this is ended: no person holds a key so long.
	longestDigit = 60 * time.Second
	// A packet of an event that ended this long ago is another press: some devices never change
	// their timestamp.
	forgetEvent  = 3 * time.Second
	pastEvents   = 8
	digitQueue   = 16
	eventSize    = 4
	fullDuration = 0xffff
)

// Digits turns received telephone-events (RFC 4733) into digits, one digit for one event: an event is
// known by its RTP timestamp, whatever its marker bit and however often its packets come (USERS 11,
// RT-8). A digit comes out when its event ends.
type Digits struct {
	rate    int
	open    bool
	event   uint8
	first   uint32 // timestamp of the event
	segment uint32 // timestamp of its present segment (RFC 4733, 2.5.1.3)
	units   uint16 // duration of its present segment
	heard   time.Duration
	past    [pastEvents]pastEvent // a ring of events that have ended
	latest  int
	queue   [digitQueue]Digit
	queued  int
	lost    uint64
}

type pastEvent struct {
	stamp uint32
	event uint8
	used  bool
	ended time.Duration
}

// NewDigits makes the receiver for events whose RTP clock runs at rate Hz.
func NewDigits(rate int) *Digits { return &Digits{rate: rate} }

// Receive takes one packet of telephone-event that arrived at now.
func (d *Digits) Receive(now time.Duration, timestamp uint32, payload []byte) {
	d.Expire(now)
	// A packet may hold several events, one after the other in time (RFC 4733, 2.5.1.5); as many
	// as can be queued are read.
	for n := 0; len(payload) >= eventSize && n < digitQueue; n++ {
		event, end := payload[0], payload[1]&0x80 != 0
		units := binary.BigEndian.Uint16(payload[2:])
		payload = payload[eventSize:]
		d.take(now, event, timestamp, units, end)
		timestamp += uint32(units)
	}
}

func (d *Digits) take(now time.Duration, event uint8, timestamp uint32, units uint16, end bool) {
	if int(event) >= len(keys) || d.isPast(now, event, timestamp) {
		return
	}
	switch {
	case d.open && event == d.event && timestamp == d.segment:
	case d.open && event == d.event && d.units == fullDuration && timestamp == d.segment+fullDuration:
		d.forget(now) // it goes on in another segment
		d.segment, d.units = timestamp, 0
	default:
		d.finish()
		d.open, d.event, d.first, d.segment, d.units = true, event, timestamp, timestamp, 0
	}
	d.units = max(d.units, units)
	d.heard = now
	if end || d.duration() >= longestDigit {
		d.finish()
	}
}

func (d *Digits) isPast(now time.Duration, event uint8, timestamp uint32) bool {
	for i := range d.past {
		if p := &d.past[i]; p.used && p.stamp == timestamp && p.event == event && now-p.ended < forgetEvent {
			return true
		}
	}
	return false
}

func (d *Digits) duration() time.Duration {
	return time.Duration(d.segment-d.first+uint32(d.units)) * time.Second / time.Duration(d.rate)
}

func (d *Digits) finish() {
	if !d.open {
		return
	}
	d.open = false
	d.forget(d.heard)
	if d.queued == digitQueue {
		d.lost++
		return
	}
	d.queue[d.queued] = Digit{Key: keys[d.event], Duration: min(d.duration(), longestDigit)}
	d.queued++
}

// forget takes the present segment as one of which nothing more is to be heard.
func (d *Digits) forget(now time.Duration) {
	d.latest = (d.latest + 1) % pastEvents
	d.past[d.latest] = pastEvent{stamp: d.segment, event: d.event, used: true, ended: now}
}

// Expire ends an event whose end was lost. Call it every slot, before Next.
func (d *Digits) Expire(now time.Duration) {
	if d.open && now-d.heard >= lostEnd {
		d.finish()
	}
}

// Reset ends the event that is open and forgets all timestamps: another source begins
// (Verdict.NewSource). Digits not yet taken stay.
func (d *Digits) Reset() {
	d.finish()
	d.past = [pastEvents]pastEvent{}
}

// Next takes out the next digit that has ended; ok is false when there is none. At most 16 wait;
// further ones are lost and counted.
func (d *Digits) Next() (digit Digit, ok bool) {
	if d.queued == 0 {
		return Digit{}, false
	}
	digit = d.queue[0]
	copy(d.queue[:], d.queue[1:d.queued])
	d.queued--
	return digit, true
}

// Lost counts digits that nobody took before 16 others waited.
func (d *Digits) Lost() uint64 { return d.lost }

// Held tells whether a key is down now: its sound, if any, is not for the conference.
func (d *Digits) Held() bool { return d.open }
