package sip

import (
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"trivox/sip/limits"
)

// overloadRetry is the most that Retry-After says to who is refused for want of time; the least is 1 s. A proxy takes it
// for the whole server and sends nothing here meanwhile (RFC 3261, 21.5.4), so it is short; it is drawn, lest all come back
// at once.
const overloadRetry = 5 * time.Second

// backlog is the requests of one kind that wait to be handled, and the decision which new ones may.
type backlog struct {
	method sipgo.RequestMethod
	log    *slog.Logger

	behind atomic.Bool // on, for who must not wait

	mu       sync.Mutex
	overload *limits.Overload
	on       bool      // as it was logged
	since    time.Time // when it came on
	refused  int       // since then
	timer    *time.Timer
	closed   bool
}

func newBacklog(method sipgo.RequestMethod, bound time.Duration, most int, log *slog.Logger) *backlog {
	return &backlog{method: method, log: log, overload: limits.NewOverload(bound, most)}
}

// do does f, and logs when an overload begins or ends by it.
func (b *backlog) do(now time.Time, f func(*limits.Overload)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b.overload)
	on := b.overload.On(now)
	if on == b.on || b.closed {
		return
	}
	b.on = on
	b.behind.Store(on)
	if on {
		b.since, b.refused = now, 0
		b.log.Warn("sip: the server is behind: new requests that could not be handled in time are refused", "rule", "limits.behind", "method", b.method)
		b.timer = time.AfterFunc(time.Second, b.look)
		return
	}
	b.timer.Stop()
	b.log.Info("sip: the server is no longer behind", "method", b.method, "refused", b.refused, "for", now.Sub(b.since).Round(time.Millisecond).String())
}

// look sees whether the overload has ended, when nobody comes by whom it would be seen.
func (b *backlog) look() {
	b.do(time.Now(), func(*limits.Overload) {})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.on && !b.closed {
		b.timer.Reset(time.Second)
	}
}

func (b *backlog) configure(bound time.Duration) {
	b.do(time.Now(), func(o *limits.Overload) { o.Configure(bound) })
}

// close ends the looking.
func (b *backlog) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.timer != nil {
		b.timer.Stop()
	}
}

// backlogOf is what a new request waits in; nil: it is not held up.
func (s *Server) backlogOf(method sipgo.RequestMethod) *backlog {
	switch method {
	case sipgo.INVITE:
		return s.calls
	case sipgo.REGISTER:
		return s.registrations
	}
	return nil
}

// late refuses a new request outside dialogs, which came then, when it could not be handled in time, and says whether it
// did. That costs as little as can be, for the requests that go on with what was let in need the time. It is called by the
// reader of the socket. RFC 3261, 21.5.4
func (s *Server) late(req *sipgo.Request, f *flow, came time.Time) bool {
	b := s.backlogOf(req.Method)
	if b == nil {
		return false
	}
	now, ok := time.Now(), true
	b.do(now, func(o *limits.Overload) {
		if ok = o.Admit(now, came); !ok {
			b.refused++
		}
	})
	if ok {
		return false
	}
	s.count.late.Add(1)
	retry := time.Second + time.Duration(rand.Int64N(int64(overloadRetry-time.Second)+1))
	s.statelessly(req, f, &Refusal{Code: 503, Warning: "too much to do at present", RetryAfter: retry})
	return true
}

// waits counts a request that was let in until handled says that its turn has come.
func (s *Server) waits(tx *serverTx, came time.Time) {
	b := s.backlogOf(tx.req.Method)
	if b == nil {
		return
	}
	tx.arrived = came
	tx.backlog.Store(b)
	b.do(time.Now(), func(o *limits.Overload) { o.Begin() })
}

// handled says that all has been done for which a request had to wait for this server alone; further calls do nothing.
func (tx *serverTx) handled() {
	if b := tx.backlog.Swap(nil); b != nil {
		now := time.Now()
		b.do(now, func(o *limits.Overload) { o.Handled(now, tx.arrived) })
	}
}
