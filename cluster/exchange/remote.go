package exchange

import (
	"slices"
	"time"

	"trivox/mixer"
)

// Domain names another domain of the conference.
type Domain string

// Stream is what a packet over a trunk says of its stream.
type Stream struct {
	mixer.Rank
	HeaderOnly bool // it came without payload: the stream is silent
}

// Stats counts what was thrown away.
type Stats struct {
	Strangers  uint64 // packets of domains without a trunk
	Collisions uint64 // packets with the SSRC of another domain's stream
	Overflows  uint64 // streams for which DB2 had no room
}

// trunk is one other domain.
type trunk struct {
	domain Domain
	id     uint32 // what its streams are marked with
	expiry uint64 // slots after which a stream that is not heard is gone
}

// remote is one stream of DB2.
type remote struct {
	mixer.Rank
	from   uint32 // id of the trunk
	header bool
	heard  uint64 // slot of its latest packet
	until  uint64 // slot from which it is gone
}

// Trunk opens the trunk to another domain, or changes it. packetTime is the
// longest packet time agreed with it (0: that of Params), jitter that of the
// trunk: a stream of it leaves DB2 when it was not heard for Expiry slots and
// both of these.
func (s *Server) Trunk(d Domain, packetTime, jitter time.Duration) {
	if packetTime <= 0 {
		packetTime = s.p.PacketTime
	}
	expiry := uint64(s.p.Expiry + s.slots(packetTime) + s.slots(jitter))
	if t := s.trunk(d); t != nil {
		t.expiry = expiry
		return
	}
	s.opened++
	s.trunks = append(s.trunks, trunk{d, s.opened, expiry})
}

// Hangup closes the trunk to a domain: its streams are gone at once.
func (s *Server) Hangup(d Domain) {
	t := s.trunk(d)
	if t == nil {
		return
	}
	id := t.id
	s.trunks = slices.DeleteFunc(s.trunks, func(t trunk) bool { return t.id == id })
	s.db2 = slices.DeleteFunc(s.db2, func(r remote) bool { return r.from == id })
}

// Remove takes a stream of another domain out of DB2 at once: it said BYE.
func (s *Server) Remove(ssrc uint32) {
	s.db2 = slices.DeleteFunc(s.db2, func(r remote) bool { return r.SSRC == ssrc })
}

// Stats returns the counters.
func (s *Server) Stats() Stats { return s.stats }

// Receive enters into DB2 what came from another domain, to which Trunk was
// called before. The latest packet of a stream counts; a number of 0 takes the
// stream out. A domain that keeps to the rules has at most N_max streams in
// DB2: one more replaces the one longest unheard, which it evidently no longer
// sends.
func (s *Server) Receive(slot uint64, from Domain, st Stream) {
	t := s.trunk(from)
	if t == nil {
		s.stats.Strangers++
		return
	}
	r := remote{Rank: st.Rank, from: t.id, header: st.HeaderOnly, heard: slot, until: slot + t.expiry}
	if st.HeaderOnly {
		r.until = slot + uint64(s.p.HeaderExpiry)
	}
	if i := s.find(st.SSRC); i >= 0 {
		s.renew(i, r)
		return
	}
	count := 0
	for i := range s.db2 {
		if old := &s.db2[i]; old.from == t.id && slot < old.until {
			count++
		}
	}
	switch {
	case st.Number == 0:
	case count >= s.p.NMax && st.HeaderOnly: // a farewell of what is gone already
	case count >= s.p.NMax:
		s.db2[s.stalest(t.id, slot)] = r
	case len(s.db2) < s.p.Remote:
		s.db2 = append(s.db2, r)
	default:
		s.stats.Overflows++
	}
}

// renew puts r in the place of entry i, which has the same SSRC.
func (s *Server) renew(i int, r remote) {
	switch {
	case s.db2[i].from != r.from && r.heard < s.db2[i].until:
		s.stats.Collisions++
	case r.Number == 0:
		s.db2 = slices.Delete(s.db2, i, i+1)
	default:
		s.db2[i] = r
	}
}

// find returns the place of a stream in DB2, -1 when it has none.
func (s *Server) find(ssrc uint32) int {
	for i := range s.db2 {
		if s.db2[i].SSRC == ssrc {
			return i
		}
	}
	return -1
}

// trunk finds the trunk to a domain.
func (s *Server) trunk(d Domain) *trunk {
	for i := range s.trunks {
		if s.trunks[i].domain == d {
			return &s.trunks[i]
		}
	}
	return nil
}

// stalest returns the entry of a trunk that its domain most likely stopped sending:
// one due in every slot and longest unheard, else one that sends headers only;
// of equals the lowest. The trunk has one that is not expired.
func (s *Server) stalest(from uint32, slot uint64) int {
	worst := -1
	for i := range s.db2 {
		r := &s.db2[i]
		if r.from != from || slot >= r.until {
			continue
		}
		if worst < 0 || r.staler(&s.db2[worst], slot) {
			worst = i
		}
	}
	return worst
}

// staler reports whether r is more likely withheld than q.
func (r *remote) staler(q *remote, slot uint64) bool {
	// A stream heard in this very slot is certainly sent; of one that sends
	// headers only, silence says little.
	class := func(x *remote) int {
		switch {
		case x.heard == slot:
			return 0
		case x.header:
			return 1
		}
		return 2
	}
	if a, b := class(r), class(q); a != b {
		return a > b
	}
	if r.heard != q.heard {
		return r.heard < q.heard
	}
	return q.Above(r.Rank)
}

// expire drops from DB2 what was not heard for too long.
func (s *Server) expire(slot uint64) {
	kept := s.db2[:0]
	for i := range s.db2 {
		if slot < s.db2[i].until {
			kept = append(kept, s.db2[i])
		}
	}
	s.db2 = kept
}

// slots is d in slots, rounded up.
func (s *Server) slots(d time.Duration) int {
	return int((max(d, 0) + s.p.Slot - 1) / s.p.Slot)
}
