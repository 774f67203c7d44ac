package sip

import (
	"context"
	"errors"
)

// Algorithm is a digest algorithm by its name on the wire. RFC 8760, 2
type Algorithm string

// The algorithms that a password can be kept for.
const (
	MD5       Algorithm = "MD5"
	SHA256    Algorithm = "SHA-256"
	SHA512256 Algorithm = "SHA-512-256"
)

// WithDomain names the hash of "user@domain:realm:password", for phones that send their user name with its domain.
func (a Algorithm) WithDomain() Algorithm { return a + "@" }

// Account is a user of a domain of ours. His realm is his domain.
type Account struct {
	User, Domain string // sip:User@Domain; Domain in small letters
	// HA1 is, for each algorithm, the hash of "user:realm:password" in small hexadecimal digits (RFC 7616, 3.4.2). Under
	// the algorithm WithDomain may stand the hash with "user@realm" as the user name; without it, a phone that sends
	// its user name so is refused.
	HA1 map[Algorithm]string
	// Algorithms is the order in which this user's phones are challenged; empty: the server's order. It holds only
	// algorithms of which HA1 has the hash.
	Algorithms []Algorithm
	Disabled   bool // may neither register nor call
}

// AOR is the user's address of record without scheme, "user@domain".
func (a Account) AOR() string { return a.User + "@" + a.Domain }

// ErrNoAccount is what a Directory answers when there is no such user.
var ErrNoAccount = errors.New("no such user")

// Directory knows the users. Its methods are called by any goroutine; an error other than ErrNoAccount is answered 503.
type Directory interface {
	// Account finds a user; domain is one of ours.
	Account(ctx context.Context, user, domain string) (Account, error)
	// Any tells whether there is any user at all: with the first one begins deny by default (DESIGN 10).
	Any(ctx context.Context) (bool, error)
}
