package sip

import "time"

// finished is what remains of a server transaction, for 64*T1: enough to deal with what is
// repeated. It takes the place of sipgo's Completed, Confirmed and Accepted states, which would
// keep both messages with everything parsed: 9.3 kB for each call that has ended, where this
// takes what one response has on the wire. RFC 3261, 17.2; RFC 6026, 7.1 (Timers J, I, L)
type finished struct {
	answer []byte // repeated to who repeats the request; nil: the repetition is absorbed
	flow   *flow
	code   int
	tag    string // ours, for the 200 to a late CANCEL
	invite bool
	merge  mergeID

	repeats int // guarded by the server's mu
}

// expiry is when the finished of key is forgotten.
type expiry struct {
	key string
	at  time.Time
}

// finish puts a finished in the place of tx; its machine has nothing more to do.
func (tx *serverTx) finish(answer []byte) {
	s := tx.server
	if tx.flow.reliable() {
		answer = nil // nothing comes twice on a connection
	}
	f := &finished{
		answer: answer, flow: tx.flow, code: int(tx.final.Load()), tag: tx.tag,
		invite: tx.machine != nil, merge: tx.merge,
	}
	now := time.Now()
	s.mu.Lock()
	if s.servers[tx.key] == tx {
		delete(s.servers, tx.key)
		s.finished[tx.key] = f
		s.held += f.size(tx.key)
		for len(s.expiries) > 0 && (len(s.expiries) >= s.cfg.Limits.Finished || s.held > s.cfg.Limits.FinishedBytes) {
			s.count.limited.Add(1)
			s.forgetOldest()
		}
		s.expiries = append(s.expiries, expiry{tx.key, now.Add(64 * s.cfg.Timers.T1)})
		if s.sweeper == nil && !s.closed {
			s.sweeper = time.AfterFunc(s.sweepEvery(), s.sweep)
		}
	}
	s.mu.Unlock()
	if tx.machine != nil {
		tx.machine.Terminate()
	}
}

// size is the bytes of what a stranger filled in.
func (f *finished) size(key string) int {
	return len(f.answer) + 2*len(key) + len(f.merge.callID) + len(f.merge.fromTag)
}

// repeat sends the final response again.
func (f *finished) repeat() {
	if f.answer != nil {
		_ = f.flow.write(f.answer)
	}
}

func (s *Server) sweepEvery() time.Duration { return 2 * s.cfg.Timers.T1 }

// sweep forgets what is over. All live equally long, so the oldest are in front.
func (s *Server) sweep() {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.expiries) > 0 && !s.expiries[0].at.After(now) {
		s.forgetOldest()
	}
	switch {
	case s.closed:
	case len(s.expiries) == 0:
		s.expiries, s.sweeper = nil, nil
	default:
		s.sweeper.Reset(s.sweepEvery())
	}
}

// forgetOldest needs s.mu and something to forget.
func (s *Server) forgetOldest() {
	key := s.expiries[0].key
	s.expiries[0] = expiry{}
	s.expiries = s.expiries[1:]
	if f := s.finished[key]; f != nil {
		s.unmerge(f.merge, key)
		delete(s.finished, key)
		s.held -= f.size(key)
	}
}

// stopSweeping needs s.mu.
func (s *Server) stopSweeping() {
	if s.sweeper != nil {
		s.sweeper.Stop()
	}
}
