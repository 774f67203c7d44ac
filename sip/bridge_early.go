package sip

import (
	"bytes"
	"slices"

	sipgo "github.com/emiago/sipgo/sip"
)

// earlyDescriptions bounds how many descriptions of sound before the answer are taken from one branch.
const earlyDescriptions = 16

// earlySound is what phones have to say before anybody answers, such as the announcement or the ringback of a gateway. The caller
// hears one of them at a time, the one that had sound first, and the next one when that is gone. It belongs to the queue
// of the caller's dialog. (RT-5, UA-2)
type earlySound struct {
	phones []earlyPhone // that have sound, in the order in which they had it first
	heard  *dialog      // of them, the one that the caller hears; nil: none
	answer []byte       // the description that the caller was told
}

type earlyPhone struct {
	dialog *dialog
	sdp    []byte
}

// progress takes a provisional answer other than 100 of a phone that is called, in the queue of its dialog.
func (d *dialog) progress(res *sipgo.Response) {
	c, b, code := d.calling, d.bridge, res.StatusCode
	if c == nil || d.state != early || code == 100 {
		return
	}
	sdp, refusal := description(res)
	if refusal != nil || b.offer == nil { // who has made no offer cannot take an answer
		sdp = nil
	}
	switch {
	case sdp != nil && bytes.Equal(sdp, c.early.said[toTag(res)]): // it comes again, as it does each minute
	case sdp != nil && c.early.count >= earlyDescriptions:
		d.server.count.limited.Add(1)
	case sdp != nil:
		c.early.note(toTag(res), sdp)
		b.caller.post(func() { b.described(c.index, sdp) })
	case code == 180, code == 183 && c.early.count == 0:
		b.caller.post(b.rang)
	}
}

// earlyAnswer is what a branch has said about its sound before its final answer. It belongs to the queue of its dialog.
type earlyAnswer struct {
	said  map[string][]byte // descriptions by To-tag: there may be several phones behind one INVITE (UA-2)
	count int               // that have come
	taken []byte            // the one that the leg has; nil: none
}

func (e *earlyAnswer) note(tag string, sdp []byte) {
	if e.said == nil {
		e.said = make(map[string][]byte)
	}
	e.said[tag] = sdp
	e.count++
}

// described is when a phone has told where its sound before the answer comes from, or that it comes from elsewhere now.
func (b *bridge) described(i int, sdp []byte) {
	e, phone := &b.early, b.phones[i]
	if b.caller.state != early || b.fork.state[i] != branchTrying {
		return
	}
	at := slices.IndexFunc(e.phones, func(p earlyPhone) bool { return p.dialog == phone })
	switch {
	case at < 0:
		e.phones = append(e.phones, earlyPhone{phone, sdp})
	case b.direct: // the caller keeps to the first answer. RFC 3261, 13.2.1
		return
	default:
		e.phones[at].sdp = sdp
	}
	if e.heard == nil || e.heard == phone {
		b.hear(earlyPhone{phone, sdp})
	}
}

// hear lets the caller hear a phone that has not answered yet. Where descriptions go through unchanged he gets the first one only:
// any other would be that of another dialog. (UA-2)
func (b *bridge) hear(p earlyPhone) {
	e := &b.early
	switch {
	case !b.direct:
		e.heard = p.dialog
		p.dialog.post(func() { p.dialog.sound(p.sdp) })
	case e.answer == nil:
		e.heard, e.answer = p.dialog, p.sdp
		b.tell(183)
	default:
		b.rang()
	}
}

// sound gives the leg of a phone its description, in the queue of the phone's dialog.
func (d *dialog) sound(sdp []byte) {
	c, b := d.calling, d.bridge
	if c == nil || d.state != early {
		return
	}
	d.leg.Early(true)
	if err := d.leg.SetAnswer(sdp); err != nil {
		d.log.Info("sip: sound before the answer not usable", "error", err)
		if c.early.taken == nil { // else what it said before still holds
			d.leg.Early(false)
			b.caller.post(func() { b.silent(d); b.rang() })
		}
		return
	}
	c.early.taken = sdp
	b.caller.post(func() { b.sounds(d) })
}

// settleAnswer gives the leg the description of the 2xx, unless that is the one it has had before the answer.
func (d *dialog) settleAnswer(answer, before []byte) *Refusal {
	if !bytes.Equal(answer, before) {
		if err := d.leg.SetAnswer(answer); err != nil {
			return asRefusal(err, 488)
		}
	}
	if before != nil {
		d.leg.Early(false)
	}
	return nil
}

// sounds is when the leg of a phone has sound: the caller gets the answer to his offer now. The same stands in every answer
// that follows, whoever gives it. RFC 3261, 13.2.1
func (b *bridge) sounds(phone *dialog) {
	d, e := b.caller, &b.early
	if d.state != early || e.heard != phone {
		return
	}
	if e.answer == nil {
		d.leg.Early(true)
		answer, err := d.leg.Answer(b.offer)
		if err != nil {
			d.refuseEntry(asRefusal(err, 488))
			return
		}
		e.answer = answer
	}
	b.tell(183)
}

// silent is when a phone has no sound any more. The caller hears the next one that has, or, when another rings, the sound
// that his own phone makes.
func (b *bridge) silent(phone *dialog) {
	e := &b.early
	e.phones = slices.DeleteFunc(e.phones, func(p earlyPhone) bool { return p.dialog == phone })
	if e.heard != phone {
		return
	}
	e.heard = nil
	if b.caller.state != early {
		return
	}
	switch {
	case len(e.phones) > 0:
		b.hear(e.phones[0])
	case b.rings:
		b.tell(180)
	}
}

// sounding says that the caller's dialog has sound of ours before its answer.
func (d *dialog) sounding() bool {
	return d.bridge != nil && !d.bridge.direct && d.bridge.early.answer != nil
}

// tell gives the caller a provisional answer, and again each minute: 180, or 183 with the description of what he hears. None is
// sent reliably. RFC 3261, 13.3.1.1
func (b *bridge) tell(code int) {
	d := b.caller
	if d.state != early || d.inviteTx == nil {
		return
	}
	res := b.server.newResponse(d.inviteTx.req, code, "", d.inviteTx.tag) // makes a dialog: RFC 3261, 12.1.1 (UA-2)
	res.AppendHeader(d.contact)
	if code == 183 {
		res.AppendHeader(contentSDPHeader)
		res.SetBody(b.early.answer)
	} else {
		res.SetBody(nil)
	}
	b.told = code
	d.inviteTx.provisional(res)
	b.stopTimer(&b.timers.again)
	b.timers.again = d.after(ringAgain, func() { b.tell(b.told) })
}

// answerAgain answers the first INVITE, of whose sound the caller has been told. The final answer has the same description;
// of sound that goes past us, another one makes another dialog. RFC 3261, 13.2.1 and 13.2.2.4 (UA-2)
func (b *bridge) answerAgain(answer []byte) {
	d, told := b.caller, b.early.answer
	if !b.direct {
		d.accept(b.offer, told, b.terms)
		if d.state == accepted {
			d.leg.Early(false)
		}
		return
	}
	if !bytes.Equal(answer, told) {
		d.retag()
	}
	d.accept(b.offer, answer, b.terms)
}

// retag makes the dialog another one to the caller, as if his INVITE had been forked on the way to us. RFC 3261, 13.2.2.4
func (d *dialog) retag() {
	s := d.server
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.dialogs, d.id)
	d.id.local = newTag()
	s.dialogs[d.id] = d
}
