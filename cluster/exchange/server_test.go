package exchange

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"trivox/loudness"
	"trivox/mixer"
)

// A conference in one domain: F is the best N_max of its legs under every
// policy, and nothing is sent.
func TestAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, policy := range policies {
		s := New(with(policy))
		var best []int
		for slot := range uint64(500) {
			local := make([]mixer.Rank, r.IntN(20))
			for i := range local {
				local[i] = mixer.Rank{Active: r.IntN(2) == 0, Number: loudness.Number(r.IntN(5)), SSRC: uint32(i)}
			}
			res := s.Tick(slot, local)
			best = mixer.Select(best, local, 3)
			if !slices.Equal(res.Index, best) || len(res.Send) != 0 || len(res.F) != len(best) {
				t.Fatalf("%v, slot %d: %+v, want F %v", policy, slot, res, best)
			}
			for i, j := range res.Index {
				if res.F[i] != local[j] {
					t.Fatalf("F[%d] is %v, its index says %v", i, res.F[i], local[j])
				}
			}
		}
	}
}

// F mixes own and remote streams; Index tells them apart.
func TestIndex(t *testing.T) {
	s := New(with(Full))
	s.Trunk("b.example", 0, 0)
	s.Receive(1, "b.example", Stream{Rank: ranks(90, 100)[0]})
	s.Receive(1, "b.example", Stream{Rank: ranks(10, 101)[0]})
	r := s.Tick(1, ranks(50, 7, 100, 8))
	if !slices.Equal(r.F, ranks(100, 8, 90, 100, 50, 7)) || !slices.Equal(r.Index, []int{1, -1, 0}) {
		t.Errorf("F %v, index %v", r.F, r.Index)
	}
	for _, st := range r.Send {
		if !st.InF {
			t.Errorf("%d is in F and not marked so", st.SSRC)
		}
	}
	r = s.Tick(2, ranks(50, 7, 100, 8, 120, 9))
	if len(r.Send) != 3 || r.Send[2].InF || !r.Send[0].InF {
		t.Errorf("marks of F: %+v", r.Send)
	}
}

// P 8.2 and DESIGN 6: of a stream that goes inactive the header goes out in the
// first inactive slot, in two repeats, then every 5 slots; the first packet with
// sound afterwards carries the two before it.
func TestHeaderOnly(t *testing.T) {
	s := New(with(Full))
	s.Trunk("b.example", 0, 0)
	var got []int
	for slot := range uint64(30) {
		active := slot < 2 || slot >= 25
		r := s.Tick(slot, []mixer.Rank{{Active: active, Number: 100, SSRC: 1}})
		if len(r.F) != 1 {
			t.Fatalf("slot %d: an inactive stream with a number left F", slot)
		}
		for _, st := range r.Send {
			if st.HeaderOnly == active {
				t.Errorf("slot %d: header only %v, active %v", slot, st.HeaderOnly, active)
			}
			if want := slot == 0 || slot == 25; st.Resume != want {
				t.Errorf("slot %d: resume %v", slot, st.Resume)
			}
			if st.HeaderOnly {
				got = append(got, int(slot))
			}
		}
		if active && len(r.Send) != 1 {
			t.Errorf("slot %d: an active stream was not sent", slot)
		}
	}
	if want := []int{2, 3, 4, 9, 14, 19, 24}; !slices.Equal(got, want) {
		t.Errorf("headers in slots %v, want %v", got, want)
	}
}

// P 8.2, DESIGN 6: "when a sent stream goes inactive", its header goes out though
// the policy withholds it for that, so that the others hear of it at once: here
// because other streams of the domain rank above it now.
func TestFarewell(t *testing.T) {
	for _, policy := range policies {
		s := New(with(policy))
		s.Trunk("b.example", 0, 0)
		local := ranks(900, 1, 100, 2, 90, 3, 80, 4)
		s.Tick(0, local)
		local[0].Active = false
		var said []int
		for slot := 1; slot < 20; slot++ {
			for _, st := range s.Tick(uint64(slot), local).Send {
				if st.SSRC == 1 {
					said = append(said, slot)
					if !st.HeaderOnly || st.Index != 0 || st.Resume {
						t.Errorf("%v: farewell %+v", policy, st)
					}
				}
			}
		}
		if !slices.Equal(said, []int{1, 2, 3}) {
			t.Errorf("%v: farewell in slots %v, want 1, 2, 3", policy, said)
		}
	}
}

// DESIGN 6: "the first packet after withholding carries the two before it".
func TestResumeAfterWithholding(t *testing.T) {
	s := New(with(Optimistic))
	s.Trunk("b.example", 0, 0)
	loud := ranks(900, 100, 800, 101, 700, 102)
	for slot, number := range []int{800, 10, 10, 800, 800} {
		s.Follow(loud)
		out := s.Offer(uint64(slot), ranks(number, 1))
		if want := number == 800; (len(out) == 1) != want {
			t.Fatalf("slot %d: sent %v", slot, out)
		}
		if len(out) == 1 && out[0].Resume != (slot == 0 || slot == 3) {
			t.Errorf("slot %d: resume %v", slot, out[0].Resume)
		}
	}
}

// DESIGN 6, S-CS: a slave plays its master's F and holds back by its LNT.
func TestSlaveFollowsItsMaster(t *testing.T) {
	s := New(with(Pessimistic))
	s.Trunk("master", 0, 0)
	local := ranks(60, 1, 50, 2, 40, 3)
	if out := s.Offer(1, local); len(out) != 3 {
		t.Fatalf("at first sends %v", out)
	}
	s.Follow(ranks(100, 9, 300, 8, 200, 7))
	if lnt, heard := s.LNT(); lnt.Number != 100 || heard != 3 {
		t.Errorf("LNT %v of %d", lnt, heard)
	}
	if out := s.Offer(2, local); len(out) != 1 || out[0].SSRC != 1 {
		t.Errorf("sends %v", out)
	}
}

func TestTickAllocatesNothing(t *testing.T) {
	local := make([]mixer.Rank, 1000)
	for i := range local {
		local[i] = mixer.Rank{Active: i%3 == 0, Number: loudness.Number(i * 31), SSRC: uint32(i)}
	}
	alone := New(Default())
	slot := uint64(0)
	if a := testing.AllocsPerRun(200, func() { alone.Tick(slot, local); slot++ }); a != 0 {
		t.Errorf("alone: %v allocations per slot", a)
	}
	for _, policy := range policies {
		s := New(with(policy))
		for _, d := range names(10) {
			s.Trunk(d, 0, 0)
		}
		busy := func() {
			for i, d := range names10 {
				for k := range 3 {
					ssrc := uint32(5000 + 10*i + k + int(slot)%4)
					s.Receive(slot, d, Stream{mixer.Rank{Active: k < 2, Number: loudness.Number(20000 + 100*i), SSRC: ssrc}, k == 2})
				}
			}
			local[slot%1000].Active = slot%2 == 0
			s.Tick(slot, local)
			slot++
		}
		for range 50 {
			busy()
		}
		if a := testing.AllocsPerRun(200, busy); a != 0 {
			t.Errorf("%v: %v allocations per slot", policy, a)
		}
	}
}

var names10 = names(10)

// One slot of a conference in one domain.
func BenchmarkTickAlone(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n, "legs"), func(b *testing.B) {
			s := New(Default())
			local := make([]mixer.Rank, n)
			for i := range local {
				local[i] = mixer.Rank{Active: i%3 == 0, Number: loudness.Number(i * 7919), SSRC: uint32(i)}
			}
			for slot := uint64(0); b.Loop(); slot++ {
				s.Tick(slot, local)
			}
		})
	}
}

// One slot with 50 other domains that send three streams each.
func BenchmarkTickFiftyDomains(b *testing.B) {
	s := New(with(Full))
	all := names(50)
	for _, d := range all {
		s.Trunk(d, 0, 0)
	}
	local := ranks(60, 1, 50, 2, 40, 3)
	for slot := uint64(0); b.Loop(); slot++ {
		for i, d := range all {
			for k := range 3 {
				s.Receive(slot, d, Stream{Rank: mixer.Rank{Active: true, Number: loudness.Number(i), SSRC: uint32(1000 + 3*i + k)}})
			}
		}
		s.Tick(slot, local)
	}
}
