package sip

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// Rooms decides what a dialled URI is. The program implements it over its conference servers.
// Both methods are called concurrently from any goroutine.
type Rooms interface {
	// Enter asks for a place in the room c.User for one caller. It may block until ctx ends, which
	// happens when the caller gives up. A *Refusal decides the SIP answer; any other error becomes 500.
	Enter(ctx context.Context, c Call) (Leg, error)
	// Known tells whether the room exists, and as its error what Enter would say to a caller now:
	// nil when it would let him in, and open the room if need be.
	Known(user, host string) (exists bool, err error)
}

// Identity is who calls, as far as it is known.
type Identity struct {
	URI     string // who he is to others (ID-3), without header parameters
	Display string // display name, may be empty
	// User is the user of ours, "user@domain", that the caller has proved to be by password or certificate; empty when
	// nobody asked for a proof.
	User      string
	Trusted   bool // the source is one that may call without a proof
	Anonymous bool // asked not to be named (RFC 3323)
}

// Call is one INVITE as the rooms see it.
type Call struct {
	User, Host string // of the Request-URI; User is percent-decoded, case kept
	URI        string // the Request-URI; empty for a leg that was called by us
	Caller     Identity
	CallID     string
	Source     netip.AddrPort // where the INVITE came from
	Local      netip.Addr     // the address of ours it arrived on
	Network    string         // "UDP", "TCP" or "TLS"
	Listener   netip.AddrPort // the listening socket, as it was bound
	// Bridge names a call between two: both its legs are in a conference of that name, which nobody can dial. Empty:
	// the call is for a room.
	Bridge string
	// Direct says that the sound of the bridge goes past this server: the leg is only a record of the call.
	Direct bool
	Callee bool // this leg of the bridge was called by us; Caller is who is called then
	// HangUp ends the call: a refusal before it was answered, else exactly one BYE. It never
	// blocks, may be called from any goroutine and any number of times; the first cause counts.
	HangUp func(cause Cause)
	// Rekey asks the peer for new keys by a re-INVITE, where the Leg is a Rekeyer. It never blocks, may be called from any
	// goroutine and at any time; while one request is under way another changes nothing.
	Rekey func()
}

// Route is where a call goes.
type Route struct {
	User, Domain string // a user of ours, whose phones are called; empty: a room
	Out          string // a URI elsewhere that may be called; empty: a room or a user
	Direct       bool   // sound goes from phone to phone, past this server, where the caller's offer allows it
}

// Leg is the media side of one call. Its methods are called one at a time, in the order of the
// dialog's requests; End is the last.
type Leg interface {
	ID() string
	// Offer gives a session description with everything the leg can do (late offer, RFC 3264).
	Offer() ([]byte, error)
	// Answer answers an offer. A *Refusal decides the SIP answer; any other error becomes 488.
	// After an error the session stays as it was.
	Answer(offer []byte) ([]byte, error)
	// SetAnswer takes the answer to the last Offer, or to the last description of ours which
	// was sent again unchanged to refresh the session (RFC 4028, 7.4).
	SetAnswer(answer []byte) error
	// Early says that what is agreed on next is for sound before the call is answered (true), and that it is answered
	// (false). It is called of a side of a bridge only that has such sound, and whose sound goes through this server.
	Early(on bool)
	// Confirmed says that the ACK of the first INVITE has come.
	Confirmed()
	// Digit is a DTMF digit from an INFO request.
	Digit(digit byte, d time.Duration)
	// End releases the leg. It is called exactly once, whoever ended the call.
	End(cause Cause)
}

// Reofferer is a Leg that may have another offer for a phone that could take nothing of the first.
type Reofferer interface {
	// Reoffer is called after Offer, when the phone has refused it for its content; nil: there is no other.
	Reoffer() ([]byte, error)
}

// Rekeyer is a Leg whose peer can be asked for new keys (Q6).
type Rekeyer interface {
	// Rekey gives an offer for a re-INVITE, of what was agreed but with new keys of the leg's; nil: there is nothing to
	// ask for. After it comes Rekeyed, or End, or, when the peer could not look at it, Rekey again.
	Rekey() ([]byte, error)
	// Rekeyed takes the answer to it; nil: there is none, and all stays as it was.
	Rekeyed(answer []byte) error
}

// Refusal is an error that carries a SIP answer of 300 or above.
type Refusal struct {
	Code   int    // 300 to 699
	Reason string // reason phrase; empty means the one of RFC 3261
	// Warning explains the refusal to a person. It may start with a warn-code of RFC 3261, 20.43
	// ("304 no codec in common"); else 399 is put before it.
	Warning    string
	RetryAfter time.Duration // zero: no Retry-After
	// Rule is which rule of ours refused, for the log; the Warning of such a refusal stands in the reason phrase too.
	Rule string
}

// Text is Warning for a person: without its warn-code.
func (r *Refusal) Text() string {
	_, text := cutWarnCode(r.Warning)
	return text
}

func (r *Refusal) Error() string {
	if r.Warning != "" {
		return fmt.Sprintf("refused: %d %s (%s)", r.Code, phrase(r.Code, r.Reason), r.Warning)
	}
	return fmt.Sprintf("refused: %d %s", r.Code, phrase(r.Code, r.Reason))
}

// Cause tells why a call ended.
type Cause struct {
	Code   int    // SIP code that says it best; 200 is a normal hang-up
	Text   string // for a person; goes into the Reason header (RFC 3326)
	ByPeer bool   // the caller ended it
}
