package sip

import (
	"net/netip"
	"slices"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// equalURI says whether two SIP URIs are equivalent. It is not transitive: a parameter that stands in one URI only does
// not count, most times. RFC 3261, 19.1.4 (RG-2)
func equalURI(a, b *sipgo.Uri) bool {
	if !strings.EqualFold(a.Scheme, b.Scheme) || a.Wildcard != b.Wildcard {
		return false
	}
	if a.Raw() != "" || b.Raw() != "" { // not of SIP: as they stand
		return a.Raw() == b.Raw()
	}
	return sameText(a.User, b.User, false) && sameText(a.Password, b.Password, false) && sameHost(a.Host, b.Host) &&
		a.Port == b.Port && sameParams(a.UriParams, b.UriParams) && sameParams(b.UriParams, a.UriParams) &&
		sameHeaders(a.Headers, b.Headers)
}

// decisive parameters count although they stand in one of the URIs only.
var decisive = [...]string{"user", "ttl", "method", "maddr", "transport"}

// sameParams says that no parameter of a keeps a from being equivalent to b.
func sameParams(a, b sipgo.HeaderParams) bool {
	for _, p := range a {
		i := slices.IndexFunc(b, func(q sipgo.HeaderKV) bool { return sameText(p.K, q.K, true) })
		if i >= 0 && !sameText(p.V, b[i].V, true) ||
			i < 0 && slices.ContainsFunc(decisive[:], func(d string) bool { return strings.EqualFold(p.K, d) }) {
			return false
		}
	}
	return true
}

// sameHeaders says that the headers are the same, in whatever order; they never do not count.
func sameHeaders(a, b sipgo.HeaderParams) bool {
	if len(a) != len(b) {
		return false
	}
	for _, p := range a {
		if !slices.ContainsFunc(b, func(q sipgo.HeaderKV) bool { return sameText(p.K, q.K, true) && sameText(p.V, q.V, false) }) {
			return false
		}
	}
	return true
}

// sameHost compares names without case and addresses by what they mean.
func sameHost(a, b string) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	x, err1 := netip.ParseAddr(strings.Trim(a, "[]"))
	y, err2 := netip.ParseAddr(strings.Trim(b, "[]"))
	return err1 == nil && err2 == nil && x == y
}

// sameText compares with escapes resolved, but for those of reserved characters, which mean something else than the
// character itself does.
func sameText(a, b string, fold bool) bool {
	if a != b && (strings.IndexByte(a, '%') >= 0 || strings.IndexByte(b, '%') >= 0) {
		a, b = resolveEscapes(a), resolveEscapes(b)
	}
	return a == b || fold && strings.EqualFold(a, b)
}

// resolveEscapes decodes what need not be escaped, and writes the other escapes in capitals.
func resolveEscapes(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			b.WriteByte(s[i])
			continue
		}
		c := unhex(s[i+1])<<4 | unhex(s[i+2])
		if isAlphanum(c) || strings.IndexByte("-_.!~*'()", c) >= 0 { // unreserved
			b.WriteByte(c)
		} else {
			b.WriteString(strings.ToUpper(s[i : i+3]))
		}
		i += 2
	}
	return b.String()
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
