package store

import "context"

// Migrate brings the tables on by these steps.
func (s *Store) Migrate(ctx context.Context, steps []string) error { return s.migrate(ctx, steps) }

// Migrations are the steps of the program.
func Migrations() []string { return migrations() }
