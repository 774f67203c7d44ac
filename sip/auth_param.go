package sip

import (
	"strconv"
	"strings"

	"github.com/icholy/digest"
)

// parseCredentials reads an Authorization field of scheme Digest. It accepts what digest.ParseCredentials does, and names in
// any case, values that are no words without quotes, and empty places in the list. RFC 7616, 3.4; RFC 9110, 11.4
func parseCredentials(v string) (*digest.Credentials, bool) {
	rest, ok := digest.CutPrefix(v)
	if !ok {
		return nil, false
	}
	c := new(digest.Credentials)
	for {
		if rest = strings.TrimLeft(rest, ", \t"); rest == "" {
			return c, true
		}
		var name, value string
		if name, rest, ok = strings.Cut(rest, "="); !ok {
			return nil, false
		}
		if value, rest, ok = cutAuthValue(strings.TrimLeft(rest, " \t")); !ok {
			return nil, false
		}
		if !setParam(c, strings.TrimRight(name, " \t"), value) {
			return nil, false
		}
	}
}

// cutAuthValue takes the value of a parameter off, and the comma after it.
func cutAuthValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ",")
		value = strings.TrimRight(value, " \t")
		return value, rest, !strings.ContainsAny(value, "\" \t")
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			rest = strings.TrimLeft(s[i+1:], " \t")
			return unquote(s[1:i]), rest, rest == "" || rest[0] == ','
		}
	}
	return "", "", false
}

// setParam sets what a parameter says; of those that are unknown, anything is taken.
func setParam(c *digest.Credentials, name, value string) bool {
	for _, p := range [...]struct {
		name string
		to   *string
	}{
		{"username", &c.Username}, {"realm", &c.Realm}, {"nonce", &c.Nonce}, {"uri", &c.URI}, {"response", &c.Response},
		{"algorithm", &c.Algorithm}, {"cnonce", &c.Cnonce}, {"opaque", &c.Opaque}, {"qop", &c.QOP},
	} {
		if strings.EqualFold(name, p.name) {
			*p.to = value
			return true
		}
	}
	if strings.EqualFold(name, "nc") {
		n, err := strconv.ParseUint(value, 16, 31)
		c.Nc = int(n)
		return err == nil
	}
	return isToken([]byte(name))
}
