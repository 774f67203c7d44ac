package limits

import (
	"net/netip"
	"time"
)

// Verdict is what becomes of a request.
type Verdict uint8

// The verdicts, each harder than the one before.
const (
	Pass   Verdict = iota // serve it
	Refuse                // say 503 with Retry-After
	Drop                  // say nothing
	Mute                  // say nothing, and listen to the source no more for MuteTime
)

// MuteTime is how long a source that floods is not listened to. It is short, for by UDP anybody can flood in the name
// of another.
const MuteTime = 10 * time.Second

const (
	refusals = 3   // requests over the rate that are answered, until the source has been quiet
	patience = 100 // requests over the rate until the source is muted
)

// buckets are token buckets of one rate, as GCRA: an entry is due when its bucket is full again.
type buckets[K comparable] struct {
	interval  time.Duration // between two requests in the long run
	tolerance time.Duration // how far ahead of that one may be
	known     *table[K, uint8]
}

func newBuckets[K comparable](most int) *buckets[K] {
	return &buckets[K]{known: newTable[K, uint8](most)}
}

func (b *buckets[K]) set(r Rate) {
	b.interval = time.Minute / time.Duration(max(r.PerMinute, 1))
	b.tolerance = b.interval * time.Duration(max(r.Burst, 1)-1)
}

// take counts one request. retry is when the next one would pass.
func (b *buckets[K]) take(key K, now time.Time) (v Verdict, retry time.Duration) {
	e := b.known.get(key)
	if e == nil {
		b.known.add(key, now.Add(b.interval), now)
		return Pass, 0
	}
	if !e.due.After(now) { // it was quiet for long enough
		e.value = 0
		b.known.move(e, now.Add(b.interval))
		return Pass, 0
	}
	if ahead := e.due.Sub(now); ahead > b.tolerance {
		return b.over(e), ahead - b.tolerance
	}
	b.known.move(e, e.due.Add(b.interval))
	return Pass, 0
}

// over counts a request above the rate.
func (b *buckets[K]) over(e *entry[K, uint8]) Verdict {
	e.value++
	switch {
	case e.value > patience:
		e.value = refusals
		return Mute
	case e.value > refusals:
		return Drop
	}
	return Refuse
}

// Take counts a request of a source, whoever it says it is from. retry is after what time the next one would pass.
func (l *Limiter) Take(now time.Time, k Kind, source netip.Addr) (v Verdict, retry time.Duration) {
	p := Prefix(source)
	v, retry = l.sources[k].take(p, now)
	if v == Mute {
		e := l.offence(offender{source: p}, now)
		if o := &e.value; now.Add(MuteTime).After(o.until) {
			o.until, o.reason = now.Add(MuteTime), "flood"
			l.keep(e)
			l.changes++
		}
	}
	return v, retry
}

// TakeUser counts a request of a user, "user@domain", who has proved who he is: by what others claim to be from him
// nobody is limited. Other requests are not counted.
func (l *Limiter) TakeUser(now time.Time, k Kind, user string) (v Verdict, retry time.Duration) {
	if int(k) >= len(l.users) {
		return Pass, 0
	}
	v, retry = l.users[k].take(user, now)
	return min(v, Drop), retry
}
