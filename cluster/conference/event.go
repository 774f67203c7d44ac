package conference

import (
	"net/netip"
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
	LegRekey                     // its own key keeps it out: Rekeying says what is done about it

	legTurns // it sends another of its codecs: for the Server alone
)

func (k EventKind) String() string {
	return [...]string{"heard", "digit", "silent", "looped", "changed", "ended", "played", "admitted", "rekey"}[k]
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
	Rekeying   Rekeying      // LegRekey
	Address    string        // LegSilent: where RTP was sent
	Summary    Summary       // LegEnded; of LegChanged Codec and Encryption, of LegSilent Unauthentic
	Call       string        // Call-ID

	leg   *Leg        // legTurns
	codec codec.Codec // legTurns: what it sends now
}

// Summary is what is told of a call when it has ended. What is of packets is 0 for a call that never had sound.
type Summary struct {
	Entered     time.Duration // times of media.Now
	Answered    time.Duration // when the call was, or sound agreed if that was later; 0: never
	Ended       time.Duration
	Duration    time.Duration // from Answered to Ended, or of a call that was not answered from Entered
	Codec       string        // empty when no sound was agreed
	Encryption  string        // suite of RFC 4568, "" when sound went in clear at the end
	Remote      netip.AddrPort
	Received    uint64 // RTP packets
	Sent        uint64
	Lost        int64
	Late        uint64        // of those received, too late to be played
	Unauthentic uint64        // SRTP packets that the caller's key did not fit
	Jitter      time.Duration // RFC 3550, 6.4.1, at the end
	Delay       time.Duration // of the jitter buffer, at the end
	Concealed   time.Duration // sound that was made up for what was lost or late
	RTT         time.Duration // to the peer and back, 0 unknown

	RemoteLost   int32         // packets of ours that did not reach the peer, as its RTCP says
	RemoteJitter time.Duration // of ours at the peer, as its RTCP says
	MOS          float64       // estimate of what the caller's speech was like, see media.MOS; 0 unknown

	Cause Cause
}

// Loss is the share of the peer's packets that were not played, 0 to 1: lost on the way, or late.
func (s Summary) Loss() float64 {
	lost := float64(max(s.Lost, 0))
	expected := float64(s.Received) + lost
	if expected == 0 {
		return 0
	}
	return min(1, (lost+float64(s.Late))/expected)
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
