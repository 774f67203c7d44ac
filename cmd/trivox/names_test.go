package main

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"trivox/cmd/trivox/internal/config"
	"trivox/sip"
)

// What the API calls a room and its URI lead to each other, and no two rooms have one name (DESIGN 10).
func TestRoomNames(t *testing.T) {
	domains := []string{"one.example", "two.example"}
	for _, c := range []struct {
		user, host string
		domains    []string
		name, uri  string
	}{
		{"tea", "127.0.0.1", nil, "tea", "sip:tea@127.0.0.1"},
		{"tea", "one.example", domains, "tea", "sip:tea@one.example"},
		{"tea", "TWO.example", domains, "tea@two.example", "sip:tea@two.example"},
		{"tea", "elsewhere.example", domains, "tea", "sip:tea@one.example"},
		{"a@b.com", "127.0.0.1", nil, "a@b.com", "sip:a@b.com@127.0.0.1"},
		{"a@b.com", "one.example", domains, "a@b.com", "sip:a@b.com@one.example"},
		{"tea@two.example", "one.example", domains, "tea@two.example@one.example", "sip:tea@two.example@one.example"},
		{"tea@two.example", "two.example", domains, "tea@two.example@two.example", "sip:tea@two.example@two.example"},
		{"a b/c", "127.0.0.1", nil, "a b/c", "sip:a%20b%2Fc@127.0.0.1"},
	} {
		// An @ of the user part is written %40 (RFC 3261, 25.1).
		i := strings.LastIndexByte(c.uri, '@')
		uri := "sip:" + strings.ReplaceAll(c.uri[len("sip:"):i], "@", "%40") + c.uri[i:]
		name := roomName(c.user, c.host, c.domains)
		if got := roomURI(name, "127.0.0.1", c.domains); name != c.name || got != uri {
			t.Errorf("%s at %s: name %q, URI %s; want %q, %s", c.user, c.host, name, got, c.name, uri)
		}
	}
}

// A room that nobody could name over HTTP is not opened.
func TestNamesThatCannotBeRead(t *testing.T) {
	r := &rooms{config: &atomic.Pointer[config.Config]{}}
	for _, user := range []string{"", "\xff", "a\x00", "a\nb", "\x1b[31m", "\u202e", "\u200b", strings.Repeat("x", maxRoomName+1)} {
		var refusal *sip.Refusal
		if _, err := r.Enter(context.Background(), sip.Call{User: user}); !errors.As(err, &refusal) || refusal.Code != 404 {
			t.Errorf("room %q: %v, want 404", user, err)
		}
		if exists, err := r.Known(user, "127.0.0.1"); exists || !errors.As(err, &refusal) || refusal.Code != 404 {
			t.Errorf("room %q: known %v, %v, want 404", user, exists, err)
		}
	}
	for _, user := range []string{"tea", "a b", "été", "会議", "🍵", "+1234", "a/b", "..", strings.Repeat("x", maxRoomName)} {
		if why := badName(user); why != "" {
			t.Errorf("room %q: %s", user, why)
		}
	}
}

// A room's URI in the API leads to the server where no domain does.
func TestReachedAt(t *testing.T) {
	public := func(local, public string) config.Public {
		p := config.Public{Public: netip.MustParseAddr(public)}
		if local != "" {
			p.Local = netip.MustParseAddr(local)
		}
		return p
	}
	for _, c := range []struct {
		listen    string
		advertise []config.Public
		want      string
	}{
		{"127.0.0.1:5060", nil, "127.0.0.1"},
		{"127.0.0.1:5070", nil, "127.0.0.1:5070"},
		{"[::1]:5060", nil, "[::1]"},
		{"[2001:db8::1]:5070", nil, "[2001:db8::1]:5070"},
		{"192.0.2.1:5060", []config.Public{public("", "203.0.113.9")}, "203.0.113.9"},
		{"10.0.0.6:5060", []config.Public{public("10.0.0.5", "203.0.113.9")}, "10.0.0.6"},
		{"127.0.0.1:5060", []config.Public{public("", "203.0.113.9")}, "127.0.0.1"},
		{"0.0.0.0:5080", []config.Public{public("", "2001:db8::9"), public("10.0.0.5", "203.0.113.9")}, "203.0.113.9:5080"},
		{"[::]:5060", []config.Public{public("", "203.0.113.9"), public("", "2001:db8::9")}, "[2001:db8::9]"},
		{"0.0.0.0:5060", nil, "127.0.0.1"},
		{"[::]:5070", nil, "[::1]:5070"},
	} {
		if got := reachedAt(&config.Config{Advertise: c.advertise}, netip.MustParseAddrPort(c.listen)); got != c.want {
			t.Errorf("listening at %s, advertising %v: %s, want %s", c.listen, c.advertise, got, c.want)
		}
	}
}
