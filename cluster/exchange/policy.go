package exchange

import (
	"trivox/loudness"
	"trivox/mixer"
)

// decide fills DB1 (send) by the conference's policy from best, which index
// local.
func (s *Server) decide(slot uint64, local []mixer.Rank) {
	if s.p.Policy == Full {
		s.sendFirst(len(s.best), local)
		return
	}
	lnt, heard := s.lnt, len(s.f)
	if slot < s.told.until {
		heard = max(heard, s.told.heard)
		if s.told.lnt.Above(lnt) {
			lnt = s.told.lnt
		}
	}
	if heard < s.p.NMax {
		s.sendOwnAnd(s.p.NMax-heard, local)
		return
	}
	if s.p.Policy == Pessimistic {
		s.sendFirst(s.above(lnt, local)+1, local)
		return
	}
	lnt.Number = loudness.Number(uint32(lnt.Number) * uint32(s.p.Successor) / Whole)
	k := s.above(lnt, local)
	s.sendFirst(k, local)
	for _, i := range s.best[k:] {
		if s.inF(local[i].SSRC) {
			s.send = append(s.send, Sent{Rank: local[i], Index: i})
		}
	}
}

// above counts how many of best rank above lnt.
func (s *Server) above(lnt mixer.Rank, local []mixer.Rank) int {
	for k, i := range s.best {
		if !local[i].Above(lnt) {
			return k
		}
	}
	return len(s.best)
}

// sendFirst sends the best n.
func (s *Server) sendFirst(n int, local []mixer.Rank) {
	for _, i := range s.best[:min(n, len(s.best))] {
		s.send = append(s.send, Sent{Rank: local[i], Index: i})
	}
}

// sendOwnAnd is the rule for an F that is not full: own streams that are in it,
// and the best n others.
func (s *Server) sendOwnAnd(n int, local []mixer.Rank) {
	for _, i := range s.best {
		own := s.inF(local[i].SSRC)
		if !own {
			if n == 0 {
				continue
			}
			n--
		}
		s.send = append(s.send, Sent{Rank: local[i], Index: i})
	}
}
