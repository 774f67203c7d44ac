package sim

import (
	"slices"
	"time"

	"trivox/cluster/exchange"
	"trivox/mixer"
)

// domain is one organisation's conference server and its participants.
type domain struct {
	name   exchange.Domain
	server *exchange.Server
	up     bool
	dead   bool // crashed: its participants are cut off
	side   int  // of the network's partition

	phase, length time.Duration // its slot n begins at phase + n*length
	ticks         int
	slot          uint64 // of the server

	awake []int32      // participants of whom something was heard lately
	ranks []mixer.Rank // theirs, valid until the next hear
	fresh bool         // there was a hear since the last offer

	speaking []speech // who speaks in this slot, in truth
	inbox    []speech // speech that came over trunks since the last choose
	newest   []uint64 // by sending domain: slot of the latest message, plus 1
	trunks   []bool   // by domain: the trunk is open

	f        []uint32 // F of the latest slot, sorted
	speakers []uint32 // those of it who are active, sorted
	result   exchange.Result
}

// speech is one packet in which a participant speaks, and what it counts as.
type speech struct {
	ssrc  uint32
	best  bool   // he is among the best of all domains
	onset bool   // he has just begun
	count uint32 // of Tallies: a packet counts for the one in which it was sent
}

// message is what a domain sends in one slot to every other.
type message struct {
	from    int32
	slot    uint64
	refs    int32 // deliveries on the way
	packets []packet
}

type packet struct {
	stream exchange.Stream
	speech speech // ssrc 0 when it carries no words
}

// offer lets a domain rank its streams and send.
func (w *world) offer(i int) {
	d := w.domains[i]
	w.queue.push(offer, event{at: d.phase + time.Duration(d.ticks+1)*d.length, to: int32(i)})
	d.ticks++
	if !d.up {
		return
	}
	d.slot++
	if d.fresh && !w.closing {
		w.tally.speak(w.reach[i], d.speaking)
	}
	send := d.server.Offer(d.slot, d.ranks)
	w.send(i, send)
	w.queue.push(choose, event{at: w.now, to: int32(i)})
}

// send puts one message to every other domain on its way.
func (w *world) send(i int, send []exchange.Sent) {
	d := w.domains[i]
	if len(send) == 0 {
		return
	}
	at := w.message()
	m := &w.messages[at]
	m.from, m.slot, m.refs = int32(i), d.slot, 0
	m.packets = m.packets[:0]
	var bits int64
	for _, st := range send {
		p := packet{stream: exchange.Stream{Rank: st.Rank, HeaderOnly: st.HeaderOnly}}
		if !st.HeaderOnly && d.fresh {
			p.speech = d.speech(st.SSRC)
		}
		m.packets = append(m.packets, p)
		bits += packetBits(w.payload, st.HeaderOnly, st.Resume)
	}
	peers := 0
	for j, o := range w.domains {
		if !d.trunks[j] {
			continue
		}
		peers++
		if !o.up || o.side != d.side {
			continue
		}
		delay := w.path[i*len(w.domains)+j]
		if w.network.Jitter > 0 {
			delay += time.Duration(w.chance.ExpFloat64() * float64(w.network.Jitter))
		}
		var lost uint64
		if w.network.Loss > 0 {
			for k := range m.packets {
				if w.chance.Float64() < w.network.Loss {
					lost |= 1 << k
				}
			}
		}
		m.refs++
		w.queue.push(deliver, event{at: w.now + delay, to: int32(j), msg: int32(at), lost: lost})
	}
	w.tally.sent(len(send), headers(send), peers, bits)
	if m.refs == 0 {
		w.free = append(w.free, int32(at))
	}
}

// message returns the index of a message to fill in.
func (w *world) message() int {
	if n := len(w.free); n > 0 {
		at := w.free[n-1]
		w.free = w.free[:n-1]
		return int(at)
	}
	w.messages = append(w.messages, message{packets: make([]packet, 0, 2*w.nmax)})
	return len(w.messages) - 1
}

// deliver hands a domain what has arrived.
func (w *world) deliver(e *event) {
	m := &w.messages[e.msg]
	d, from := w.domains[e.to], w.domains[m.from]
	// What was overtaken on the way is told by its sequence number.
	if d.up && d.side == from.side && d.trunks[m.from] && m.slot >= d.newest[m.from] {
		d.newest[m.from] = m.slot + 1
		for k := range m.packets {
			if e.lost>>k&1 != 0 {
				continue
			}
			p := &m.packets[k]
			d.server.Receive(d.slot, from.name, p.stream)
			if p.speech.ssrc != 0 {
				d.inbox = append(d.inbox, p.speech)
			}
		}
	}
	if m.refs--; m.refs == 0 {
		w.free = append(w.free, e.msg)
	}
}

// choose lets a domain choose its F, and counts what is heard by it.
func (w *world) choose(i int) {
	d := w.domains[i]
	if !d.up {
		return
	}
	d.result = d.server.Choose(d.slot)
	d.f, d.speakers = d.f[:0], d.speakers[:0]
	for _, r := range d.result.F {
		d.f = insert(d.f, r.SSRC)
		if r.Active {
			d.speakers = insert(d.speakers, r.SSRC)
		}
	}
	if d.fresh {
		for _, s := range d.speaking {
			w.heard(s, d)
		}
	}
	for _, s := range d.inbox {
		w.heard(s, d)
	}
	d.inbox, d.fresh = d.inbox[:0], false
}

// heard counts a packet of speech that reached a domain and is played by it.
func (w *world) heard(s speech, by *domain) {
	if s.count == w.count && slices.Contains(by.f, s.ssrc) {
		w.tally.hear(s)
	}
}

// speech returns what a stream of the domain says in this slot.
func (d *domain) speech(ssrc uint32) speech {
	for _, s := range d.speaking {
		if s.ssrc == ssrc {
			return s
		}
	}
	return speech{}
}

// headers counts packets without payload.
func headers(send []exchange.Sent) int {
	n := 0
	for i := range send {
		if send[i].HeaderOnly {
			n++
		}
	}
	return n
}
