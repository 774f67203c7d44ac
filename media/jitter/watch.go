package jitter

import "time"

// watch looks, over a few packets, at how early they are released and how
// much stays in hand at the end of a slot, and says by how much playing could
// move. It judges at the end of each window, so that the two or three
// positions that packets of 30 or 60 ms take in slots of 20 are all seen.
type watch struct {
	packets, ticks int
	slack          time.Duration // least time that a packet was released after it was due
	left           int64         // least units in hand after a slot
	wait           int64         // units to leave out, or to put in when negative
	way            int           // direction of the move wanted: 1 is less delay, -1 more
	last           int           // direction of the last move by a slot
}

const watchLength = 8 // packets, and slots

func (w *watch) packet(slack time.Duration) {
	if w.packets == 0 || slack < w.slack {
		w.slack = slack
	}
	w.packets++
}

func (w *watch) tick(left int64) {
	if w.ticks == 0 || left < w.left {
		w.left = left
	}
	w.ticks++
}

// moved begins a new window after units were left out or, when negative, put
// in. What is left of the units to leave out stays wanted.
func (w *watch) moved(units int64) {
	last := w.last
	if w.way != 0 {
		last = w.way
	}
	rest := w.wait - units
	*w = watch{last: last}
	if units > 0 && rest > 0 {
		w.wait, w.way = rest, 1
	}
}

// judge returns the units to leave out (or to put in, when negative) that the
// windows so far ask for.
//
// What stays in hand after every slot is of no use. Beyond that, a step less of
// delay is possible when every packet was due a step ago, and a step more is
// needed when one was not yet due. To turn back from the last move takes more
// than to go on, so that jitter in the estimates moves nothing.
func (b *Buffer) judge() int {
	w := &b.watch
	if w.packets < watchLength || w.ticks < watchLength {
		return int(w.wait)
	}
	turn := b.turnBack()
	more, less := turn/8, turn/16
	switch {
	case w.last > 0:
		more = turn
	case w.last < 0:
		less = turn
	}
	units := b.step()
	step, steps := b.duration(units), int64(0)
	switch {
	case w.slack >= step+less:
		steps = max(1, int64((w.slack-less)/step))
	case w.slack < -more:
		steps = -int64((step - 1 - w.slack) / step)
	}
	*w = watch{last: w.last, way: int(max(-1, min(1, steps))), wait: w.left + steps*units}
	return int(w.wait)
}

// step is how far apart the delays are that packets of the sender's length, played in slots, can have: a slot, or
// half of one for 10 and 30 ms in slots of 20.
func (b *Buffer) step() int64 {
	x, y := b.slot, b.last
	for y > 0 {
		x, y = y, x%y
	}
	if x < b.slot/4 { // lengths that have nothing to do with slots
		return b.slot
	}
	return x
}

// turnBack is how far playing must be from where it should be before a move
// is undone.
func (b *Buffer) turnBack() time.Duration { return time.Millisecond + b.margin/8 }
