package conference

import (
	"bytes"
	"errors"

	"trivox/sip/sdp"
)

// Rekeying is what came of a caller whose own key keeps it out (SIP.md Q6).
type Rekeying uint8

// What there is.
const (
	RekeyAsked   Rekeying = iota // nothing of the caller can be decrypted any more: signalling is told to ask for a new key
	RekeyDone                    // the caller has taken one
	RekeySame                    // the caller stays with the key of before, and unheard
	RekeyRefused                 // the caller took no offer, or its answer could not be used
	rekeyings
)

func (k Rekeying) String() string { return [...]string{"asked", "done", "same key", "refused"}[k] }

// lockedOut asks for another key of a caller of whom nothing can be decrypted any more.
func (c *conference) lockedOut(l *line) {
	if l.leg.request.Rekey == nil {
		return
	}
	l.leg.tellRekey(RekeyAsked)
	l.leg.request.Rekey()
}

// tellRekey counts and reports.
func (l *Leg) tellRekey(k Rekeying) {
	l.server.rekeys[k].Add(1)
	l.server.report(Event{
		Kind: LegRekey, Conference: l.room.name, Leg: l.id, URI: l.request.URI, Call: l.request.CallID, Rekeying: k,
	})
}

// Rekey is an offer with a new key of ours, by which the caller is asked for one of its own; all else is as agreed, on hold
// too. Nil: its sound is not encrypted any more. What was agreed stays until Rekeyed, which must follow, or Rekey once more.
func (l *Leg) Rekey() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ended:
		return nil, errLegEnded
	case l.agreed == nil:
		return nil, errNotNegotiated
	case l.agreed.Crypto == nil:
		return nil, nil
	}
	if l.rekey != nil { // crossed by another
		l.skipVersion()
	}
	ours := l.local()
	ours.Rekey, ours.Direction = true, l.agreed.Direction
	l.rekey = sdp.Offer(ours, l.agreed)
	return l.rekey, nil
}

// Rekeyed takes the answer to Rekey; nil: there is none, and all stays as it was. With the key that the caller had before its
// packets stay refused: they have the numbers of others that were heard already, and whoever recorded those could play
// them again (RFC 3711, 3.3.2 and 9.1; SIP.md SE-1).
func (l *Leg) Rekeyed(answer []byte) error {
	l.talks.Lock()
	defer l.talks.Unlock()
	before, offer, m, err := l.acceptRekey(answer)
	if err == nil && answer != nil {
		err = l.settle(m, offer)
	}
	switch {
	case err != nil || answer == nil:
		l.refusedRekey()
	case m.Crypto != nil && bytes.Equal(before, m.Crypto.Recv):
		l.tellRekey(RekeySame)
	default:
		l.tellRekey(RekeyDone)
	}
	return err
}

// refusedRekey leaves out the version of the offer that was refused, for the next one is another. RFC 3264, 8
func (l *Leg) refusedRekey() {
	l.mu.Lock()
	l.skipVersion()
	l.mu.Unlock()
	l.tellRekey(RekeyRefused)
}

// skipVersion needs l.mu.
func (l *Leg) skipVersion() {
	if l.agreed != nil {
		l.version = max(l.version, l.agreed.Version+1) + 1
	}
}

// acceptRekey judges the answer to Rekey, if there is one. before is the caller's key so far.
func (l *Leg) acceptRekey(answer []byte) (before sdp.Key, offer []byte, m sdp.Media, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	offer, l.rekey = l.rekey, nil
	switch {
	case l.ended:
		return nil, nil, m, errLegEnded
	case offer == nil:
		return nil, nil, m, errors.New("an answer came, but no offer with a new key is open")
	case answer == nil:
		return nil, offer, m, nil
	}
	if l.agreed.Crypto != nil {
		before = l.agreed.Crypto.Recv
	}
	m, err = sdp.Accept(offer, answer, l.local(), l.agreed)
	return before, offer, m, err
}
