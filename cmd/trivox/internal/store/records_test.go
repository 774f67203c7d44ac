package store_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/store"
	"trivox/cmd/trivox/internal/store/storetest"
)

var fullRecord = store.Record{
	ID: "leg-1", Call: "a84b@host", Room: "tea@example.org", Kind: "room", URI: "sip:alice@example.org", Display: `Alice "ü"`, User: "alice@example.org",
	Source: netip.MustParseAddrPort("192.0.2.7:5060"), Network: "TLS", Direction: "in",
	Started: noon, Answered: noon.Add(time.Second), Ended: noon.Add(time.Minute),
	Codec: "opus", Encryption: "AEAD_AES_256_GCM", Received: 3000, Sent: 2999, Lost: 7, Late: 2, JitterMS: 1.5, DelayMS: 40.25, RTTMS: 12.125,
	RemoteLost: 3, MOS: 4.25,
	Code: 200, Reason: "hung up", EndedBy: "caller",
}

func TestRecordsComeBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		least := store.Record{ID: "leg-0", Ended: noon}
		strange := store.Record{
			ID: "leg-2", Ended: noon.Add(time.Hour), Display: "a\x00b\xff" + strings.Repeat("c", 500), Reason: "\xff", Call: "\x00",
			Received: math.MaxUint64, JitterMS: math.NaN(), DelayMS: math.Inf(1),
		}
		for _, r := range []store.Record{fullRecord, least, strange} {
			must(t, s.AddRecord(ctx, r))
		}
		twice := fullRecord
		twice.Reason = "another reason"
		must(t, s.AddRecord(ctx, twice))
		strange.Display, strange.Reason, strange.Call = "ab"+strings.Repeat("c", 252), "", ""
		strange.Received, strange.JitterMS, strange.DelayMS = math.MaxInt64, 0, 0
		got, err := s.Records(ctx, store.Query{})
		if want := []store.Record{strange, fullRecord, least}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("came back as\n%+v, %v, want\n%+v", got, err, want)
		}
		for what, r := range map[string]store.Record{"no ID": {Ended: noon}, "no end": {ID: "x"}} {
			if err := s.AddRecord(ctx, r); err == nil {
				t.Errorf("a record with %s was taken", what)
			}
		}
	})
}

// Any query gives what a slow look through all records finds, page by page.
func TestRecordsQuery(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		r := rand.New(rand.NewPCG(1, 2))
		var all []store.Record
		for i := range 200 {
			rec := store.Record{ID: fmt.Sprintf("leg.%03d", i), Ended: noon.Add(time.Duration(r.IntN(50)) * time.Second),
				User: []string{"", "alice@example.org", "bob@example.org"}[r.IntN(3)], Room: []string{"tea", "coffee"}[r.IntN(2)]}
			must(t, s.AddRecord(ctx, rec))
			all = append(all, rec)
		}
		slices.SortFunc(all, func(a, b store.Record) int {
			if c := b.Ended.Compare(a.Ended); c != 0 {
				return c
			}
			return strings.Compare(b.ID, a.ID)
		})
		for range 60 {
			q := store.Query{User: []string{"", "alice@example.org", "nobody"}[r.IntN(3)], Room: []string{"", "tea"}[r.IntN(2)], Limit: 1 + r.IntN(30)}
			if r.IntN(2) == 0 {
				q.Since = noon.Add(time.Duration(r.IntN(50)) * time.Second)
			}
			if r.IntN(2) == 0 {
				q.Until = noon.Add(time.Duration(r.IntN(50)) * time.Second)
			}
			var want, got []string
			for _, rec := range all {
				if (q.User == "" || rec.User == q.User) && (q.Room == "" || rec.Room == q.Room) && !rec.Ended.Before(q.Since) &&
					(q.Until.IsZero() || rec.Ended.Before(q.Until)) {
					want = append(want, rec.ID)
				}
			}
			asked := q
			for {
				page, err := s.Records(ctx, q)
				must(t, err)
				for _, rec := range page {
					got = append(got, rec.ID)
				}
				if len(page) < q.Limit {
					break
				}
				q.After = page[len(page)-1].Cursor()
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v: got %v, want %v", asked, got, want)
			}
		}
		if page, err := s.Records(ctx, store.Query{}); err != nil || len(page) != store.DefaultRecords {
			t.Errorf("%d records without a limit, %v", len(page), err)
		}
		for _, cursor := range []string{"x", "1", "x.y", "1.\x00", "99999999999999999999.a"} {
			if _, err := s.Records(ctx, store.Query{After: cursor}); !errors.Is(err, store.ErrCursor) {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
		if page, err := s.Records(ctx, store.Query{User: "\x00"}); err != nil || len(page) > 0 {
			t.Errorf("a strange user: %v %v", page, err)
		}
	})
}

func TestDeleteRecords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		for i := range 5 {
			must(t, s.AddRecord(ctx, store.Record{ID: fmt.Sprint(i), Ended: noon.Add(time.Duration(i) * time.Hour)}))
		}
		if n, err := s.DeleteRecordsBefore(ctx, noon.Add(3*time.Hour)); n != 3 || err != nil {
			t.Errorf("%d deleted, %v", n, err)
		}
		left, err := s.Records(ctx, store.Query{})
		if err != nil || len(left) != 2 || left[1].ID != "3" {
			t.Errorf("left %v, %v", left, err)
		}
	})
}
