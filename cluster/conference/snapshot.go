package conference

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Summary of a conference, as a list shows it.
type Brief struct {
	Name         string
	Participants int
	Waiting      int // in its lobby
	Locked       bool
	Private      bool          // a call between two
	Opened       time.Duration // time of media.Now
}

// Participant is one leg, as it is now.
type Participant struct {
	ID, URI, Display string
	User, Network    string        // as the Request had them
	Entered          time.Duration // time of media.Now
	Codec            string        // empty until sound was agreed
	Encryption       string        // suite of RFC 4568, empty when sound goes in clear
	PTime            time.Duration
	Remote           netip.AddrPort
	SSRC             uint32 // of the stream that comes from the participant, 0 before the first packet
	SendSSRC         uint32 // of the stream sent to it
	Lambda           uint16
	Active           bool
	Floor            bool // in F
	Held, Muted      bool
	Moderator        bool
	Lobby            bool // is outside
	Received, Sent   uint64
	Lost             int64
	Late             uint64
	Jitter, Delay    time.Duration
	Margin           time.Duration // what a packet that came without delay waits in the jitter buffer
	RTT              time.Duration // 0: unknown
	Concealed        time.Duration
	Digits           uint64
}

// brief needs the Server's lock.
func (r *room) brief() Brief {
	n := r.count()
	return Brief{
		Name: r.name, Participants: n.People, Waiting: n.Waiting, Locked: r.locked, Private: r.opens.Private, Opened: r.opened,
	}
}

// List names the open conferences, in alphabetical order.
func (s *Server) List() []Brief {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Brief, 0, len(s.rooms))
	for _, r := range s.rooms {
		out = append(out, r.brief())
	}
	slices.SortFunc(out, func(a, b Brief) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Show is one conference with its participants in the order in which they came.
func (s *Server) Show(ctx context.Context, name string) (Brief, []Participant, error) {
	s.mu.Lock()
	r := s.rooms[name]
	if r == nil {
		s.mu.Unlock()
		return Brief{}, nil, fmt.Errorf("%w: %q", ErrNoConference, name)
	}
	b, legs := r.brief(), r.inOrder()
	people := make([]Participant, len(legs))
	for i, l := range legs {
		people[i] = Participant{
			ID: l.id, URI: l.request.URI, Display: l.request.Display, User: l.request.User, Network: l.request.Network,
			Entered: l.entered, SendSSRC: l.sendSSRC, Moderator: l.place.moderator, Lobby: l.place.lobby,
		}
	}
	s.mu.Unlock()

	lines := make([]*line, len(legs))
	for i, l := range legs {
		l.mu.Lock()
		lines[i] = l.line
		l.mu.Unlock()
	}
	done := make(chan struct{})
	err := r.conf.worker.do(ctx, func(now time.Duration) { // fills what was made here: it allocates nothing
		for i, l := range lines {
			if l != nil {
				l.describe(&people[i], now)
			}
		}
		close(done)
	})
	if err != nil {
		return b, nil, err
	}
	select {
	case <-done:
		return b, people, nil
	case <-r.conf.worker.gone:
		return b, nil, ErrShuttingDown
	case <-ctx.Done():
		return b, nil, fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	}
}

// describe fills p with what the worker knows of a line.
func (l *line) describe(p *Participant, _ time.Duration) {
	st := l.session.Stats()
	pl := l.playout.Stats()
	p.Codec, p.PTime, p.Remote = l.format.codec.Name, l.format.ptime, l.session.Remote()
	p.Encryption = l.agreed.Encryption()
	p.SSRC, p.Lambda, p.Active = st.Source.SSRC, uint16(l.meter.Number()), l.meter.Active()
	p.Floor, p.Held, p.Muted = l.floor, l.held(), l.muted
	p.Received, p.Sent, p.Lost, p.Late = st.Received, st.Sent, st.Lost, pl.Late
	p.Margin = pl.Margin
	p.Jitter, p.Delay, p.RTT, p.Concealed = st.Source.Jitter, pl.Delay, st.RoundTrip, pl.Concealed
	p.Digits = l.pressed
}

// Stats are figures of a Server since it started.
type Stats struct {
	Conferences, Legs int
	Waiting           int // of the legs, those in a lobby
	EventsDropped     uint64
	Rekeys            [rekeyings]uint64 // callers whose own key kept them out, by Rekeying
	Workers           []WorkerStats
}

// Stats may be called at any time; it does not wait for a worker.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	st := Stats{Conferences: len(s.rooms), EventsDropped: s.dropped.Load()}
	for _, r := range s.rooms {
		st.Legs += len(r.legs)
		st.Waiting += r.count().Waiting
	}
	s.mu.Unlock()
	for i := range s.rekeys {
		st.Rekeys[i] = s.rekeys[i].Load()
	}
	for _, w := range s.workers {
		st.Workers = append(st.Workers, w.stats())
	}
	return st
}
