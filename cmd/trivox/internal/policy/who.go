package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Who names callers: "anyone", "users", "nobody", a user "ann@example.com" or a pattern of users "*@example.com", or
// those who call from a network, "network:10.0.0.0/8".
type Who struct {
	text    string
	network netip.Prefix
}

const (
	anyone  = "anyone" // who may call at all
	users   = "users"  // whoever proved to be a user of ours
	nobody  = "nobody"
	network = "network:"
)

// Anyone is whoever may call at all.
func Anyone() Who { return Who{text: anyone} }

// UnmarshalText reads what TOML has.
func (w *Who) UnmarshalText(b []byte) error {
	s := string(b)
	switch rest, from := strings.CutPrefix(s, network); {
	case from:
		n, err := readNetwork(rest)
		if err != nil {
			return err
		}
		*w = Who{text: s, network: n}
	case s == anyone || s == users || s == nobody:
		*w = Who{text: s}
	default:
		if user, domain, named := cutDomain(s); !named || user == "" || domain == "" || len(s) > maxPattern {
			return errors.New(`need "anyone", "users", "nobody", a user such as "ann@example.com" or "*@example.com", or "network:10.0.0.0/8"`)
		}
		*w = Who{text: s}
	}
	return nil
}

func readNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	n, err := netip.ParsePrefix(s)
	switch {
	case err != nil || n.Addr().Is4In6():
		return n, errors.New(`need a network or an address after "network:", e.g. "network:10.0.0.0/8"`)
	case n != n.Masked():
		return n, fmt.Errorf("has bits beyond its length; did you mean \"network:%s\" or \"network:%s\"?", n.Masked(), n.Addr())
	}
	return n, nil
}

func (w Who) String() string { return w.text }

// Nobody says whether it names nobody.
func (w Who) Nobody() bool { return w.text == nobody }

// Is says whether the caller is one of those meant.
func (w Who) Is(c Caller) bool {
	switch {
	case w.text == anyone:
		return true
	case w.text == users:
		return c.User != ""
	case w.network.IsValid():
		return w.network.Contains(c.Source.Unmap().WithZone(""))
	case w.text == nobody || c.User == "":
		return false
	}
	user, domain, _ := cutDomain(c.User)
	return Pattern(w.text).Matches(user, domain)
}

// includes says whether the caller is one of a list.
func includes(list []Who, c Caller) bool {
	for _, w := range list {
		if w.Is(c) {
			return true
		}
	}
	return false
}
