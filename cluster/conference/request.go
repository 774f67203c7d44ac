package conference

import (
	"cmp"
	"net/netip"
	"time"

	"trivox/sip/sdp"
)

// Request is what is known of a caller who asks to enter a conference.
type Request struct {
	Conference string     // its name; made when it is new
	URI        string     // the caller's SIP URI
	Display    string     // the caller's name, may be empty
	User       string     // the user that the caller has proved to be, may be empty
	Network    string     // what the call came by, "UDP", "TCP" or "TLS"
	CallID     string     // for the log
	Local      netip.Addr // address at which the call arrived: media is received there
	Source     netip.Addr // address from which it came
	SRTP       sdp.Policy // whether its sound is encrypted
	Called     bool       // we call him: an offer of ours that he refuses can be followed by another (Leg.Reoffer)
	HangUp     func(Cause)
	Rekey      func() // has the caller asked for another key, by Leg.Rekey and Leg.Rekeyed; it must not block. Nil: cannot be done

	Moderator bool // gets in though it is locked, and is a host while in
	Lobby     bool // stays outside until Leg.Admit: hears prompts alone, and is heard by nobody
	Most      int  // people in the conference, 0: Config.MaxParticipants
	Opens     Opening
}

// Opening is what a conference is like, as its first caller's Request says.
type Opening struct {
	NMax         int           // floors, 0: Config.NMax
	Lifetime     time.Duration // all are hung up on so long after the first one came in; 0: never
	Locked       bool          // only moderators get in, until Server.Lock says otherwise
	EndsWithHost bool          // all are hung up on when the last moderator leaves
	Private      bool          // a call between two: no tones, digits go to the other one (see Leg.Digit)
}

func (q *Request) most(cfg Config) int { return cmp.Or(q.Most, cfg.MaxParticipants) }

// configure are the settings of a conference that is opened.
func (o Opening) configure(cfg Config) Config {
	cfg.NMax = min(cmp.Or(o.NMax, cfg.NMax), maxFloors)
	return cfg
}
