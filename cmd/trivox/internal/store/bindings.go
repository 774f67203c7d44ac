package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"trivox/sip"
)

// MaxBindings bounds how many bindings one user has.
const MaxBindings = 100

// Registered is a binding with the user whose it is.
type Registered struct {
	User, Domain string
	sip.Binding
}

// aorOf is the key of a user's bindings.
func aorOf(user, domain string) string { return user + "@" + strings.ToLower(domain) }

// Bindings are those of a user in the order in which they were stored, the ones that have expired too. It is part of
// sip.Location.
func (s *Store) Bindings(ctx context.Context, user, domain string) ([]sip.Binding, error) {
	aor := aorOf(user, domain)
	if !storable(aor) {
		return nil, nil
	}
	ctx, done := s.reading(ctx)
	defer done()
	stored, err := loadBindings(ctx, s.db, []string{aor})
	return bindingsOf(stored[aor]), err
}

// Update replaces the bindings of a user by what change makes of them, atomically among all processes. It is part of
// sip.Location. change runs in a goroutine of the Store, inside a transaction: it must not wait, nor use the Store.
// It owns the list that it gets. Times are kept in microseconds, in UTC; the list returned is the one stored.
// There are at most MaxBindings; too many changes at once fail with ErrBusy.
func (s *Store) Update(ctx context.Context, user, domain string, change func([]sip.Binding) ([]sip.Binding, error)) ([]sip.Binding, error) {
	aor := aorOf(user, domain)
	if !storable(aor) || len(aor) > maxURI {
		return nil, fmt.Errorf("store: %.80q can have no bindings: need UTF-8 without NUL, %d bytes at most", aor, maxURI)
	}
	j := &job{aor: aor, change: change}
	if err := s.do(ctx, j, true); err != nil {
		return nil, err
	}
	return j.result, nil
}

// Registered lists at most limit bindings that have not expired, of all users, in the order of their addresses.
func (s *Store) Registered(ctx context.Context, limit int) ([]Registered, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT "+bindingList+" FROM bindings WHERE expires > $1 ORDER BY aor, n LIMIT $2",
		s.now().UnixMicro(), limit)
	if err != nil {
		return nil, fmt.Errorf("store: list bindings: %w", err)
	}
	all, err := scanBindings(rows)
	if err != nil {
		return nil, err
	}
	out := make([]Registered, len(all))
	for i, r := range all {
		at := strings.LastIndexByte(r.aor, '@') // a domain has none
		out[i] = Registered{User: r.aor[:at], Domain: r.aor[at+1:], Binding: r.binding}
	}
	return out, nil
}

// Expire deletes the bindings whose time was over by now, and tells how many they were.
func (s *Store) Expire(ctx context.Context, now time.Time) (int, error) {
	n, err := s.deleteSome(ctx, "DELETE FROM bindings WHERE expires <= $1 AND (aor, n) IN "+
		"(SELECT aor, n FROM bindings WHERE expires <= $1 LIMIT $2)", now) // the first condition holds while others write
	if err != nil {
		return n, fmt.Errorf("store: expire bindings: %w", err)
	}
	return n, nil
}
