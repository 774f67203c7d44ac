package sip

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

type dialogState uint8

const (
	early     dialogState = iota // the INVITE has no final response
	accepted                     // 2xx sent, no ACK yet
	confirmed                    // ACK received
	ending                       // our BYE is out
	ended                        // out of the table; End was called
)

// dialog is one call, or one side of a call between two. Everything in it but the queue is touched only by functions run from the
// queue, one at a time and in order, so it needs no lock and calls the leg in order; a goroutine
// exists only while there is something in the queue.
type dialog struct {
	record
	server *Server
	log    *slog.Logger
	callee bool // we made the dialog, its Call-ID is ours

	queueMu  sync.Mutex
	queue    []func()
	requests int // of the queue, those a stranger filled in
	running  bool

	peerBye    atomic.Bool              // a BYE is in the queue or served
	openInvite atomic.Pointer[serverTx] // the last INVITE of the peer, while it is worked on
	wanted     atomic.Pointer[Cause]    // the first HangUp

	stopEntry context.CancelCauseFunc // ends the wait for a place in the room
	inviteTx  *serverTx               // the first INVITE, while it is open

	endOnce   bool // End was called
	byeSent   bool
	byeCause  Cause // of a hang-up that waits for an ACK
	ourInvite bool  // a re-INVITE of ours is under way

	state   dialogState
	leg     Leg
	entered time.Time
	flow    *flow // of the last request
	contact *sipgo.ContactHeader

	unacked  *unacked2xx
	session  session
	rekeying rekeying

	bridge   *bridge   // the call to another that this is one side of; nil: a call to a room
	calling  *calling  // our first INVITE, while it has no 2xx; nil: the dialog is the caller's, or is made
	relaying *exchange // an offer of the peer's that the other side of the bridge has not answered
	lateACK  *lateACK  // a 2xx of the peer's whose ACK waits for the answer of the other side
	// reoffering is an offer of the other side's that the peer has not answered.
	reoffering *exchange
	parked     *exchange // an offer of the other side's that waits for the ACK of the peer
}

// post queues work of our own; it never blocks and is never refused.
func (d *dialog) post(f func()) { d.enqueue(f, false) }

// offer queues a request of the peer's; false when the peer has filled the queue.
func (d *dialog) offer(f func()) bool { return d.enqueue(f, true) }

func (d *dialog) enqueue(f func(), bounded bool) bool {
	d.queueMu.Lock()
	defer d.queueMu.Unlock()
	if bounded {
		if d.requests >= d.server.cfg.Limits.Queue {
			return false
		}
		d.requests++
		inner := f
		f = func() {
			d.queueMu.Lock()
			d.requests--
			d.queueMu.Unlock()
			inner()
		}
	}
	d.queue = append(d.queue, f)
	if !d.running {
		d.running = true
		go d.run()
	}
	return true
}

// run works the queue off and ends when it is empty.
func (d *dialog) run() {
	for {
		d.queueMu.Lock()
		if len(d.queue) == 0 {
			d.running, d.queue = false, nil
			d.queueMu.Unlock()
			return
		}
		f := d.queue[0]
		d.queue = d.queue[1:]
		d.queueMu.Unlock()
		f()
	}
}

// after posts f once dur has passed.
func (d *dialog) after(dur time.Duration, f func()) *time.Timer {
	return time.AfterFunc(dur, func() { d.post(f) })
}

// hangUp is Call.HangUp.
func (d *dialog) hangUp(c Cause) {
	c.ByPeer = false
	if !d.wanted.CompareAndSwap(nil, &c) {
		return
	}
	d.stopEntry(errHungUp)
	d.post(func() { d.end(c) })
}

// drop takes the dialog out of the table, stops its timers and ends the leg. It may be called
// again; only the first cause counts.
func (d *dialog) drop(c Cause) { d.dropBefore(c, func() {}) }

// dropBefore does the same and then last, before Drain may take the call for gone: who reads what
// last sends finds the place of the call free.
func (d *dialog) dropBefore(c Cause, last func()) {
	d.release(c)
	if d.state == ended {
		last()
		return
	}
	d.state = ended
	d.stopTimers()
	if d.bridge != nil {
		d.reofferOver()
		d.callOver()
	}
	if d.inviteTx != nil {
		d.inviteTx.refuseWith(&Refusal{Code: 487, Warning: c.Text})
		d.entryOver()
	}
	s := d.server
	s.mu.Lock()
	delete(s.dialogs, d.id)
	s.leaving++
	s.mu.Unlock()
	last()
	s.mu.Lock()
	s.leaving--
	if len(s.dialogs)+s.leaving == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
	s.mu.Unlock()
}

// release ends the leg, exactly once, whoever ended the call.
func (d *dialog) release(c Cause) {
	if d.endOnce {
		return
	}
	d.endOnce = true
	if d.leg != nil {
		if c.ByPeer {
			d.server.count.endedByPeer.Add(1)
		} else {
			d.server.count.endedByUs.Add(1)
		}
		d.log.Debug("sip: call ended", "cause", c.Code, "text", c.Text, "by_peer", c.ByPeer, "duration", time.Since(d.entered).Round(time.Millisecond))
		d.leg.End(c)
	}
	if d.bridge != nil {
		d.abandonRelay(&Refusal{Code: 487, Warning: "the call has ended"})
		d.bridge.left(d, c)
	}
}

func (d *dialog) stopTimers() {
	if d.unacked != nil {
		d.unacked.timer.Stop()
		d.unacked = nil
	}
	d.session.stop()
	if d.rekeying.timer != nil {
		d.rekeying.timer.Stop()
	}
}
