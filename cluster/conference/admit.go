package conference

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

var errAdmitted = errors.New("the caller is in the conference already")

// place is where a leg is and what it may do. The Server's lock guards it.
type place struct {
	lobby     bool // outside
	waits     bool // outside until a host is there
	moderator bool
	here      bool // sound was agreed: the caller is there, or will be within a moment
}

// host tells that a conference whose host it is has one.
func (p place) host() bool { return p.moderator && p.here && !p.lobby }

// State is what decides whether another caller may come in.
type State struct {
	Open    bool // somebody is in, or on the way in
	Locked  bool
	People  int // in it, or on the way in
	Waiting int // in its lobby
	Hosts   int // moderators in it
}

// State tells how a conference is now; that of one that does not exist is zero.
func (s *Server) State(name string) State {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[name]; r != nil {
		return r.count()
	}
	return State{}
}

// count needs the Server's lock, as all of room's methods do.
func (r *room) count() State {
	st := State{Locked: r.locked}
	for _, l := range r.legs {
		switch {
		case l.place.lobby:
			st.Waiting++
			continue
		case l.place.host():
			st.Hosts++
		}
		st.People++
	}
	st.Open = st.People > 0
	return st
}

// inOrder are all legs, the one that came first before the others.
func (r *room) inOrder() []*Leg {
	legs := make([]*Leg, 0, len(r.legs))
	for _, l := range r.legs {
		legs = append(legs, l)
	}
	slices.SortFunc(legs, func(a, b *Leg) int {
		return cmp.Or(cmp.Compare(a.entered, b.entered), cmp.Compare(a.id, b.id))
	})
	return legs
}

// people are the legs that are not outside.
func (r *room) people() []*Leg {
	return slices.DeleteFunc(r.inOrder(), func(l *Leg) bool { return l.place.lobby })
}

// admits says why a caller cannot enter r now, or open a conference when r is nil. It needs s.mu.
func (s *Server) admits(r *room, q *Request) error {
	switch {
	case s.closed:
		return ErrShuttingDown
	case r == nil && len(s.rooms) >= s.cfg.MaxConferences:
		return fmt.Errorf("%w: %d are open", ErrTooMany, len(s.rooms))
	case r == nil && q.Opens.Locked && !q.Moderator && !q.Lobby:
		return ErrLocked
	case r == nil:
		return nil
	case r.opens.Private != q.Opens.Private:
		return ErrPrivate
	case q.Lobby:
		if n := r.count().Waiting; n >= s.cfg.MaxWaiting {
			return fmt.Errorf("%w: %d are waiting already", ErrFull, n)
		}
		return nil
	}
	return s.place(r, q)
}

// place says why there is none in the conference for a caller: it is locked, or full.
func (s *Server) place(r *room, q *Request) error {
	if r.locked && !q.Moderator {
		return ErrLocked
	}
	if n := r.count().People; n >= q.most(s.cfg) {
		return fmt.Errorf("%w: %d participants", ErrFull, n)
	}
	return nil
}

// outside tells that a leg is in the lobby.
func (l *Leg) outside() bool {
	l.server.mu.Lock()
	defer l.server.mu.Unlock()
	return l.place.lobby
}

// Admit lets a leg in from the lobby, as a moderator or not; one that is in stays so, and may become a moderator. With
// a moderator come in all those that wait for one. The error is ErrFull or ErrLocked, which do not stop a moderator
// who finds it locked; the leg then stays outside.
func (l *Leg) Admit(moderator bool) error { return l.admit(moderator, false) }

func (l *Leg) admit(moderator, locked bool) error {
	s := l.server
	s.mu.Lock()
	if l.room.legs[l.id] != l {
		s.mu.Unlock()
		return errLegEnded
	}
	if l.place.lobby {
		q := l.request
		q.Moderator = moderator || locked
		if err := s.place(l.room, &q); err != nil {
			s.mu.Unlock()
			return err
		}
	}
	l.place.lobby, l.place.waits = false, false
	l.place.moderator = l.place.moderator || moderator
	host := l.place.host()
	s.mu.Unlock()
	err := l.open()
	if host && err == nil {
		s.bringIn(l.room)
	}
	return err
}

// open has the worker let the line in, when there is one yet.
func (l *Leg) open() error {
	l.mu.Lock()
	ln := l.line
	l.mu.Unlock()
	if ln == nil { // it will not be made an outsider
		return nil
	}
	conf := l.room.conf
	return conf.worker.do(context.Background(), func(now time.Duration) { conf.admit(ln, now) })
}

// Wait leaves a leg in the lobby until there is a host. It reports that there is one, and the leg has been let in.
func (l *Leg) Wait() (in bool, err error) {
	s := l.server
	s.mu.Lock()
	switch {
	case l.room.legs[l.id] != l:
		err = errLegEnded
	case !l.place.lobby:
		in = true
	case l.room.count().Hosts == 0:
		l.place.waits = true
	default:
		s.mu.Unlock()
		return true, l.Admit(false)
	}
	s.mu.Unlock()
	return in, err
}

// arrive notes that a leg has sound. It is called with the leg's lock held; other legs' locks are taken inside, which
// are never held by one that waits for this one: those that are let in are no hosts.
func (s *Server) arrive(l *Leg) {
	s.mu.Lock()
	l.place.here = true
	host := l.place.host()
	s.mu.Unlock()
	if host {
		s.bringIn(l.room)
	}
}

// bringIn lets in all that wait for a host, in the order in which they came, as far as there are places.
func (s *Server) bringIn(r *room) {
	s.mu.Lock()
	waiting := slices.DeleteFunc(r.inOrder(), func(l *Leg) bool { return !l.place.waits })
	s.mu.Unlock()
	for _, l := range waiting {
		if err := l.admit(false, false); errors.Is(err, ErrFull) || errors.Is(err, ErrLocked) {
			code := 486
			if errors.Is(err, ErrLocked) {
				code = 403
			}
			l.request.HangUp(Cause{Code: code, Text: err.Error()})
		}
	}
}

// Admit lets somebody in from the lobby, whatever he waits for, even when the conference is locked.
func (s *Server) Admit(name, id string) error {
	l, err := s.find(name, id)
	if err != nil {
		return err
	}
	return l.admit(false, true)
}
