package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"trivox/sip"
)

// remembered is how long Any goes by what it was told last.
const remembered = time.Second

// User is a user without his secrets.
type User struct {
	Name, Domain string
	// Algorithms are those he is challenged with, in that order; empty: all, in the server's order.
	Algorithms []sip.Algorithm
	Disabled   bool
	Created    time.Time
	Changed    time.Time
}

// AOR is the user's address of record without scheme.
func (u User) AOR() string { return u.Name + "@" + u.Domain }

// AddUser adds a user. Only hashes of the password are kept: for the algorithms given, or for all when none is. The
// errors say what to do; one is ErrUserExists.
func (s *Store) AddUser(ctx context.Context, name, domain, password string, list ...sip.Algorithm) error {
	if err := errors.Join(CheckUser(name, domain), CheckPassword(password), checkAlgorithms(list)); err != nil {
		return err
	}
	now := s.now().UnixMicro()
	args := append([]any{domain, name}, hashes(name, domain, password, list)...)
	args = append(args, joinAlgorithms(list), now)
	return s.apart(ctx, func(ctx context.Context, tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "INSERT INTO users (domain, name, "+hashColumns+", algorithms, disabled, created, changed) "+
			"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $10) ON CONFLICT (domain, name) DO NOTHING", args...)
		return one(result, err, fmt.Errorf("%s@%s: %w; another password is set by: trivox user passwd", name, domain, ErrUserExists))
	})
}

// Users lists the users by domain and name.
func (s *Store) Users(ctx context.Context) ([]User, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT domain, name, algorithms, disabled, created, changed FROM users ORDER BY domain, name")
	if err != nil {
		return nil, fmt.Errorf("store: list users: %w", err)
	}
	defer rows.Close()
	var out []User
	for rows.Next() {
		var u User
		var list string
		var disabled int
		var created, changed int64
		if err := rows.Scan(&u.Domain, &u.Name, &list, &disabled, &created, &changed); err != nil {
			return nil, fmt.Errorf("store: list users: %w", err)
		}
		u.Algorithms, u.Disabled = splitAlgorithms(list), disabled != 0
		u.Created, u.Changed = timeOf(created), timeOf(changed)
		out = append(out, u)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("store: list users: %w", err)
	}
	return out, nil
}

// RemoveUser removes a user and the bindings of his phones; ErrNoUser when there is none.
func (s *Store) RemoveUser(ctx context.Context, name, domain string) error {
	err := s.change(ctx, name, domain, func(ctx context.Context, tx *sql.Tx) (sql.Result, error) {
		if _, err := tx.ExecContext(ctx, "DELETE FROM bindings WHERE aor = $1", aorOf(name, domain)); err != nil {
			return nil, err
		}
		return tx.ExecContext(ctx, "DELETE FROM users WHERE domain = $1 AND name = $2", domain, name)
	})
	s.anyUntil.Store(0)
	return err
}

// SetPassword gives a user another password, and other algorithms when any is named; ErrNoUser when there is none. What
// was registered by the old one is forgotten: a thief's phone must not ring on.
func (s *Store) SetPassword(ctx context.Context, name, domain, password string, list ...sip.Algorithm) error {
	if err := errors.Join(CheckPassword(password), checkAlgorithms(list)); err != nil {
		return err
	}
	return s.change(ctx, name, domain, func(ctx context.Context, tx *sql.Tx) (sql.Result, error) {
		wanted := list
		if len(wanted) == 0 {
			a, err := account(tx.QueryRowContext(ctx, accountQuery, domain, name), name, domain)
			if err != nil {
				return nil, err
			}
			wanted = a.Algorithms
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM bindings WHERE aor = $1", aorOf(name, domain)); err != nil {
			return nil, err
		}
		args := append(hashes(name, domain, password, wanted), joinAlgorithms(wanted), s.now().UnixMicro(), domain, name)
		return tx.ExecContext(ctx, hashUpdate, args...)
	})
}

// SetDisabled forbids a user to register and to call, or allows it again; ErrNoUser when there is none. What his
// phones have registered is forgotten with it.
func (s *Store) SetDisabled(ctx context.Context, name, domain string, disabled bool) error {
	return s.change(ctx, name, domain, func(ctx context.Context, tx *sql.Tx) (sql.Result, error) {
		value := 0
		if disabled {
			value = 1
			if _, err := tx.ExecContext(ctx, "DELETE FROM bindings WHERE aor = $1", aorOf(name, domain)); err != nil {
				return nil, err
			}
		}
		return tx.ExecContext(ctx, "UPDATE users SET disabled = $1, changed = $2 WHERE domain = $3 AND name = $4",
			value, s.now().UnixMicro(), domain, name)
	})
}

// SetAlgorithms says what a user is challenged with, in that order. The hashes for other algorithms are forgotten;
// one that he has no hash for is refused, since making it takes the password. None means all of them in the server's
// order. ErrNoUser when there is no such user.
func (s *Store) SetAlgorithms(ctx context.Context, name, domain string, list []sip.Algorithm) error {
	if err := checkAlgorithms(list); err != nil {
		return err
	}
	return s.change(ctx, name, domain, func(ctx context.Context, tx *sql.Tx) (sql.Result, error) {
		a, err := account(tx.QueryRowContext(ctx, accountQuery, domain, name), name, domain)
		if err != nil {
			return nil, err
		}
		wanted := list
		if len(wanted) == 0 {
			wanted = algorithms
		}
		for _, algorithm := range wanted {
			if a.HA1[algorithm] == "" {
				return nil, fmt.Errorf("there is no hash for %s, and making it takes the password: trivox user passwd --algorithm", algorithm)
			}
		}
		kept := columns(wanted, func(k kind) string { return a.HA1[k.key()] })
		return tx.ExecContext(ctx, hashUpdate, append(kept, joinAlgorithms(list), s.now().UnixMicro(), domain, name)...)
	})
}

// change does f, whose result is to be one row: that of the user, whom no other process changes meanwhile.
func (s *Store) change(ctx context.Context, name, domain string, f func(ctx context.Context, tx *sql.Tx) (sql.Result, error)) error {
	none := fmt.Errorf("%q: %w; `trivox user list` names all there are", name+"@"+domain, ErrNoUser)
	if CheckUser(name, domain) != nil {
		return none
	}
	return s.apart(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.lock(ctx, tx, []string{aorOf(name, domain)}); err != nil {
			return err
		}
		result, err := f(ctx, tx)
		if errors.Is(err, ErrNoUser) {
			return none
		}
		return one(result, err, none)
	})
}

// one tells what became of a statement that was to change one row: its error, or none when it changed no row.
func one(result sql.Result, err, none error) error {
	if err != nil {
		return fmt.Errorf("store: change user: %w", err)
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		return none
	}
	return err
}

// hashUpdate changes what a user is asked for.
const hashUpdate = "UPDATE users SET (" + hashColumns + ") = ($1, $2, $3, $4, $5, $6), algorithms = $7, changed = $8 " +
	"WHERE domain = $9 AND name = $10"

func joinAlgorithms(list []sip.Algorithm) string {
	words := make([]string, len(list))
	for i, a := range list {
		words[i] = string(a)
	}
	return strings.Join(words, ",")
}

func splitAlgorithms(s string) []sip.Algorithm {
	var out []sip.Algorithm
	for word := range strings.SplitSeq(s, ",") {
		if word != "" {
			out = append(out, sip.Algorithm(word))
		}
	}
	return out
}
