package sim

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The score is the logarithm of a binomial over an exponential likelihood: for 5
// of 5 blocks at rate 24, ln(2^-5) - ln 24 + 5*24.
func TestActivityScore(t *testing.T) {
	for _, c := range []struct {
		v, n   int
		lambda float64
		want   float64
	}{
		{5, 5, 24, -5*math.Ln2 - math.Log(24) + 120},
		{2, 5, 24, math.Log(10) - 5*math.Ln2 - math.Log(24) + 48},
		{0, 5, 24, dominantLeastScore}, // below 0
		{10, 13, 0.78, math.Log(286) - 13*math.Ln2 - math.Log(0.78) + 7.8},
	} {
		if got := activityScore(c.v, c.n, c.lambda); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%d of %d: %v, want %v", c.v, c.n, got, c.want)
		}
	}
}

// The first who speaks is dominant at the next decision; a second who begins
// later is not, as long as the first goes on; he follows when the first stops.
func TestDominance(t *testing.T) {
	d := newDominance(2, 1, false)
	run := func(slots int, x ...uint16) int {
		var named []int
		for range slots {
			named = d.choose(x)
		}
		if len(named) == 0 {
			return -1
		}
		return named[0]
	}
	if got := run(50, 0, 0); got != -1 {
		t.Errorf("nobody has spoken: %d is dominant", got)
	}
	if got := run(30, 3277, 0); got != 0 {
		t.Errorf("the first speaks: %d is dominant", got)
	}
	if got := run(150, 3277, 3277); got != 0 {
		t.Errorf("both speak: %d is dominant", got)
	}
	if got := run(30, 0, 3277); got != 1 {
		t.Errorf("the first has stopped: %d is dominant", got)
	}
	if got := run(5, 0, 65535); got != 1 {
		t.Errorf("a burst of him who is dominant: %d is", got)
	}
}

// With seats, two speakers have two floors, and a third one takes the seat of the
// one who stops.
func TestSeats(t *testing.T) {
	d := newDominance(3, 2, true)
	named := d.choose([]uint16{0, 0, 0}) // how quiet their rooms are
	for range 100 {
		named = d.choose([]uint16{3277, 3277, 0})
	}
	if got := slices.Sorted(slices.Values(named)); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("two speak: %v", got)
	}
	for range 100 {
		named = d.choose([]uint16{3277, 0, 3277})
	}
	if got := slices.Sorted(slices.Values(named)); !slices.Equal(got, []int{0, 2}) {
		t.Errorf("the second has stopped, the third speaks: %v", got)
	}
}

// quietest is the minimum of the latest window, against one that looks at all.
func TestQuietest(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	q := newQuietest(20)
	var all []int
	for range 2000 {
		all = append(all, r.IntN(50))
		if got, want := q.add(all[len(all)-1]), slices.Min(all[max(len(all)-20, 0):]); got != want {
			t.Fatalf("after %d: %d, want %d", len(all), got, want)
		}
	}
}

// The energies are those of the last slots, and digital silence has no floor.
func TestEnergy(t *testing.T) {
	e := newEnergy(3, 2, 2)
	for i, c := range []struct {
		x    []uint16
		want []int
	}{
		{[]uint16{0, 0, 0}, nil},
		{[]uint16{10, 0, 5}, []int{0, 2}},
		{[]uint16{0, 11, 0}, []int{1, 0}},
		{[]uint16{0, 0, 0}, []int{1}},
		{[]uint16{0, 0, 0}, nil},
	} {
		if got := e.choose(c.x); !slices.Equal(got, c.want) {
			t.Errorf("slot %d: %v, want %v", i, got, c.want)
		}
	}
}
