package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trivox/cluster/conference"
	"trivox/cmd/trivox/internal/api"
	"trivox/cmd/trivox/internal/config"
	"trivox/cmd/trivox/internal/store"
	"trivox/cmd/trivox/internal/store/storetest"
	"trivox/sip"
)

// shelf is a store of records that may fail or hang.
type shelf struct {
	mu      sync.Mutex
	records []store.Record
	fail    error
	hang    chan struct{} // AddRecord waits for it, and for nothing else
	obeys   bool          // AddRecord waits for its context
	deleted []time.Time
}

func (s *shelf) AddRecord(ctx context.Context, r store.Record) error {
	switch {
	case s.hang != nil:
		<-s.hang
	case s.obeys:
		<-ctx.Done()
		return ctx.Err()
	case s.fail != nil:
		return s.fail
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, r)
	return nil
}

func (s *shelf) DeleteRecordsBefore(_ context.Context, t time.Time) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleted = append(s.deleted, t)
	return 1, s.fail
}

// A database that does not answer holds up nobody for longer than recordTime; it is logged and counted.
func TestRecordsAreNotWaitedForForEver(t *testing.T) {
	for name, s := range map[string]*shelf{
		"hangs": {hang: make(chan struct{})}, "hangs and obeys": {obeys: true}, "fails": {fail: errors.New("disk on fire")}, "works": {},
	} {
		synctest.Test(t, func(t *testing.T) {
			if s.hang != nil {
				s.hang = make(chan struct{})
				defer close(s.hang)
			}
			var log bytes.Buffer
			r := newRecorder(s, false, slog.New(slog.NewTextHandler(&log, nil)))
			begun := time.Now()
			r.add(store.Record{ID: "leg1", Call: "c1", Ended: begun})
			want := time.Duration(0)
			if strings.HasPrefix(name, "hangs") {
				want = recordTime
			}
			if took := time.Since(begun); took != want {
				t.Errorf("%s: took %v, want %v", name, took, want)
			}
			written, failed := r.counts()
			if name == "works" {
				if written["database"] != 1 || failed["database"] != 0 || log.Len() > 0 {
					t.Errorf("%s: written %v, failed %v, logged %q", name, written, failed, &log)
				}
			} else if written["database"] != 0 || failed["database"] != 1 || !strings.Contains(log.String(), "leg=leg1 call_id=c1") {
				t.Errorf("%s: written %v, failed %v, logged %q", name, written, failed, &log)
			}
		})
	}
}

// What is kept in memory alone does not grow with the calls (USERS 20).
func TestRecordsInMemoryAreBounded(t *testing.T) {
	s := storetest.Open(t, store.Config{})
	r := newRecorder(s, true, slog.New(slog.DiscardHandler))
	start := time.Now()
	for n := range 10*recordsInMemory + recordsInMemory/2 {
		r.add(store.Record{ID: fmt.Sprint(n), Ended: start.Add(time.Duration(n) * time.Millisecond)})
	}
	list, err := s.Records(t.Context(), store.Query{Limit: store.MaxRecords})
	if err != nil || len(list) < recordsInMemory || len(list) > 2*recordsInMemory {
		t.Fatalf("%d records, %v", len(list), err)
	}
	if want := fmt.Sprint(10*recordsInMemory + recordsInMemory/2 - 1); list[0].ID != want {
		t.Errorf("the last is %s, want %s", list[0].ID, want)
	}
}

// Old records are deleted at the start and every hour, by the settings of then.
func TestRecordsAreSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, keep := &shelf{}, 24*time.Hour
		var mu sync.Mutex
		r := newRecorder(s, false, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		go r.sweep(ctx, func() config.CDR {
			mu.Lock()
			defer mu.Unlock()
			return config.CDR{Keep: keep}
		})
		synctest.Wait()
		set := func(d time.Duration) {
			mu.Lock()
			keep = d
			mu.Unlock()
			time.Sleep(sweepRecords)
			synctest.Wait()
		}
		set(time.Hour)
		set(0)
		cancel()
		want := []time.Time{start.Add(-24 * time.Hour), start}
		if len(s.deleted) != 2 || !s.deleted[0].Equal(want[0]) || !s.deleted[1].Equal(want[1]) {
			t.Errorf("deleted before %v, want %v", s.deleted, want)
		}
	})
}

// The file is for its owner, survives being moved away, and says once that it fails.
func TestRecordFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "calls.jsonl")
	var log bytes.Buffer
	r := newRecorder(&shelf{}, false, slog.New(slog.NewTextHandler(&log, nil)))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ids := func(path string) string {
		b, err := os.ReadFile(path)
		must(err)
		var out []string
		for line := range strings.Lines(string(b)) {
			var one api.Record
			must(json.Unmarshal([]byte(line), &one))
			out = append(out, one.ID)
		}
		return strings.Join(out, " ")
	}
	add := func(id string) { r.add(store.Record{ID: id, Display: "a\nb", Ended: time.Now()}) }
	add("before")
	must(r.file.open(path))
	add("one")
	must(os.Rename(path, path+".1"))
	add("two")
	must(r.file.open(path))
	add("three")
	if err := r.file.open(filepath.Join(dir, "none", "calls")); err == nil || !strings.Contains(err.Error(), "cdr.file") {
		t.Errorf("a directory that is not there: %v", err)
	}
	add("four")
	if first, second := ids(path+".1"), ids(path); first != "one two" || second != "three four" {
		t.Errorf("the files have %q and %q", first, second)
	}
	if is, err := os.Stat(path); err != nil || is.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", is.Mode(), err)
	}
	must(r.file.open("/dev/full"))
	add("lost")
	add("lost too")
	written, failed := r.counts()
	if written["file"] != 4 || failed["file"] != 2 || written["database"] != 7 || strings.Count(log.String(), "a record was not written") != 1 {
		t.Errorf("written %v, failed %v, logged %q", written, failed, &log)
	}
	must(r.file.open(""))
	add("none")
	if written, _ := r.counts(); written["file"] != 4 {
		t.Errorf("without a file: %v", written)
	}
}

func TestRecordOf(t *testing.T) {
	call := sip.Call{CallID: "c1", Source: netip.MustParseAddrPort("192.0.2.7:5060"), Network: "TLS", Bridge: "b", Callee: true,
		Caller: sip.Identity{URI: "sip:ann@example.com", Display: "Ann", User: "ann@example.com"}}
	s := conference.Summary{Entered: 1e9, Answered: 3e9, Ended: 63e9, Codec: "PCMU", Encryption: "AEAD_AES_128_GCM", Received: 100, Sent: 90, Lost: -2, Late: 3,
		Jitter: 1500 * time.Microsecond, Delay: 20 * time.Millisecond, RTT: 30 * time.Millisecond, RemoteLost: -1, MOS: 4.2,
		Cause: conference.Cause{Code: 200, Text: "bye", ByPeer: true}}
	got := recordOf("leg1", "tea", call, s)
	want := store.Record{ID: "leg1", Call: "c1", Room: "tea", Kind: "call", Direction: "out", URI: "sip:ann@example.com", Display: "Ann", User: "ann@example.com",
		Source: call.Source, Network: "TLS", Started: got.Started, Answered: got.Started.Add(2 * time.Second), Ended: got.Started.Add(62 * time.Second),
		Codec: "PCMU", Encryption: "AEAD_AES_128_GCM", Received: 100, Sent: 90, Late: 3, JitterMS: 1.5, DelayMS: 20, RTTMS: 30, MOS: 4.2, Code: 200, Reason: "bye", EndedBy: "caller"}
	// The wall clock is read for each time, and may be set or drift between two readings.
	near := func(a, b time.Time) bool { return a.Sub(b).Abs() < time.Second }
	if near(got.Answered, want.Answered) && near(got.Ended, want.Ended) {
		got.Answered, got.Ended = want.Answered, want.Ended
	}
	if got != want {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	s.Answered, s.Cause.ByPeer = 0, false
	call.Bridge, call.Callee = "", false
	got = recordOf("leg1", "tea", call, s)
	if got.Kind != "room" || got.Direction != "in" || !got.Answered.IsZero() || got.EndedBy != "server" {
		t.Errorf("%+v", got)
	}
	if shown := apiRecord(got); shown.Answered != nil || shown.Seconds != 0 {
		t.Errorf("%+v", shown)
	}
}
