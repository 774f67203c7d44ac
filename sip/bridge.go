package sip

import (
	"context"
	"crypto/rand"
	"errors"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// ringAgain is how often the caller is told that it rings, so that no proxy on his side gives up. RFC 3261, 13.3.1.1 (TX-1)
const ringAgain = time.Minute

// Causes that the phones of a callee are told.
var (
	elsewhere = Cause{Code: 487, Text: "answered by another phone"}
	declined  = Cause{Code: 487, Text: "declined at another phone"}
	noAnswer  = Cause{Code: 487, Text: "nobody answered in time"}
)

// completedElsewhere keeps the phones that lose from showing a missed call. RFC 3326, 2
var completedElsewhere = sipgo.NewHeader("Reason", `SIP;cause=200;text="Call completed elsewhere"`)

// bridge is a call from one to another: the caller's dialog, of which this server is the UAS, and one for each phone that
// is called, of which it is the UAC. Until the end it belongs to the queue of the caller's dialog; the others tell it by
// posting there, and are told by posting to theirs, so that no dialog ever waits for another. RFC 7092, 3
type bridge struct {
	server *Server
	name   string // of the conference of the two
	caller *dialog
	direct bool // descriptions go through unchanged, and the sound past us

	invite  *sipgo.Request // the caller's
	who     Identity       // he
	offer   []byte         // his; nil: he gets ours and answers in the ACK
	terms   sessionTerms
	targets []target
	phones  []*dialog // by target; nil: not called yet
	fork    *fork
	rings   bool // a phone has said so
	told    int  // the code of the last provisional answer to the caller
	early   earlySound
	unwatch func() bool // of the end of the caller's INVITE
	timers  struct{ ring, next, again *time.Timer }

	been     map[string]bool // addresses where the call was or comes from: a diversion there is a loop
	diverted int             // addresses that it was diverted to

	answered atomic.Pointer[dialog]   // the phone that has the call
	exchange atomic.Pointer[exchange] // the offer that is on its way from one side to the other
	infos    atomic.Int32             // INFO requests on their way
}

// other is the dialog of the other side; nil while nobody has answered.
func (b *bridge) other(d *dialog) *dialog {
	if d != b.caller {
		return b.caller
	}
	return b.answered.Load()
}

// connect calls who is called, in place of a room. The INVITE stays open; the queue is free meanwhile.
func (d *dialog) connect(r Route, offer []byte, terms sessionTerms) {
	tx, s := d.inviteTx, d.server
	if f := tx.req.MaxForwards(); f != nil && *f == 0 {
		d.refuseEntry(&Refusal{Code: 483, Warning: "Max-Forwards is used up"}) // (UA-11)
		return
	}
	targets, err := s.targets(tx.ctx, r)
	if err != nil {
		d.refuseEntry(asRefusal(err, 500))
		return
	}
	b := &bridge{
		server: s, name: "call-" + rand.Text(), caller: d, direct: r.Direct && offer != nil,
		offer: offer, terms: terms, targets: targets, phones: make([]*dialog, len(targets)),
	}
	c := d.call()
	b.invite, b.who = tx.req, c.Caller
	c.Bridge, c.Direct = b.name, b.direct
	if tx.req.Recipient.Scheme == "sips" {
		secureAll(targets)
	}
	b.fork = newFork(preferences(targets))
	b.been = map[string]bool{r.address(): true, s.addressOf(b.who): true}
	d.bridge = b
	d.contact = s.contact(&tx.req.Recipient, tx.flow, false)
	if !d.takePlace(c) {
		return
	}
	if c := d.wanted.Load(); c != nil {
		d.refuseEntry(causeRefusal(*c))
		return
	}
	b.unwatch = context.AfterFunc(tx.ctx, func() { d.post(func() { b.callerGone(tx) }) })
	b.timers.ring = d.after(s.cfg.Ring, func() { b.rungOut() })
	b.call(b.fork.next())
}

// call starts branches, and the wait after which those of the next preference follow.
func (b *bridge) call(branches []int) {
	for _, i := range branches {
		b.phones[i] = b.server.newCall(b, i)
	}
	if b.fork.more() {
		b.stopTimer(&b.timers.next)
		b.timers.next = b.caller.after(b.server.cfg.RingNext, func() { b.next() })
	}
}

// next leaves the phones that ring for those of the next preference.
func (b *bridge) next() {
	if b.caller.state == early && b.fork.more() {
		b.giveUp(b.fork.skip(b.nobody()), noAnswer, nil)
		b.goOn()
	}
}

// rungOut is when it has rung for too long.
func (b *bridge) rungOut() {
	if b.caller.state == early {
		b.fork.over = true
		b.giveUp(b.fork.skip(b.nobody()), noAnswer, nil)
		b.goOn()
	}
}

func (b *bridge) nobody() *Refusal { return &Refusal{Code: 480, Warning: "nobody answered"} }

// goOn calls the next phones when nobody is left that could answer, or gives the caller the best of the answers.
func (b *bridge) goOn() {
	if b.caller.state != early || b.fork.trying() {
		return
	}
	if branches := b.fork.next(); branches != nil {
		b.call(branches)
		return
	}
	best := b.fork.best
	b.caller.refuseEntry(best, reasonHeader(Cause{Code: best.Code, Text: best.Text()}))
}

// giveUp ends the calls to phones that have not answered. reason is what they are told, nil: the cause.
func (b *bridge) giveUp(branches []int, c Cause, reason sipgo.Header) {
	for _, i := range branches {
		b.phones[i].leave(c, reason)
	}
}

// rang is when a phone says that it rings: the caller hears of the first one, also beside the sound of another, and of one that rings
// once such sound is over.
func (b *bridge) rang() {
	if !b.rings || b.told == 183 && b.early.heard == nil {
		b.rings = true
		b.tell(180)
	}
}

// failed is the final answer of a phone that does not take the call.
func (b *bridge) failed(i int, r *Refusal) {
	b.giveUp(b.fork.failed(i, r), declined, nil)
	b.goOn()
	b.silent(b.phones[i])
}

// picked is the 2xx of a phone; answer is its description.
func (b *bridge) picked(i int, answer []byte) {
	phone := b.phones[i]
	won, lost := b.fork.answered(i)
	if !won || b.caller.state != early {
		phone.leave(elsewhere, completedElsewhere)
		return
	}
	b.answered.Store(phone)
	b.giveUp(lost, elsewhere, completedElsewhere)
	b.stopTimers()
	d := b.caller
	phone.post(phone.confirm)
	switch {
	case b.early.answer != nil:
		b.answerAgain(answer)
	case b.direct:
		d.accept(b.offer, answer, b.terms)
	default:
		d.answerEntry(b.offer, b.terms)
	}
}

// callerGone is when the work on the caller's INVITE has become pointless: he cancelled, or his connection is lost.
func (b *bridge) callerGone(tx *serverTx) {
	d := b.caller
	switch {
	case d.state != early || d.inviteTx != tx:
	case tx.final.Load() != 0:
		d.drop(tx.cancelCause())
	case errors.Is(context.Cause(tx.ctx), errHungUp) || b.server.ctx.Err() != nil: // who did that also ends the dialog
	case tx.decide(408):
		d.drop(Cause{Code: 408, Text: "the caller's connection is lost", ByPeer: true})
	default:
		d.drop(tx.cancelCause())
	}
}

// left is told by each dialog, in its own queue, that its part has ended.
func (b *bridge) left(d *dialog, c Cause) {
	if d != b.caller {
		b.caller.post(func() { b.phoneLeft(d, c) })
		return
	}
	b.stopTimers()
	c.ByPeer = false
	var reason sipgo.Header
	if tx := d.inviteTx; tx != nil {
		if why := tx.cancelled.Load(); why != nil && why.reason != "" {
			reason = sipgo.NewHeader("Reason", why.reason) // (TX-6)
		}
	}
	b.giveUp(b.fork.end(), c, reason)
	if phone := b.answered.Load(); phone != nil {
		phone.leave(c, nil)
	}
}

// phoneLeft is when a phone hung up, or was made to.
func (b *bridge) phoneLeft(d *dialog, c Cause) {
	c.ByPeer = false
	if b.answered.Load() == d {
		b.caller.end(c)
		return
	}
	for i, phone := range b.phones {
		if phone == d {
			b.failed(i, causeRefusal(c))
		}
	}
}

func (b *bridge) stopTimers() {
	for _, t := range [...]**time.Timer{&b.timers.ring, &b.timers.next, &b.timers.again} {
		b.stopTimer(t)
	}
	if b.unwatch != nil {
		b.unwatch()
	}
}

func (b *bridge) stopTimer(t **time.Timer) {
	if *t != nil {
		(*t).Stop()
		*t = nil
	}
}
