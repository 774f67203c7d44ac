package jitter

import "time"

// Kind says what an Item is.
type Kind uint8

const (
	Sound   Kind = iota // a packet begins
	Lost                // sound is missing: conceal it
	Silence             // the sender sent nothing (SIP RT-6): no loss
)

// Item is a stretch of media time that begins in a slot.
type Item struct {
	Kind   Kind
	Units  int     // RTP clock units it lasts, without Skip
	Skip   int     // Sound: units at its beginning whose time has passed
	Cut    bool    // Sound: what was before it was thrown away, in the middle of playing
	Packet *Packet // Sound: valid until the next Push or Reset
	Next   *Packet // Lost: the packet that follows it directly, when it is there
}

// Slot is what one Pop gives.
type Slot struct {
	Items []Item // in playing order, valid until the next Pop

	// Excess is how many units the listener should leave out, or, when it is
	// negative, put in, here or in one of the next slots, where it is not
	// heard. Shift tells the buffer what was done. 0 when nobody listens: the
	// buffer then does it itself.
	Excess int
	// Left is how many units released earlier were still to be played when
	// the slot began.
	Left int
}

const itemsMost = 32 // in a slot; a stranger may send packets of one sample

// Pop advances playing by one slot and returns what begins in it. Items last
// at least to the slot's end; what they last longer is Left of the next slot.
// heard says that somebody listens, now and in the slot before.
func (b *Buffer) Pop(now time.Duration, heard bool) Slot {
	b.count = 0
	b.turn = b.next
	excess := 0
	if b.playing {
		excess = b.judge()
		if !heard && excess != 0 {
			b.Shift(excess)
			excess = 0
		}
		b.bound()
		b.hasten(now)
	}
	left := int(b.level)
	if !b.playing {
		b.start(now)
	}
	if b.playing {
		b.fill(now, b.slot)
	}
	if b.level < b.slot {
		b.item(Item{Kind: Silence, Units: int(b.slot - b.level)})
		b.level = b.slot
	}
	b.level -= b.slot
	b.watch.tick(b.level)
	return Slot{Items: b.items[:b.count], Excess: excess, Left: left}
}

// More releases what follows the present slot, as far as it is there without
// a gap, until units more than the slot are released. The listener who leaves
// something out needs it. The items are valid until the next Pop.
func (b *Buffer) More(now time.Duration, units int) []Item {
	from := b.count
	for b.playing && b.level < int64(units) && b.count < itemsMost {
		r := b.store.at(b.next)
		if r == nil || r.done || r.ts > b.head+b.slot/4 || r.ts < b.head-b.slot/4 {
			break
		}
		b.release(now, r, 0)
	}
	return b.items[from:b.count]
}

// Shift tells that the listener left out so many units of what was released
// (or put in, when negative).
func (b *Buffer) Shift(units int) {
	b.level -= int64(units)
	b.watch.moved(int64(units))
	if units > 0 {
		b.stats.Shrunk += uint64(units)
	} else {
		b.stats.Grown += uint64(-units)
	}
}

// start begins to play when the first packet that waits is due. What is
// overdue by more than two slots is skipped when something follows it.
func (b *Buffer) start(now time.Duration) {
	b.passMute()
	r := b.first()
	if r == nil || now < b.due(r.end()) {
		return
	}
	for now-b.due(r.end()) >= 2*b.c.Slot {
		n := b.after(r.seq)
		if n == nil {
			break
		}
		b.drop(r)
		r = n
	}
	b.head = r.ts
	b.playing, b.fresh = true, false
	b.dry = 0
	b.watch = watch{}
}

// first is the earliest packet that waits to be played.
func (b *Buffer) first() *record { return b.after(b.next - 1) }

// after is the earliest packet after a sequence number that waits.
func (b *Buffer) after(seq int64) *record {
	for q := max(seq+1, b.top-int64(len(b.store.records))); q <= b.top; q++ {
		if r := b.store.at(q); r != nil && !r.done {
			return r
		}
	}
	return nil
}

// fill releases until so many units are there to be played.
func (b *Buffer) fill(now time.Duration, want int64) {
	for b.level < want && b.count < itemsMost-1 {
		mute := b.passMute()
		r := b.first()
		if r == nil {
			if mute {
				b.pause()
				return
			}
			if !b.dryRun(now) {
				return
			}
			continue
		}
		gap := r.ts - b.head
		inOrder := r.seq == b.next
		switch {
		case r.end() <= b.head: // its timestamp is older than its number
			r.done = true
			b.stats.Late++
			b.stats.Missing += uint64(r.seq - b.next + 1)
			b.next = r.seq + 1
		case gap <= 0 && (!inOrder || -gap > b.slot/4):
			b.release(now, r, -gap)
		case inOrder && gap <= b.slot/4: // a sender who counts his timestamps carelessly
			b.release(now, r, 0)
		case inOrder:
			b.pause()
			return
		case !b.missing(r, gap):
			return
		}
	}
}

// passMute goes past the packets without sound that are next.
func (b *Buffer) passMute() (any bool) {
	for r := b.store.at(b.next); r != nil && r.mute; r = b.store.at(b.next) {
		b.next++
		any = true
	}
	return any
}

// release plays a packet but for skip units at its beginning.
func (b *Buffer) release(now time.Duration, r *record, skip int64) {
	units := int64(r.Samples) - skip
	b.stats.released(now-r.Arrival+b.duration(b.level), r.seq-b.next)
	b.watch.packet(now - b.due(r.end()))
	r.done = true
	b.item(Item{Kind: Sound, Units: int(units), Skip: int(skip), Cut: b.cut, Packet: &r.Packet})
	b.cut = false
	b.level += units
	b.head = r.ts + int64(r.Samples)
	b.next = r.seq + 1
	b.dry = 0
}

// dryRun conceals a packet that is not there though its slot is, and reports
// whether there is more to do. A packet that is not even due is waited for:
// the delay has to grow, and here a break is heard in any case.
func (b *Buffer) dryRun(now time.Duration) bool {
	if b.dry >= b.units(b.c.Concealment) {
		b.pause()
		return false
	}
	n := min(max(b.last, b.slot/8), b.slot)
	b.item(Item{Kind: Lost, Units: int(n)})
	if now < b.due(b.head+b.last)-b.turnBack()/8 {
		b.watch.way = -1
		b.level += n
		b.watch.moved(0)
		b.stats.Grown += uint64(n)
	} else {
		b.head += n
		b.level += n
	}
	b.dry += n
	b.stats.Concealed += uint64(n)
	return true
}

// missing conceals, piece by piece, the gap before a packet that is there. It
// reports false when the gap is too long for that.
func (b *Buffer) missing(r *record, gap int64) bool {
	if b.dry >= b.units(b.c.Concealment) || gap > b.units(b.c.MaxDelay) {
		b.stats.Missing += uint64(r.seq - b.next)
		b.next = r.seq
		b.pause()
		return false
	}
	n := min(gap, max(b.last, b.slot/8), b.slot)
	if rest := gap - n; rest > 0 && rest < b.slot/4 {
		n = gap
	}
	it := Item{Kind: Lost, Units: int(n)}
	if n == gap {
		it.Next = &r.Packet
	}
	b.item(it)
	b.head += n
	b.level += n
	b.dry += n
	b.stats.Concealed += uint64(n)
	return true
}

// pause stops playing until a packet is due.
func (b *Buffer) pause() {
	b.playing = false
	b.watch = watch{}
}

// bound throws away the oldest sound when too much waits (USERS 3).
func (b *Buffer) bound() {
	if b.topTS-b.head+b.level <= b.units(b.c.MaxDelay) {
		return
	}
	b.leap(b.topTS - b.units(b.margin+b.c.Slot))
	b.level = max(0, min(b.level, b.slot))
}

// hasten throws away what a source sent in a burst at its beginning, as start does when all of it is there in time:
// a call must not begin with a delay that only speech pauses take away.
func (b *Buffer) hasten(now time.Duration) {
	r := b.first()
	if b.begun >= hastyPackets || r == nil || now-b.due(r.end())+b.duration(b.level) < hurrySlots*b.c.Slot {
		return
	}
	for n := r; n != nil && now-b.due(n.end()) >= 2*b.c.Slot; n = b.after(n.seq) {
		r = n
	}
	b.leap(r.ts)
}

// leap throws away what lies before that timestamp.
func (b *Buffer) leap(keep int64) {
	for r := b.first(); r != nil && r.ts < keep; r = b.first() {
		b.drop(r)
		b.cut = true
	}
	if r := b.first(); r != nil {
		b.head = r.ts
	}
	b.watch = watch{}
}

func (b *Buffer) item(i Item) {
	b.items[b.count] = i
	b.count++
}

// Before fills dst with the packets just before the present slot, in sending
// order; nil stands for one that is not held. It returns how many it filled
// in: at most len(dst), fewer when the source began later.
func (b *Buffer) Before(dst []*Packet) int {
	n := 0
	from := b.turn - int64(len(dst))
	for seq := from; seq < b.turn; seq++ {
		r := b.store.at(seq)
		if r == nil && n == 0 || r != nil && r.mute {
			continue
		}
		dst[n] = nil
		if r != nil {
			dst[n] = &r.Packet
		}
		n++
	}
	return n
}
