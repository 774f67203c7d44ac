package sip

// fork decides which phones of the callee are called, in which order, and which of their answers the caller gets. It
// computes only: who owns it sends what it says. Branches are numbered as they come, of those that come together the best
// first. RFC 3261, 16.6 and 16.7 (PX-2)
type fork struct {
	waiting [][]int // branches that were not started, those of one preference together, in the order of their start
	state   []branchState
	over    bool // no more are started
	closed  bool // the caller has his answer or has gone: who answers now is too late
	best    *Refusal
}

type branchState uint8

const (
	branchIdle branchState = iota
	branchTrying
	branchStopped // told to stop
	branchDone
)

// newFork makes a fork of a branch for each preference; they fall.
func newFork(q []int) *fork {
	f := &fork{}
	f.waiting = f.add(q)
	return f
}

// add makes a branch for each preference; they fall. It gives those of one preference together.
func (f *fork) add(q []int) (groups [][]int) {
	for i := range q {
		if i == 0 || q[i] != q[i-1] {
			groups = append(groups, nil)
		}
		last := &groups[len(groups)-1]
		*last = append(*last, len(f.state))
		f.state = append(f.state, branchIdle)
	}
	return groups
}

// next starts the branches whose turn it is; nil when there are none.
func (f *fork) next() (start []int) {
	if !f.more() {
		return nil
	}
	start, f.waiting = f.waiting[0], f.waiting[1:]
	for _, i := range start {
		f.state[i] = branchTrying
	}
	return start
}

// more says that there are branches to go on to.
func (f *fork) more() bool { return !f.over && len(f.waiting) > 0 }

// tries says that a branch may still answer.
func (f *fork) tries(i int) bool { return f.state[i] == branchTrying }

// trying says that any branch may still answer.
func (f *fork) trying() bool {
	for _, s := range f.state {
		if s == branchTrying {
			return true
		}
	}
	return false
}

// failed takes the final answer of a branch, and gives those to stop for it: nobody else is asked once somebody has
// declined for everybody (6xx).
func (f *fork) failed(i int, r *Refusal) (stop []int) {
	tried := f.state[i] == branchTrying
	f.state[i] = branchDone
	if !tried {
		return nil
	}
	f.heard(r)
	if r.Code >= 600 {
		f.over = true
		return f.stopTrying()
	}
	return nil
}

// diverted puts others in the place of a branch that is trying, one for each preference; they fall. Those of the best
// preference start at once, the rest before all that wait. What the branch answered says nothing to the caller.
// RFC 3261, 16.7, step 4 (UA-10)
func (f *fork) diverted(i int, q []int) (start []int) {
	f.state[i] = branchDone
	f.waiting = append(f.add(q), f.waiting...)
	return f.next()
}

// answered takes the 2xx of a branch. It reports whether the branch has the call, and which are to stop then.
func (f *fork) answered(i int) (won bool, stop []int) {
	won = !f.closed && f.state[i] == branchTrying
	f.state[i] = branchDone
	if !won {
		return false, nil
	}
	f.over, f.closed = true, true
	return true, f.stopTrying()
}

// skip gives up the branches that ring, in favour of the next ones.
func (f *fork) skip(r *Refusal) (stop []int) {
	f.heard(r)
	return f.stopTrying()
}

// end is when the caller has gone.
func (f *fork) end() (stop []int) {
	f.over, f.closed = true, true
	return f.stopTrying()
}

func (f *fork) stopTrying() (stop []int) {
	for i, s := range f.state {
		if s == branchTrying {
			f.state[i] = branchStopped
			stop = append(stop, i)
		}
	}
	return stop
}

// heard keeps the better of two answers.
func (f *fork) heard(r *Refusal) {
	if f.best == nil || answerRank(r.Code) < answerRank(f.best.Code) {
		f.best = r
	}
}

// answerRank orders final answers, best first: 6xx, then the lowest class; within 4xx what a person did before what
// the caller can mend, and both before that nobody was there. RFC 3261, 16.7, step 6 (PX-2)
func answerRank(code int) int {
	switch {
	case code >= 600:
		return 0
	case code == 486:
		return 1
	case code == 415 || code == 484 || code == 488:
		return 2
	case code >= 500:
		return 6
	case code == 408:
		return 5
	case code == 480:
		return 4
	}
	return 3
}

// passedOn is the code that the caller gets for what a phone answered. What concerns our own request (a challenge, a
// diversion that is not followed, a method or an extension) says nothing to him, and a 503 would turn his proxy away from
// this server. RFC 3261, 16.7, step 6
func passedOn(code int) int {
	switch {
	case code >= 600 && code <= 699 && code != 606:
		return code
	case code == 606:
		return 488
	case code >= 300 && code < 400, code == 404, code == 410, code == 430, code == 487:
		return 480 // the phone does not take the calls of its user now
	}
	switch code {
	case 403, 408, 415, 480, 483, 484, 486, 488, 500, 504:
		return code
	}
	return 500
}
