package policy

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, user, domain string
		want                  bool
	}{
		{"tea", "tea", "example.com", true}, {"tea", "Tea", "", false}, {"tea", "teas", "", false},
		{"*", "", "", true}, {"*", "anything at all", "x", true}, {"board-*", "board-", "", true}, {"board-*", "board-7", "", true},
		{"board-*", "xboard-7", "", false}, {"*-private", "a-private", "", true}, {"a*b*c", "aXbYc", "", true}, {"a*b*c", "abcb", "", false},
		{"tea@example.com", "tea", "EXAMPLE.com", true}, {"tea@Example.com", "tea", "example.com", true},
		{"tea@example.com", "tea", "other.example", false}, {"*@*.example.com", "x", "de.example.com", true},
		{"*@*.example.com", "x", "example.com", false}, {"a@b@example.com", "a@b", "example.com", true},
	} {
		var p Pattern
		if err := p.UnmarshalText([]byte(c.pattern)); err != nil {
			t.Fatalf("%q: %v", c.pattern, err)
		}
		if got := p.Matches(c.user, c.domain); got != c.want {
			t.Errorf("%q matches %s@%s: %v", c.pattern, c.user, c.domain, got)
		}
	}
	for _, bad := range []string{"", "@example.com", "tea@", "tea@a b", "tea@host:5060", strings.Repeat("x", maxPattern+1)} {
		if err := new(Pattern).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	for pattern, all := range map[Pattern]bool{"*": true, "**": true, "*@*": true, "*@example.com": false, "a*": false} {
		if pattern.All() != all {
			t.Errorf("%q is all rooms: %v", pattern, !all)
		}
	}
}

// slowGlob tries everything.
func slowGlob(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] == '*' {
		for i := 0; i <= len(s); i++ {
			if slowGlob(pattern[1:], s[i:]) {
				return true
			}
		}
		return false
	}
	return s != "" && pattern[0] == s[0] && slowGlob(pattern[1:], s[1:])
}

func TestGlobIsItsSlowTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	draw := func(letters string, most int) string {
		b := make([]byte, r.IntN(most+1))
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		return string(b)
	}
	matched := 0
	for range 200_000 {
		pattern, s := draw("ab**", 8), draw("ab", 10)
		got := glob(pattern, s)
		if got != slowGlob(pattern, s) {
			t.Fatalf("%q and %q: %v", pattern, s, got)
		}
		if got {
			matched++
		}
	}
	if matched < 20_000 {
		t.Errorf("only %d matched", matched)
	}
	// A matcher that tries every way for each star would not end before the test does.
	if glob(strings.Repeat("*a", 128), strings.Repeat("a", 64)+strings.Repeat("b", 64)) {
		t.Error("128 letters in 64")
	}
}

// FuzzPattern: what is taken for a pattern means the same as its slow twin says, and what it names is found.
func FuzzPattern(f *testing.F) {
	f.Add("board-*@example.com", "board-7", "example.com")
	f.Add("*", "", "")
	f.Add("**a@**", "@", "\x00")
	f.Fuzz(func(t *testing.T, pattern, user, domain string) {
		var p Pattern
		if p.UnmarshalText([]byte(pattern)) != nil || strings.Count(pattern, "*") > 4 || len(user)+len(domain) > 60 {
			return
		}
		u, d, named := cutDomain(pattern)
		want := slowGlob(u, user) && (!named || slowGlob(strings.ToLower(d), strings.ToLower(domain)))
		if got := p.Matches(user, domain); got != want || p.All() && !got {
			t.Errorf("%q matches %q@%q: %v", pattern, user, domain, got)
		}
	})
}
