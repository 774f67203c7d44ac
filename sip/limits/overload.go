package limits

import "time"

// What an Overload goes by.
const (
	overloadWindow  = 100 * time.Millisecond // requests that are judged together were handled within so long, or longer:
	overloadSamples = 20                     // there must be so many of them,
	overloadPause   = time.Second            // unless so long passes; then they are too few to overload anything
	overloadPatient = 300 * time.Millisecond // all is too slow for so long before the first is refused
	overloadOver    = 5 * time.Second        // nothing has to be refused for so long until it is over
	overloadLeast   = 10                     // so many may always wait, for there must be something to judge by
)

// Overload decides which new requests are refused while a server is behind: those that would have to wait for longer
// than a bound until they are handled. It knows how many wait and how many are handled a second, so it knows that when
// one comes, and whoever is let in is handled in time however many come. It begins to refuse when requests have waited for
// longer than the bound on average, and for 300 ms: a standstill that is over by then is none of its business. Nor are
// requests that go on with what was let in: they are what it makes room for.
type Overload struct {
	bound time.Duration // 0: all are let in
	most  int           // that may wait, overloaded or not

	waiting int     // let in, and not handled
	rate    float64 // handled a second, lately

	began  time.Time     // of the window
	count  int           // handled in it
	waited time.Duration // all of them together
	slow   time.Time     // since when all windows were above the bound; zero: the last one was not
	on     bool          // overloaded
	last   time.Time     // when it began, or refused last
}

// NewOverload makes one for a bound, 0 being for ever, and at most so many requests that wait.
func NewOverload(bound time.Duration, most int) *Overload { return &Overload{bound: bound, most: most} }

// Configure changes the bound; what is known stays.
func (o *Overload) Configure(bound time.Duration) { o.bound = bound }

// Admit says whether a new request that came then is let in. Whoever lets it in says Begin, and Handled once it is.
func (o *Overload) Admit(now, came time.Time) bool {
	switch {
	case o.bound <= 0:
		return true
	case o.waiting >= o.most:
		o.on = true
	case !o.On(now), o.waiting < overloadLeast, o.bound >= max(0, now.Sub(came))+o.wait():
		return true
	}
	o.last = now
	return false
}

// wait is how long one that is let in now will wait.
func (o *Overload) wait() time.Duration {
	if o.rate == 0 { // nothing has been judged yet
		return 0
	}
	return time.Duration(float64(o.waiting) / o.rate * float64(time.Second))
}

// Waiting is how many were let in and are not handled.
func (o *Overload) Waiting() int { return o.waiting }

// Begin says that a request waits until it is handled.
func (o *Overload) Begin() { o.waiting++ }

// Handled says that a request which came then waits no longer.
func (o *Overload) Handled(now, came time.Time) {
	o.waiting--
	if o.count == 0 {
		o.began = now
	}
	o.count++
	o.waited += max(0, now.Sub(came))
	switch took := now.Sub(o.began); {
	case took >= overloadPause:
		o.slow = time.Time{}
	case took >= overloadWindow && o.count >= overloadSamples:
		o.judge(now, took)
	default:
		return
	}
	o.count, o.waited = 0, 0
}

// judge decides by the window that ends now, and took so long.
func (o *Overload) judge(now time.Time, took time.Duration) {
	o.rate = max(0.9*o.rate, float64(o.count-1)/took.Seconds()) // a window in which few came does not say what it can do
	switch {
	case o.waited/time.Duration(o.count) <= o.bound:
		o.slow = time.Time{}
		return
	case o.slow.IsZero():
		o.slow = o.began
	}
	if now.Sub(o.slow) >= overloadPatient {
		o.on, o.last = o.bound > 0, now
	}
}

// On says whether it is overloaded.
func (o *Overload) On(now time.Time) bool {
	o.on = o.on && now.Sub(o.last) < overloadOver
	return o.on
}
