// Package sip is the signalling side of the conference: the focus (RFC 4353) that every caller's
// dialog ends at. It uses sipgo's parser and transaction machines behind sockets of its own (Edge)
// and under a dialog layer of its own, imports no media and no SDP, and moves session descriptions
// as bytes.
package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Timers are the base values of RFC 3261, 17 for this layer. sipgo's transactions have their own,
// which are the same unless a test process changes them.
type Timers struct {
	T1 time.Duration // round-trip estimate, 500 ms unless set
	T2 time.Duration // longest retransmission interval, 4 s unless set
}

// Limits bound what strangers can fill.
type Limits struct {
	Dialogs  int // calls at the same time, 10000 unless set
	Pending  int // INVITEs not yet answered, 1000 unless set
	Body     int // bytes of a request's body, 16384 unless set
	Queue    int // requests of one dialog waiting for their turn, 32 unless set
	Branches int // phones of one callee that are called, 10 unless set; in a call with its diversions twice as many
	// Diversions is how many addresses one call is diverted to by phones, 5 unless set: ISUP counts no further (ITU-T
	// Q.763, redirection information).
	Diversions int
	// Open is how many requests without To-tag may wait for their answer or its ACK, 20000 unless
	// set; more get 503 and are forgotten.
	Open int
	// Finished is how many transactions are remembered after their end, to answer repetitions,
	// 262144 unless set; then the oldest give way. One takes some 0.7 kB for up to 64*T1.
	Finished int
	// FinishedBytes bounds what they hold: of a stranger's message an answer repeats what he likes. 256 MB unless set.
	FinishedBytes int
}

// Config is what NewServer takes. Only Rooms is required.
type Config struct {
	Rooms  Rooms
	Logger *slog.Logger
	Timers Timers
	Limits Limits
	Guard  Guard      // against floods and guessing
	Edge   EdgeConfig // of the sockets; its Logger is this one, and its Refused the guard, unless set

	// TLS is for those who connect, and so needs a certificate to Listen by "tls"; for connections to others its RootCAs
	// (nil: the system's), Certificates or GetClientCertificate, and InsecureSkipVerify count. Versions before 1.2 are
	// not spoken whatever it says. Nil: no listening, and the system's authorities.
	TLS *tls.Config

	SessionExpires time.Duration // RFC 4028 interval asked for, 1800 s unless set
	MinSE          time.Duration // smallest interval accepted, 90 s unless set

	// Advertise maps an address of ours to the one that peers reach. Nil: as it is.
	Advertise func(local netip.Addr) netip.Addr
	// Allowed tells whether a source may call without a password, and by which rule. Nil: everybody may. Loopback may
	// as long as there is no user.
	Allowed func(source netip.Addr) (ok bool, rule string)
	// Domain tells which domain of ours a host is: one of our domains, or for an address of this server the first; ""
	// for a host that is not ours. Nil: every host is ours and has no name.
	Domain    func(host string) string
	Directory Directory // nil: there are no users
	Location  Location  // nil: nobody can register; it needs a Directory
	// Digest is the order of algorithms in which phones are asked for a password, SHA-256 and MD5 unless set. RFC 8760
	Digest    []Algorithm
	Registrar RegistrarConfig
	// TrustIdentity tells whether a source is believed when it says who calls: a PBX or trunk (RFC 3325). Nil: none is.
	TrustIdentity func(source netip.Addr) bool
	// Route tells where a call goes. Nil: every call is for a room. A *Refusal decides the SIP answer.
	Route func(ctx context.Context, c Call) (Route, error)
	// Divert tells where a call goes that a phone of c.Caller, a user of ours, sends on by 300, 301 or 302: what Route tells
	// of a call of his, as far as diversions are allowed. An error or a room is logged and not followed. Nil: none is. (UA-10)
	Divert func(ctx context.Context, c Call) (Route, error)
	// Resolver looks up the hosts of URIs elsewhere. Nil: net.DefaultResolver.
	Resolver Resolver
	Ring     time.Duration // how long phones ring at most, 3 min unless set
	RingNext time.Duration // how long those of one preference ring before those of the next do, 20 s unless set
	// ParseInfo reads a digit from the body of an INFO. Nil: INFO bodies are refused.
	ParseInfo func(contentType string, body []byte) (digit byte, d time.Duration, ok bool)

	RetryAfter time.Duration // of 503 answers, 10 s unless set
	Product    string        // for Server and User-Agent, "trivox" unless set
}

// fill puts the defaults where nothing is set.
func (c *Config) fill() error {
	if c.Rooms == nil {
		return errors.New("sip: Config.Rooms is nil: give the server rooms to put callers in")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	setDuration(&c.Timers.T1, 500*time.Millisecond)
	setDuration(&c.Timers.T2, 4*time.Second)
	setDuration(&c.SessionExpires, 1800*time.Second)
	setDuration(&c.MinSE, leastMinSE)
	if c.MinSE < leastMinSE {
		return fmt.Errorf("sip: Config.MinSE %v: RFC 4028 allows no less than %v", c.MinSE, leastMinSE)
	}
	if c.SessionExpires < c.MinSE {
		return fmt.Errorf("sip: Config.SessionExpires %v is below MinSE %v: raise it or lower MinSE", c.SessionExpires, c.MinSE)
	}
	setDuration(&c.Ring, 3*time.Minute)
	setDuration(&c.RingNext, 20*time.Second)
	setDuration(&c.RetryAfter, 10*time.Second)
	setInt(&c.Limits.Dialogs, 10000)
	setInt(&c.Limits.Pending, 1000)
	setInt(&c.Limits.Body, 16384)
	setInt(&c.Limits.Queue, 32)
	setInt(&c.Limits.Branches, 10)
	setInt(&c.Limits.Diversions, 5)
	setInt(&c.Limits.Open, 20000)
	setInt(&c.Limits.Finished, 1<<18)
	setInt(&c.Limits.FinishedBytes, 256<<20)
	if c.Edge.Logger == nil {
		c.Edge.Logger = c.Logger
	}
	if err := errors.Join(c.checkAuth(), c.Registrar.check()); err != nil {
		return err
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.Product == "" {
		c.Product = "trivox"
	}
	return nil
}

func setDuration(d *time.Duration, v time.Duration) {
	if *d == 0 {
		*d = v
	}
}

func setInt(n *int, v int) {
	if *n == 0 {
		*n = v
	}
}

// Server is the focus. Make one with NewServer, let it Listen, end it with Drain and Close.
type Server struct {
	cfg                  Config
	log                  *slog.Logger
	machines             *slog.Logger // of sipgo's transactions
	edge                 *Edge
	auth                 auth
	guard                *guard
	calls, registrations *backlog
	count                counters
	ctx                  context.Context // ends with Close
	cancel               context.CancelFunc

	refusals  gate // of log lines about strangers
	resting   resting
	draining  atomic.Bool
	listeners []*listener // guarded by mu
	serving   sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	dialogs  map[dialogID]*dialog
	servers  map[string]*serverTx
	finished map[string]*finished
	held     int                // bytes of finished
	expiries []expiry           // of finished, oldest first
	sweeper  *time.Timer        // runs while there are any
	merged   map[mergeID]string // out-of-dialog requests being served, by what identifies them: transaction key
	clients  map[string]*sipgo.ClientTx
	pending  int
	leaving  int           // out of dialogs, the answer to BYE not yet sent
	empty    chan struct{} // made by Drain, closed when the last dialog has gone
}

// NewServer checks c and makes a server that does not listen yet.
func NewServer(c Config) (*Server, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	g := newGuard(c.Guard)
	if c.Edge.Refused == nil {
		c.Edge.Refused = g.refused
	}
	s := &Server{
		cfg: c, log: c.Logger, machines: slog.New(quieted{c.Logger.Handler()}), edge: NewEdge(c.Edge), auth: newAuth(), guard: g,
		calls:         newBacklog(sipgo.INVITE, c.Guard.Behind, c.Limits.Pending, c.Logger),
		registrations: newBacklog(sipgo.REGISTER, c.Guard.Behind, c.Limits.Pending, c.Logger),
		dialogs:       make(map[dialogID]*dialog),
		servers:       make(map[string]*serverTx),
		finished:      make(map[string]*finished),
		merged:        make(map[mergeID]string),
		clients:       make(map[string]*sipgo.ClientTx),
	}
	if c.Edge.Connects == nil {
		s.edge.cfg.Connects = s.connects
	}
	if c.Edge.Stale == nil {
		s.edge.cfg.Stale = s.stale
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Close stops listening and forgets every dialog without a word to the peers; call Drain before.
// Each leg still gets its End.
func (s *Server) Close() error {
	s.cancel()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	ls, ds := s.listeners, make([]*dialog, 0, len(s.dialogs))
	for _, d := range s.dialogs {
		ds = append(ds, d)
	}
	s.mu.Unlock()

	var err error
	for _, l := range ls {
		err = errors.Join(err, l.close())
	}
	s.edge.Close()
	s.serving.Wait()
	s.calls.close()
	s.registrations.close()
	var done sync.WaitGroup
	for _, d := range ds {
		done.Add(1)
		d.post(func() { d.drop(Cause{Code: 503, Text: "server closed"}); done.Done() })
	}
	done.Wait()
	s.terminateAll()
	return err
}

// Snapshot is the state of a server for metrics; counters only grow.
type Snapshot struct {
	Dialogs, Pending                       int               // now
	ServerTransactions, ClientTransactions int               // now, without final response or its ACK
	Finished                               int               // server transactions kept to absorb repetitions
	Requests                               map[string]uint64 // received, repetitions included, by method; unknown ones are "other"
	Responses                              map[int]uint64    // final ones sent, repetitions apart, by status code
	Dropped                                map[string]uint64 // messages that got no answer, by reason
	Invites, Answered, Refused, Cancelled  uint64
	Called, Diverted                       uint64 // INVITEs sent to phones; addresses that phones sent calls on to
	EndedByPeer, EndedByUs                 uint64
	Retransmitted2xx, AckTimeouts          uint64
	Refreshes, SessionTimeouts             uint64
	Limited                                uint64 // times a limit was hit; most got an answer
	Forbidden                              uint64 // requests of those who may not make them
	Challenged, Stale                      uint64 // requests answered 401, and those of them that came with an old nonce
	Authenticated, WrongPassword           uint64 // proofs that were right, and that were not
	Registered, RegisterRefused            uint64 // REGISTERs answered 200, and not (401 apart)
	OverRate                               uint64 // requests above a rate that got 503
	Late                                   uint64 // INVITEs and REGISTERs that got 503 because the server was behind
	Banned                                 uint64 // bans so far
	Stray                                  uint64 // messages that belong to nothing
	Edge                                   EdgeSnapshot
}

type counters struct {
	requests                              methodCounts
	responses                             codeCounts
	invites, answered, refused, cancelled atomic.Uint64
	called, diverted                      atomic.Uint64
	endedByPeer, endedByUs                atomic.Uint64
	retransmitted2xx, ackTimeouts         atomic.Uint64
	refreshes, sessionTimeouts            atomic.Uint64
	limited, forbidden, stray             atomic.Uint64
	unreadable, acksLimited, closing      atomic.Uint64
	challenged, stale                     atomic.Uint64
	authenticated, wrong                  atomic.Uint64
	registered, registerRefused           atomic.Uint64
	overRate, rateDropped, late           atomic.Uint64
	scanners, banned                      atomic.Uint64
}

// Snapshot may be called at any time.
func (s *Server) Snapshot() Snapshot {
	c := &s.count
	n := Snapshot{
		Requests: make(map[string]uint64), Responses: make(map[int]uint64),
		Invites: c.invites.Load(), Answered: c.answered.Load(), Refused: c.refused.Load(), Cancelled: c.cancelled.Load(),
		Called: c.called.Load(), Diverted: c.diverted.Load(),
		EndedByPeer: c.endedByPeer.Load(), EndedByUs: c.endedByUs.Load(),
		Retransmitted2xx: c.retransmitted2xx.Load(), AckTimeouts: c.ackTimeouts.Load(),
		Refreshes: c.refreshes.Load(), SessionTimeouts: c.sessionTimeouts.Load(),
		Limited: c.limited.Load(), Forbidden: c.forbidden.Load(), Stray: c.stray.Load(),
		Challenged: c.challenged.Load(), Stale: c.stale.Load(),
		Authenticated: c.authenticated.Load(), WrongPassword: c.wrong.Load(),
		Registered: c.registered.Load(), RegisterRefused: c.registerRefused.Load(),
		OverRate: c.overRate.Load(), Late: c.late.Load(), Banned: c.banned.Load(),
		Edge: s.edge.Snapshot(),
	}
	for _, requests := range [...]*methodCounts{&c.requests, &s.edge.count.requests} {
		requests.addTo(n.Requests)
	}
	for _, responses := range [...]*codeCounts{&c.responses, &s.edge.count.responses} {
		responses.addTo(n.Responses)
	}
	n.Dropped = s.dropped(n.Edge)
	s.mu.Lock()
	n.Dialogs, n.Pending = len(s.dialogs), s.pending
	n.ServerTransactions, n.ClientTransactions = len(s.servers), len(s.clients)
	n.Finished = len(s.finished)
	s.mu.Unlock()
	return n
}
