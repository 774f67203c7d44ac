package conference

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"trivox/media"
)

const (
	inboxSize  = 1024                   // functions waiting for a worker
	inboxSlot  = 256                    // of them, at most this many run in one slot,
	inboxTime  = 4 * time.Millisecond   // and none begins later than this after the first
	rtcpSlots  = 5                      // RTCP sockets are looked at every so many slots
	aliveSlots = 50                     // a line's timeouts are looked at every so many slots
	lateBucket = 100 * time.Microsecond // finest step of the lateness histogram
)

// worker owns conferences on one OS thread (DESIGN 3).
type worker struct {
	server *Server
	inbox  chan func(now time.Duration)
	quit   chan struct{}
	gone   chan struct{}
	io     media.IO
	refuse func()               // in a sweep: the packet was of no use
	legs   atomic.Int64         // for choosing the least loaded
	clock  func() time.Duration // for inboxTime; nil: time is virtual

	conferences []*conference // the worker's own from here on
	scratch     *scratch
	slot        uint64

	lateness latenessHistogram
	overruns counter // slots skipped because the worker was late by more than a slot
	ticks    counter
	realtime atomic.Bool    // the kernel lets its thread go first
	dropped  [drops]counter // RTP packets not heard, by media.Drop
	received counter        // RTP and RTCP packets
	sent     counter
}

// drops is how many reasons a Session has for not hearing a packet.
const drops = len(media.SessionStats{}.Dropped)

// latenessBounds are the upper bounds of the buckets of WorkerStats.Lateness; the last bucket has none.
var latenessBounds = [...]time.Duration{
	lateBucket, 2 * lateBucket, 5 * lateBucket, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
}

type latenessHistogram struct {
	buckets [len(latenessBounds) + 1]counter
	sum     atomic.Int64
}

func (h *latenessHistogram) add(d time.Duration) {
	h.sum.Add(int64(d))
	for i, b := range latenessBounds {
		if d <= b {
			h.buckets[i].Add(1)
			return
		}
	}
	h.buckets[len(latenessBounds)].Add(1)
}

func newWorker(s *Server, io media.IO) *worker {
	w := &worker{
		server: s, io: io, inbox: make(chan func(time.Duration), inboxSize), refuse: func() {},
		quit: make(chan struct{}), gone: make(chan struct{}), scratch: newScratch(),
	}
	if io, ok := io.(interface{ Refuse() }); ok {
		w.refuse = io.Refuse
	}
	return w
}

// do has the worker run f before its next slot. It waits while the inbox is full.
func (w *worker) do(ctx context.Context, f func(now time.Duration)) error {
	select {
	case w.inbox <- f:
		return nil
	default:
	}
	select {
	case w.inbox <- f:
		return nil
	case <-w.gone:
		return ErrShuttingDown
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	}
}

// post is do without giving up: for what must not be lost.
func (w *worker) post(f func(now time.Duration)) {
	_ = w.do(context.Background(), f) // fails only when the worker has stopped, and its legs with it
}

func (w *worker) stop() {
	close(w.quit)
	<-w.gone
}

// run is the worker's thread.
func (w *worker) run() {
	runtime.LockOSThread()
	// never unlocked: the thread, which may be a real-time one, ends with its goroutine
	defer close(w.gone)
	w.realtime.Store(media.Realtime() == nil)
	for w.await() {
		deadline, skipped := media.Now()+Slot, 0
		for len(w.conferences) > 0 {
			media.SleepUntil(deadline)
			w.lateness.add(media.Now() - deadline)
			w.drain(deadline)
			w.tick(deadline, skipped)
			deadline, skipped = deadline+Slot, 0
			if behind := media.Now() - deadline; behind > 0 { // never a burst: what was missed is skipped
				skipped = int(behind/Slot) + 1
				deadline += time.Duration(skipped) * Slot
				w.overruns.Add(uint64(skipped))
			}
		}
	}
}

// await sleeps while there is nothing to do: an empty server does not tick (USERS 5). It reports false at the end.
func (w *worker) await() bool {
	for len(w.conferences) == 0 {
		select {
		case f := <-w.inbox:
			f(media.Now())
		case <-w.quit:
			for {
				select {
				case f := <-w.inbox:
					f(media.Now())
				default:
					return false
				}
			}
		}
	}
	return true
}

// drain runs what others have asked for. What takes longer than inboxTime goes on in the next slot: a roster of 1,000
// takes 0.3 ms, and whoever asks for many of them must not hold up the sound.
func (w *worker) drain(now time.Duration) {
	var until time.Duration
	if w.clock != nil {
		until = w.clock() + inboxTime
	}
	for range inboxSlot {
		select {
		case f := <-w.inbox:
			f(now)
		default:
			return
		}
		if w.clock != nil && w.clock() >= until {
			return
		}
	}
}

// tick is one slot of all conferences of the worker.
func (w *worker) tick(now time.Duration, skipped int) {
	w.slot++
	w.ticks.Add(1)
	rtcp, alive := w.slot%rtcpSlots == 0, w.slot%aliveSlots == 0
	for _, c := range w.conferences {
		w.io.Sweep(c.rtp, c.onRTP)
		c.tick(now, skipped)
		if rtcp {
			c.control(now)
		}
		if alive {
			c.watch(now)
		}
	}
	w.io.Flush()
	if alive {
		w.publish()
	}
}

// publish lets others read how many packets went through.
func (w *worker) publish() {
	if io, ok := w.io.(interface{ Stats() media.SweepStats }); ok {
		st := io.Stats()
		w.received.Store(st.Received)
		w.sent.Store(st.Sent)
	}
}

// own makes c one of the worker's conferences.
func (w *worker) own(c *conference) {
	if !c.owned {
		c.owned = true
		w.conferences = append(w.conferences, c)
	}
}

// disown drops a conference without lines.
func (w *worker) disown(c *conference) {
	for i, have := range w.conferences {
		if have == c {
			last := len(w.conferences) - 1
			w.conferences[i] = w.conferences[last]
			w.conferences[last] = nil
			w.conferences = w.conferences[:last]
			c.owned = false
			return
		}
	}
}

// WorkerStats are figures of one worker since it started.
type WorkerStats struct {
	Realtime    bool // its thread goes before ordinary ones
	Legs        int64
	Ticks       uint64
	Overruns    uint64
	Received    uint64 // RTP and RTCP packets, up to a second ago
	Sent        uint64
	Dropped     [drops]uint64 // RTP packets not heard, by media.Drop
	Lateness    []uint64      // slots by how late the worker woke, one more bucket than Bounds
	Bounds      []time.Duration
	LatenessSum time.Duration
}

func (w *worker) stats() WorkerStats {
	st := WorkerStats{
		Realtime: w.realtime.Load(), Legs: w.legs.Load(), Ticks: w.ticks.Load(), Overruns: w.overruns.Load(),
		Bounds: latenessBounds[:], LatenessSum: time.Duration(w.lateness.sum.Load()),
	}
	st.Received, st.Sent = w.received.Load(), w.sent.Load()
	for i := range w.dropped {
		st.Dropped[i] = w.dropped[i].Load()
	}
	for i := range w.lateness.buckets {
		st.Lateness = append(st.Lateness, w.lateness.buckets[i].Load())
	}
	return st
}
