package media

import (
	"net/netip"
	"time"
)

// When a peer is taken for one that its own key keeps out (Q6). Copies and packets that are late come with others that can be
// decrypted, garbage from elsewhere does not have the peer's address.
const (
	rekeyPackets = 50          // in a row that cannot be decrypted, none that can: a second of speech
	rekeySilence = time.Second // between the first and the last of them: who sends 50 at once has not been waited for
	rekeyPause   = time.Minute // between two times that a key is asked for: somebody may send garbage in the peer's name
)

// lockout watches for a peer that was understood and is not any more. A phone which begins its sequence numbers or its
// rollover counter anew, under the SSRC and the key of before, cannot be told from somebody who replays its packets, and is
// kept out as one (RFC 3711, 3.3.2) until it takes another key.
type lockout struct {
	understood bool          // a packet was decrypted since a key was asked for last
	refused    int           // packets in a row, since then, that could not be
	since      time.Duration // the first of them
	asked      time.Duration // when a key was asked for last
	before     bool          // asked is set
}

// decrypted notes that a packet was the peer's.
func (l *lockout) decrypted() { l.understood, l.refused = true, 0 }

// undecryptable notes that one was not. It tells whether to ask for another key: once, until a packet can be decrypted again.
func (l *lockout) undecryptable(now time.Duration) bool {
	if !l.understood {
		return false
	}
	if l.refused == 0 {
		l.since = now
	}
	l.refused++
	if l.refused < rekeyPackets || now-l.since < rekeySilence || l.before && now-l.asked < rekeyPause {
		return false
	}
	*l = lockout{asked: now, before: true}
	return true
}

// lockedOut tells whether a packet that was refused is one too many of the peer's, see Verdict.Rekey.
func (s *Session) lockedOut(now time.Duration, from netip.AddrPort, why Drop) bool {
	switch why {
	case Unauthentic, Replayed, Excess:
		return (from == s.latch.from || from == s.latch.named) && s.lockout.undecryptable(now)
	}
	return false
}
