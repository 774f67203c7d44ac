package policy

import (
	"net/netip"
	"strings"
	"testing"
)

func who(t *testing.T, list ...string) (out []Who) {
	t.Helper()
	for _, s := range list {
		var w Who
		if err := w.UnmarshalText([]byte(s)); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if w.String() != s {
			t.Errorf("%q reads as %q", s, w)
		}
		out = append(out, w)
	}
	return out
}

var (
	stranger = Caller{Source: netip.MustParseAddr("192.0.2.1")}
	inside   = Caller{Source: netip.MustParseAddr("::ffff:10.1.2.3")}
	ann      = Caller{User: "ann@example.com", Source: netip.MustParseAddr("192.0.2.2")}
	bob      = Caller{User: "bob@other.example", Source: netip.MustParseAddr("2001:db8::7")}
)

func TestWho(t *testing.T) {
	for _, c := range []struct {
		who  string
		want string // of stranger, inside, ann, bob
	}{
		{"anyone", "sxab"}, {"users", "ab"}, {"nobody", ""}, {"network:10.0.0.0/8", "x"}, {"network:10.1.2.3", "x"},
		{"network:2001:db8::/32", "b"}, {"ann@example.com", "a"}, {"ann@EXAMPLE.com", "a"}, {"Ann@example.com", ""},
		{"*@example.com", "a"}, {"*@*", "ab"}, {"a*@*.com", "a"}, {"bob@example.com", ""},
	} {
		got := ""
		for name, caller := range map[string]Caller{"s": stranger, "x": inside, "a": ann, "b": bob} {
			if who(t, c.who)[0].Is(caller) {
				got += name
			}
		}
		for _, name := range "sxab" {
			if strings.ContainsRune(c.want, name) != strings.ContainsRune(got, name) {
				t.Errorf("%s are %q of s, x, a, b; want %q", c.who, got, c.want)
				break
			}
		}
	}
	for _, bad := range []string{"", "all", "ann", "@example.com", "ann@", "network:", "network:ten", "network:10.1.0.0/8",
		"network:::ffff:10.0.0.0/104", "Anyone", strings.Repeat("a", maxPattern) + "@b"} {
		if err := new(Who).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if (Who{}).Is(stranger) || (Who{}).Is(ann) {
		t.Error("an empty one names somebody")
	}
}

// FuzzWho: whatever is taken names nobody whom it should not: without proof, only anyone and networks name a caller.
func FuzzWho(f *testing.F) {
	for _, s := range []string{"anyone", "users", "nobody", "network:10.0.0.0/8", "*@example.com"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var w Who
		if w.UnmarshalText([]byte(s)) != nil {
			return
		}
		if w.Is(stranger) && s != "anyone" && !strings.HasPrefix(s, "network:") {
			t.Errorf("%q names somebody who proved nothing", s)
		}
	})
}
