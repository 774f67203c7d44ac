package store

import (
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of texts, in bytes.
const (
	maxURI  = 4096 // of what a request is sent by later: contact, path, Call-ID
	maxWord = 256  // of what is for people only
)

// storable tells whether both databases keep s as it is: PostgreSQL takes no NUL and nothing that is not UTF-8.
func storable(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// clean makes s storable and no longer than most bytes, for texts that say something to people and that a stranger
// has filled.
func clean(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	if storable(s) {
		return s
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
}

// micros is a time as it is stored: microseconds since 1970, 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// timeOf is a stored time, in UTC.
func timeOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// addrText is an address as it is stored, empty for none.
func addrText(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// addrOf is a stored address.
func addrOf(s string) (netip.AddrPort, error) {
	if s == "" {
		return netip.AddrPort{}, nil
	}
	return netip.ParseAddrPort(s)
}
