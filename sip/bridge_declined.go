package sip

import sipgo "github.com/emiago/sipgo/sip"

// declined takes a final answer of 300 and above. RFC 4028, 7.4 (ST-2)
func (d *dialog) declined(res *sipgo.Response) {
	c, code := d.calling, res.StatusCode
	if least := sessionHeaders(res).minSE; code == 422 && !c.raised && least > 0 && d.state == early {
		c.raised = true
		d.session.minSE = max(least, leastMinSE)
		d.session.terms.interval = max(d.session.terms.interval, d.session.minSE)
		d.invite()
		return
	}
	if d.offerAgain(code) || d.divert(res) {
		return
	}
	said := phrase(code, res.Reason)
	r, cause := &Refusal{Code: passedOn(code), Warning: "the phone answered " + said}, Cause{Code: code, Text: said, ByPeer: true}
	if code == 503 {
		d.serverFailed(r, cause, restOf(res))
		return
	}
	d.notTaken(r, cause)
}

// offerAgain sends the INVITE again, once, to a phone that could take nothing of our offer, where the leg has another.
// RFC 3261, 8.1.3.5
func (d *dialog) offerAgain(code int) bool {
	c := d.calling
	if code != 488 && code != 606 && code != 415 || c.other || d.state != early || d.bridge.direct {
		return false
	}
	c.other = true
	leg, ok := d.leg.(Reofferer)
	if !ok {
		return false
	}
	offer, err := leg.Reoffer()
	if err != nil || offer == nil {
		return false
	}
	d.localSDP = offer
	d.invite()
	return true
}

// notTaken ends a branch that has no 2xx.
func (d *dialog) notTaken(r *Refusal, c Cause) {
	b, i := d.bridge, d.calling.index
	if d.state == ending {
		c = d.calling.cause
	}
	b.caller.post(func() {
		if b.phones[i] == d { // else another server has the branch
			b.failed(i, r)
		}
	})
	d.drop(c)
}
