package sip

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"trivox/sip/limits"
)

// Guard says how strangers are held off. The zero value takes the defaults of package limits.
type Guard struct {
	limits.Config
	// Everyone limits loopback and the sources that Allowed trusts too, who else may do as they like.
	Everyone bool
	// Behind is how long a new INVITE or REGISTER may have to wait for this server: those that would wait longer are refused
	// with 503 once the server has been behind for a while. 0: for ever.
	Behind time.Duration
	// AnswerScanners answers programs that say they are scanners; else strangers who do get no answer.
	AnswerScanners bool
}

// Ban is a source, or a user at a source, who is not served for a while.
type Ban = limits.Ban

// bansMost bounds the bans that are looked at before anything of a message is read.
const bansMost = 4096

// guard is a limiter and its lock, and what can be asked without the lock.
type guard struct {
	mu      sync.Mutex
	limiter *limits.Limiter
	changes int // of the limiter that barred shows

	settings atomic.Pointer[Guard]
	barred   atomic.Pointer[map[netip.Prefix]time.Time] // sources banned as a whole, until when; nil: none
}

func newGuard(g Guard) *guard {
	out := &guard{limiter: limits.New(g.Config)}
	out.settings.Store(&g)
	return out
}

// do runs f with the limiter, and then shows who is banned if that has changed.
func (g *guard) do(now time.Time, f func(*limits.Limiter)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(g.limiter)
	if n := g.limiter.Changes(); n != g.changes {
		g.changes = n
		g.show(g.limiter.Bans(now))
	}
}

// show makes the map that refused looks at.
func (g *guard) show(bans []Ban) {
	m := make(map[netip.Prefix]time.Time)
	for _, b := range bans {
		if b.User == "" && len(m) < bansMost {
			m[b.Source] = b.Until
		}
	}
	if len(m) == 0 {
		g.barred.Store(nil)
		return
	}
	g.barred.Store(&m)
}

// refused says whether nothing from the source is to be read. It takes no lock.
func (g *guard) refused(source netip.Addr) bool {
	m := g.barred.Load()
	if m == nil {
		return false
	}
	until, ok := (*m)[limits.Prefix(source)]
	return ok && time.Now().Before(until)
}

func (g *guard) take(now time.Time, k limits.Kind, source netip.Addr) (v limits.Verdict, retry time.Duration) {
	g.do(now, func(l *limits.Limiter) {
		if l.Banned(now, source) {
			v = limits.Drop
			return
		}
		v, retry = l.Take(now, k, source)
	})
	return v, retry
}

func (g *guard) takeUser(now time.Time, k limits.Kind, aor string) (v limits.Verdict, retry time.Duration) {
	g.do(now, func(l *limits.Limiter) { v, retry = l.TakeUser(now, k, aor) })
	return v, retry
}

func (g *guard) wait(now time.Time, source netip.Addr, aor string) (d time.Duration) {
	g.do(now, func(l *limits.Limiter) { d = l.Wait(now, source, aor) })
	return d
}

func (g *guard) succeeded(source netip.Addr, aor string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limiter.Succeeded(source, aor)
}

// SetGuard takes other settings while the server runs; who is banned stays so.
func (s *Server) SetGuard(g Guard) {
	s.guard.settings.Store(&g)
	s.guard.do(time.Now(), func(l *limits.Limiter) { l.Configure(g.Config) })
	s.calls.configure(g.Behind)
	s.registrations.configure(g.Behind)
}

// exempt says that a source is not limited.
func (s *Server) exempt(source netip.Addr) bool {
	return !s.guard.settings.Load().Everyone && (source.IsLoopback() || s.allowed(source))
}

// Failed reports that somebody at a source has proved not to be user, "user@domain" or empty: by a wrong PIN, say, which
// what names. Too many failures ban.
func (s *Server) Failed(source netip.Addr, user, what string) {
	s.failed(time.Now(), source, user, what)
}

func (s *Server) failed(now time.Time, source netip.Addr, user, what string) {
	if s.exempt(source) {
		return
	}
	var b Ban
	var banned bool
	s.guard.do(now, func(l *limits.Limiter) { b, banned = l.Failed(now, source, user, what) })
	if banned {
		s.count.banned.Add(1)
		s.log.Warn("sip: banned", "rule", "limits.failures", "source", b.Source, "user", b.User, "why", b.Reason,
			"until", b.Until, "times", b.Count)
	}
}

// Bans lists who is not served at present, in the order of the sources.
func (s *Server) Bans() (bans []Ban) {
	now := time.Now()
	s.guard.do(now, func(l *limits.Limiter) { bans = l.Bans(now) })
	return bans
}

// Lift forgets what a source, and the users at it, did wrong. It reports whether any of them was banned.
func (s *Server) Lift(source netip.Addr) (banned bool) {
	now := time.Now()
	s.guard.do(now, func(l *limits.Limiter) { banned = l.Lift(now, source) })
	return banned
}

// limited holds a new request outside dialogs against the rate of its source. It answers the first few that are too many
// and then none, and says whether it was one. It is called by the reader of the socket. (SE-6)
func (s *Server) limited(req *sipgo.Request, f *flow) bool {
	source := f.source.Addr()
	if s.exempt(source) {
		return false
	}
	if !s.guard.settings.Load().AnswerScanners && isScanner(req) {
		s.count.scanners.Add(1)
		return true
	}
	kind := limits.Other
	switch req.Method {
	case sipgo.INVITE:
		kind = limits.Invite
	case sipgo.REGISTER:
		kind = limits.Register
	}
	now := time.Now()
	v, retry := s.guard.take(now, kind, source)
	switch v {
	case limits.Pass:
		return false
	case limits.Refuse:
		s.overRate("limits.source", f, "", now)
		s.statelessly(req, f, &Refusal{Code: 503, Warning: "too many requests from this address", RetryAfter: retry})
		return true
	case limits.Mute:
		if s.refusals.pass(now) {
			s.log.Warn("sip: flood, not listened to for a while", "rule", "limits.source", "source", source, "for", limits.MuteTime.String())
		}
	}
	s.count.rateDropped.Add(1)
	return true
}

// connects holds a connection against the rate of its source: a TLS handshake costs more than a message. (SE-6)
func (s *Server) connects(source netip.Addr) bool {
	if s.exempt(source) {
		return true
	}
	v, _ := s.guard.take(time.Now(), limits.Connect, source)
	return v == limits.Pass
}

// limitedUser holds a request against the rate of a user who has proved who he is.
func (s *Server) limitedUser(tx *serverTx, k limits.Kind, aor string) *denial {
	if s.exempt(tx.flow.source.Addr()) {
		return nil
	}
	now := time.Now()
	v, retry := s.guard.takeUser(now, k, aor)
	if v == limits.Pass {
		return nil
	}
	s.overRate("limits.user", tx.flow, aor, now)
	return &denial{Refusal: &Refusal{Code: 503, Warning: "too many requests of this user", RetryAfter: retry}}
}

// overRate counts and logs a request above a rate that is answered.
func (s *Server) overRate(rule string, f *flow, aor string, now time.Time) {
	s.count.overRate.Add(1)
	if s.refusals.pass(now) {
		s.log.Warn("sip: over the rate", "rule", rule, "source", f.source, "user", aor)
	}
}
