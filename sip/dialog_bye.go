package sip

import (
	"bytes"

	sipgo "github.com/emiago/sipgo/sip"
)

// byed serves BYE, at any moment: before the ACK, while our own BYE is under way. RFC 3261, 15.1.2
func (d *dialog) byed(tx *serverTx) {
	c := Cause{Code: 200, Text: "the caller hung up", ByPeer: true}
	if d.callee {
		c.Text = "the callee hung up"
	}
	if text := causeText(tx.req); text != "" {
		c.Text = text
	}
	d.dropBefore(c, func() { d.server.ok(tx) })
}

// end hangs up. The leg ends at once; BYE waits for the ACK of a 2xx, since a callee must not
// send it before. RFC 3261, 15
func (d *dialog) end(c Cause) {
	switch {
	case d.state == ending || d.state == ended:
		return
	case d.calling != nil:
		d.cancelCall(c)
		return
	case d.state == early && d.inviteTx != nil:
		d.refuseEntry(causeRefusal(c))
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
	if d.byeSent || d.state == ended || d.calling != nil || d.inviteTx != nil {
		return
	}
	d.acknowledgeLate(nil)
	d.byeSent, d.state = true, ending
	d.stopTimers()
	req := d.newRequest(sipgo.BYE)
	req.AppendHeader(reasonHeader(c))
	req.SetBody(nil)
	d.send(req, func(*sipgo.Response) { d.drop(c) })
}

// causeText is what the Reason headers of a BYE or CANCEL say to a person: the first text in them,
// or "". RFC 3326
func causeText(req *sipgo.Request) string {
	for _, h := range req.GetHeaders("reason") {
		list := []byte(h.Value())
		for more := true; more; {
			var v []byte
			if v, list, more = cutValue(list); len(v) > 0 {
				if text := reasonText(v); text != "" {
					return text
				}
			}
		}
	}
	return ""
}

// reasonText is the text parameter of a Reason value, or "".
func reasonText(v []byte) string {
	at := indexQuoted(v, ';')
	if at < 0 {
		return ""
	}
	for it := (params{v[at:]}); ; {
		name, value, more, _ := it.next()
		if !more {
			return ""
		}
		if bytes.EqualFold(name, []byte("text")) {
			if len(value) > 0 && value[0] == '"' && quotedEnd(value) == len(value) {
				value = value[1 : len(value)-1]
			}
			return unquote(string(value))
		}
	}
}
