package exchange

import "trivox/mixer"

// flow is what went out of one stream of DB1 until now.
type flow struct {
	ssrc    uint32
	quiet   int  // slots for which it has been inactive in DB1
	payload bool // its last packet carried sound
}

// farewell adds to DB1 the streams that were sent until now, have gone inactive
// and are withheld by the policy for it: their header goes out as often as at
// the beginning of any silence, so that the others do not wait for a voice that
// has stopped until it expires.
func (s *Server) farewell(local []mixer.Rank) {
	for i := range s.flow {
		fl := &s.flow[i]
		if len(s.send) == 2*s.p.NMax {
			return
		}
		if fl.quiet >= s.p.HeaderFirst || s.sends(fl.ssrc) {
			continue
		}
		for j, r := range local {
			if r.SSRC == fl.ssrc && !r.Active && r.Number > 0 {
				s.send = append(s.send, Sent{Rank: r, Index: j})
				break
			}
		}
	}
}

// schedule turns DB1 into packets (P 8.2, DESIGN 6): of an active stream every
// packet goes out; of an inactive one the header only, in its first inactive
// slots and then now and again, which keeps its number in the others' DB2.
func (s *Server) schedule() {
	s.out = s.out[:0]
	var next [2 * maxNMax]flow
	for i := range s.send {
		st := s.send[i]
		old := s.flowOf(st.SSRC)
		fl := flow{ssrc: st.SSRC, payload: st.Active}
		goes := true
		if st.Active {
			st.Resume = !old.payload
		} else {
			fl.quiet = old.quiet + 1
			st.HeaderOnly = true
			goes = fl.quiet <= s.p.HeaderFirst || (fl.quiet-s.p.HeaderFirst)%s.p.HeaderEvery == 0
		}
		if goes {
			s.out = append(s.out, st)
		}
		next[i] = fl
	}
	s.flow = append(s.flow[:0], next[:len(s.send)]...)
}

// flowOf returns what went out of a stream in the slot before: nothing, when it
// was withheld.
func (s *Server) flowOf(ssrc uint32) flow {
	for i := range s.flow {
		if s.flow[i].ssrc == ssrc {
			return s.flow[i]
		}
	}
	return flow{}
}
