package store_test

import (
	"strings"
	"sync"
	"testing"

	"trivox/cmd/trivox/internal/store"
	"trivox/cmd/trivox/internal/store/storetest"
)

// A step that fails leaves the database as the step before made it, data and all; mended, it goes on from there. Two
// who bring it on at once do each step once.
func TestMigration(t *testing.T) {
	storetest.EachDurable(t, func(t *testing.T, c store.Config) {
		ctx := t.Context()
		s, other := storetest.Open(t, c), storetest.Open(t, c)
		must(t, s.AddUser(ctx, "alice", "example.org", password))
		steps := append(store.Migrations(), "CREATE TABLE extra (id INTEGER)")
		broken := append(steps, "INSERT INTO extra VALUES (1); INSERT INTO nowhere VALUES (1)")
		if err := s.Migrate(ctx, broken); err == nil || !strings.Contains(err.Error(), "bring the database to version 3: ") {
			t.Errorf("a broken step: %v", err)
		}
		count := func() (rows, version int) {
			t.Helper()
			must(t, raw(t, c).QueryRow("SELECT (SELECT COUNT(*) FROM extra), (SELECT MAX(version) FROM migrations)").Scan(&rows, &version))
			return rows, version
		}
		if rows, version := count(); rows != 0 || version != 2 {
			t.Errorf("after a broken step: %d rows, version %d", rows, version)
		}
		mended := append(steps, "INSERT INTO extra VALUES (1); INSERT INTO extra VALUES (2)")
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				if err := []*store.Store{s, other}[i%2].Migrate(ctx, mended); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if rows, version := count(); rows != 2 || version != 3 {
			t.Errorf("after the mended step: %d rows, version %d", rows, version)
		}
		if list, err := s.Users(ctx); err != nil || len(list) != 1 {
			t.Errorf("users: %v, %v", list, err)
		}
	})
}
