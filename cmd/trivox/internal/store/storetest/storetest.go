// Package storetest gives tests databases: of each kind that trivox knows, and a PostgreSQL of the tests' own.
package storetest

import (
	"testing"

	"trivox/cmd/trivox/internal/store"
)

// Each runs a test on a fresh Store of each kind: an SQLite file, SQLite in memory, and PostgreSQL.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	EachDurable(t, func(t *testing.T, c store.Config) { test(t, Open(t, c)) })
	t.Run("memory", func(t *testing.T) { test(t, Open(t, store.Config{})) })
}

// EachDurable runs a test on each kind of database that survives its Store.
func EachDurable(t *testing.T, test func(t *testing.T, c store.Config)) {
	t.Helper()
	t.Run("file", func(t *testing.T) { test(t, store.Config{Data: t.TempDir()}) })
	t.Run("postgres", func(t *testing.T) { test(t, store.Config{Database: Postgres(t)}) })
}

// Open opens a Store until the test ends.
func Open(t testing.TB, c store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}
