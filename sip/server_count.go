package sip

import (
	"slices"
	"sync/atomic"

	sipgo "github.com/emiago/sipgo/sip"
)

// countedMethods have a count of their own, all others one together: a stranger must not make new ones.
var countedMethods = slices.Concat(builtMethods[:], knownMethods[:])

// otherMethod is what Snapshot calls requests of other methods.
const otherMethod = "other"

// methodCounts counts requests by method.
type methodCounts [len(builtMethods) + len(knownMethods) + 1]atomic.Uint64

func (c *methodCounts) add(m sipgo.RequestMethod) {
	i := slices.Index(countedMethods, m)
	if i < 0 {
		i = len(c) - 1
	}
	c[i].Add(1)
}

// addTo leaves out what never came.
func (c *methodCounts) addTo(counts map[string]uint64) {
	for i := range c {
		if n := c[i].Load(); n > 0 {
			name := otherMethod
			if i < len(countedMethods) {
				name = string(countedMethods[i])
			}
			counts[name] += n
		}
	}
}

// codeCounts counts responses by status code, 100 to 699.
type codeCounts [600]atomic.Uint64

func (c *codeCounts) add(code int) { c[code-100].Add(1) }

// addTo leaves out what was never sent.
func (c *codeCounts) addTo(counts map[int]uint64) {
	for i := range c {
		if n := c[i].Load(); n > 0 {
			counts[i+100] += n
		}
	}
}

// Reasons why a message is dropped without an answer, as Snapshot calls them.
const (
	droppedUnreadable = "unreadable" // no Via to answer to, or malformed and of a kind that is never answered
	droppedUnfinished = "unfinished" // a stream brought the beginning of a message and not its end
	droppedStray      = "stray"      // an ACK or a response that belongs to nothing here
	droppedQueue      = "queue"      // an ACK for a call whose queue is full
	droppedClosing    = "closing"    // came while the server closed
	droppedRate       = "rate"       // above the rate of their source
	droppedBanned     = "banned"     // from a source that is banned; nothing of them was read
	droppedLate       = "late"       // new, and not even read in time by a server that is behind
	droppedScanner    = "scanner"    // from a program that looks for servers to break into
)

// dropped gives the messages that got no answer, by reason.
func (s *Server) dropped(e EdgeSnapshot) map[string]uint64 {
	c := &s.count
	return map[string]uint64{
		droppedUnreadable: e.Unanswered + c.unreadable.Load(), droppedUnfinished: e.TooSlow,
		droppedStray: c.stray.Load(), droppedQueue: c.acksLimited.Load(), droppedClosing: c.closing.Load(),
		droppedRate: c.rateDropped.Load() + e.OverRate, droppedBanned: e.Refused, droppedScanner: c.scanners.Load(), droppedLate: e.Stale,
	}
}
