package limits

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// offender is a source, or one user at a source.
type offender struct {
	source netip.Prefix
	user   string // empty: the source as a whole
}

// offence is what an offender did wrong.
type offence struct {
	since  time.Time // when the window began in which failures are counted
	count  int       // failures in it
	wait   time.Time // not judged before
	until  time.Time // banned
	bans   int       // so far, mutings not among them
	reason string    // of the ban
}

// Ban is a source, or a user at a source, who is not served.
type Ban struct {
	Source netip.Prefix
	User   string // "user@domain"; empty: nothing from the source is served
	Until  time.Time
	Reason string // "password", "pin", "flood", ...
	Count  int    // which ban of his it is; 0: muted for a flood only
}

// freeTries is how many failures cost no waiting; each further one costs twice the wait of the one before, from
// firstWait to longestWait.
const (
	freeTries   = 3
	firstWait   = time.Second
	longestWait = time.Minute
)

// offence finds or makes the entry of an offender.
func (l *Limiter) offence(who offender, now time.Time) *entry[offender, offence] {
	e := l.bad.get(who)
	if e == nil {
		var gone *entry[offender, offence]
		if e, gone = l.bad.add(who, now, now); gone != nil && gone.value.until.After(now) {
			l.changes++
		}
	}
	return e
}

// keep says until when the entry is worth anything.
func (l *Limiter) keep(e *entry[offender, offence]) {
	o := &e.value
	due := o.since.Add(l.cfg.Window)
	if until := o.until; !until.IsZero() {
		if o.bans > 0 {
			until = until.Add(l.cfg.BanMost)
		}
		if until.After(due) {
			due = until
		}
	}
	l.bad.move(e, due)
}

// Failed counts a wrong password, PIN or the like, which what names; user is who was meant, "user@domain" or empty. It
// reports the ban that this brings, if any: of the user at that source first, so that an office behind one address goes
// on when one telephone has an old password; of the source when failures of several users add up.
func (l *Limiter) Failed(now time.Time, source netip.Addr, user, what string) (b Ban, banned bool) {
	p := Prefix(source)
	if user != "" {
		b, banned = l.fail(offender{p, user}, l.cfg.Failures, now, what)
	}
	if all, ok := l.fail(offender{source: p}, sourceFactor*l.cfg.Failures, now, what); ok {
		return all, true
	}
	return b, banned
}

func (l *Limiter) fail(who offender, most int, now time.Time, what string) (Ban, bool) {
	e := l.offence(who, now)
	o := &e.value
	if now.Sub(o.since) >= l.cfg.Window {
		o.since, o.count = now, 0
	}
	o.count++
	if n := o.count - freeTries; n > 0 && who.user != "" {
		o.wait = now.Add(min(firstWait<<min(n-1, 16), longestWait))
	}
	if o.count < most {
		l.keep(e)
		return Ban{}, false
	}
	d := l.cfg.Ban
	for range o.bans {
		if d = 2 * d; d >= l.cfg.BanMost {
			break
		}
	}
	o.bans++
	o.count = 0
	o.until, o.reason = now.Add(min(d, l.cfg.BanMost)), what
	l.keep(e)
	l.changes++
	return ban(e), true
}

// Succeeded forgets the failures of a user at a source; his bans are remembered.
func (l *Limiter) Succeeded(source netip.Addr, user string) {
	if e := l.bad.get(offender{Prefix(source), user}); e != nil {
		e.value.count, e.value.wait = 0, time.Time{}
	}
}

// Wait is how long what a user at a source sends as proof of himself is not looked at: he has failed before.
func (l *Limiter) Wait(now time.Time, source netip.Addr, user string) time.Duration {
	e := l.bad.get(offender{Prefix(source), user})
	if e == nil {
		return 0
	}
	return max(e.value.wait.Sub(now), e.value.until.Sub(now), 0)
}

// Banned says whether nothing from the source is served.
func (l *Limiter) Banned(now time.Time, source netip.Addr) bool {
	e := l.bad.get(offender{source: Prefix(source)})
	return e != nil && e.value.until.After(now)
}

// Changes grows whenever somebody is banned or no longer banned before his time.
func (l *Limiter) Changes() int { return l.changes }

// Bans lists who is banned, in the order of their sources.
func (l *Limiter) Bans(now time.Time) []Ban {
	var all []Ban
	for _, e := range l.bad.heap {
		if e.value.until.After(now) {
			all = append(all, ban(e))
		}
	}
	slices.SortFunc(all, func(a, b Ban) int {
		return cmp.Or(a.Source.Addr().Compare(b.Source.Addr()), cmp.Compare(a.User, b.User))
	})
	return all
}

func ban(e *entry[offender, offence]) Ban {
	o := &e.value
	return Ban{Source: e.key.source, User: e.key.user, Until: o.until, Reason: o.reason, Count: o.bans}
}

// Lift forgets all that a source and the users at it did wrong, and says whether any of them was banned.
func (l *Limiter) Lift(now time.Time, source netip.Addr) bool {
	p, banned := Prefix(source), false
	for _, e := range slices.Clone(l.bad.heap) {
		if e.key.source != p {
			continue
		}
		banned = banned || e.value.until.After(now)
		l.bad.remove(e)
	}
	if banned {
		l.changes++
	}
	return banned
}
