package sim

import "time"

// class orders events of the same instant: what is observed is what all earlier
// events came to, and without delay a packet is there when its slot is decided,
// as the paper assumes (P 6.1: "we ignore propagation delay").
type class uint8

const (
	observe class = iota // look at every domain's F
	hear                 // the phones' next packets
	disturb              // something breaks or is mended
	offer                // a domain ranks its streams and sends
	deliver              // packets reach a domain
	choose               // a domain chooses F
)

// event is something that happens at an instant of virtual time.
type event struct {
	at    time.Duration
	order uint64 // class, then the order in which they were planned
	lost  uint64 // deliver: packets of the message that did not arrive, one bit each
	to    int32  // the domain; disturb: index of what happens
	msg   int32  // deliver: index of the message
}

func (e *event) class() class { return class(e.order >> 56) }

func (e *event) before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.order < o.order
}

// queue is a heap of events, four children to a node.
type queue struct {
	heap []event
	seq  uint64
}

// push plans an event.
func (q *queue) push(c class, e event) {
	e.order = uint64(c)<<56 | q.seq
	q.seq++
	q.heap = append(q.heap, e)
	h := q.heap
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !e.before(&h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = e
}

// pop takes out the earliest event. The queue must not be empty.
func (q *queue) pop() event {
	h := q.heap
	first := h[0]
	n := len(h) - 1
	last := h[n]
	q.heap = h[:n]
	h = q.heap
	i := 0
	for {
		least := 4*i + 1
		if least >= n {
			break
		}
		for c := least + 1; c < min(4*i+5, n); c++ {
			if h[c].before(&h[least]) {
				least = c
			}
		}
		if !h[least].before(&last) {
			break
		}
		h[i] = h[least]
		i = least
	}
	if n > 0 {
		h[i] = last
	}
	return first
}
