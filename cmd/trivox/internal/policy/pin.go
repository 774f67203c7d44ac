package policy

import (
	"crypto/subtle"
	"errors"
	"strconv"
	"strings"
)

// How long a PIN is, in digits.
const (
	MinPIN = 4
	MaxPIN = 16
)

// PIN is one that callers type. No log, error or printed configuration shows it. Empty is none.
type PIN string

// UnmarshalText takes 4 to 16 digits, or nothing.
func (p *PIN) UnmarshalText(b []byte) error {
	s := string(b)
	if s != "" && (len(s) < MinPIN || len(s) > MaxPIN || strings.Trim(s, "0123456789") != "") {
		return errors.New(`need 4 to 16 digits in quotes, or "" for none`)
	}
	*p = PIN(s)
	return nil
}

// Set says whether there is one.
func (p PIN) Set() bool { return p != "" }

// Is compares with what was typed, in a time that does not tell how much of it is right.
func (p PIN) Is(typed string) bool {
	return p != "" && subtle.ConstantTimeCompare([]byte(p), []byte(typed)) == 1
}

// String shows only whether there is one.
func (p PIN) String() string {
	if p == "" {
		return ""
	}
	return "(withheld)"
}

// GoString is String, so that %#v shows no more.
func (p PIN) GoString() string { return strconv.Quote(p.String()) }

// MarshalText is String, so that JSON and TOML show no more.
func (p PIN) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
