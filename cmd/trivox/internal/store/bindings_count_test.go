package store_test

import (
	"maps"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/store"
	"trivox/cmd/trivox/internal/store/storetest"
	"trivox/sip"
)

func TestCountRegistered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for user, list := range map[string][]sip.Binding{
			"ann":  {{Contact: "sip:a", Transport: "UDP", Expires: time.Now().Add(time.Hour)}, {Contact: "sip:b", Transport: "TLS", Expires: time.Now().Add(time.Hour)}},
			"bob":  {{Contact: "sip:c", Transport: "UDP", Expires: time.Now().Add(time.Hour)}, {Contact: "sip:d", Transport: "TCP", Expires: time.Now().Add(-time.Second)}},
			"carl": nil,
		} {
			if _, err := s.Update(t.Context(), user, "example.com", func([]sip.Binding) ([]sip.Binding, error) { return list, nil }); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.CountRegistered(t.Context())
		if err != nil || !maps.Equal(got, map[string]int{"UDP": 2, "TLS": 1}) {
			t.Errorf("%v, %v", got, err)
		}
	})
}
