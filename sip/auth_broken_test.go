package sip

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// A database that does not answer fills the log no more than strangers may, and nobody is told why.
func TestBrokenDirectory(t *testing.T) {
	var log logText
	c, d, _ := guarded(newRooms())
	c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	d.fail(errors.New("disk on fire"))
	_, net := startOnEther(t, c)
	p := net.phone(t, "198.51.100.1:5060")
	p.uri = "sip:example.com"
	const requests = 5 * gatePerSecond
	for range requests {
		p.request("REGISTER", "")
		if res := p.response("REGISTER", 503); strings.Contains(res.String(), "fire") || header(res, "retry-after") == "" {
			t.Fatalf("%s", res)
		}
	}
	if n := strings.Count(log.String(), "users cannot be looked up\" error="); n == 0 || n >= requests {
		t.Errorf("%d lines about %d requests:\n%s", n, requests, log.String())
	}
}

// Whom a certificate names need not know a password, unless he is nobody of ours.
func TestCertified(t *testing.T) {
	c, d, _ := guarded(newRooms())
	d.change("bob@example.com", func(a *Account) { a.Disabled = true })
	d.change("old@example.net", func(a *Account) { a.User, a.Domain = "old", "example.net" })
	d.change("alice@127.0.0.1", func(a *Account) { a.User, a.Domain = "alice", "127.0.0.1" })
	s, err := NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		aor  string
		code int
	}{
		"": {"", 0}, "alice@example.com": {"alice@example.com", 0}, "ghost@example.com": {"", 0}, "bob@example.com": {"", 403}, "nonsense": {"", 0},
		"old@example.net": {"", 0}, "alice@127.0.0.1": {"", 0}, // a user of a domain that is served no more; an address of ours
	} {
		aor, denied := s.certified(t.Context(), name)
		code := 0
		if denied != nil {
			code = denied.Code
		}
		if aor != want.aor || code != want.code {
			t.Errorf("%q: %q, %d", name, aor, code)
		}
	}
	d.fail(errors.New("disk on fire"))
	if _, denied := s.certified(t.Context(), "alice@example.com"); denied == nil || denied.Code != 503 {
		t.Errorf("%+v", denied)
	}
}
