package conference

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"trivox/loudness"
	"trivox/media"
	"trivox/media/codec"
)

// Slot is the packet time of a conference (DESIGN 1).
const Slot = 20 * time.Millisecond

// Config says how a Server works. Zero fields take the value that Default gives.
type Config struct {
	Workers         int             // OS threads that own conferences
	NMax            int             // floors: streams played at once
	Loudness        loudness.Params // of the loudness number, the same for all legs
	Codecs          []codec.Codec   // what legs may speak, our order of preference
	PreferOurs      bool            // our order decides the codec, not the caller's (SIP.md OA-5)
	Coding          codec.Settings  // of the encoders that have settings (Opus)
	MaxConferences  int             // conferences at once
	MaxParticipants int             // people in one conference
	MaxWaiting      int             // and in its lobby
	MaxCall         time.Duration   // a call is ended after this; 0 is never
	RTPTimeout      time.Duration   // a call without RTP and RTCP is ended after this; 0 is never; held calls are not
	RTPAlarm        time.Duration   // "answered, no RTP" is reported after this
	AloneTone       bool            // the first caller hears a tone
	JoinTone        bool            // a join is marked by a tone
	ToneLimit       int             // no tones with more participants than this
	NoiseLevel      int             // comfort noise while nobody speaks, -dBov; 127 is none
	DSCP            int             // of RTP and RTCP packets
	Latch           Latch           // when to send to where a caller's packets come from, whatever its SDP said
	Advertise       func(local netip.Addr) netip.Addr
	Resolve         func(ctx context.Context, host string) (netip.Addr, error) // names in SDP; nil: a leg with one is not sent to
	OnEvent         func(Event)                                                // called by one goroutine, in order
	Rand            *rand.Rand                                                 // for SSRCs and identifiers
	Keys            io.Reader                                                  // for the keys of SRTP; nil: crypto/rand
}

// Latch says for whom the address in SDP is not believed (SIP.md RT-4).
type Latch string

// Whom to send to where their packets come from.
const (
	LatchAuto   Latch = "auto" // callers whose SDP names a private address that the call did not come from
	LatchAlways Latch = "always"
	LatchNever  Latch = "never"
)

// Default is a Config for n processors.
func Default(n int) Config {
	return Config{
		Workers: n, NMax: 3, Loudness: loudness.Default(), Codecs: codec.All(),
		Coding:         codec.Settings{Bitrate: 32000, Complexity: 5, FEC: true, LossPercent: 5},
		MaxConferences: 1000, MaxParticipants: 2000, MaxWaiting: 100,
		RTPTimeout: time.Minute, RTPAlarm: 5 * time.Second,
		Latch: LatchAuto, AloneTone: true, JoinTone: true, ToneLimit: 8, NoiseLevel: 66, DSCP: 46,
	}
}

// Errors of a Server, for callers that answer a peer.
var (
	ErrNoConference    = errors.New("no such conference")
	ErrNoParticipant   = errors.New("no such participant")
	ErrLocked          = errors.New("the conference is locked")
	ErrFull            = errors.New("the conference is full")
	ErrPrivate         = errors.New("this is a call between two")
	ErrTooMany         = errors.New("no more conferences can be opened")
	ErrShuttingDown    = errors.New("the server is shutting down")
	ErrBusy            = errors.New("the worker of the conference does not answer")
	errNotNegotiated   = errors.New("no offer was answered yet")
	errLegEnded        = errors.New("the leg has ended")
	errNothingInCommon = errors.New("no codec in common")
)

// eventQueue bounds the events that wait for OnEvent.
const eventQueue = 4096

// Server owns conferences. Its methods may be called by any goroutine.
type Server struct {
	ports   *media.Ports
	workers []*worker
	events  chan Event
	dropped counter // events nobody took in time
	rekeys  [rekeyings]counter
	quit    chan struct{} // closed when no leg is left to report of; events never is: signalling may be late with one
	done    sync.WaitGroup

	mu     sync.Mutex
	cfg    Config // of conferences and legs to come
	rooms  map[string]*room
	rand   *rand.Rand
	closed bool
}

// room is the Server's entry of a conference: who is in it, as signalling sees it.
type room struct {
	name   string
	opens  Opening
	conf   *conference
	legs   map[string]*Leg
	locked bool
	opened time.Duration
}

// NewServer starts the workers. Ports are where legs get their sockets from.
func NewServer(cfg Config, ports *media.Ports) (*Server, error) {
	s, err := newServer(cfg, ports)
	if err != nil {
		return nil, err
	}
	if err := s.start(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// newServer is a Server without workers.
func newServer(cfg Config, ports *media.Ports) (*Server, error) {
	if err := cfg.Loudness.Check(); err != nil {
		return nil, fmt.Errorf("conference: loudness: %w", err)
	}
	if cfg.NMax < 1 || cfg.NMax > maxFloors {
		return nil, fmt.Errorf("conference: floors %d: need 1 to %d", cfg.NMax, maxFloors)
	}
	if cfg.Workers < 1 {
		return nil, fmt.Errorf("conference: workers %d: need at least 1", cfg.Workers)
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if cfg.Keys == nil {
		cfg.Keys = crand.Reader
	}
	s := &Server{
		cfg: cfg, ports: ports, rooms: make(map[string]*room), rand: cfg.Rand,
		events: make(chan Event, eventQueue), quit: make(chan struct{}),
	}
	return s, nil
}

// start lets each worker own packets of its own.
func (s *Server) start() error {
	for i := range s.cfg.Workers {
		io, err := media.NewSweeper()
		if err != nil {
			return fmt.Errorf("conference: worker %d: %w", i, err)
		}
		w := newWorker(s, io)
		w.clock = media.Now
		s.workers = append(s.workers, w)
		s.done.Go(func() {
			w.run()
			_ = io.Close() // unmaps memory: cannot fail for what was mapped
		})
	}
	call := s.cfg.OnEvent
	s.done.Go(func() { s.dispatch(call) })
	return nil
}

// Reconfigure changes the settings of conferences and calls to come. Workers and what is called for events stay.
func (s *Server) Reconfigure(cfg Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cfg.Rand, cfg.Keys, cfg.Workers, cfg.OnEvent = s.cfg.Rand, s.cfg.Keys, s.cfg.Workers, s.cfg.OnEvent
	s.cfg = cfg
}

// Close ends every leg and stops the workers.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	var legs []*Leg
	for _, r := range s.rooms {
		for _, l := range r.legs {
			legs = append(legs, l)
		}
	}
	s.mu.Unlock()
	for _, l := range legs {
		l.end(Cause{Text: "server shut down"}) // the workers run all that they were sent before they stop
	}
	for _, w := range s.workers {
		w.stop()
	}
	close(s.quit)
	s.done.Wait()
}

// Enter gives the caller a leg, without sound until an offer is answered.
func (s *Server) Enter(ctx context.Context, q Request) (*Leg, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[q.Conference]
	if err := s.admits(r, &q); err != nil {
		return nil, err
	}
	pair, err := s.ports.Bind(q.Local, s.cfg.DSCP)
	if err != nil {
		return nil, err
	}
	if r == nil {
		r = &room{name: q.Conference, opens: q.Opens, legs: make(map[string]*Leg), locked: q.Opens.Locked, opened: media.Now()}
		r.conf = newConference(s, q.Opens.configure(s.cfg), s.leastLoaded(), q.Conference)
		r.conf.private, r.conf.lifetime = q.Opens.Private, q.Opens.Lifetime
		s.rooms[q.Conference] = r
	}
	l := &Leg{
		id: strconv.FormatUint(s.rand.Uint64()>>4, 36), server: s, cfg: s.cfg, room: r, request: q, pair: pair,
		ssrc: s.uniqueSSRC(r), sendSSRC: s.rand.Uint32(), sessionID: uint64(s.rand.Uint32()), entered: media.Now(),
		place: place{lobby: q.Lobby, moderator: q.Moderator},
	}
	r.legs[l.id] = l
	r.conf.worker.legs.Add(1)
	return l, nil
}

// uniqueSSRC draws a number that no other leg of the conference has; 0 is nobody's.
func (s *Server) uniqueSSRC(r *room) uint32 {
	for {
		n := s.rand.Uint32()
		taken := n == 0
		for _, l := range r.legs {
			taken = taken || l.ssrc == n
		}
		if !taken {
			return n
		}
	}
}

// leastLoaded is the worker with the fewest legs.
func (s *Server) leastLoaded() *worker {
	return slices.MinFunc(s.workers, func(a, b *worker) int { return cmp.Compare(a.legs.Load(), b.legs.Load()) })
}

// leave forgets a leg, and its conference when it was the last. A conference that ends with its host does so.
func (s *Server) leave(l *Leg) {
	for _, other := range s.forget(l) {
		other.request.HangUp(Cause{Code: 200, Text: "the conference ended when its host left"})
	}
}

// forget takes a leg out and names those that are to be hung up on for it.
func (s *Server) forget(l *Leg) []*Leg {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := l.room
	if r.legs[l.id] != l {
		return nil
	}
	delete(r.legs, l.id)
	r.conf.worker.legs.Add(-1)
	if len(r.legs) == 0 && s.rooms[r.name] == r {
		delete(s.rooms, r.name)
	}
	if r.opens.EndsWithHost && l.place.host() && r.count().Hosts == 0 {
		return r.people()
	}
	return nil
}

// Known tells whether the conference is open, and as its error what Enter would say to a caller now: nil when it
// would let him in.
func (s *Server) Known(name string) (exists bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[name]
	if err = s.admits(r, &Request{}); err == nil && s.ports.Free() == 0 {
		err = media.ErrNoPorts
	}
	return r != nil, err
}

// Lock keeps further callers out of a conference, or lets them in again.
func (s *Server) Lock(name string, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[name]
	if r == nil {
		return fmt.Errorf("%w: %q", ErrNoConference, name)
	}
	r.locked = on
	return nil
}

// Mute silences a participant, or lets them be heard again.
func (s *Server) Mute(name, id string, on bool) error {
	l, err := s.find(name, id)
	if err != nil {
		return err
	}
	return l.Mute(on)
}

// Kick hangs up one participant.
func (s *Server) Kick(name, id string, c Cause) error {
	l, err := s.find(name, id)
	if err != nil {
		return err
	}
	l.request.HangUp(c)
	return nil
}

// End hangs up every participant of a conference.
func (s *Server) End(name string, c Cause) error {
	s.mu.Lock()
	r := s.rooms[name]
	if r == nil {
		s.mu.Unlock()
		return fmt.Errorf("%w: %q", ErrNoConference, name)
	}
	legs := make([]*Leg, 0, len(r.legs))
	for _, l := range r.legs {
		legs = append(legs, l)
	}
	s.mu.Unlock()
	for _, l := range legs {
		l.request.HangUp(c)
	}
	return nil
}

func (s *Server) find(name, id string) (*Leg, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[name]
	if r == nil {
		return nil, fmt.Errorf("%w: %q", ErrNoConference, name)
	}
	l := r.legs[id]
	if l == nil {
		return nil, fmt.Errorf("%w: %q in %q", ErrNoParticipant, id, name)
	}
	return l, nil
}
