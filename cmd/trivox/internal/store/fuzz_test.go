package store_test

import (
	"reflect"
	"testing"

	"trivox/cmd/trivox/internal/store"
	"trivox/cmd/trivox/internal/store/storetest"
	"trivox/sip"
)

// Whatever a phone registers is refused, or comes back as it was stored; and any cursor is refused or leads somewhere.
func FuzzStrangersTexts(f *testing.F) {
	s := storetest.Open(f, store.Config{})
	f.Add("alice", "sip:alice@192.0.2.1", "<sip:proxy;lr>", "a84b@host", "phone", "1700000000000000.leg")
	f.Add("a\x00b", "\xff", "", "\"'\\", "\u2028", "-1.")
	f.Fuzz(func(t *testing.T, user, contact, path, callID, agent, cursor string) {
		want, err := s.Update(t.Context(), user, "example.org", func([]sip.Binding) ([]sip.Binding, error) {
			return []sip.Binding{{Contact: contact, Path: []string{path, contact}, CallID: callID, UserAgent: agent}}, nil
		})
		if err != nil {
			return
		}
		got, err := s.Bindings(t.Context(), user, "example.org")
		if err != nil || !reflect.DeepEqual(got, want) || got[0].Contact != contact || got[0].CallID != callID || got[0].Path[0] != path {
			t.Fatalf("stored %+v, came back %+v, %v", want, got, err)
		}
		if _, err := s.Account(t.Context(), user, "example.org"); err != sip.ErrNoAccount {
			t.Fatalf("account %q: %v", user, err)
		}
		record := store.Record{ID: "leg" + user, Ended: noon, Display: agent, Reason: path, URI: contact}
		if err := s.AddRecord(t.Context(), record); err != nil {
			t.Fatalf("record: %v", err)
		}
		if _, err := s.DeleteRecordsBefore(t.Context(), noon.Add(1e9)); err != nil {
			t.Fatal(err)
		}
		_, _ = s.Records(t.Context(), store.Query{After: cursor})
	})
}
