// Package store keeps what must survive the process in SQL: users, the bindings of their phones, and call detail
// records. It is an SQLite file by default, PostgreSQL where one is named, memory where neither is; all three run the
// same statements.
//
// Statements number their parameters $1, $2 and so on. PostgreSQL wants that; SQLite takes $1 for a name and numbers
// names in the order in which they first stand, so that order must be kept.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"trivox/sip"
)

// Config tells where the data lies.
type Config struct {
	// Data is the directory of the SQLite file, which is made when it is missing. Empty: the data is in memory and
	// gone with the Store.
	Data string
	// Database is a connection string of PostgreSQL; where there is one, Data is not looked at. It may hold a
	// password and is in no error.
	Database string
	// Now is the clock, for when something was made or changed; nil: time.Now.
	Now func() time.Time
}

// Errors that callers tell apart.
var (
	// ErrUserExists says that there is a user of that name already.
	ErrUserExists = errors.New("there is such a user already")
	// ErrNoUser says that there is no user of that name.
	ErrNoUser = sip.ErrNoAccount
	// ErrBusy says that too many changes are waiting to be written: try again later.
	ErrBusy = errors.New("the database is behind: too many changes are waiting to be written")
	// ErrClosed says that the Store has been closed.
	ErrClosed = errors.New("the database is closed")
)

// Store is the database. Its methods may be called by any goroutine; several processes may have the same database
// open. What a method has done without error survives the death of the process, and of the machine as far as its
// disks keep what they have promised; a Store in memory survives nothing.
type Store struct {
	db       *sql.DB // for reading
	writing  *sql.DB // for the writer: db itself but where an SQLite file is read beside it
	postgres bool
	now      func() time.Time

	gate    sync.RWMutex // held for reading while a job is handed in, so that Close closes jobs when nobody does
	closed  bool
	jobs    chan *job
	written chan struct{} // closed when the writer has ended

	anyUntil atomic.Int64 // Unix nanoseconds until which Any answers yes without asking
	stats    counters
}

var (
	_ sip.Directory = (*Store)(nil)
	_ sip.Location  = (*Store)(nil)
)

// Open opens the database, makes it when there is none, and brings it up to what this program knows. A database that
// a newer program has changed is refused.
func Open(ctx context.Context, c Config) (*Store, error) {
	s := &Store{
		postgres: c.Database != "", now: c.Now,
		jobs: make(chan *job, maxWaiting), written: make(chan struct{}),
	}
	if s.now == nil {
		s.now = time.Now
	}
	var err error
	if s.postgres {
		s.db, err = openPostgres(c.Database)
		s.writing = s.db
	} else {
		s.db, s.writing, err = openSQLite(c.Data)
	}
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx, migrations()); err != nil {
		_ = s.closeDB()
		return nil, err
	}
	go s.write()
	return s, nil
}

// Close writes what is waiting to be written and closes the database. An SQLite file that no other process has open is
// whole by itself then, so that a plain copy of it is a backup.
func (s *Store) Close() error {
	s.gate.Lock()
	again := s.closed
	s.closed = true
	if !again {
		close(s.jobs)
	}
	s.gate.Unlock()
	<-s.written
	if again {
		return nil
	}
	if err := s.closeDB(); err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}

// closeDB closes the connections. One may be closed twice.
func (s *Store) closeDB() error { return errors.Join(s.db.Close(), s.writing.Close()) }

// bounded gives what limits one transaction of ours: a PostgreSQL that does not answer must not stop us for ever. One
// of SQLite is bounded by the wait for its lock; breaking it off would only close its connection, which is all that
// holds a database in memory.
func (s *Store) bounded() (context.Context, context.CancelFunc) {
	if !s.postgres {
		return context.Background(), func() {}
	}
	return context.WithTimeout(context.Background(), patience)
}

// reading gives what limits one short question. SQLite answers it at once; a context that could end would cost it a
// goroutine for each statement, which takes longer than the answer.
func (s *Store) reading(ctx context.Context) (context.Context, context.CancelFunc) {
	if !s.postgres {
		return context.WithoutCancel(ctx), func() {}
	}
	return context.WithTimeout(ctx, patience)
}
