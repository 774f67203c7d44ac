package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"trivox/sip"
)

// Limits of what people choose, in bytes.
const (
	MaxName     = 64
	MinPassword = 8
	MaxPassword = 128
)

// algorithms are all there are, the best first.
var algorithms = []sip.Algorithm{sip.SHA512256, sip.SHA256, sip.MD5}

// isHostName tells whether a text is a host name (RFC 1123, 2.1) in small letters. It is asked for each request.
func isHostName(text string) bool {
	if len(text) > 253 {
		return false
	}
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	return true
}

// CheckUser says what is wrong with the name or the domain of a user.
func CheckUser(name, domain string) error {
	switch {
	case name == "":
		return errors.New("the name of a user is empty: need one such as alice")
	case len(name) > MaxName:
		return fmt.Errorf("the name %.*q... has %d bytes: need %d at most", 20, name, len(name), MaxName)
	case !storable(name) || strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsPrint(r) || strings.ContainsRune(`@: "<>`, r)
	}):
		return fmt.Errorf(`the name %q cannot be dialled: need printable characters without @, :, ", <, > and space`, name)
	}
	if isHostName(domain) {
		return nil
	}
	if _, err := netip.ParseAddr(domain); err != nil {
		return fmt.Errorf("the domain %.80q is none: need a name in small letters without scheme or port, such as example.com", domain)
	}
	return nil
}

// CheckPassword says what is wrong with a password. What it says does not hold it.
func CheckPassword(password string) error {
	switch {
	case len(password) < MinPassword || len(password) > MaxPassword:
		return fmt.Errorf("the password has %d bytes: need %d to %d; `trivox user` makes one with --generate", len(password), MinPassword, MaxPassword)
	case !storable(password) || strings.ContainsFunc(password, unicode.IsControl):
		return errors.New("the password has characters that no phone can be given: leave control characters out")
	}
	return nil
}

// GeneratePassword makes a password of 100 random bits that can be typed on a phone: 20 small letters and digits.
func GeneratePassword() string { return strings.ToLower(rand.Text()[:20]) }

// checkAlgorithms says what is wrong with a list of algorithms.
func checkAlgorithms(list []sip.Algorithm) error {
	for i, a := range list {
		if !slices.Contains(algorithms, a) {
			return fmt.Errorf("there is no digest algorithm %.20q: need some of SHA-512-256, SHA-256 and MD5", string(a))
		}
		if slices.Contains(list[:i], a) {
			return fmt.Errorf("the digest algorithm %s is named twice: leave one out", a)
		}
	}
	return nil
}
