package sip

import (
	"bytes"
	"math/rand/v2"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// session is the state of the session timer in a dialog. RFC 4028
type session struct {
	terms   sessionTerms
	minSE   time.Duration // learned from 422, kept for the rest of the call (ST-2)
	since   time.Time     // of the last refresh
	timer   *time.Timer
	running bool // a refresh of ours is under way
	raised  int  // 422 in a row
}

// sessionRaises bounds how often a refresh is tried again after 422.
const sessionRaises = 3

func (s *session) stop() {
	if s.timer != nil {
		s.timer.Stop()
	}
}

// startSession runs the timer from now on: a session refresh has just succeeded.
func (d *dialog) startSession(t sessionTerms) {
	d.session.stop()
	d.session.terms, d.session.since, d.session.raised = t, time.Now(), 0
	if t.interval > 0 {
		d.session.timer = d.after(t.due(), d.sessionDue)
	}
}

// sessionDue is when a refresh of ours is due, or the peer's has not come (ST-3).
func (d *dialog) sessionDue() {
	if d.state != confirmed && d.state != accepted {
		return
	}
	t := d.session.terms
	if time.Since(d.session.since) < t.due() { // refreshed while this was in the queue
		return
	}
	if !t.ours {
		d.server.count.sessionTimeouts.Add(1)
		d.end(Cause{Code: 408, Text: "the session was not refreshed"})
		return
	}
	d.refresh()
}

// refresh sends UPDATE when the peer allows it, else a re-INVITE with the last description
// unchanged. RFC 4028, 7.4 (ST-3)
func (d *dialog) refresh() {
	switch {
	case d.state == ending || d.state == ended || d.session.running:
		return
	case d.unacked != nil || d.relaying != nil || d.ourInvite: // an INVITE is open
		d.retryRefresh(d.server.cfg.Timers.T2)
		return
	}
	method := sipgo.INVITE
	if d.peerAllow {
		method = sipgo.UPDATE
	}
	req := d.newRefresh(method, "uac")
	req.SetBody(nil)
	if method == sipgo.INVITE {
		req.AppendHeader(contentSDPHeader)
		req.SetBody(d.localSDP)
		d.ourInvite = true
	}
	d.session.running = true
	d.server.count.refreshes.Add(1)
	d.send(req, func(res *sipgo.Response) { d.refreshed(method, res) })
}

// newRefresh makes an INVITE or UPDATE that refreshes the session too; its body is set by the caller. RFC 4028, 7.4
func (d *dialog) newRefresh(method sipgo.RequestMethod, refresher string) *sipgo.Request {
	req := d.newRequest(method)
	req.AppendHeader(d.contact)
	req.AppendHeader(allowHeader)
	req.AppendHeader(supportedHeader)
	appendSession(req, sessionTerms{interval: d.session.terms.interval}, refresher)
	if d.session.minSE > 0 {
		req.AppendHeader(sipgo.NewHeader("Min-SE", seconds(d.session.minSE)))
	}
	return req
}

// newReinvite makes an INVITE that changes the session and leaves its refresher as it is; offer nil asks the peer for one.
// RFC 3261, 14.1
func (d *dialog) newReinvite(offer []byte) *sipgo.Request {
	refresher := "uas"
	if d.session.terms.ours {
		refresher = "uac"
	}
	req := d.newRefresh(sipgo.INVITE, refresher)
	if offer != nil {
		req.AppendHeader(contentSDPHeader)
	}
	req.SetBody(offer)
	return req
}

// refreshed takes the final response of a refresh; nil is a timeout. (ST-2, ST-3, UA-5)
func (d *dialog) refreshed(method sipgo.RequestMethod, res *sipgo.Response) {
	d.session.running = false
	if method == sipgo.INVITE {
		d.ourInvite = false
	}
	if d.state == ending || d.state == ended {
		return
	}
	code := 408
	if res != nil {
		code = res.StatusCode
	}
	switch {
	case code < 300:
		d.refreshAnswered(method, res)
	case code == 422:
		d.session.raised++
		d.raiseInterval(res)
		if d.session.raised <= sessionRaises {
			d.refresh()
		}
	case code == 491:
		d.retryRefresh(glareWait(d.callee, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))))
	case code == 481 || code == 408:
		d.end(Cause{Code: code, Text: "the session could not be refreshed: " + phrase(code, "")})
	case method == sipgo.UPDATE && (code == 405 || code == 501):
		d.peerAllow = false
		d.refresh()
	case time.Since(d.session.since) >= d.session.terms.interval:
		d.server.count.sessionTimeouts.Add(1)
		d.end(Cause{Code: 408, Text: "the session was not refreshed"})
	default:
		d.log.Info("sip: session not refreshed, trying again", "code", code)
		d.retryRefresh(d.session.terms.interval / 8)
	}
}

// raiseInterval takes the Min-SE of a 422. RFC 4028, 7.4 (ST-2)
func (d *dialog) raiseInterval(res *sipgo.Response) {
	d.session.minSE = max(d.session.minSE, sessionHeaders(res).minSE)
	d.session.terms.interval = max(d.session.terms.interval, d.session.minSE)
}

func (d *dialog) refreshAnswered(method sipgo.RequestMethod, res *sipgo.Response) {
	d.retarget(res)
	d.startSession(d.server.policy().confirmed(d.session.terms, sessionHeaders(res)))
	if method != sipgo.INVITE {
		return
	}
	sdp, refusal := description(res)
	if refusal != nil || sdp == nil || bytes.Equal(sdp, d.remoteSDP) {
		return
	}
	if d.passes() {
		d.remoteSDP = sdp
		d.propose(sdp)
		return
	}
	if err := d.leg.SetAnswer(sdp); err != nil {
		d.log.Warn("sip: answer to a session refresh not usable, session kept", "error", err)
		return
	}
	d.remoteSDP = sdp
}

func (d *dialog) retryRefresh(wait time.Duration) {
	d.session.stop()
	d.session.timer = d.after(wait, d.refresh)
}
