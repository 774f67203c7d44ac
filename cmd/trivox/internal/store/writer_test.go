package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/store"
	"trivox/cmd/trivox/internal/store/storetest"
	"trivox/sip"
)

// held is a change that keeps the writer busy until it is let go.
type held struct{ begun, release, done chan struct{} }

func hold(t *testing.T, s *store.Store) held {
	h := held{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(h.done)
		_, err := s.Update(context.Background(), "holder", "example.org", func(list []sip.Binding) ([]sip.Binding, error) {
			close(h.begun)
			<-h.release
			return list, nil
		})
		if err != nil {
			t.Errorf("the change that held the writer: %v", err)
		}
	}()
	<-h.begun
	return h
}

// While the database is behind, so many changes wait and no more; what waited is done, records always are.
func TestTooManyWaiting(t *testing.T) {
	const places = 4096
	s := storetest.Open(t, store.Config{})
	h := hold(t, s)
	var all sync.WaitGroup
	var refused, done atomic.Int64
	over := make(chan struct{})
	for range places + 100 {
		all.Go(func() {
			_, err := s.Update(t.Context(), "alice", "example.org", func(list []sip.Binding) ([]sip.Binding, error) {
				return []sip.Binding{{CSeq: append(list, sip.Binding{})[0].CSeq + 1}}, nil
			})
			switch {
			case errors.Is(err, store.ErrBusy):
				if refused.Add(1) == 100 {
					close(over)
				}
			case err != nil:
				t.Error(err)
			default:
				done.Add(1)
			}
		})
	}
	<-over
	all.Go(func() {
		if err := s.AddRecord(t.Context(), store.Record{ID: "late", Ended: noon}); err != nil {
			t.Errorf("a record was refused: %v", err)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.AddRecord(ctx, store.Record{ID: "never", Ended: noon}); !errors.Is(err, context.Canceled) {
		t.Errorf("a record without time to wait: %v", err)
	}
	close(h.release)
	all.Wait()
	got, err := s.Bindings(t.Context(), "alice", "example.org")
	must(t, err)
	stats := s.Stats()
	if done.Load() != places || got[0].CSeq != places || refused.Load() != 100 || stats.Refused != 100 || stats.Waiting != 0 {
		t.Errorf("%d done, %d stored, %d refused, %+v", done.Load(), got[0].CSeq, refused.Load(), stats)
	}
	if stats.Commits > places/10 {
		t.Errorf("%d transactions for %d changes", stats.Commits, places)
	}
}

// A caller whose time ends while his change waits gets it never done; one whose change has begun gets its outcome.
func TestCallerGivesUp(t *testing.T) {
	s := storetest.Open(t, store.Config{})
	h := hold(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		_, err := s.Update(ctx, "alice", "example.org", func(list []sip.Binding) ([]sip.Binding, error) {
			t.Error("a change was made that nobody waits for")
			return list, nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("gave up with %v", err)
		}
	})
	cancel()
	all.Wait()
	close(h.release)
	<-h.done

	ctx, cancel = context.WithCancel(t.Context())
	_, err := s.Update(ctx, "bob", "example.org", func(list []sip.Binding) ([]sip.Binding, error) {
		cancel()
		return append(list, sip.Binding{Contact: "sip:bob"}), nil
	})
	if got, err2 := s.Bindings(t.Context(), "bob", "example.org"); err != nil || err2 != nil || len(got) != 1 {
		t.Errorf("begun before the end: %v %v %v", got, err, err2)
	}
}

// Close does what waits; afterwards everything is refused.
func TestClose(t *testing.T) {
	storetest.EachDurable(t, func(t *testing.T, c store.Config) {
		s, err := store.Open(t.Context(), c)
		must(t, err)
		h := hold(t, s)
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				if _, err := s.Update(t.Context(), fmt.Sprint("user", i), "example.org", add(sip.Binding{Expires: time.Now().Add(time.Hour)})); err != nil {
					t.Error(err)
				}
			})
		}
		for s.Stats().Waiting < 50 {
			runtime.Gosched()
		}
		all.Go(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		close(h.release)
		all.Wait()
		must(t, s.Close())
		if _, err := s.Update(t.Context(), "late", "example.org", add(sip.Binding{})); !errors.Is(err, store.ErrClosed) {
			t.Errorf("update after close: %v", err)
		}
		if err := s.AddRecord(t.Context(), fullRecord); !errors.Is(err, store.ErrClosed) {
			t.Errorf("record after close: %v", err)
		}
		if list, err := storetest.Open(t, c).Registered(t.Context(), 1000); err != nil || len(list) != 50 {
			t.Errorf("%d registered, %v", len(list), err)
		}
	})
}

// After PostgreSQL has thrown everybody out, what is asked fails no more often than there were connections.
func TestConnectionsLost(t *testing.T) {
	const connections = 10
	dsn := storetest.Postgres(t)
	s := storetest.Open(t, store.Config{Database: dsn})
	db, err := sql.Open("pgx", dsn)
	must(t, err)
	defer db.Close()
	var all sync.WaitGroup
	for range 4 * connections {
		all.Go(func() {
			if _, err := s.Users(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	_, err = db.ExecContext(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	must(t, err)
	failed := 0
	for failed <= connections {
		_, err := s.Update(t.Context(), "alice", "example.org", add(sip.Binding{Expires: noon}))
		if err == nil {
			_, err = s.Users(t.Context())
		}
		if err == nil {
			break
		}
		failed++
	}
	if failed > connections {
		t.Errorf("still failing after %d tries", failed)
	}
	if got, err := s.Bindings(t.Context(), "alice", "example.org"); err != nil || len(got) == 0 {
		t.Errorf("stored %v, %v", got, err)
	}
}
