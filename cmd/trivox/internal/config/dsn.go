package config

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// DSN is a connection string of PostgreSQL. It may hold a password, so no log, error or printed configuration shows it.
type DSN string

// Reveal gives the string itself.
func (d DSN) Reveal() string { return string(d) }

// String shows only whether there is one.
func (d DSN) String() string { return Secret(d).String() }

// GoString is String, so that %#v shows no more.
func (d DSN) GoString() string { return strconv.Quote(d.String()) }

// MarshalText is String, so that JSON and TOML show no more.
func (d DSN) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// dsnWord begins the form of words.
var dsnWord = regexp.MustCompile(`^\s*[a-z_]+\s*=`)

// UnmarshalText takes a URL or words; empty means none. Whether they make sense PostgreSQL's library will say.
func (d *DSN) UnmarshalText(b []byte) error {
	s := string(b)
	if s != "" && !strings.HasPrefix(s, "postgres://") && !strings.HasPrefix(s, "postgresql://") && !dsnWord.MatchString(s) {
		return errors.New(`need a connection string such as "postgres://trivox@db.example.com/trivox" or "host=/run/postgresql user=trivox dbname=trivox"`)
	}
	*d = DSN(s)
	return nil
}
