package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// migrationLock is the advisory lock of PostgreSQL that whoever changes the tables holds: "trivox" in ASCII.
const migrationLock = 0x747269766f78

// migrations are the changes that made the tables what they are: the first makes version 1, and so on. One that has
// been released is never changed, for databases have it behind them; the next is added at the end.
//
// In them {text} is the type of a text that sorts by its bytes, {keyed} ends a table that is kept in the order of its
// primary key. Times are microseconds since 1970, 0 for none.
func migrations() []string {
	return []string{`
		CREATE TABLE users (
			domain            {text}   NOT NULL,
			name              {text}   NOT NULL,
			ha1_md5           {text}   NOT NULL, -- of name:domain:password; empty: there is none
			ha1_sha256        {text}   NOT NULL,
			ha1_sha512_256    {text}   NOT NULL,
			ha1_md5_at        {text}   NOT NULL, -- of name@domain:domain:password
			ha1_sha256_at     {text}   NOT NULL,
			ha1_sha512_256_at {text}   NOT NULL,
			algorithms        {text}   NOT NULL, -- in the order of challenges, with commas between; empty: the server's
			disabled          SMALLINT NOT NULL,
			created           BIGINT   NOT NULL,
			changed           BIGINT   NOT NULL,
			PRIMARY KEY (domain, name)
		) {keyed};
		CREATE TABLE bindings (
			aor        {text}  NOT NULL, -- user@domain
			n          INTEGER NOT NULL, -- place in the user's list
			contact    {text}  NOT NULL,
			instance   {text}  NOT NULL,
			reg_id     INTEGER NOT NULL,
			q          INTEGER NOT NULL, -- thousandths
			path       {text}  NOT NULL, -- JSON list, or empty
			call_id    {text}  NOT NULL,
			cseq       BIGINT  NOT NULL,
			expires    BIGINT  NOT NULL,
			since      BIGINT  NOT NULL,
			user_agent {text}  NOT NULL,
			transport  {text}  NOT NULL,
			source     {text}  NOT NULL,
			local      {text}  NOT NULL,
			flow       {text}  NOT NULL,
			PRIMARY KEY (aor, n)
		) {keyed};
		CREATE TABLE records (
			id         {text} NOT NULL PRIMARY KEY,
			call_id    {text} NOT NULL,
			room       {text} NOT NULL,
			kind       {text} NOT NULL,
			uri        {text} NOT NULL,
			display    {text} NOT NULL,
			account    {text} NOT NULL, -- user@domain who proved to be he, or empty
			source     {text} NOT NULL,
			network    {text} NOT NULL,
			direction  {text} NOT NULL,
			started    BIGINT NOT NULL,
			answered   BIGINT NOT NULL,
			ended      BIGINT NOT NULL,
			codec      {text} NOT NULL,
			encryption {text} NOT NULL,
			received   BIGINT NOT NULL,
			sent       BIGINT NOT NULL,
			lost       BIGINT NOT NULL,
			late       BIGINT NOT NULL,
			jitter_ms  DOUBLE PRECISION NOT NULL,
			delay_ms   DOUBLE PRECISION NOT NULL,
			rtt_ms     DOUBLE PRECISION NOT NULL,
			remote_lost  BIGINT NOT NULL,
			mos        DOUBLE PRECISION NOT NULL,
			code       INTEGER NOT NULL,
			reason     {text}  NOT NULL,
			ended_by   {text}  NOT NULL
		) {keyed};
		CREATE INDEX records_by_end ON records (ended, id);
		CREATE INDEX records_by_account ON records (account, ended, id);
		CREATE INDEX records_by_room ON records (room, ended, id);`,
	}
}

// migrate brings the tables to the newest version, each step in a transaction of its own. Processes that start at
// once do it one after the other.
func (s *Store) migrate(ctx context.Context, steps []string) error {
	for {
		if version, err := s.version(ctx, s.db); err == nil && version == len(steps) {
			return nil // without a lock: nothing is to be done
		}
		done, err := s.step(ctx, steps)
		if err != nil || done {
			return err
		}
	}
}

// step applies the next migration, and tells whether it was the last.
func (s *Store) step(ctx context.Context, steps []string) (done bool, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("store: open: %w", err)
	}
	defer tx.Rollback()
	text, keyed := "TEXT", "WITHOUT ROWID"
	if s.postgres {
		text, keyed = `TEXT COLLATE "C"`, ""
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", migrationLock); err != nil {
			return false, fmt.Errorf("store: open: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, applied BIGINT NOT NULL)"); err != nil {
		return false, fmt.Errorf("store: open: %w", err)
	}
	version, err := s.version(ctx, tx)
	if err != nil {
		return false, fmt.Errorf("store: open: %w", err)
	}
	if version > len(steps) {
		return false, fmt.Errorf("store: the database has version %d, this program knows %d at most: a newer trivox has changed it; "+
			"start that one, or restore the backup that was made before", version, len(steps))
	}
	if version < len(steps) {
		version++
		statements := strings.NewReplacer("{text}", text, "{keyed}", keyed).Replace(steps[version-1])
		if _, err := tx.ExecContext(ctx, statements); err != nil {
			return false, fmt.Errorf("store: bring the database to version %d: %w", version, err)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO migrations (version, applied) VALUES ($1, $2)", version, s.now().UnixMicro()); err != nil {
			return false, fmt.Errorf("store: bring the database to version %d: %w", version, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("store: bring the database to version %d: %w", version, err)
	}
	return version == len(steps), nil
}

// version is the last migration that was applied, 0 when there was none.
func (s *Store) version(ctx context.Context, in interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}) (int, error) {
	var version int
	err := in.QueryRowContext(ctx, "SELECT COALESCE(MAX(version), 0) FROM migrations").Scan(&version)
	return version, err
}
