package store_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

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

// BenchmarkAddRecord writes the records of calls by 512 goroutines, each of which first asks whether there are users, as
// signalling does when a call comes. Beside the time it tells what a record takes of all processors.
func BenchmarkAddRecord(b *testing.B) {
	s := storetest.Open(b, store.Config{Data: b.TempDir()})
	var n atomic.Int64
	b.SetParallelism(256) // of 2 processors: 512
	before := cpu(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Any(b.Context()); err != nil {
				b.Error(err)
			}
			i := n.Add(1)
			r := fullRecord
			r.ID, r.Room, r.User = fmt.Sprintf("%08s%08s", strconv.FormatInt(time.Now().UnixMilli(), 36), strconv.FormatUint(rand.Uint64()>>23, 36)), fmt.Sprint("room", i%100), ""
			r.Ended = noon.Add(time.Duration(i) * time.Millisecond)
			if err := s.AddRecord(b.Context(), r); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
	b.ReportMetric(float64(b.N)/float64(s.Stats().Commits), "records/commit")
}

// cpu is what this process has used of the processors.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
