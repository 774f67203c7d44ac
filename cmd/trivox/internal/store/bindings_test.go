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
	"sync"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/store"
	"trivox/cmd/trivox/internal/store/storetest"
	"trivox/sip"
)

// add is a change that adds a binding.
func add(b sip.Binding) func([]sip.Binding) ([]sip.Binding, error) {
	return func(list []sip.Binding) ([]sip.Binding, error) { return append(list, b), nil }
}

var noon = time.Date(2026, 5, 1, 12, 0, 0, 123456000, time.UTC)

// Everything of a binding comes back, and so does the order.
func TestBindingsComeBack(t *testing.T) {
	full := sip.Binding{
		Contact: `sip:alice@[2001:db8::1]:5070;transport=tcp;ob?X=a%20b`, Instance: "<urn:uuid:0C67446E-F1A1-11D9-94D3-000A95A0E128>", RegID: math.MaxInt32,
		Q: 700, Path: []string{"<sip:p1.example;lr>", `<sip:"p2"&\\.example;lr>`}, CallID: "a84b4c76e66710@host", CSeq: math.MaxUint32,
		Expires: noon.Add(time.Hour), Since: noon, UserAgent: "Yealink ü", Transport: "TLS",
		Source: netip.MustParseAddrPort("[fe80::1%eth0]:49152"), Local: netip.MustParseAddrPort("192.0.2.1:5061"), Flow: "tls#17",
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var want []sip.Binding
		for i := range 20 {
			b := full
			b.Contact = fmt.Sprintf("sip:%d@phone", i)
			if i%2 == 0 {
				b = sip.Binding{Contact: b.Contact}
			}
			want = append(want, b)
		}
		got, err := s.Update(t.Context(), "alice", "Example.org", func([]sip.Binding) ([]sip.Binding, error) { return want, nil })
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("stored %v, %v", got, err)
		}
		got, err = s.Bindings(t.Context(), "alice", "example.org")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("came back as\n%+v, %v, want\n%+v", got, err, want)
		}
		// What a caller does with what it got changes nothing for others.
		got[1].Path[0] = "changed"
		again, err := s.Bindings(t.Context(), "alice", "example.org")
		if err != nil || !reflect.DeepEqual(again, want) {
			t.Errorf("a caller changed the store: %v", err)
		}
		if none, err := s.Bindings(t.Context(), "bob", "example.org"); len(none) > 0 || err != nil {
			t.Errorf("bob has %v, %v", none, err)
		}
	})
}

func TestBindingsAreBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		_, err := s.Update(ctx, "alice", "example.org", add(sip.Binding{Contact: "sip:first"}))
		must(t, err)
		many := make([]sip.Binding, store.MaxBindings+1)
		for what, list := range map[string][]sip.Binding{
			"too many":         many,
			"long contact":     {{Contact: "sip:" + strings.Repeat("x", 4096)}},
			"NUL in a contact": {{Contact: "sip:\x00"}},
			"no UTF-8":         {{CallID: "\xff"}},
			"path":             {{Path: []string{"\xff"}}},
			"reg-id":           {{RegID: -1}},
			"q":                {{Q: 1001}},
		} {
			got, err := s.Update(ctx, "alice", "example.org", func([]sip.Binding) ([]sip.Binding, error) { return list, nil })
			if err == nil || got != nil || !strings.HasPrefix(err.Error(), "store: ") {
				t.Errorf("%s: %v %v", what, got, err)
			}
		}
		if left, err := s.Bindings(ctx, "alice", "example.org"); err != nil || len(left) != 1 || left[0].Contact != "sip:first" {
			t.Errorf("a refused change left %v, %v", left, err)
		}
		got, err := s.Update(ctx, "bob", "example.org", add(sip.Binding{UserAgent: "\x00a\xff" + strings.Repeat("b", 300)}))
		if err != nil || got[0].UserAgent != "a"+strings.Repeat("b", 253) {
			t.Errorf("a strange User-Agent: %v, %v", got, err)
		}
		if _, err := s.Update(ctx, "al\x00ice", "example.org", add(sip.Binding{})); err == nil {
			t.Error("a name with NUL was taken")
		}
		if got, err := s.Bindings(ctx, "al\x00ice", "example.org"); err != nil || len(got) > 0 {
			t.Errorf("a name with NUL: %v %v", got, err)
		}
	})
}

func TestExpire(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		_, err := s.Update(ctx, "alice", "example.org", func([]sip.Binding) ([]sip.Binding, error) {
			return []sip.Binding{{Contact: "sip:over", Expires: noon}, {Contact: "sip:left", Expires: noon.Add(time.Microsecond)}}, nil
		})
		must(t, err)
		for i := range 21 { // more than one transaction deletes
			_, err := s.Update(ctx, fmt.Sprint("user", i), "example.org", func([]sip.Binding) ([]sip.Binding, error) {
				return slices.Repeat([]sip.Binding{{Contact: "sip:x", Expires: noon.Add(-time.Hour)}}, store.MaxBindings), nil
			})
			must(t, err)
		}
		if n, err := s.Expire(ctx, noon); n != 2101 || err != nil {
			t.Errorf("%d expired, %v", n, err)
		}
		got, err := s.Bindings(ctx, "alice", "example.org")
		if err != nil || len(got) != 1 || got[0].Contact != "sip:left" {
			t.Errorf("left: %v %v", got, err)
		}
		// The place of the one that is gone is free again.
		got, err = s.Update(ctx, "alice", "example.org", add(sip.Binding{Contact: "sip:new", Expires: noon.Add(time.Hour)}))
		must(t, err)
		if back, err := s.Bindings(ctx, "alice", "example.org"); err != nil || len(got) != 2 || !reflect.DeepEqual(got, back) {
			t.Errorf("stored %v, came back %v, %v", got, back, err)
		}
	})
}

func TestRegistered(t *testing.T) {
	for name, c := range map[string]store.Config{"memory": {}, "postgres": {Database: storetest.Postgres(t)}} {
		c.Now = func() time.Time { return noon }
		s := storetest.Open(t, c)
		for _, who := range []string{"b", "a", "B", "odd@name"} {
			_, err := s.Update(t.Context(), who, "example.org", func([]sip.Binding) ([]sip.Binding, error) {
				return []sip.Binding{{Contact: "sip:over", Expires: noon}, {Contact: "sip:1", Expires: noon.Add(1e9)}, {Contact: "sip:2", Expires: noon.Add(1e9)}}, nil
			})
			must(t, err)
		}
		var got []string
		list, err := s.Registered(t.Context(), 7)
		must(t, err)
		for _, r := range list {
			got = append(got, r.User+" "+r.Domain+" "+r.Contact)
		}
		want := []string{"B example.org sip:1", "B example.org sip:2", "a example.org sip:1", "a example.org sip:2",
			"b example.org sip:1", "b example.org sip:2", "odd@name example.org sip:1"}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

var errChange = errors.New("the change does not want to")

// twin is what the bindings should be, kept beside the database by the changes themselves: each is given what the one
// before has made, whoever made it, so that no change is lost or seen by halves.
type twin struct {
	t    *testing.T
	mu   sync.Mutex
	have map[string][]sip.Binding
}

// change makes a random change of a user, in twin and database alike.
func (w *twin) change(s *store.Store, r *rand.Rand, id int) {
	user := fmt.Sprint("user", r.IntN(5))
	fail := r.IntN(5) == 0
	var want []sip.Binding
	got, err := s.Update(w.t.Context(), user, "example.org", func(list []sip.Binding) ([]sip.Binding, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if had := w.have[user]; !reflect.DeepEqual(list, had) && len(list)+len(had) > 0 {
			w.t.Errorf("%s has %v, want %v", user, list, had)
		}
		if fail {
			clear(list) // it is its own to spoil
			return nil, errChange
		}
		list = randomChange(list, r, id)
		want = append([]sip.Binding(nil), list...)
		w.have[user] = want
		return list, nil
	})
	switch {
	case fail && !errors.Is(err, errChange), !fail && err != nil:
		w.t.Errorf("change %d of %s: %v", id, user, err)
	case !fail && !reflect.DeepEqual(got, want) && len(got)+len(want) > 0:
		w.t.Errorf("change %d of %s gave %v, want %v", id, user, got, want)
	}
}

// randomChange removes, replaces, moves or adds.
func randomChange(list []sip.Binding, r *rand.Rand, id int) []sip.Binding {
	fresh := sip.Binding{Contact: fmt.Sprint("sip:", id), Q: r.IntN(1001), Expires: noon.Add(time.Duration(id) * time.Millisecond)}
	switch n := len(list); {
	case n > 0 && r.IntN(3) == 0:
		at := r.IntN(n)
		list = slices.Delete(list, at, at+1)
	case n > 0 && r.IntN(3) == 0:
		list[r.IntN(n)] = fresh
	case n > 0 && r.IntN(4) == 0:
		slices.Reverse(list)
	case n > 0 && r.IntN(10) == 0:
		list = nil
	case n < 12:
		list = append(list, fresh)
	}
	return list
}

// Many callers of two processes' stores change a few users at once; the twin sees every change once and in order.
func TestConcurrentUpdates(t *testing.T) {
	run := func(t *testing.T, stores ...*store.Store) {
		w := &twin{t: t, have: map[string][]sip.Binding{}}
		var all sync.WaitGroup
		for worker := range 24 {
			all.Go(func() {
				r := rand.New(rand.NewPCG(7, uint64(worker)))
				for i := range 25 {
					w.change(stores[worker%len(stores)], r, worker*1000+i)
				}
			})
		}
		all.Wait()
		for user, want := range w.have {
			got, err := stores[0].Bindings(t.Context(), user, "example.org")
			if err != nil || !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
				t.Errorf("%s has %v, %v, want %v", user, got, err, want)
			}
		}
		for _, s := range stores {
			t.Logf("%+v", s.Stats())
		}
	}
	storetest.EachDurable(t, func(t *testing.T, c store.Config) { run(t, storetest.Open(t, c), storetest.Open(t, c)) })
	t.Run("memory", func(t *testing.T) { run(t, storetest.Open(t, store.Config{})) })
}
