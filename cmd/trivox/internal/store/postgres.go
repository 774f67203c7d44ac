package store

import (
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// connections is how many PostgreSQL is asked for at most; it allows 100 to all unless set.
const connections = 10

// openPostgres opens the database that a connection string names; it connects when it is first used.
func openPostgres(dsn string) (*sql.DB, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil { // what it says may hold a piece of the password
		return nil, errors.New("store: database: not a connection string of PostgreSQL; need one such as " +
			`"postgres://trivox@db.example.com/trivox" or "host=/run/postgresql user=trivox dbname=trivox"`)
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = patience / 2
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "trivox"
	}
	db := stdlib.OpenDB(*c)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, nil
}
