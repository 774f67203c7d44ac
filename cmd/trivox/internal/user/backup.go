package user

import (
	"context"
	"errors"

	"github.com/alecthomas/kong"

	"trivox/cmd/trivox/internal/store"
)

// BackupCommand is `trivox backup FILE`.
type BackupCommand struct {
	place
	File string `arg:"" help:"New file that the copy is written to."`
}

// Run copies the SQLite database, whether a server has it open or not.
func (b BackupCommand) Run(k *kong.Context) error {
	c, err := b.settings()
	if err != nil {
		return err
	}
	if c.Database != "" {
		return errors.New("the data is in PostgreSQL, whose own tool makes a backup: pg_dump")
	}
	return said(k, "copied to "+b.File, store.Backup(context.Background(), c.Data, b.File))
}
