package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Backup copies the SQLite database in the directory to a new file, whole and as of one moment, while servers go on
// with it. It changes nothing in the database, not its version either. The file is for its owner alone.
func Backup(ctx context.Context, dir, file string) (err error) {
	path, err := filepath.Abs(filepath.Join(dir, fileName))
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("backup: %w; is data the directory that the server uses?", err)
	}
	// An empty file is taken by SQLite and keeps its mode.
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("backup: there is a file %s already; name a new one", file)
	}
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer f.Close()
	defer func() {
		if err != nil {
			_ = os.Remove(file)
		}
	}()
	whole, err := filepath.Abs(file) // SQLite would read "file:" at its beginning as more than a name
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	db, err := sql.Open("sqlite3", address(path, options()))
	if err != nil {
		return fmt.Errorf("backup: %s: %w", path, err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "VACUUM INTO $1", whole); err != nil {
		return fmt.Errorf("backup: %s to %s: %w", path, file, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}
