package sip

import (
	"hash/maphash"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"
)

// EdgeConfig sets the limits of an Edge. The zero value takes the defaults.
type EdgeConfig struct {
	Logger *slog.Logger // nil: none

	DSCP int // of SIP packets; CS3 (24) unless set, below 0 leaves the system's

	// MessageTimeout is from the first byte of a message of a stream to its last, 30 s unless set (TR-4); and from the
	// beginning of a connection of whom Trusted does not have until its first message has begun.
	MessageTimeout time.Duration
	IdleTimeout    time.Duration // without a byte on a connection, 1 h unless set
	WriteTimeout   time.Duration // of one message to a connection, 10 s unless set
	// HandshakeTimeout is how long a connection may take to agree on TLS, 10 s unless set.
	HandshakeTimeout time.Duration

	MaxHeader         int // bytes of start line and header fields on a stream, 64 KiB unless set (TR-4)
	MaxBody           int // bytes of body on a stream, 64 KiB unless set
	MaxConns          int // connections accepted at a time, 8192 unless set
	MaxConnsPerSource int // of them from one address (of IPv6: one /64), 64 unless set

	// Trusted addresses have no limit of their own: only MaxConns holds for
	// them. Nil: loopback only.
	Trusted func(netip.Addr) bool
	// Refused addresses are not listened to: nothing of what they send is read, and their connections are closed. It is
	// asked for every datagram, so it must be quick. Nil: nobody.
	Refused func(netip.Addr) bool
	// Stale is asked for every datagram, of which nothing else has been read, and when it came; true drops it. Nil: none is.
	Stale func(b []byte, came time.Time) bool
	// Connects is asked for each connection that comes; false closes it before anything is read. Nil: all may.
	Connects func(netip.Addr) bool
}

func (c *EdgeConfig) fill() {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.DSCP == 0 {
		c.DSCP = 24 // CS3, RFC 4594, 3.2
	}
	setDuration(&c.MessageTimeout, 30*time.Second)
	setDuration(&c.IdleTimeout, time.Hour)
	setDuration(&c.WriteTimeout, 10*time.Second)
	setDuration(&c.HandshakeTimeout, 10*time.Second)
	setInt(&c.MaxHeader, 64<<10)
	setInt(&c.MaxBody, 64<<10)
	setInt(&c.MaxConns, 8192)
	setInt(&c.MaxConnsPerSource, 64)
	if c.Trusted == nil {
		c.Trusted = netip.Addr.IsLoopback
	}
	if c.Refused == nil {
		c.Refused = func(netip.Addr) bool { return false }
	}
	if c.Stale == nil {
		c.Stale = func([]byte, time.Time) bool { return false }
	}
	if c.Connects == nil {
		c.Connects = func(netip.Addr) bool { return true }
	}
}

// Handler takes the messages of one socket in the order in which they came, and
// must not block. source is where m came from; conn is its connection, nil for
// a datagram; came is when the kernel had it, as far as that is known. m is the
// handler's to keep.
type Handler func(m sip.Message, source netip.AddrPort, conn net.Conn, came time.Time)

// Edge stands between the sockets and sipgo's parser: it reads datagrams and
// streams in place of sipgo's transports, mends what is written oddly, answers
// what cannot be served, and bounds what strangers can hold.
// docs/decisions/0004-sip-stack.md tells why.
type Edge struct {
	cfg   EdgeConfig
	log   *slog.Logger
	seed  maphash.Seed
	count edgeCounters
	told  [edgeCauses]atomic.Bool // causes logged once

	parser  *sip.Parser // shared by all menders, never changed
	menders sync.Pool   // of *mender, for connections: most are idle

	mu      sync.Mutex
	conns   map[*streamConn]struct{}
	tokens  map[string]*streamConn // the same, by flow token
	sources map[netip.Prefix]int   // connections of each, as package limits tells sources apart
	closed  bool
	reading sync.WaitGroup // one for each connection
}

// NewEdge makes an edge; it opens nothing.
func NewEdge(c EdgeConfig) *Edge {
	c.fill()
	e := &Edge{
		cfg: c, log: c.Logger, seed: maphash.MakeSeed(), parser: newParser(),
		conns:   make(map[*streamConn]struct{}),
		tokens:  make(map[string]*streamConn),
		sources: make(map[netip.Prefix]int),
	}
	e.menders.New = func() any { return e.newMender() }
	return e
}

func (e *Edge) newMender() *mender { return &mender{parser: e.parser, seed: e.seed} }

// Close closes every connection, accepted or dialled, and returns when none is
// read any more. Sockets that listen are closed by whoever opened them.
func (e *Edge) Close() {
	e.mu.Lock()
	e.closed = true
	conns := make([]*streamConn, 0, len(e.conns))
	for c := range e.conns {
		conns = append(conns, c)
	}
	e.mu.Unlock()
	for _, c := range conns {
		go func() { _ = c.Close() }() // TLS says goodbye, and may wait for a peer that does not read
	}
	e.reading.Wait()
}

// EdgeSnapshot is what an edge has counted; all but Conns only grow.
type EdgeSnapshot struct {
	Conns               int    // connections now
	Messages            uint64 // handed on
	Junk                uint64 // datagrams too short, keep-alives, and what is not SIP
	Answered            uint64 // refused with an answer
	Unanswered          uint64 // refused without: responses, ACK, or no Via to answer to
	Ignored             uint64 // header fields left out for being malformed
	NoTag               uint64 // requests of RFC 2543, without a From tag
	NoLength            uint64 // messages on a stream without Content-Length
	Pings               uint64 // keep-alives answered (RFC 5626)
	BadFraming, TooSlow uint64 // connections closed for it
	Accepted, OverLimit uint64 // connections taken, and closed for one of the limits
	Secured, Insecure   uint64 // TLS handshakes done, and failed: then the connection was closed
	ReadErrors, Unsent  uint64 // errors of sockets while reading, and answers they did not take
	Idle                uint64 // connections closed for saying nothing
	Refused             uint64 // datagrams, connections, and reads of connections of refused addresses
	Stale               uint64 // datagrams that had waited for too long
	OverRate            uint64 // connections closed because their source connects too often
}

type edgeCounters struct {
	requests                             methodCounts // refused here
	responses                            codeCounts   // to them
	messages, junk, answered, unanswered atomic.Uint64
	ignored, noTag, noLength, pings      atomic.Uint64
	badFraming, tooSlow, idle            atomic.Uint64
	accepted, overLimit                  atomic.Uint64
	secured, insecure                    atomic.Uint64
	readErrors, unsent, refused          atomic.Uint64
	overRate, stale                      atomic.Uint64
}

// Snapshot may be called at any time.
func (e *Edge) Snapshot() EdgeSnapshot {
	c := &e.count
	n := EdgeSnapshot{
		Messages: c.messages.Load(), Junk: c.junk.Load(), Answered: c.answered.Load(), Unanswered: c.unanswered.Load(),
		Ignored: c.ignored.Load(), NoTag: c.noTag.Load(), NoLength: c.noLength.Load(), Pings: c.pings.Load(),
		BadFraming: c.badFraming.Load(), TooSlow: c.tooSlow.Load(), Idle: c.idle.Load(),
		Accepted: c.accepted.Load(), OverLimit: c.overLimit.Load(),
		Secured: c.secured.Load(), Insecure: c.insecure.Load(),
		ReadErrors: c.readErrors.Load(), Unsent: c.unsent.Load(), Refused: c.refused.Load(), Stale: c.stale.Load(), OverRate: c.overRate.Load(),
	}
	e.mu.Lock()
	n.Conns = len(e.conns)
	e.mu.Unlock()
	return n
}

// edgeCause is something that is logged the first time only (TR-7): a stranger
// must not fill the log.
type edgeCause uint8

const (
	causeIgnored edgeCause = iota
	causeNoTag
	causeNoLength
	causeOverLimit
	causeHandshake
	causeReadError
	edgeCauses
)

// once logs text the first time that cause comes up, and counts elsewhere.
func (e *Edge) once(cause edgeCause, text string, args ...any) {
	if !e.told[cause].Swap(true) {
		e.log.Info("sip: "+text+" (logged once, then counted)", args...)
	}
}

// take is what a mended message leads to, for datagrams and streams alike. It
// returns the answer to send, nil when there is none.
func (e *Edge) take(res mended, source netip.AddrPort, conn net.Conn, came time.Time, handle Handler) []byte {
	if res.ignored > 0 {
		e.count.ignored.Add(uint64(res.ignored))
		e.once(causeIgnored, "malformed header fields ignored", "source", source)
	}
	if res.noTag {
		e.count.noTag.Add(1)
		e.once(causeNoTag, "request without From tag, as in RFC 2543", "source", source)
	}
	if m := res.message; m != nil {
		e.count.messages.Add(1)
		m.SetTransport(networkOf(conn))
		m.SetSource(source.String())
		handle(m, source, conn, came)
		return nil
	}
	if res.method != "" {
		e.count.requests.add(res.method)
	}
	switch {
	case res.problem.code == 0:
		e.count.junk.Add(1)
	case res.answer == nil:
		e.count.unanswered.Add(1)
	default:
		e.count.answered.Add(1)
		e.count.responses.add(res.problem.code)
	}
	if res.problem.code != 0 {
		e.log.Debug("sip: message refused", "source", source, "code", res.problem.code, "why", res.problem.text)
	}
	return res.answer
}
