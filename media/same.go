package media

import "time"

// Way is how a digit came.
type Way uint8

// The ways.
const (
	ByEvent Way = iota // RFC 4733
	ByInfo             // SIP INFO
)

// sameDigit is how far apart the two reports of one key may be: phones that send both an event and an
// INFO send them for the same press (RT-8).
const sameDigit = 300 * time.Millisecond

// Same joins the digits that come both by events and by INFO into one each. It keeps the last few;
// every one of them stands for at most one of the other way.
type Same struct {
	seen [digitQueue]seenDigit
	next int
}

type seenDigit struct {
	key        byte // 0: none
	way        Way
	begin, end time.Duration
}

// New tells whether this digit, whose report came at now, is one not yet known by the other way: a
// press of the same key at the same time, or within 300 ms of it.
func (s *Same) New(now time.Duration, d Digit, way Way) bool {
	begin := now - d.Duration
	for i := range s.seen {
		other := &s.seen[i]
		if other.key == d.Key && other.way != way && begin <= other.end+sameDigit && other.begin <= now+sameDigit {
			other.key = 0
			return false
		}
	}
	s.seen[s.next] = seenDigit{key: d.Key, way: way, begin: begin, end: now}
	s.next = (s.next + 1) % len(s.seen)
	return true
}
