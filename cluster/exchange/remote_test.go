package exchange

import (
	"slices"
	"testing"
	"time"

	"trivox/mixer"
)

// DESIGN 6: a remote stream not heard for 3 slots plus the longest packet time
// agreed plus the trunk's jitter leaves DB2; one that sends headers only, after
// 15 slots.
func TestExpiry(t *testing.T) {
	for _, c := range []struct {
		name        string
		ptime, jit  time.Duration
		header      bool
		lastHeardAt uint64 // slots after its packet in which it is still heard
	}{
		{"20 ms packets", 0, 0, false, 3},
		{"60 ms packets", 60 * time.Millisecond, 0, false, 5},
		{"30 ms packets", 30 * time.Millisecond, 0, false, 4},
		{"jitter of 45 ms", 0, 45 * time.Millisecond, false, 6},
		{"headers only", 0, 0, true, 14},
	} {
		s := New(with(Full))
		s.Trunk("b.example", 0, 0)
		s.Trunk("b.example", c.ptime, c.jit)
		s.Receive(100, "b.example", Stream{mixer.Rank{Active: !c.header, Number: 9, SSRC: 1}, c.header})
		last := uint64(0)
		for slot := uint64(100); slot < 140; slot++ {
			if len(s.Tick(slot, nil).F) == 1 {
				last = slot - 100
			}
		}
		if last != c.lastHeardAt {
			t.Errorf("%s: heard for %d slots after its packet, want %d", c.name, last, c.lastHeardAt)
		}
	}
}

// A stream leaves DB2 at once when its number is 0, when it says BYE, and when
// its trunk closes.
func TestLeaving(t *testing.T) {
	for name, leave := range map[string]func(*Server){
		"number 0": func(s *Server) { s.Receive(1, "b.example", Stream{Rank: mixer.Rank{SSRC: 1}}) },
		"BYE":      func(s *Server) { s.Remove(1) },
		"trunk":    func(s *Server) { s.Hangup("b.example") },
	} {
		s := New(with(Full))
		s.Trunk("b.example", 0, 0)
		s.Trunk("c.example", 0, 0)
		s.Receive(1, "b.example", Stream{Rank: ranks(9, 1)[0]})
		s.Receive(1, "c.example", Stream{Rank: ranks(8, 2)[0]})
		leave(s)
		if r := s.Tick(1, nil); !slices.Equal(r.F, ranks(8, 2)) {
			t.Errorf("%s: F %v", name, r.F)
		}
	}
}

// What must not count is dropped and counted.
func TestStats(t *testing.T) {
	p := with(Full)
	p.Remote = 2
	s := New(p)
	s.Trunk("b.example", 0, 0)
	s.Trunk("c.example", 0, 0)
	s.Receive(1, "x.example", Stream{Rank: ranks(99, 9)[0]})
	s.Receive(1, "b.example", Stream{Rank: ranks(50, 1)[0]})
	s.Receive(1, "c.example", Stream{Rank: ranks(90, 1)[0]})
	s.Receive(1, "b.example", Stream{Rank: ranks(60, 2)[0]})
	s.Receive(1, "c.example", Stream{Rank: ranks(70, 3)[0]})
	if got, want := s.Stats(), (Stats{Strangers: 1, Collisions: 1, Overflows: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if r := s.Tick(1, nil); !slices.Equal(r.F, ranks(60, 2, 50, 1)) {
		t.Errorf("F %v", r.F)
	}
	// Once the holder of an SSRC is gone, another may have it.
	s.Receive(20, "c.example", Stream{Rank: ranks(90, 1)[0]})
	if r := s.Tick(20, nil); !slices.Equal(r.F, ranks(90, 1)) {
		t.Errorf("F %v", r.F)
	}
	// An own stream that comes back over a trunk is not heard twice.
	r := s.Tick(21, ranks(40, 1, 30, 5))
	if !slices.Equal(r.F, ranks(40, 1, 30, 5)) {
		t.Errorf("F %v", r.F)
	}
}

// A domain sends at most N_max: a fourth stream replaces the one it no longer
// sends, in whatever order the packets of a slot come.
func TestFourthStreamOfADomain(t *testing.T) {
	order := [][]uint32{{1, 2, 4}, {4, 1, 2}, {1, 4, 2}, {2, 1, 4}, {2, 4, 1}, {4, 2, 1}}
	for _, o := range order {
		s := New(with(Full))
		s.Trunk("b.example", 0, 0)
		for _, ssrc := range []uint32{1, 2, 3} {
			s.Receive(1, "b.example", Stream{Rank: ranks(50+int(ssrc), int(ssrc))[0]})
		}
		for _, ssrc := range o {
			s.Receive(2, "b.example", Stream{Rank: ranks(10+int(ssrc), int(ssrc))[0]})
		}
		if r := s.Tick(2, nil); !slices.Equal(ssrcs(r.F), []uint32{1, 2, 4}) {
			t.Errorf("order %v: F %v", o, r.F)
		}
	}
}
