package main

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/api"
	"trivox/cmd/trivox/internal/config"
	"trivox/cmd/trivox/internal/store"
	"trivox/cmd/trivox/internal/store/storetest"
	"trivox/sip"
)

func openAccounts(t *testing.T, domains ...string) *accounts {
	t.Helper()
	a := &accounts{store: storetest.Open(t, store.Config{}), config: &atomic.Pointer[config.Config]{}}
	c := config.Default()
	c.Domains = domains
	a.config.Store(&c)
	return a
}

func TestAccounts(t *testing.T) {
	ctx := context.Background()
	a := openAccounts(t, "example.com", "example.org")
	for _, c := range []struct {
		name, password string
		full           string
		err            error
		text           string
	}{
		{"bob", "", "bob@example.com", nil, ""},
		{"ann", "correct horse", "ann@example.com", nil, ""},
		{"ann@Example.ORG", "", "ann@example.org", nil, ""},
		{"ann", "correct horse", "", api.ErrUserExists, ""},
		{"ann@elsewhere.example", "", "", api.ErrInvalid, "this server serves example.com, example.org"},
		{"a b", "", "", api.ErrInvalid, "cannot be dialled"},
		{"", "", "", api.ErrInvalid, "is empty"},
		{"carl", "short", "", api.ErrInvalid, "the password has 5 bytes"},
	} {
		u, made, err := a.AddUser(ctx, c.name, c.password)
		if u.Name != c.full || !errors.Is(err, c.err) || err != nil && !strings.Contains(err.Error(), c.text) || (made != "") != (c.full != "" && c.password == "") {
			t.Errorf("%q: %+v, made %q, %v", c.name, u, made, err)
		}
		if err != nil && c.password != "" && strings.Contains(err.Error(), c.password) {
			t.Errorf("%q: the password shows: %v", c.name, err)
		}
	}
	if made, err := a.SetPassword(ctx, "ann", ""); err != nil || made == "" {
		t.Errorf("%q, %v", made, err)
	}
	if _, err := a.SetPassword(ctx, "ann", "short"); !errors.Is(err, api.ErrInvalid) {
		t.Error(err)
	}
	if err := a.EnableUser(ctx, "bob@example.com", false); err != nil {
		t.Error(err)
	}
	if err := a.RemoveUser(ctx, "ann@example.org"); err != nil {
		t.Error(err)
	}
	list, err := a.Users(ctx)
	if err != nil || len(list) != 2 || list[0].Name != "ann@example.com" || !list[0].Enabled || list[1].Enabled || len(list[0].Algorithms) != 3 {
		t.Errorf("%+v, %v", list, err)
	}
	for _, err := range []error{a.RemoveUser(ctx, "zoe"), a.EnableUser(ctx, "zoe", true), func() error { _, err := a.SetPassword(ctx, "zoe", ""); return err }()} {
		if !errors.Is(err, api.ErrNoUser) {
			t.Errorf("of nobody: %v", err)
		}
	}
}

// Without a domain nobody can be a user, and it is said why.
func TestAccountsNeedADomain(t *testing.T) {
	a := openAccounts(t)
	if _, _, err := a.AddUser(t.Context(), "ann", ""); !errors.Is(err, api.ErrInvalid) || !strings.Contains(err.Error(), "set domains") {
		t.Error(err)
	}
	if err := a.RemoveUser(t.Context(), "ann"); !errors.Is(err, api.ErrNoUser) {
		t.Error(err)
	}
	if list, err := a.Registrations(t.Context(), "ann", 5); err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestRegistrations(t *testing.T) {
	a := openAccounts(t, "example.com")
	later := time.Now().Add(time.Hour)
	for _, user := range []string{"ann", "bob"} {
		bindings := []sip.Binding{
			{Contact: "sip:1", Transport: "UDP", Expires: later, Source: netip.MustParseAddrPort("192.0.2.7:5060"), UserAgent: "phone"},
			{Contact: "sip:2", Transport: "TLS", Expires: later}, {Contact: "sip:old", Expires: time.Now().Add(-time.Hour)},
		}
		if _, err := a.store.Update(t.Context(), user, "example.com", func([]sip.Binding) ([]sip.Binding, error) { return bindings, nil }); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		user        string
		limit, want int
	}{{"", 10, 4}, {"", 3, 3}, {"ann", 10, 2}, {"ann@example.com", 1, 1}, {"zoe", 10, 0}} {
		list, err := a.Registrations(t.Context(), c.user, c.limit)
		if err != nil || len(list) != c.want {
			t.Errorf("%q, %d: %+v, %v", c.user, c.limit, list, err)
		}
		if len(list) > 0 && (list[0].User != "ann@example.com" || list[0].Source != "192.0.2.7:5060" || list[0].UserAgent != "phone") {
			t.Errorf("%+v", list[0])
		}
	}
}

// Pages are whole: each record is in one, and the last says so.
func TestRecordPages(t *testing.T) {
	a := openAccounts(t, "example.com")
	start := time.Now()
	for i, id := range []string{"a", "b", "c", "d", "e", "f"} {
		r := store.Record{ID: id, User: "ann@example.com", Room: "tea", Ended: start.Add(time.Duration(i) * time.Second)}
		if err := a.store.AddRecord(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for limit := 1; limit < 8; limit++ {
		var got []string
		pages := 0
		for q := (api.RecordQuery{User: "ann", Limit: limit}); ; pages++ {
			list, next, err := a.Records(t.Context(), q)
			if err != nil || len(list) > limit {
				t.Fatalf("%d records, %v", len(list), err)
			}
			for _, r := range list {
				got = append(got, r.ID)
			}
			if q.After = next; next == "" {
				break
			}
		}
		if strings.Join(got, "") != "fedcba" || pages != 5/limit {
			t.Errorf("limit %d: %v in %d pages", limit, got, pages+1)
		}
	}
	if _, _, err := a.Records(t.Context(), api.RecordQuery{After: "x", Limit: 1}); !errors.Is(err, api.ErrInvalid) {
		t.Error(err)
	}
	if list, _, err := a.Records(t.Context(), api.RecordQuery{User: "ann@elsewhere", Limit: 1}); err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
}
