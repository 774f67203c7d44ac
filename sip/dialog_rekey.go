package sip

import (
	"math/rand/v2"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// rekeyTries bounds the re-INVITEs by which one request for a new key is made: it goes again only where the peer could not
// look at it, for it crossed another (491), or for its session interval (422).
const rekeyTries = 4

// rekeying is a request for new keys.
type rekeying struct {
	leg   Rekeyer // nil: none is under way
	tries int     // re-INVITEs so far
	timer *time.Timer
}

// rekey is Call.Rekey.
func (d *dialog) rekey() {
	d.post(func() {
		leg, ok := d.leg.(Rekeyer)
		if !ok || d.rekeying.leg != nil {
			return
		}
		d.rekeying = rekeying{leg: leg}
		d.askRekey()
	})
}

// askRekey sends a re-INVITE with new keys of the leg's, when no other INVITE is open. RFC 3261, 14.1; RFC 4568, 7.1.4 (Q6, UA-4)
func (d *dialog) askRekey() {
	switch {
	case d.state != confirmed && d.state != accepted:
		d.rekeying = rekeying{}
		return
	case d.unacked != nil || d.relaying != nil || d.ourInvite:
		d.rekeying.timer = d.after(d.server.cfg.Timers.T2, d.askRekey)
		return
	}
	offer, err := d.rekeying.leg.Rekey()
	if err != nil || offer == nil {
		d.log.Debug("sip: no new keys to offer", "error", err)
		d.rekeying = rekeying{}
		return
	}
	req := d.newReinvite(offer)
	d.ourInvite = true
	d.rekeying.tries++
	d.send(req, func(res *sipgo.Response) { d.rekeyed(offer, res) })
}

// rekeyed takes the final response to that re-INVITE; nil: none came. What is refused leaves the session as it was, and 481
// or 408 ends the dialog. (UA-5)
func (d *dialog) rekeyed(offer []byte, res *sipgo.Response) {
	d.ourInvite = false
	if d.state == ending || d.state == ended {
		return
	}
	code := 408
	if res != nil {
		code = res.StatusCode
	}
	if code < 300 {
		d.rekeyAnswered(offer, res)
		return
	}
	again := d.rekeying.tries < rekeyTries
	switch {
	case code == 491 && again:
		wait := glareWait(d.callee, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
		d.rekeying.timer = d.after(wait, d.askRekey)
		return
	case code == 422 && again:
		d.raiseInterval(res)
		d.askRekey()
		return
	}
	_ = d.rekeying.leg.Rekeyed(nil) // no answer is no error
	d.rekeying = rekeying{}
	if code == 481 || code == 408 {
		d.end(Cause{Code: code, Text: "no new keys could be agreed on: " + phrase(code, "")})
		return
	}
	d.log.Info("sip: new keys refused", "code", code)
}

func (d *dialog) rekeyAnswered(offer []byte, res *sipgo.Response) {
	leg := d.rekeying.leg
	d.rekeying = rekeying{}
	d.refreshedBy(res)
	answer, refusal := description(res)
	if refusal == nil && answer == nil {
		refusal = &Refusal{Code: 488, Warning: "no session description in the answer"}
	}
	if refusal != nil {
		_ = leg.Rekeyed(nil)
		d.log.Warn("sip: answer to new keys not usable, session kept", "error", refusal)
		return
	}
	if err := leg.Rekeyed(answer); err != nil {
		d.log.Warn("sip: answer to new keys not usable, session kept", "error", err)
		return
	}
	d.localSDP, d.remoteSDP = offer, answer
}
