// Package limits decides how much a source or a user may ask of a server, and who is banned for how long. It is pure:
// time is an argument, nothing waits, locks or logs; whoever owns a Limiter calls it from one goroutine at a time.
//
// Every table is bounded. When one is full, the entry gives way that would be worthless soonest: a bucket that is nearly
// full again, an offence that is nearly forgotten. So a flood from many sources pushes out itself, and never who is
// deepest in debt or banned longest.
//
// An Overload decides apart from that what a server cannot do in time, whoever asks for it.
package limits

import (
	"net/netip"
	"time"
)

// Kind is what a request counts as.
type Kind uint8

// The kinds of requests.
const (
	Invite   Kind = iota // asks for a call
	Register             // registers
	Other                // any other request outside dialogs; bounded as REGISTER is, but counted apart
	Connect              // a connection, which may cost a TLS handshake; bounded likewise
	kinds
)

// Rate bounds how often something may happen.
type Rate struct {
	PerMinute int // in the long run
	Burst     int // at once, after a pause
}

// Config says how much is too much. The zero value takes the defaults.
type Config struct {
	Invite       Rate // of one source, 600 a minute and 100 at once unless set
	Register     Rate // of one source, 3000 a minute and 500 at once unless set
	UserInvite   Rate // of one user, 120 a minute and 60 at once unless set
	UserRegister Rate // of one user, 60 a minute and 30 at once unless set

	Failures int           // of one user at one source within Window that ban him there, 10 unless set
	Window   time.Duration // 10 min unless set
	Ban      time.Duration // the first ban, 5 min unless set; each further one is twice as long
	BanMost  time.Duration // the longest ban, 24 h unless set; as long after its end a ban is remembered

	Most int // entries of each table, 65536 unless set
}

// sourceFactor is how many times more failures ban a whole source than one user there: behind one address there may be
// an office, in which some telephones have an old password.
const sourceFactor = 5

// filled is c with the defaults where nothing is set.
func (c Config) filled() Config {
	rate := func(r *Rate, perMinute, burst int) {
		if r.PerMinute == 0 {
			r.PerMinute = perMinute
		}
		if r.Burst == 0 {
			r.Burst = burst
		}
	}
	duration := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	rate(&c.Invite, 600, 100)
	rate(&c.Register, 3000, 500)
	rate(&c.UserInvite, 120, 60)
	rate(&c.UserRegister, 60, 30)
	if c.Failures == 0 {
		c.Failures = 10
	}
	duration(&c.Window, 10*time.Minute)
	duration(&c.Ban, 5*time.Minute)
	duration(&c.BanMost, 24*time.Hour)
	c.BanMost = max(c.BanMost, c.Ban)
	if c.Most == 0 {
		c.Most = 1 << 16
	}
	return c
}

// Limiter knows what sources and users have asked for, and what they did wrong.
type Limiter struct {
	cfg     Config
	sources [kinds]*buckets[netip.Prefix]
	users   [Register + 1]*buckets[string]
	bad     *table[offender, offence]
	changes int // of who is banned
}

// New makes a limiter that knows nobody yet.
func New(c Config) *Limiter {
	c = c.filled()
	l := &Limiter{bad: newTable[offender, offence](c.Most)}
	for k := range l.sources {
		l.sources[k] = newBuckets[netip.Prefix](c.Most)
	}
	for k := range l.users {
		l.users[k] = newBuckets[string](c.Most)
	}
	l.Configure(c)
	return l
}

// Configure takes other settings; what is known stays, bans too. The size of the tables cannot be changed.
func (l *Limiter) Configure(c Config) {
	l.cfg = c.filled()
	for k, r := range [kinds]Rate{Invite: l.cfg.Invite, Register: l.cfg.Register, Other: l.cfg.Register, Connect: l.cfg.Register} {
		l.sources[k].set(r)
	}
	l.users[Invite].set(l.cfg.UserInvite)
	l.users[Register].set(l.cfg.UserRegister)
}

// Prefix is the source that an address counts as: an IPv4 address, or the /64 that an IPv6 address lies in, for that is
// what one subscriber has.
func Prefix(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil { // the zero address
		return netip.Prefix{}
	}
	return p
}

// Sizes are the entries of the tables: buckets of sources, buckets of users, offences.
func (l *Limiter) Sizes() (sources, users, offences int) {
	for _, b := range l.sources {
		sources += b.known.len()
	}
	for _, b := range l.users {
		users += b.known.len()
	}
	return sources, users, l.bad.len()
}
