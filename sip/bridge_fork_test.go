package sip

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// RFC 3261, 16.6: in parallel at one preference, the next one after it. (PX-2)
func TestForkOrder(t *testing.T) {
	f := newFork([]int{1000, 1000, 500, 100})
	steps := []struct {
		fail int
		next []int
	}{{-1, []int{0, 1}}, {0, nil}, {1, []int{2}}, {2, []int{3}}, {3, nil}}
	for _, s := range steps {
		if s.fail >= 0 {
			if stop := f.failed(s.fail, &Refusal{Code: 480}); stop != nil {
				t.Errorf("480 of %d stops %v", s.fail, stop)
			}
		}
		var next []int
		if !f.trying() {
			next = f.next()
		}
		if !reflect.DeepEqual(next, s.next) {
			t.Errorf("after %d: start %v, want %v", s.fail, next, s.next)
		}
	}
	if f.best.Code != 480 || f.more() {
		t.Errorf("%+v", f)
	}
}

// The best of several answers, in any order. RFC 3261, 16.7, step 6 (PX-2)
func TestForkBest(t *testing.T) {
	for _, tt := range []struct {
		codes []int
		want  int
	}{
		{[]int{480, 486}, 486}, {[]int{408, 486, 500}, 486}, {[]int{500, 480}, 480}, {[]int{486, 603}, 603},
		{[]int{408, 480}, 480}, {[]int{488, 480}, 488}, {[]int{488, 486}, 486}, {[]int{500}, 500}, {[]int{403, 408}, 403},
	} {
		for range 2 {
			f := newFork(make([]int, len(tt.codes)))
			f.next()
			for i, code := range tt.codes {
				f.failed(i, &Refusal{Code: code})
			}
			if f.best.Code != tt.want {
				t.Errorf("%v: %d, want %d", tt.codes, f.best.Code, tt.want)
			}
			for i, j := 0, len(tt.codes)-1; i < j; i, j = i+1, j-1 {
				tt.codes[i], tt.codes[j] = tt.codes[j], tt.codes[i]
			}
		}
	}
}

// A 6xx ends the search; the first 2xx wins; who was told to stop has lost.
func TestForkEnds(t *testing.T) {
	f := newFork([]int{9, 9, 9, 1})
	f.next()
	if stop := f.failed(1, &Refusal{Code: 603}); !reflect.DeepEqual(stop, []int{0, 2}) || f.more() || f.next() != nil {
		t.Errorf("603 stops %v", stop)
	}
	if won, _ := f.answered(0); won {
		t.Error("a branch that was told to stop has won")
	}
	f = newFork([]int{9, 9, 9, 1})
	f.next()
	if won, stop := f.answered(2); !won || !reflect.DeepEqual(stop, []int{0, 1}) {
		t.Errorf("%v %v", won, stop)
	}
	if won, _ := f.answered(0); won {
		t.Error("two have won")
	}
	f = newFork([]int{9, 1})
	f.next()
	if stop := f.skip(&Refusal{Code: 480}); !reflect.DeepEqual(stop, []int{0}) || !reflect.DeepEqual(f.next(), []int{1}) {
		t.Errorf("skip stops %v", stop)
	}
	if stop := f.end(); !reflect.DeepEqual(stop, []int{1}) {
		t.Errorf("end stops %v", stop)
	}
}

// Who diverts is replaced at once, by those of the best preference of whom he names; the others come before all who wait.
// RFC 3261, 16.7, step 4 (UA-10)
func TestForkDiverted(t *testing.T) {
	f := newFork([]int{1000, 1000, 500})
	f.next()
	if start := f.diverted(0, []int{700, 700, 300}); !reflect.DeepEqual(start, []int{3, 4}) {
		t.Errorf("diversion starts %v", start)
	}
	if start := f.diverted(3, []int{100}); !reflect.DeepEqual(start, []int{6}) || f.tries(3) || !f.tries(6) {
		t.Errorf("the second one starts %v", start)
	}
	if stop := f.skip(&Refusal{Code: 480}); !reflect.DeepEqual(stop, []int{1, 4, 6}) {
		t.Errorf("skip stops %v", stop)
	}
	for _, want := range [][]int{{5}, {2}, nil} {
		if next := f.next(); !reflect.DeepEqual(next, want) {
			t.Errorf("next are %v, want %v", next, want)
		}
	}
	if stop := f.failed(5, &Refusal{Code: 603}); !reflect.DeepEqual(stop, []int{2}) || f.best.Code != 603 {
		t.Errorf("603 stops %v, best %+v", stop, f.best)
	}
}

// Whatever comes in whatever order: at most one wins, each is started once and stopped at most once, in the end nobody is
// trying, and there is an answer for a caller who waits.
func TestForkInvariants(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		n := 1 + r.IntN(6)
		q := make([]int, n)
		for i := range q {
			q[i] = 3 - 3*i/n
		}
		f, started, stopped, wins, open := newFork(q), map[int]int{}, map[int]int{}, 0, []int{}
		start := func(is []int) {
			for _, i := range is {
				started[i]++
				open = append(open, i)
			}
		}
		stop := func(is []int) {
			for _, i := range is {
				stopped[i]++
			}
		}
		start(f.next())
		for len(open) > 0 {
			k := r.IntN(len(open))
			i := open[k]
			switch r.IntN(7) {
			case 6:
				if !f.tries(i) || len(f.state) > 20 {
					continue
				}
				more := []int{9, 9, 5}[r.IntN(3):]
				start(f.diverted(i, more))
				open = append(open[:k], open[k+1:]...)
			case 0:
				won, s := f.answered(i)
				if won {
					wins++
				}
				stop(s)
				open = append(open[:k], open[k+1:]...)
			case 1:
				stop(f.skip(&Refusal{Code: 480}))
			case 2:
				if r.IntN(8) == 0 {
					stop(f.end())
				}
			default:
				stop(f.failed(i, &Refusal{Code: []int{480, 486, 500, 603}[r.IntN(4)]}))
				open = append(open[:k], open[k+1:]...)
			}
			if !f.trying() {
				start(f.next())
			}
		}
		if wins > 1 || f.trying() || f.more() || !f.closed && f.best == nil {
			t.Fatalf("%d wins, %+v", wins, f)
		}
		for i := range f.state {
			if started[i] > 1 || stopped[i] > 1 {
				t.Fatalf("%d started %d times, stopped %d times", i, started[i], stopped[i])
			}
		}
	}
}

func TestPassedOn(t *testing.T) {
	for code, want := range map[int]int{
		302: 480, 401: 500, 403: 403, 404: 480, 407: 500, 408: 408, 420: 500, 422: 500, 480: 480, 486: 486, 487: 480, 488: 488, 491: 500,
		500: 500, 501: 500, 503: 500, 504: 504, 600: 600, 603: 603, 606: 488,
	} {
		if got := passedOn(code); got != want {
			t.Errorf("%d: %d, want %d", code, got, want)
		}
	}
}
