package exchange

import (
	"testing"

	"trivox/loudness"
	"trivox/mixer"
)

// DESIGN 6: a domain that joins, or comes back after an outage, starts from the
// LNT it is told and does not flood: among 50 domains it never sends more than
// its policy's steady share.
func TestJoinerDoesNotFlood(t *testing.T) {
	for _, policy := range []Policy{Pessimistic, Optimistic} {
		for _, told := range []bool{true, false} {
			w := crowd(with(policy), 10, 49, 3, func(d, l int) loudness.Number { return loudness.Number(2000 + 10*d + l) })
			for range 40 {
				w.step()
			}
			lnt, heard := w.domains[0].s.LNT()
			d := w.join("z.example")
			for l := range 3 {
				d.leg(uint32(9000+l), 1000, true)
			}
			if told {
				d.s.Join(w.slot, lnt, heard)
			}
			worst := 0
			for range 40 {
				w.step()
				worst = max(worst, len(d.result.Send))
			}
			steady := 0
			if policy == Pessimistic {
				steady = 1
			}
			if told {
				expect(t, policy.String()+": streams of a joiner", worst, steady, steady)
			} else {
				expect(t, policy.String()+": streams of a joiner that was told nothing", worst, 3, 3)
			}
			if same, right := w.agree(); !same || !right {
				t.Errorf("%v: the joiner hears others", policy)
			}
		}
	}
}

// A joiner told that floors are free may take that many, and is heard.
func TestJoinerTakesFreeFloors(t *testing.T) {
	s := New(with(Optimistic))
	s.Trunk("b.example", 0, 0)
	s.Join(100, mixer.Rank{}, 2)
	if out := s.Offer(100, ranks(50, 1, 40, 2, 30, 3)); len(out) != 1 || out[0].SSRC != 1 {
		t.Errorf("sends %v", out)
	}
	s.Choose(100)
	s.Join(101, mixer.Rank{}, 99)
	s.Offer(101, ranks(50, 1, 40, 2, 30, 3))
	s.Choose(101)
	if out := s.Offer(200, ranks(50, 1, 40, 2, 30, 3)); len(out) != 3 {
		t.Errorf("long after joining sends %v", out)
	}
}
