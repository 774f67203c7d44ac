package policy

import (
	"errors"
	"strings"
)

// maxPattern bounds a pattern, in bytes.
const maxPattern = 256

// Pattern names rooms: "tea", "board-*", "*@example.com". A star stands for any number of characters, none included.
// What stands before the last @ is held against the user part, in its case; what stands after it against the domain, in
// any case. Without @ the domain may be any.
type Pattern string

// UnmarshalText reads a pattern.
func (p *Pattern) UnmarshalText(b []byte) error {
	s := string(b)
	user, domain, named := cutDomain(s)
	switch {
	case user == "" || named && domain == "":
		return errors.New(`need the name of a room, e.g. "tea", "board-*" or "board-*@example.com"`)
	case len(s) > maxPattern:
		return errors.New("need at most 256 bytes")
	case named && strings.ContainsAny(domain, " \t/:"):
		return errors.New(`need a domain after the @, without port, e.g. "board-*@example.com"`)
	}
	*p = Pattern(s)
	return nil
}

func (p Pattern) String() string { return string(p) }

// Matches says whether the room user@domain is one of those meant.
func (p Pattern) Matches(user, domain string) bool {
	u, _, _ := cutDomain(string(p))
	return glob(u, user) && p.Lies(domain)
}

// Lies says whether rooms in the domain can be meant.
func (p Pattern) Lies(domain string) bool {
	_, d, named := cutDomain(string(p))
	return !named || glob(strings.ToLower(d), strings.ToLower(domain))
}

// All says whether every room is meant.
func (p Pattern) All() bool {
	u, d, named := cutDomain(string(p))
	return strings.Trim(u, "*") == "" && (!named || strings.Trim(d, "*") == "")
}

func cutDomain(s string) (user, domain string, named bool) {
	i := strings.LastIndexByte(s, '@')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// glob matches s against a pattern of bytes and stars. Of a star that failed only the last one is tried again: it takes
// at most len(pattern)*len(s) steps.
func glob(pattern, s string) bool {
	p, i := 0, 0
	star, from := -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
