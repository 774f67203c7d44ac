package store_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trivox/cmd/trivox/internal/store"
	"trivox/cmd/trivox/internal/store/storetest"
	"trivox/sip"
)

// raw opens the database without the Store.
func raw(t *testing.T, c store.Config) *sql.DB {
	t.Helper()
	driver, name := "sqlite3", "file:"+filepath.Join(c.Data, "trivox.db")
	if c.Database != "" {
		driver, name = "pgx", c.Database
	}
	db, err := sql.Open(driver, name)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// A database that a newer program has changed is refused and stays as it is.
func TestNewerDatabase(t *testing.T) {
	storetest.EachDurable(t, func(t *testing.T, c store.Config) {
		s, err := store.Open(t.Context(), c)
		must(t, err)
		must(t, s.AddUser(t.Context(), "alice", "example.org", password))
		must(t, s.Close())
		_, err = raw(t, c).Exec("INSERT INTO migrations (version, applied) VALUES (999, 0)")
		must(t, err)
		if _, err := store.Open(t.Context(), c); err == nil ||
			!strings.Contains(err.Error(), "the database has version 999, this program knows 1 at most: a newer trivox has changed it; start that one, or restore") {
			t.Errorf("opened: %v", err)
		}
		_, err = raw(t, c).Exec("DELETE FROM migrations WHERE version = 999")
		must(t, err)
		if list, err := storetest.Open(t, c).Users(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("users %v, %v", list, err)
		}
	})
}

// The file and its companions are for their owner alone, and so is a directory that was made for them.
func TestFileMode(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a directory?", "#1 % ü")
	s := storetest.Open(t, store.Config{Data: dir})
	must(t, s.AddUser(t.Context(), "alice", "example.org", password))
	for path, want := range map[string]os.FileMode{dir: 0o700, dir + "/trivox.db": 0o600, dir + "/trivox.db-wal": 0o600, dir + "/trivox.db-shm": 0o600} {
		is, err := os.Stat(path)
		if err != nil || is.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, is.Mode(), err)
		}
	}
	must(t, os.Chmod(dir+"/trivox.db", 0o644))
	storetest.Open(t, store.Config{Data: dir})
	if is, err := os.Stat(dir + "/trivox.db"); err != nil || is.Mode().Perm() != 0o600 {
		t.Errorf("a file that others could read: %v, %v", is.Mode(), err)
	}
}

// After Close the file alone is everything: a copy of it is a backup.
func TestCopyOfTheFile(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	s, err := store.Open(t.Context(), store.Config{Data: from})
	must(t, err)
	must(t, s.AddUser(t.Context(), "alice", "example.org", password))
	must(t, s.Close())
	left, err := os.ReadDir(from)
	if err != nil || len(left) != 1 {
		t.Errorf("left in the directory: %v, %v", left, err)
	}
	b, err := os.ReadFile(from + "/trivox.db")
	must(t, err)
	must(t, os.WriteFile(to+"/trivox.db", b, 0o600))
	if list, err := storetest.Open(t, store.Config{Data: to}).Users(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("users of the copy: %v, %v", list, err)
	}
}

// A backup is whole while the server goes on, and nothing is written over.
func TestBackup(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	s := storetest.Open(t, store.Config{Data: from})
	must(t, s.AddUser(t.Context(), "alice", "example.org", password))
	file := filepath.Join(to, "trivox.db")
	must(t, store.Backup(t.Context(), from, file))
	must(t, s.AddUser(t.Context(), "bob", "example.org", password))
	if is, err := os.Stat(file); err != nil || is.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v, %v", is.Mode(), err)
	}
	if list, err := storetest.Open(t, store.Config{Data: to}).Users(t.Context()); err != nil || len(list) != 1 || list[0].Name != "alice" {
		t.Errorf("users of the backup: %v, %v", list, err)
	}
	if err := store.Backup(t.Context(), from, file); err == nil || !strings.Contains(err.Error(), "already; name a new one") {
		t.Errorf("over a file: %v", err)
	}
	if err := store.Backup(t.Context(), to+"/none", file+"2"); err == nil || !strings.Contains(err.Error(), "is data the directory that the server uses?") {
		t.Errorf("of nothing: %v", err)
	}
	if err := os.WriteFile(from+"/other", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file + "2"); !os.IsNotExist(err) {
		t.Errorf("a backup that failed left a file: %v", err)
	}
}

// What cannot be opened is said with what to do, and no password is in it.
func TestOpenErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, []byte("no database, but longer than a header, so that it cannot be an empty one"), 0o600))
	broken := t.TempDir()
	must(t, os.Rename(file, filepath.Join(broken, "trivox.db")))
	must(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct {
		config store.Config
		want   string
	}{
		{store.Config{Data: file + "/sub"}, "make the directory, or set data to one that this user may write"},
		{store.Config{Data: broken}, "file is not a database"},
		{store.Config{Database: "postgres://u:sesame@h:port/x"}, "not a connection string of PostgreSQL; need one such as"},
		{store.Config{Database: "host=/nowhere password=sesame user=u dbname=d"}, "/nowhere"},
	} {
		s, err := store.Open(t.Context(), c.config)
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%v: %v", c.config.Data, err)
		}
	}
}

// In memory nothing outlives the Store, and two have nothing to do with each other.
func TestMemoryIsForgotten(t *testing.T) {
	a, b := storetest.Open(t, store.Config{}), storetest.Open(t, store.Config{})
	must(t, a.AddUser(t.Context(), "alice", "example.org", password))
	if _, err := b.Account(t.Context(), "alice", "example.org"); err != sip.ErrNoAccount {
		t.Errorf("another database knows alice: %v", err)
	}
}
