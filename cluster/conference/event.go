package conference

import (
	"sync/atomic"
	"time"

	"trivox/media/codec"
)

type counter = atomic.Uint64

// Cause is why a call ended.
type Cause struct {
	Code   int    // SIP status that fits, 0 is an ordinary hang-up
	Text   string // for a person
	ByPeer bool   // the caller ended it
}

// EventKind says what happened to a leg.
type EventKind uint8

// What is reported of a leg.
const (
	LegHeard    EventKind = iota // its first RTP packet arrived
	LegDigit                     // a DTMF digit
	LegSilent                    // answered, and no RTP since (Config.RTPAlarm)
	LegLooped                    // our own packets come back from it
	LegChanged                   // its codec or direction changed
	LegEnded                     // Summary says how it was
	LegPlayed                    // its prompts of Number are out
	LegAdmitted                  // it has come in from the lobby

	legTurns // it sends another of its codecs: for the Server alone
)

func (k EventKind) String() string {
	return [...]string{"heard", "digit", "silent", "looped", "changed", "ended", "played", "admitted"}[k]
}

// Event is something that happened to a leg. OnEvent gets it after the fact.
type Event struct {
	Kind       EventKind
	Conference string
	Leg        string
	URI        string
	Digit      byte          // LegDigit: '0' to '9', '*', '#', 'A' to 'D'
	Duration   time.Duration // LegDigit: how long it was held
	Private    bool          // LegDigit: it is nobody else's business, nor the log's: a PIN, or for the other one of two
	Number     int           // LegPlayed: of Leg.Play
	Address    string        // LegSilent: where RTP was sent
	Summary    Summary       // LegEnded
	Call       string        // Call-ID

	leg   *Leg        // legTurns
	codec codec.Codec // legTurns: what it sends now
}

// Summary is what is told of a call when it has ended.
type Summary struct {
	Duration time.Duration
	Codec    string
	Received uint64 // RTP packets
	Sent     uint64
	Lost     int64
	Late     uint64
	Jitter   time.Duration // RFC 3550, 6.4.1, at the end
	Delay    time.Duration // of the jitter buffer, at the end
	Cause    Cause
}

// report hands an event to the dispatcher; a full queue drops and counts it, and reports false.
func (s *Server) report(e Event) bool {
	select {
	case s.events <- e:
		return true
	default:
		s.dropped.Add(1)
		return false
	}
}

// dispatch calls OnEvent for each event, one after the other, until the Server is closed and none is left.
func (s *Server) dispatch(call func(Event)) {
	if call == nil {
		call = func(Event) {}
	}
	one := func(e Event) {
		if e.Kind == legTurns {
			e.leg.hear(e.codec)
			return
		}
		call(e)
	}
	for {
		select {
		case e := <-s.events:
			one(e)
		case <-s.quit:
			for {
				select {
				case e := <-s.events:
					one(e)
				default:
					return
				}
			}
		}
	}
}
