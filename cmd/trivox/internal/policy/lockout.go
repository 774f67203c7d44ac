package policy

import "time"

// After how many wrong PINs within which time the PINs of a room are asked of nobody, and for how long (USERS 24).
const (
	LockoutPINs   = 20
	LockoutWithin = 10 * time.Minute
	LockoutFor    = 10 * time.Minute
)

// Lockout keeps whoever guesses from going on, in whatever number of calls. The zero Lockout is open. Times are since
// any one moment.
type Lockout struct {
	wrong [LockoutPINs]time.Duration // when the latest came, a ring
	count int                        // how many there are in the ring
	next  int
	until time.Duration
	shut  bool
}

// Wrong notes a wrong PIN and reports that it was the one that shuts the door.
func (l *Lockout) Wrong(now time.Duration) bool {
	if l.Left(now) > 0 {
		return false
	}
	l.wrong[l.next] = now
	l.next = (l.next + 1) % LockoutPINs
	if l.count = min(l.count+1, LockoutPINs); l.count < LockoutPINs || now-l.wrong[l.next] > LockoutWithin {
		return false
	}
	*l = Lockout{until: now + LockoutFor, shut: true}
	return true
}

// Left is for how long no PIN is asked; 0: they are asked now.
func (l *Lockout) Left(now time.Duration) time.Duration {
	if !l.shut {
		return 0
	}
	return max(0, l.until-now)
}
