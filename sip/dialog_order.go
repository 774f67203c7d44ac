package sip

import (
	"math/rand/v2"
	"time"
)

// cseqInOrder says whether a request may be served after the one numbered last. Gaps are
// allowed, going back is not. RFC 3261, 12.2.2 (UA-3)
func cseqInOrder(last, got uint32) bool { return got > last }

// glare is what is open in a dialog when a request comes.
type glare struct {
	ourInvite  bool // our re-INVITE has no final response yet
	ourOffer   bool // an offer of ours has no answer yet
	peerInvite bool // the peer's earlier INVITE has no final response yet
	peerOffer  bool // the peer's earlier offer has no answer yet
}

// invite gives the code that refuses a re-INVITE, or 0. RFC 3261, 14.2; RFC 5407, 3.1 (UA-4)
func (g glare) invite() int {
	switch {
	case g.ourInvite || g.ourOffer:
		return 491
	case g.peerInvite || g.peerOffer:
		return 500
	}
	return 0
}

// update gives the code that refuses an UPDATE, or 0. RFC 3311, 5.2 (UA-4)
func (g glare) update(offer bool) int {
	if !offer {
		return 0
	}
	switch {
	case g.ourInvite || g.ourOffer:
		return 491
	case g.peerInvite || g.peerOffer:
		return 500
	}
	return 0
}

// glareWait is how long to wait after a 491: the owner of the Call-ID 2.1 to 4 s, the other side
// 0 to 2 s, in steps of 10 ms. RFC 3261, 14.1 (UA-4)
func glareWait(owner bool, r *rand.Rand) time.Duration {
	if owner {
		return time.Duration(210+r.IntN(191)) * 10 * time.Millisecond
	}
	return time.Duration(r.IntN(201)) * 10 * time.Millisecond
}
