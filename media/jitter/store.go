package jitter

// record is one packet in the store, with its numbers unwrapped.
type record struct {
	Packet
	seq  int64 // unwrapped sequence number
	ts   int64 // unwrapped timestamp
	held bool
	done bool // played, or too late for it: kept for a decoder that warms up
	mute bool // no sound at all: only its number counts
}

// end is the unwrapped timestamp after the packet's last sample.
func (r *record) end() int64 { return r.ts + int64(r.Samples) }

// store keeps the latest packets by sequence number: those to be played and,
// behind them, those played, for a decoder that has to warm up. Its places
// and their size grow to what the sender does, within bounds, and never
// shrink; between two such growths nothing is allocated.
type store struct {
	records []record // a power of two; packet seq lives at seq modulo the length
	bytes   []byte   // the payloads, chunk bytes for each place
	chunk   int
}

const (
	placesFirst = 32  // enough for packets of 20 ms
	placesMost  = 64  // for shorter packets
	chunkFirst  = 160 // bytes: 20 ms of G.711
)

func newStore() store {
	return store{
		records: make([]record, placesFirst),
		bytes:   make([]byte, placesFirst*chunkFirst),
		chunk:   chunkFirst,
	}
}

func (s *store) index(seq int64) int { return int(seq & int64(len(s.records)-1)) }

// at is the packet with that sequence number, or nil.
func (s *store) at(seq int64) *record {
	if r := &s.records[s.index(seq)]; r.held && r.seq == seq {
		return r
	}
	return nil
}

// put keeps a copy of the packet, in place of the one that is a whole turn older.
func (s *store) put(seq, ts int64, p *Packet) {
	if len(p.Payload) > s.chunk {
		s.grow(len(s.records), chunkFor(len(p.Payload)))
	}
	i := s.index(seq)
	r := &s.records[i]
	r.Packet = *p
	place := s.bytes[i*s.chunk : (i+1)*s.chunk : (i+1)*s.chunk]
	r.Payload = place[:copy(place, p.Payload)]
	r.seq, r.ts, r.held, r.done, r.mute = seq, ts, true, false, false
}

// chunkFor is the size of place for a payload: multiples of 160 bytes.
func chunkFor(n int) int { return (n + chunkFirst - 1) / chunkFirst * chunkFirst }

// grow moves everything to a store of that many places of that size.
func (s *store) grow(places, chunk int) {
	old := *s
	*s = store{records: make([]record, places), bytes: make([]byte, places*chunk), chunk: chunk}
	for i := range old.records {
		if r := &old.records[i]; r.held {
			s.put(r.seq, r.ts, &r.Packet)
			s.at(r.seq).done, s.at(r.seq).mute = r.done, r.mute
		}
	}
}

// clear forgets every packet and keeps the room.
func (s *store) clear() {
	for i := range s.records {
		s.records[i].held = false
	}
}

// size is the memory taken, in bytes.
func (s *store) size() int { return len(s.bytes) + len(s.records)*112 }
