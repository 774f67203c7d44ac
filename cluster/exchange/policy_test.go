package exchange

import (
	"slices"
	"testing"

	"trivox/loudness"
	"trivox/mixer"
)

func ranks(pairs ...int) []mixer.Rank { // number, ssrc, number, ssrc, ...
	var r []mixer.Rank
	for i := 0; i < len(pairs); i += 2 {
		r = append(r, mixer.Rank{Active: true, Number: loudness.Number(pairs[i]), SSRC: uint32(pairs[i+1])})
	}
	return r
}

// P 6.4 (algorithm 1, steps 2 to 4), P 8.1 (algorithm 2, step d), P 8.2
// (algorithm 3, steps d and e): what a server with streams 1 to 4 sends in the
// slot after an F given. Streams from 100 are of another domain.
func TestPolicies(t *testing.T) {
	local := ranks(50, 4, 80, 2, 100, 1, 70, 3)
	for _, c := range []struct {
		name   string
		policy Policy
		f      []mixer.Rank
		want   []uint32
	}{
		{"full: the best N_max, whatever LNT", Full, ranks(900, 100, 800, 101, 700, 102), []uint32{1, 2, 3}},
		{"pessimistic: none above LNT, the top one", Pessimistic, ranks(900, 100, 800, 101, 700, 102), []uint32{1}},
		{"pessimistic: one above, and the next", Pessimistic, ranks(900, 100, 800, 101, 90, 102), []uint32{1, 2}},
		{"pessimistic: two above, and the next", Pessimistic, ranks(900, 100, 800, 101, 75, 102), []uint32{1, 2, 3}},
		{"pessimistic: three above, no fourth", Pessimistic, ranks(900, 100, 800, 101, 10, 102), []uint32{1, 2, 3}},
		{"optimistic: none above LNT, none", Optimistic, ranks(900, 100, 800, 101, 700, 102), nil},
		{"optimistic: one above", Optimistic, ranks(900, 100, 800, 101, 110, 102), []uint32{1}},
		{"optimistic: two above 0.8 of it", Optimistic, ranks(900, 100, 800, 101, 99, 102), []uint32{1, 2}},
		{"optimistic: three above", Optimistic, ranks(900, 100, 800, 101, 10, 102), []uint32{1, 2, 3}},
		{"optimistic: one in F, now far below", Optimistic, ranks(900, 100, 800, 101, 700, 2), []uint32{2}},
		{"optimistic: all in F, now far below", Optimistic, ranks(900, 3, 800, 2, 700, 1), []uint32{1, 2, 3}},
		{"optimistic: in F, but no longer of the best three", Optimistic, ranks(900, 100, 800, 101, 700, 4), nil},
		{"pessimistic: F not full: own in it, and as many others as are free", Pessimistic, ranks(900, 100, 70, 3), []uint32{1, 3}},
		{"optimistic: the same", Optimistic, ranks(900, 100, 70, 3), []uint32{1, 3}},
		{"F not full, two free", Optimistic, ranks(900, 100), []uint32{1, 2}},
		{"F empty", Pessimistic, nil, []uint32{1, 2, 3}},
		{"F not full, all its streams ours", Optimistic, ranks(80, 2, 70, 3), []uint32{1, 2, 3}},
	} {
		s := New(with(c.policy))
		s.Trunk("b.example", 0, 0)
		s.Follow(c.f)
		var got []uint32
		for _, st := range s.Offer(1, local) {
			if local[st.Index] != st.Rank {
				t.Errorf("%s: %v has the index of %v", c.name, st.Rank, local[st.Index])
			}
			got = append(got, st.SSRC)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: sends %v, want %v", c.name, got, c.want)
		}
	}
}

// DESIGN 6: LNT is a rank: an active stream is above any inactive one, of equal
// numbers the lower SSRC is; at the paper's factor of 1 a stream equal to LNT is
// not above it.
func TestLNTIsARank(t *testing.T) {
	p := with(Optimistic)
	p.Successor = Whole
	lnt := mixer.Rank{Active: false, Number: 500, SSRC: 50}
	for _, c := range []struct {
		local mixer.Rank
		sent  bool
	}{
		{mixer.Rank{Active: true, Number: 1, SSRC: 99}, true},
		{mixer.Rank{Active: false, Number: 501, SSRC: 99}, true},
		{mixer.Rank{Active: false, Number: 500, SSRC: 49}, true},
		{mixer.Rank{Active: false, Number: 500, SSRC: 51}, false},
		{mixer.Rank{Active: false, Number: 499, SSRC: 1}, false},
	} {
		s := New(p)
		s.Trunk("b.example", 0, 0)
		s.Follow(append(ranks(900, 100, 800, 101), lnt))
		if got := len(s.Offer(1, []mixer.Rank{c.local})) == 1; got != c.sent {
			t.Errorf("%v against an LNT of %v: sent %v", c.local, lnt, got)
		}
	}
}

// DESIGN 6: "lambda > 0": a stream without a number is neither sent nor heard,
// under any policy (the paper would send at least one).
func TestSilentStreamsAreNotSent(t *testing.T) {
	for _, policy := range policies {
		s := New(with(policy))
		s.Trunk("b.example", 0, 0)
		r := s.Tick(1, []mixer.Rank{{Active: true, SSRC: 1}, {SSRC: 2}})
		if len(r.F) != 0 || len(r.Send) != 0 || r.LNT != (mixer.Rank{}) {
			t.Errorf("%v: %+v", policy, r)
		}
	}
}

// P 8.1 and 8.2, step b: LNT is the lowest of F; DESIGN 6: lowest of all when F
// is not full.
func TestLNT(t *testing.T) {
	s := New(with(Pessimistic))
	r := s.Tick(1, ranks(50, 4, 80, 2, 100, 1, 70, 3))
	if want := ranks(70, 3)[0]; r.LNT != want {
		t.Errorf("LNT %v, want %v", r.LNT, want)
	}
	if lnt, heard := s.LNT(); lnt != r.LNT || heard != 3 {
		t.Errorf("LNT() = %v, %d", lnt, heard)
	}
	r = s.Tick(2, ranks(50, 4, 80, 2))
	if r.LNT != (mixer.Rank{}) {
		t.Errorf("LNT %v of an F that is not full", r.LNT)
	}
}

func TestPolicyNames(t *testing.T) {
	for _, p := range policies {
		if q, err := ParsePolicy(p.String()); err != nil || q != p {
			t.Errorf("%v: %v, %v", p, q, err)
		}
	}
	if _, err := ParsePolicy("hopeful"); err == nil {
		t.Error("a policy nobody knows is accepted")
	}
	if s := Policy(9).String(); s != "Policy(9)" {
		t.Error(s)
	}
}

func TestCheck(t *testing.T) {
	if err := Default().Check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Params){
		"no floors":    func(p *Params) { p.NMax = 0 },
		"many floors":  func(p *Params) { p.NMax = maxNMax + 1 },
		"policy":       func(p *Params) { p.Policy = 3 },
		"slot":         func(p *Params) { p.Slot = 0 },
		"successor":    func(p *Params) { p.Successor = 0 },
		"successor >1": func(p *Params) { p.Successor = Whole + 1 },
		"packet time":  func(p *Params) { p.PacketTime = 0 },
		"expiry":       func(p *Params) { p.Expiry = 0 },
		"header":       func(p *Params) { p.HeaderExpiry = 0 },
		"header first": func(p *Params) { p.HeaderFirst = 0 },
		"header every": func(p *Params) { p.HeaderEvery = p.HeaderExpiry },
		"hold":         func(p *Params) { p.Hold = 0 },
		"remote":       func(p *Params) { p.Remote = 0 },
	} {
		p := Default()
		spoil(&p)
		if p.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: New took it", name)
				}
			}()
			New(p)
		}()
	}
}
