package jitter

import "time"

// Push takes a received packet and copies its payload. It allocates only when
// the payload is longer, or the packet shorter, than any before. A packet that
// cannot be played is counted (Stats) and forgotten.
func (b *Buffer) Push(now time.Duration, p Packet) {
	b.stats.Received++
	if p.Samples <= 0 || int64(p.Samples) > b.units(b.c.LongestPacket) || len(p.Payload) > b.c.PayloadLimit {
		b.stats.Refused++
		return
	}
	if !b.started {
		b.begin(&p)
		return
	}
	seq := b.top + int64(int16(p.Seq-uint16(b.top)))
	ts := b.topTS + int64(int32(p.Timestamp-uint32(b.topTS)))
	switch ahead := seq - b.top; {
	case ahead > maxDropout || ahead < -maxMisorder:
		b.suspectPacket(&p)
		return
	case ahead <= 0 && b.store.at(seq) != nil:
		b.stats.Duplicates++
		return
	}
	switch late := p.Arrival - b.clock.expected(ts+int64(p.Samples)); {
	case late < -farEarly, late > farLate && b.playing:
		b.suspectPacket(&p)
		return
	case !b.playing && seq > b.top && late > b.c.MaxMargin:
		// After a hold the timestamp may go on where it stopped (SIP RT-6).
		b.resync(&p)
		return
	}
	if b.suspect.held {
		b.stats.Refused++
		b.suspect.held = false
	}
	b.accept(seq, ts, &p)
}

// Skip takes the number of a packet of the same source that is no sound, such
// as a telephone event (RFC 4733, 2.2): its number is not missing, and until
// sound follows the sender is silent.
func (b *Buffer) Skip(number uint16) {
	seq := b.top + int64(int16(number-uint16(b.top)))
	if !b.started || seq < b.next || seq-b.top > maxDropout || b.store.at(seq) != nil {
		return
	}
	if room := int64(len(b.store.records) - kept); seq-b.next >= room {
		b.skipTo(seq - room + 1)
	}
	b.top = max(b.top, seq)
	b.store.put(seq, b.topTS, &Packet{Seq: number, Timestamp: uint32(b.topTS)})
	r := b.store.at(seq)
	r.done, r.mute = true, true
}

// begin starts at the first packet of a source.
func (b *Buffer) begin(p *Packet) {
	b.started = true
	b.top = 1<<32 + int64(p.Seq)
	b.topTS = 1<<40 + int64(p.Timestamp)
	b.next, b.turn = b.top, b.top
	b.head = b.topTS
	b.fresh = true
	b.clock.restart(b.topTS+int64(p.Samples), p.Arrival)
	b.accept(b.top, b.topTS, p)
}

// accept keeps a packet that belongs to the stream.
func (b *Buffer) accept(seq, ts int64, p *Packet) {
	b.measureJitter(ts, p.Arrival)
	b.learn(ts+int64(p.Samples), p.Arrival)
	if b.fresh && seq < b.next && b.top-seq < int64(len(b.store.records)-kept) { // the first were not the first sent
		b.next, b.head, b.turn = seq, ts, seq
	}
	if b.tooLate(seq, ts, p) {
		return
	}
	if int64(p.Samples) <= b.slot/2 && len(b.store.records) < placesMost {
		b.store.grow(placesMost, b.store.chunk)
	}
	if room := int64(len(b.store.records) - kept); seq-b.next >= room {
		b.skipTo(seq - room + 1)
	}
	if seq > b.top {
		b.top, b.topTS = seq, ts
	}
	b.last = int64(p.Samples)
	b.store.put(seq, ts, p)
}

// tooLate tells whether the packet's time has passed. It is then counted, and
// kept only for a decoder that warms up. A run of them means that the path or
// the sender's clock has changed: playing begins anew at the present packet.
func (b *Buffer) tooLate(seq, ts int64, p *Packet) bool {
	if seq >= b.next && ts+int64(p.Samples) > b.head {
		b.late = run{}
		return false
	}
	if b.late.packets == 0 {
		b.late.since = p.Arrival
	}
	b.late.packets++
	if b.late.packets >= lateRun && p.Arrival-b.late.since >= lateTime {
		b.resync(p)
		return true
	}
	b.stats.Late++
	room := int64(len(b.store.records) - kept)
	if seq > b.top && seq-b.next < room {
		b.top, b.topTS = seq, ts
	}
	if seq > b.top-room && seq <= b.top {
		b.store.put(seq, ts, p)
		b.store.at(seq).done = true
	}
	return true
}

// skipTo gives up everything before a sequence number.
func (b *Buffer) skipTo(seq int64) {
	for r := b.first(); r != nil && r.seq < seq; r = b.first() {
		b.drop(r)
	}
	if seq > b.next {
		b.stats.Missing += uint64(seq - b.next)
		b.next = seq
	}
}

// drop gives up the first packet that waits.
func (b *Buffer) drop(r *record) {
	b.stats.Dropped++
	r.done = true
	b.stats.Missing += uint64(r.seq - b.next)
	b.next = r.seq + 1
}

// giveUp counts what waits, before it is forgotten.
func (b *Buffer) giveUp() {
	for r := b.first(); r != nil; r = b.after(r.seq) {
		b.stats.Dropped++
		r.held = false
	}
}

// resync begins anew at a packet of the same source, whose clock and jitter
// stay known: only what they are counted from moves.
func (b *Buffer) resync(p *Packet) {
	b.giveUp()
	b.stats.Resets++
	ahead := int64(int16(p.Seq - uint16(b.top)))
	if ahead > 0 && ahead <= maxDropout {
		b.top += ahead
	} else { // far from the old numbers, whose packets are then not found
		b.top = (b.top>>16+2)<<16 + int64(p.Seq)
	}
	b.topTS = (b.topTS>>32+2)<<32 + int64(p.Timestamp)
	b.next, b.head = b.top, b.topTS
	b.playing, b.fresh = false, true
	b.late = run{}
	if b.suspect.held {
		b.stats.Refused++
		b.suspect.held = false
	}
	b.watch = watch{}
	b.clock.restart(b.topTS+int64(p.Samples), p.Arrival)
	b.stats.transit = 0
	b.accept(b.top, b.topTS, p)
}

// suspectPacket remembers a packet that fits nothing, or, when it follows the
// one remembered, begins anew at that one: nothing of it is lost.
func (b *Buffer) suspectPacket(p *Packet) {
	s := &b.suspect
	if s.held && p.Seq == s.packet.Seq+1 && b.follows(p) {
		first := s.packet
		first.Payload = s.payload
		s.held = false
		b.resync(&first)
		seq := b.top + 1
		b.accept(seq, b.topTS+int64(int32(p.Timestamp-uint32(b.topTS))), p)
		return
	}
	if s.held {
		b.stats.Refused++
	}
	s.held = true
	s.packet = *p
	s.packet.Payload = nil
	s.payload = append(s.payload[:0], p.Payload...)
}

// follows tells whether a packet's timestamp agrees with the time that passed
// since the suspect one.
func (b *Buffer) follows(p *Packet) bool {
	units := int64(int32(p.Timestamp - b.suspect.packet.Timestamp))
	apart := b.duration(units) - (p.Arrival - b.suspect.packet.Arrival)
	return units > 0 && apart > -farEarly && apart < farEarly
}

// measureJitter is the interarrival jitter of RFC 3550, A.8.
func (b *Buffer) measureJitter(ts int64, arrival time.Duration) {
	transit := arrival - b.clock.media(ts)
	if b.stats.transit != 0 {
		d := transit - b.stats.transit
		if d < 0 {
			d = -d
		}
		b.stats.jitter += (d - b.stats.jitter) / 16
	}
	b.stats.transit = transit
}
