package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3" // and the driver "sqlite3"
)

// fileName is the database in the directory of Config.Data.
const fileName = "trivox.db"

// patience is how long a transaction waits for another process that writes, or for PostgreSQL to answer.
const patience = 10 * time.Second

// readers is how many connections read an SQLite file at once, beside the one that writes.
const readers = 4

// writerCache is how much of an SQLite file the connection that writes keeps, in KiB. It may keep it because nobody else
// writes: a connection forgets all when another one has committed.
const writerCache = 16 << 10

// statements is how many prepared statements each connection keeps; we have fewer.
const statements = 64

// openSQLite opens the file in the directory for readers and for the writer, or memory when there is no directory, which
// is the same for both.
func openSQLite(dir string) (db, writing *sql.DB, err error) {
	if dir == "" {
		// A database in memory belongs to its connection: there is one, for ever.
		db, err := sql.Open("sqlite3", "file::memory:?"+options().Encode())
		if err != nil {
			return nil, nil, fmt.Errorf("store: memory: %w", err)
		}
		db.SetMaxOpenConns(1)
		return db, db, nil
	}
	path, err := makeFile(dir)
	if err != nil {
		return nil, nil, err
	}
	q := options()
	q.Set("_journal_mode", "WAL") // readers and the writer do not wait for each other, nor does another process
	q.Set("_synchronous", "FULL") // a commit is on the disk when it returns
	if db, err = openConnections(path, q, readers); err != nil {
		return nil, nil, err
	}
	q.Set("_cache_size", strconv.Itoa(-writerCache))
	if writing, err = openConnections(path, q, 1); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, writing, nil
}

// openConnections opens so many connections to the file, when they are needed, and keeps them.
func openConnections(path string, q url.Values, count int) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", address(path, q))
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", path, err)
	}
	db.SetMaxOpenConns(count)
	db.SetMaxIdleConns(count)
	return db, nil
}

func options() url.Values {
	return url.Values{
		"_txlock":          {"immediate"}, // a transaction of ours always writes; one that began as a reader could not wait
		"_busy_timeout":    {strconv.FormatInt(patience.Milliseconds(), 10)},
		"_foreign_keys":    {"on"},
		"_stmt_cache_size": {strconv.Itoa(statements)},
	}
}

// address is an absolute path as SQLite's URI.
func address(path string, q url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// begun explains why a transaction did not begin.
func begun(err error) error {
	if e := (sqlite3.Error{}); errors.As(err, &e) && e.Code == sqlite3.ErrBusy {
		return fmt.Errorf("store: another process has not let go of the database for %s; end it, or try again: %w", patience, err)
	}
	return fmt.Errorf("store: begin: %w", err)
}

// makeFile makes the directory and an empty database where there is none, for the owner alone: who can read a HA1 can
// register with it. It gives the absolute path.
func makeFile(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("store: data %q: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("store: data %q: %w; make the directory, or set data to one that this user may write", dir, err)
	}
	path := filepath.Join(dir, fileName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsExist(err) {
		return path, onlyOwner(path)
	}
	if err != nil {
		return "", fmt.Errorf("store: %w; set data to a directory that this user may write", err)
	}
	defer f.Close()
	return path, giveAway(f, dir)
}

// onlyOwner takes other people's rights to the file away, which a copy may have brought with it.
func onlyOwner(path string) error {
	is, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if is.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return fmt.Errorf("store: %s can be read by others, who could register with what it holds: %w", path, err)
	}
	return nil
}

// giveAway gives a file that root has made to the owner of the directory: `trivox user` as root must not lock out
// the server, which is somebody else. SQLite does the same for the files that it keeps beside this one.
func giveAway(f *os.File, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	is, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	owner, ok := is.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}
