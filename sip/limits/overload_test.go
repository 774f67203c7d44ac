package limits

import (
	"math/rand/v2"
	"testing"
	"time"
)

// queue is a server in virtual time that handles requests one after the other.
type queue struct {
	o    *Overload
	each time.Duration // what a request takes
	free time.Time     // when all that was let in is done

	came, done     []time.Time // when those that wait came, and will be done
	served, denied int
	longest        time.Duration // that one which was let in waited
	turns          int           // how often it went into overload, or out of it
	on             bool
}

// until does what is due.
func (q *queue) until(now time.Time) {
	for len(q.done) > 0 && !q.done[0].After(now) {
		q.longest = max(q.longest, q.done[0].Sub(q.came[0]))
		q.o.Handled(q.done[0], q.came[0])
		q.served++
		q.done, q.came = q.done[1:], q.came[1:]
	}
	if on := q.o.On(now); on != q.on {
		q.on = on
		q.turns++
	}
}

// offer has requests come at a rate for so long, at times drawn, late being how long each has waited before it is asked
// for. It tells the time after that.
func (q *queue) offer(r *rand.Rand, now time.Time, rate float64, long, late time.Duration) time.Time {
	end := now.Add(long)
	for {
		now = now.Add(time.Duration(r.ExpFloat64() * float64(time.Second) / rate))
		if now.After(end) {
			q.until(end)
			return end
		}
		q.until(now)
		came := now.Add(-late)
		if !q.o.Admit(now, came) {
			q.denied++
			continue
		}
		q.o.Begin()
		if q.free.Before(now) {
			q.free = now
		}
		q.free = q.free.Add(q.each)
		q.came, q.done = append(q.came, came), append(q.done, q.free)
	}
}

const bound = 100 * time.Millisecond

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// Whatever comes, nearly all that can be done is done, in time; what is too much is refused, and nothing once it is over.
func TestOverload(t *testing.T) {
	for _, tt := range []struct {
		name     string
		capacity float64 // requests a second
		rate     float64
		longest  time.Duration // wait of one that is let in, at the beginning and then
		then     time.Duration
		refuses  bool
	}{
		{"idle", 2000, 10, bound / 10, bound / 10, false},
		{"nine tenths", 2000, 1800, bound / 2, bound / 2, false},
		{"half more than it can", 2000, 3000, 4 * bound, 2 * bound, true},
		{"five times", 2000, 10000, 5 * bound, 2 * bound, true},
		{"ten times", 2000, 20000, 5 * bound, 2 * bound, true},
		{"a slow one, three times", 100, 300, 15 * bound, 2 * bound, true},
		{"a fast one, twice", 10000, 20000, 5 * bound, 2 * bound, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const long = 10 * time.Second
			r := rand.New(rand.NewPCG(1, 2))
			q := &queue{o: NewOverload(bound, 1000), each: time.Duration(float64(time.Second) / tt.capacity)}
			now := q.offer(r, noon, tt.rate, 5*time.Second, 0)
			first := q.longest
			q.longest, q.served = 0, 0
			now = q.offer(r, now, tt.rate, long, 0)
			t.Logf("%d served, %d refused, at first %v waited for, then %v", q.served, q.denied, first, q.longest)
			if least := 0.95 * long.Seconds() * min(tt.capacity, tt.rate*0.95); float64(q.served) < least {
				t.Errorf("%d served in %v, want %.0f", q.served, long, least)
			}
			if first > tt.longest || q.longest > tt.then || (q.denied > 0) != tt.refuses {
				t.Errorf("waited for %v at first, then %v, %d refused; want at most %v and %v, refusals: %v", first, q.longest, q.denied, tt.longest, tt.then, tt.refuses)
			}
			if tt.refuses && q.turns != 1 || !tt.refuses && q.turns != 0 {
				t.Errorf("overload began or ended %d times", q.turns)
			}
			denied := q.denied
			now = q.offer(r, now, tt.capacity/2, time.Second, 0) // what waits is done
			q.offer(r, now, tt.capacity/2, 6*time.Second, 0)
			if float64(q.denied-denied) > tt.capacity/10 || q.on || q.turns > 2 {
				t.Errorf("afterwards %d more refused, on %v after %d turns", q.denied-denied, q.on, q.turns)
			}
			if q.o.Waiting() != len(q.done) {
				t.Errorf("%d wait, it says %d", len(q.done), q.o.Waiting())
			}
		})
	}
}

// What a request has waited for before anybody looked at it counts: it is refused when nothing is left of the bound.
func TestOverloadBeforeTheDoor(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for late, want := range map[time.Duration]bool{0: false, bound / 2: false, 2 * bound: true} {
		q := &queue{o: NewOverload(bound, 1000), each: time.Millisecond}
		q.offer(r, noon, 900, 10*time.Second, late)
		if refused := q.denied > 0; refused != want || q.on != want || q.longest > late+bound {
			t.Errorf("waited for %v before: %d refused, overload %v, at most %v waited for", late, q.denied, q.on, q.longest)
		}
	}
}

// What is slow for a moment, or seldom, is no overload; nor does a clock that goes back make one.
func TestNoOverload(t *testing.T) {
	type load func(o *Overload, now time.Time) time.Time
	loads := map[string]load{
		"a standstill of a second, with 900 that wait": func(o *Overload, now time.Time) time.Time {
			for range 900 {
				o.Begin()
			}
			for i := range 900 {
				o.Handled(now.Add(time.Duration(i)*300*time.Microsecond), now.Add(time.Duration(i-1000)*time.Millisecond))
			}
			return now.Add(time.Second)
		},
		"ten a second that take 800 ms each": func(o *Overload, now time.Time) time.Time {
			for range 100 {
				o.Begin()
				now = now.Add(100 * time.Millisecond)
				o.Handled(now, now.Add(-800*time.Millisecond))
			}
			return now
		},
		"times to come": func(o *Overload, now time.Time) time.Time {
			for range 1000 {
				o.Begin()
				now = now.Add(time.Millisecond)
				o.Handled(now, now.Add(time.Hour))
			}
			return now
		},
	}
	for name, f := range loads {
		o := NewOverload(bound, 1000)
		for now, i := noon, 0; i < 10; i++ {
			now = f(o, now.Add(time.Second))
			for range 500 {
				if !o.Admit(now, now) || o.On(now) {
					t.Fatalf("%s: refused", name)
				}
			}
		}
	}
}

// Turned off, it refuses nothing, and goes by what it knows when it is turned on again.
func TestOverloadTurnedOff(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	q := &queue{o: NewOverload(0, 1000), each: time.Millisecond}
	now := q.offer(r, noon, 2000, 5*time.Second, 0)
	if q.denied > 0 || q.turns > 0 {
		t.Errorf("%d refused, %d turns", q.denied, q.turns)
	}
	q.o.Configure(bound)
	q.offer(r, now, 2000, 10*time.Second, 0)
	if q.denied == 0 || !q.on || len(q.done) > 200 {
		t.Errorf("%d refused, overload %v, %d wait", q.denied, q.on, len(q.done))
	}
}
