package sip

import (
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// byed serves BYE, at any moment: before the ACK, while our own BYE is under way. RFC 3261, 15.1.2
func (d *dialog) byed(tx *serverTx) {
	c := Cause{Code: 200, Text: "the caller hung up", ByPeer: true}
	if text := reasonText(headerValue(tx.req, "reason", "")); text != "" {
		c.Text = text
	}
	d.dropBefore(c, func() { d.server.ok(tx) })
}

// end hangs up. The leg ends at once; BYE waits for the ACK of a 2xx, since a callee must not
// send it before. RFC 3261, 15
func (d *dialog) end(c Cause) {
	switch d.state {
	case ending, ended:
		return
	}
	d.release(c)
	if d.unacked != nil {
		d.state, d.byeCause = ending, c
		d.session.stop()
		return
	}
	d.bye(c)
}

// bye sends BYE, once, and forgets the dialog when it is answered or nobody answers.
func (d *dialog) bye(c Cause) {
	if d.byeSent || d.state == ended {
		return
	}
	d.byeSent, d.state = true, ending
	d.stopTimers()
	req := d.newRequest(sipgo.BYE)
	req.AppendHeader(reasonHeader(c))
	req.SetBody(nil)
	d.send(req, func(*sipgo.Response) { d.drop(c) })
}

// reasonText is the text parameter of a Reason value, or "". RFC 3326
func reasonText(v string) string {
	_, params, _ := strings.Cut(v, ";")
	i := strings.Index(strings.ToLower(params), "text=\"")
	if i < 0 {
		return ""
	}
	text, _, _ := strings.Cut(params[i+len("text=\""):], "\"")
	return text
}
