package exchange

import (
	"slices"

	"trivox/mixer"
)

// Server is the exchange of one conference in one domain. Use [New].
type Server struct {
	p      Params
	trunks []trunk
	opened uint32 // trunks ever
	db2    []remote
	stats  Stats

	best []int  // own best N_max, indices into the local of the last Offer
	send []Sent // DB1: those of best that the policy sends, and farewells
	out  []Sent // those of send of which a packet goes out in this slot
	flow []flow // what went out of each sent stream so far

	f      []mixer.Rank
	index  []int
	lnt    mixer.Rank
	pool   []mixer.Rank // DB1 and DB2 while F is chosen
	chosen []int

	told struct { // what a joiner starts from
		until uint64 // slot from which it no longer counts
		lnt   mixer.Rank
		heard int
	}
}

// Result is what a slot comes to. Its slices are valid until the next call of
// Offer, Choose, Tick or Follow.
type Result struct {
	F     []mixer.Rank // who is heard in this slot, best first, at most N_max
	Index []int        // F[i] is local[Index[i]]; -1 when it came over a trunk
	Send  []Sent       // what goes out to the other domains in this slot
	LNT   mixer.Rank   // lowest rank in F, the zero Rank when F is not full
}

// Sent is one packet of an own stream to every other domain.
type Sent struct {
	mixer.Rank
	Index      int  // it is local[Index]
	HeaderOnly bool // the RTP header with its loudness, no payload (P 8.2)
	// Resume: the payload of the slot before did not go out. The packet
	// carries the two before it too, for the receiver's decoder.
	Resume bool
	InF    bool // it is in the F of this slot
}

// New returns a server that knows no other domain and has heard nothing. It
// panics when p.Check() would refuse p: parameters are checked where they enter
// the program.
func New(p Params) *Server {
	if err := p.Check(); err != nil {
		panic(err)
	}
	n := p.NMax
	return &Server{
		p:      p,
		best:   make([]int, 0, n),
		send:   make([]Sent, 0, 2*n), // a farewell for each of the last slot's
		out:    make([]Sent, 0, 2*n),
		flow:   make([]flow, 0, 2*n),
		f:      make([]mixer.Rank, 0, n),
		index:  make([]int, 0, n),
		chosen: make([]int, 0, n),
	}
}

// Tick decides one slot: Offer and Choose in one. local holds the ranks of the
// domain's own streams in this slot, in any order; streams of slave servers are
// among them. The slot number rises from call to call; it may skip.
func (s *Server) Tick(slot uint64, local []mixer.Rank) Result {
	s.Offer(slot, local)
	return s.Choose(slot)
}

// Offer decides what is sent in this slot. Streams that arrive before Choose is
// called take part in F; in the simplest case nothing lies between (Tick).
func (s *Server) Offer(slot uint64, local []mixer.Rank) []Sent {
	s.best = mixer.Select(s.best, local, s.p.NMax)
	s.send = s.send[:0]
	if len(s.trunks) == 0 {
		// Nobody to withhold anything from.
		for _, i := range s.best {
			s.send = append(s.send, Sent{Rank: local[i], Index: i})
		}
		s.flow, s.out = s.flow[:0], s.out[:0]
		return s.out
	}
	s.decide(slot, local)
	s.farewell(local)
	s.schedule()
	return s.out
}

// Choose finds F among what was sent and what was received, and sets LNT for
// the next slot.
func (s *Server) Choose(slot uint64) Result {
	s.f, s.index = s.f[:0], s.index[:0]
	if len(s.trunks) == 0 {
		for i := range s.send {
			s.f = append(s.f, s.send[i].Rank)
			s.index = append(s.index, s.send[i].Index)
		}
	} else {
		s.choose(slot)
	}
	s.setLNT()
	for i := range s.out {
		s.out[i].InF = s.inF(s.out[i].SSRC)
	}
	return Result{F: s.f, Index: s.index, Send: s.out, LNT: s.lnt}
}

// choose is Choose with other domains' streams.
func (s *Server) choose(slot uint64) {
	s.expire(slot)
	s.pool = s.pool[:0]
	for i := range s.send {
		s.pool = append(s.pool, s.send[i].Rank)
	}
	for i := range s.db2 {
		r := s.db2[i].Rank
		if s.sends(r.SSRC) {
			r.Number = 0 // our own, come back to us
		}
		s.pool = append(s.pool, r)
	}
	s.chosen = mixer.Select(s.chosen, s.pool, s.p.NMax)
	for _, i := range s.chosen {
		s.f = append(s.f, s.pool[i])
		if i < len(s.send) {
			s.index = append(s.index, s.send[i].Index)
		} else {
			s.index = append(s.index, -1)
		}
	}
}

// Follow makes f the F of the last slot, in any order: for a slave server,
// which plays what its master chose and holds back by the LNT of it (DESIGN 6).
// A slave calls Offer and Follow, never Choose.
func (s *Server) Follow(f []mixer.Rank) {
	s.f, s.index = s.f[:0], s.index[:0]
	for _, r := range f {
		if r.Number > 0 && len(s.f) < s.p.NMax {
			s.f = append(s.f, r)
		}
	}
	slices.SortFunc(s.f, func(a, b mixer.Rank) int {
		if a.Above(b) {
			return -1
		}
		return 1
	})
	s.setLNT()
}

// Join tells a server that enters a conference, or comes back to it, the LNT
// and the number of streams in F of those that are in it. For the next Hold
// slots it believes the higher of that and its own: by then their streams have
// reached it. Without this it would begin with an empty F and send all it has.
func (s *Server) Join(slot uint64, lnt mixer.Rank, heard int) {
	s.told.until = slot + uint64(s.p.Hold)
	s.told.lnt = lnt
	s.told.heard = min(max(heard, 0), s.p.NMax)
}

// LNT returns the lowest rank in the last F and the size of that F: what a
// joiner is told.
func (s *Server) LNT() (lnt mixer.Rank, heard int) { return s.lnt, len(s.f) }

// setLNT sets LNT from F.
func (s *Server) setLNT() {
	s.lnt = mixer.Rank{}
	if len(s.f) == s.p.NMax {
		s.lnt = s.f[len(s.f)-1]
	}
}

// inF reports whether a stream is in the last F.
func (s *Server) inF(ssrc uint32) bool {
	for i := range s.f {
		if s.f[i].SSRC == ssrc {
			return true
		}
	}
	return false
}

// sends reports whether a stream is in DB1.
func (s *Server) sends(ssrc uint32) bool {
	for i := range s.send {
		if s.send[i].SSRC == ssrc {
			return true
		}
	}
	return false
}
