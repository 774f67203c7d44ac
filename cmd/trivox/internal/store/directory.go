package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"trivox/sip"
)

const accountQuery = "SELECT " + hashColumns + ", algorithms, disabled FROM users WHERE domain = $1 AND name = $2"

// Account finds a user; his name is compared letter by letter (RFC 3261, 19.1.4), the domain without regard to case.
// It is part of sip.Directory.
func (s *Store) Account(ctx context.Context, name, domain string) (sip.Account, error) {
	domain = strings.ToLower(domain)
	if CheckUser(name, domain) != nil { // strangers ask for anything
		return sip.Account{}, sip.ErrNoAccount
	}
	ctx, done := s.reading(ctx)
	defer done()
	return account(s.db.QueryRowContext(ctx, accountQuery, domain, name), name, domain)
}

// Any tells whether there is any user at all. What it was told it goes by for a second, when the answer was yes. It is
// part of sip.Directory.
func (s *Store) Any(ctx context.Context) (bool, error) {
	now := s.now()
	if now.UnixNano() < s.anyUntil.Load() {
		return true, nil
	}
	ctx, done := s.reading(ctx)
	defer done()
	var some int
	err := s.db.QueryRowContext(ctx, "SELECT 1 FROM users LIMIT 1").Scan(&some)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("store: look for users: %w", err)
	}
	s.anyUntil.Store(now.Add(remembered).UnixNano())
	return true, nil
}

// account reads the row of accountQuery.
func account(row *sql.Row, name, domain string) (sip.Account, error) {
	var hashes [len(kinds)]string
	var list string
	var disabled int
	err := row.Scan(&hashes[0], &hashes[1], &hashes[2], &hashes[3], &hashes[4], &hashes[5], &list, &disabled)
	if errors.Is(err, sql.ErrNoRows) {
		return sip.Account{}, sip.ErrNoAccount
	}
	if err != nil {
		return sip.Account{}, fmt.Errorf("store: find user: %w", err)
	}
	a := sip.Account{
		User: name, Domain: domain, HA1: make(map[sip.Algorithm]string, len(kinds)),
		Algorithms: splitAlgorithms(list), Disabled: disabled != 0,
	}
	for i, k := range kinds {
		if hashes[i] != "" {
			a.HA1[k.key()] = hashes[i]
		}
	}
	return a, nil
}
