package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"trivox/cmd/trivox/internal/store"
	"trivox/cmd/trivox/internal/store/storetest"
	"trivox/sip"
)

// BenchmarkUpdate refreshes bindings of 10,000 users by 64 goroutines, as registrations do.
func BenchmarkUpdate(b *testing.B) {
	for _, kind := range []struct {
		name   string
		config func() store.Config
	}{
		{"file", func() store.Config { return store.Config{Data: b.TempDir()} }},
		{"memory", func() store.Config { return store.Config{} }},
		{"postgres", func() store.Config { return store.Config{Database: storetest.Postgres(b)} }},
	} {
		b.Run(kind.name, func(b *testing.B) {
			s := storetest.Open(b, kind.config())
			var n atomic.Int64
			b.SetParallelism(32) // of 2 processors: 64
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := n.Add(1)
					user := fmt.Sprint("user", i%10000)
					_, err := s.Update(b.Context(), user, "example.org", func([]sip.Binding) ([]sip.Binding, error) {
						return []sip.Binding{{Contact: "sip:" + user + "@192.0.2.1:5060", CallID: "a84b4c76e66710@192.0.2.1", CSeq: uint32(i), Expires: noon}}, nil
					})
					if err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
			b.ReportMetric(float64(b.N)/float64(s.Stats().Commits), "updates/commit")
		})
	}
}

// BenchmarkAccount looks users up, as every request that is challenged does.
func BenchmarkAccount(b *testing.B) {
	s := storetest.Open(b, store.Config{Data: b.TempDir()})
	for i := range 1000 {
		if err := s.AddUser(b.Context(), fmt.Sprint("user", i), "example.org", password); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		if _, err := s.Account(b.Context(), fmt.Sprint("user", i%1000), "example.org"); err != nil {
			b.Fatal(err)
		}
	}
}
