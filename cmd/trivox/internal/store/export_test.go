package store

import "context"

// Migrate brings the tables on by these steps.
func (s *Store) Migrate(ctx context.Context, steps []string) error { return s.migrate(ctx, steps) }

// Migrations are the steps of the program.
func Migrations() []string { return migrations() }

// IsHostName tells whether a text is a host name in small letters.
func IsHostName(text string) bool { return isHostName(text) }
