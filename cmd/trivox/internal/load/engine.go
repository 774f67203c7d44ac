package load

import (
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"trivox/media"
)

const (
	groups = 4 // a leg's socket is read in every fourth slot
	step   = slot / slots
	// lastSweeps empties a socket in the end: the kernel keeps no more than
	// some hundred packets for it.
	lastSweeps = 32
)

// cell holds the legs that send at the same millisecond and are read in the
// same slot of four.
type cell struct {
	legs    []*leg
	sockets []*media.Socket
}

// engine sends for its legs and reads their sockets, on a thread of its own.
type engine struct {
	io     *media.Sweeper
	cells  [slots][groups]cell
	inbox  chan *leg
	stop   chan struct{}
	done   chan struct{}
	window atomic.Pointer[window]

	received atomic.Uint64 // packets
	spread   spread        // of arrivals
	own      spread        // how late our own thread was
	now      window
	current  *cell
	added    int
}

func newEngine(legs int) (*engine, error) {
	io, err := media.NewSweeper()
	if err != nil {
		return nil, err
	}
	e := &engine{io: io, inbox: make(chan *leg, legs), stop: make(chan struct{}), done: make(chan struct{})}
	e.window.Store(&window{})
	return e, nil
}

// add gives a leg to the engine, which sends for it from now on. The inbox
// holds as many legs as the run has, so it never blocks.
func (e *engine) add(l *leg) { e.inbox <- l }

// measure sets when to measure.
func (e *engine) measure(w window) { e.window.Store(&w) }

// finish ends the thread, once it has sent all that was due in the window,
// reads what is left and closes the legs' sockets.
func (e *engine) finish() error {
	close(e.stop)
	<-e.done
	for i := range e.cells {
		for j := range e.cells[i] {
			e.current = &e.cells[i][j]
			for range lastSweeps {
				e.io.Sweep(e.current.sockets, e.each)
			}
			for _, l := range e.current.legs {
				l.in.schedule.flush(&e.spread)
				l.socket.Close()
			}
		}
	}
	return e.io.Close()
}

// run is the thread. Deadlines are absolute: lateness does not add up.
func (e *engine) run() {
	runtime.LockOSThread()
	defer close(e.done)
	buf := make([]byte, 1500)
	start := media.Now() + step
	for tick := int64(0); ; tick++ {
		due := start + time.Duration(tick)*step
		if tick%slots == 0 {
			e.accept()
			e.now = *e.window.Load()
			if e.stopped() && due >= e.now.to {
				return
			}
		}
		row := &e.cells[tick%slots]
		if empty(row) && tick%slots != slots-1 {
			continue
		}
		media.SleepUntil(due)
		e.serve(row, tick, due, buf)
	}
}

func (e *engine) stopped() bool {
	select {
	case <-e.stop:
		return true
	default:
		return false
	}
}

func empty(row *[groups]cell) bool {
	for i := range row {
		if len(row[i].legs) > 0 {
			return false
		}
	}
	return true
}

// accept takes the legs that came in. Phases go round the slot in steps of 7,
// which is prime to it: any number of legs is spread evenly.
func (e *engine) accept() {
	for {
		select {
		case l := <-e.inbox:
			c := &e.cells[e.added*7%slots][e.added/slots%groups]
			c.legs = append(c.legs, l)
			c.sockets = append(c.sockets, l.socket)
			l.in.spread = &e.spread
			e.added++
		default:
			return
		}
	}
}

// serve sends for all legs of one millisecond, then reads a fourth of them.
func (e *engine) serve(row *[groups]cell, tick int64, due time.Duration, buf []byte) {
	if now := media.Now(); e.now.holds(now) {
		e.own.add(now - due)
	}
	for i := range row {
		for _, l := range row[i].legs {
			l.send(e.io, buf, due, e.now)
		}
	}
	e.current = &row[tick/slots%groups]
	if len(e.current.legs) > 0 {
		e.io.Sweep(e.current.sockets, e.each)
	}
}

func (e *engine) each(i int, b []byte, _ netip.AddrPort, arrival time.Duration) {
	if e.current.legs[i].receive(b, arrival, e.now) {
		e.received.Add(1)
	}
}
