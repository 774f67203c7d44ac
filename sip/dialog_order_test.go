package sip

import (
	"math/rand/v2"
	"testing"
	"time"
)

// RFC 3261, 12.2.2 (UA-3)
func TestCSeqInOrder(t *testing.T) {
	for _, tt := range []struct {
		last, got uint32
		want      bool
	}{
		{1, 2, true}, {1, 100, true}, {1, 1, false}, {2, 1, false}, {0, 1, true},
		{1<<31 - 2, 1<<31 - 1, true}, {1<<31 - 1, 0, false},
	} {
		if got := cseqInOrder(tt.last, tt.got); got != tt.want {
			t.Errorf("%d after %d: %v", tt.got, tt.last, got)
		}
	}
}

// RFC 3261, 14.2; RFC 3311, 5.2 (UA-4)
func TestGlare(t *testing.T) {
	for _, tt := range []struct {
		name                         string
		g                            glare
		invite, update, updateNoBody int
	}{
		{"quiet", glare{}, 0, 0, 0},
		{"our re-INVITE is out", glare{ourInvite: true}, 491, 491, 0},
		{"our offer waits for its answer", glare{ourOffer: true}, 491, 491, 0},
		{"the peer's INVITE is open", glare{peerInvite: true}, 500, 500, 0},
		{"the peer's offer is open", glare{peerOffer: true}, 500, 500, 0},
		{"both", glare{ourInvite: true, peerInvite: true}, 491, 491, 0},
	} {
		if got := tt.g.invite(); got != tt.invite {
			t.Errorf("%s: INVITE %d, want %d", tt.name, got, tt.invite)
		}
		if got := tt.g.update(true); got != tt.update {
			t.Errorf("%s: UPDATE %d, want %d", tt.name, got, tt.update)
		}
		if got := tt.g.update(false); got != tt.updateNoBody {
			t.Errorf("%s: UPDATE without offer %d, want %d", tt.name, got, tt.updateNoBody)
		}
	}
}

// RFC 3261, 14.1: both ends of the ranges are reached, in steps of 10 ms, and they do not overlap.
func TestGlareWait(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		owner    bool
		min, max time.Duration
	}{{true, 2100 * time.Millisecond, 4 * time.Second}, {false, 0, 2 * time.Second}} {
		lo, hi := time.Hour, time.Duration(-1)
		for range 20000 {
			w := glareWait(tt.owner, r)
			if w%(10*time.Millisecond) != 0 {
				t.Fatalf("%v is no multiple of 10 ms", w)
			}
			lo, hi = min(lo, w), max(hi, w)
		}
		if lo != tt.min || hi != tt.max {
			t.Errorf("owner %v: %v to %v, want %v to %v", tt.owner, lo, hi, tt.min, tt.max)
		}
	}
}
