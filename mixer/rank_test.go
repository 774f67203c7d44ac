package mixer

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"trivox/loudness"
)

func drawRank(t *rapid.T) Rank {
	return Rank{
		Active: rapid.Bool().Draw(t, "active"),
		Number: loudness.Number(rapid.OneOf(rapid.Uint16Range(0, 3), rapid.Uint16()).Draw(t, "number")),
		SSRC:   rapid.OneOf(rapid.Uint32Range(0, 5), rapid.Uint32()).Draw(t, "ssrc"),
	}
}

// DESIGN 6: active, then lambda, then the lower SSRC.
func TestAbove(t *testing.T) {
	for _, c := range []struct {
		name      string
		high, low Rank
	}{
		{"activity first", Rank{true, 1, 9}, Rank{false, 65535, 1}},
		{"then the number", Rank{true, 2, 9}, Rank{true, 1, 1}},
		{"then the lower SSRC", Rank{true, 2, 1}, Rank{true, 2, 2}},
		{"anybody above nobody", Rank{false, 1, 4294967295}, Rank{}},
	} {
		if !c.high.Above(c.low) || c.low.Above(c.high) || c.high.Above(c.high) {
			t.Errorf("%s: %v, %v", c.name, c.high, c.low)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRank(t), drawRank(t)
		if a.Above(b) != (a.key() > b.key()) {
			t.Fatalf("%v above %v is %v, the keys say otherwise", a, b, a.Above(b))
		}
	})
}

// Select against sorting everything.
func TestSelectAgreesWithSort(t *testing.T) {
	dst := make([]int, 0, 8)
	rapid.Check(t, func(t *rapid.T) {
		ranks := rapid.SliceOfN(rapid.Custom(drawRank), 0, 40).Draw(t, "ranks")
		n := rapid.IntRange(-1, 8).Draw(t, "n")
		var want []int
		for i, r := range ranks {
			if r.Number > 0 {
				want = append(want, i)
			}
		}
		slices.SortStableFunc(want, func(i, j int) int {
			switch {
			case ranks[i].Above(ranks[j]):
				return -1
			case ranks[j].Above(ranks[i]):
				return 1
			}
			return 0
		})
		want = want[:min(len(want), max(n, 0))]
		dst = Select(dst, ranks, n)
		if !slices.Equal(dst, want) {
			t.Fatalf("best %d of %v: %v, want %v", n, ranks, dst, want)
		}
	})
}

func manyRanks(n int) []Rank {
	ranks := make([]Rank, n)
	for i := range ranks {
		ranks[i] = Rank{Active: i%7 == 0, Number: loudness.Number(i * 7919), SSRC: uint32(i) * 2654435761}
	}
	return ranks
}

func TestSelectAllocatesNothing(t *testing.T) {
	ranks := manyRanks(1000)
	dst := make([]int, 0, 3)
	if a := testing.AllocsPerRun(100, func() { dst = Select(dst, ranks, 3) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func BenchmarkSelect1000(b *testing.B) {
	ranks := manyRanks(1000)
	dst := make([]int, 0, 3)
	for b.Loop() {
		dst = Select(dst, ranks, 3)
	}
}
