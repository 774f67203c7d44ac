package store_test

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	"trivox/cmd/trivox/internal/store"
	"trivox/cmd/trivox/internal/store/storetest"
	"trivox/sip"
)

const password = "correct horse"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestUsers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		if some, err := s.Any(ctx); some || err != nil {
			t.Errorf("an empty database has users: %v %v", some, err)
		}
		must(t, s.AddUser(ctx, "bob", "example.org", password))
		must(t, s.AddUser(ctx, "alice", "example.org", password, sip.SHA256, sip.MD5))
		must(t, s.AddUser(ctx, "zoë", "example.com", password))
		if some, err := s.Any(ctx); !some || err != nil {
			t.Errorf("no users: %v %v", some, err)
		}
		if err := s.AddUser(ctx, "bob", "example.org", "another password"); !errors.Is(err, store.ErrUserExists) ||
			!strings.Contains(err.Error(), "bob@example.org: there is such a user already; another password is set by: trivox user passwd") {
			t.Errorf("bob twice: %v", err)
		}
		list, err := s.Users(ctx)
		must(t, err)
		var names []string
		for _, u := range list {
			names = append(names, u.AOR())
			if age := time.Since(u.Created); u.Disabled || age < 0 || age > time.Hour || u.Changed != u.Created {
				t.Errorf("%+v", u)
			}
		}
		if want := []string{"zoë@example.com", "alice@example.org", "bob@example.org"}; !slices.Equal(names, want) {
			t.Errorf("users %v, want %v", names, want)
		}
		if !slices.Equal(list[1].Algorithms, []sip.Algorithm{sip.SHA256, sip.MD5}) || list[2].Algorithms != nil {
			t.Errorf("algorithms %v and %v", list[1].Algorithms, list[2].Algorithms)
		}

		a, err := s.Account(ctx, "alice", "Example.ORG")
		must(t, err)
		if a.AOR() != "alice@example.org" || a.Disabled || len(a.HA1) != 4 || !slices.Equal(a.Algorithms, list[1].Algorithms) {
			t.Errorf("alice is %s, %d hashes, %v", a.AOR(), len(a.HA1), a.Algorithms)
		}
		must(t, s.SetDisabled(ctx, "alice", "example.org", true))
		if a, err := s.Account(ctx, "alice", "example.org"); err != nil || !a.Disabled {
			t.Errorf("not disabled: %v", err)
		}
		must(t, s.SetDisabled(ctx, "alice", "example.org", false))
		if a, err := s.Account(ctx, "alice", "example.org"); err != nil || a.Disabled {
			t.Errorf("still disabled: %v", err)
		}
		must(t, s.RemoveUser(ctx, "alice", "example.org"))
		if _, err := s.Account(ctx, "alice", "example.org"); !errors.Is(err, sip.ErrNoAccount) {
			t.Errorf("alice is still there: %v", err)
		}
	})
}

// There is no such user, whatever is asked, and no database is troubled by what strangers ask for.
func TestNoSuchUser(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		must(t, s.AddUser(ctx, "alice", "example.org", password))
		for _, who := range [][2]string{{"bob", "example.org"}, {"alice", "example.com"}, {"Alice", "example.org"}, {"", "example.org"},
			{"al\x00ice", "example.org"}, {"al\xffice", "example.org"}, {strings.Repeat("x", 70000), "example.org"}, {"alice", "\x00"}, {"a'; --", "x"}} {
			if _, err := s.Account(ctx, who[0], who[1]); !errors.Is(err, sip.ErrNoAccount) {
				t.Errorf("account %.20q: %v", who, err)
			}
			for what, err := range map[string]error{
				"remove":     s.RemoveUser(ctx, who[0], who[1]),
				"password":   s.SetPassword(ctx, who[0], who[1], password),
				"disable":    s.SetDisabled(ctx, who[0], who[1], true),
				"algorithms": s.SetAlgorithms(ctx, who[0], who[1], []sip.Algorithm{sip.MD5}),
			} {
				if !errors.Is(err, store.ErrNoUser) || !strings.Contains(err.Error(), "trivox user list") {
					t.Errorf("%s %.20q: %v", what, who, err)
				}
			}
		}
	})
}

// What is kept is what a client computes who knows the password: its answer to a challenge without qop is
// H(HA1:nonce:H(method:uri)) (RFC 7616, 3.4.1 and 3.4.2). It may know its user by his name or by his address. (RG-5)
func TestHashes(t *testing.T) {
	for algorithm, h := range map[sip.Algorithm]hash.Hash{sip.MD5: md5.New(), sip.SHA256: sha256.New(), sip.SHA512256: sha512.New512_256()} {
		hashed := func(text string) string {
			h.Reset()
			h.Write([]byte(text))
			return hex.EncodeToString(h.Sum(nil))
		}
		s := storetest.Open(t, store.Config{})
		must(t, s.AddUser(t.Context(), "alice", "example.org", "first password"))
		must(t, s.SetPassword(t.Context(), "alice", "example.org", password))
		a, err := s.Account(t.Context(), "alice", "example.org")
		must(t, err)
		for name, key := range map[string]sip.Algorithm{"alice": algorithm, "alice@example.org": algorithm.WithDomain()} {
			client, err := digest.Digest(&digest.Challenge{Realm: "example.org", Nonce: "n", Algorithm: string(algorithm)},
				digest.Options{Method: "REGISTER", URI: "sip:example.org", Username: name, Password: password})
			must(t, err)
			if got := hashed(a.HA1[key] + ":n:" + hashed("REGISTER:sip:example.org")); got != client.Response {
				t.Errorf("%s, %s: the client answers %s, we expect %s", algorithm, name, client.Response, got)
			}
		}
	}
}

func TestAlgorithms(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		must(t, s.AddUser(ctx, "alice", "example.org", password))
		hashes := func(want ...sip.Algorithm) {
			t.Helper()
			a, err := s.Account(ctx, "alice", "example.org")
			must(t, err)
			for _, algorithm := range want {
				want = append(want, algorithm.WithDomain())
			}
			slices.Sort(want)
			if got := slices.Sorted(maps.Keys(a.HA1)); !slices.Equal(got, want) {
				t.Errorf("hashes for %v, want %v", got, want)
			}
		}
		hashes(sip.MD5, sip.SHA256, sip.SHA512256)
		must(t, s.SetAlgorithms(ctx, "alice", "example.org", []sip.Algorithm{sip.SHA256, sip.MD5}))
		hashes(sip.SHA256, sip.MD5)
		must(t, s.SetPassword(ctx, "alice", "example.org", "another password"))
		hashes(sip.SHA256, sip.MD5)
		for _, list := range [][]sip.Algorithm{{sip.SHA512256}, {}} {
			if err := s.SetAlgorithms(ctx, "alice", "example.org", list); err == nil ||
				!strings.Contains(err.Error(), "there is no hash for SHA-512-256, and making it takes the password: trivox user passwd --algorithm") {
				t.Errorf("%v: %v", list, err)
			}
		}
		must(t, s.SetPassword(ctx, "alice", "example.org", "another password", sip.SHA512256, sip.MD5, sip.SHA256))
		hashes(sip.MD5, sip.SHA256, sip.SHA512256)
		must(t, s.SetAlgorithms(ctx, "alice", "example.org", nil))
		if a, err := s.Account(ctx, "alice", "example.org"); err != nil || a.Algorithms != nil {
			t.Errorf("the server's order: %v %v", a.Algorithms, err)
		}
		if err := s.SetAlgorithms(ctx, "alice", "example.org", []sip.Algorithm{"SHA-1"}); err == nil || !strings.Contains(err.Error(), `no digest algorithm "SHA-1"`) {
			t.Errorf("SHA-1: %v", err)
		}
		if err := s.SetAlgorithms(ctx, "alice", "example.org", []sip.Algorithm{sip.MD5, sip.MD5}); err == nil || !strings.Contains(err.Error(), "named twice") {
			t.Errorf("MD5 twice: %v", err)
		}
	})
}

// A user who is removed or disabled is no longer reached, nor is who had his old password.
func TestUserTakesHisBindings(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		for name, end := range map[string]func() error{
			"removed":  func() error { return s.RemoveUser(ctx, "removed", "example.org") },
			"disabled": func() error { return s.SetDisabled(ctx, "disabled", "example.org", true) },
			"passwd":   func() error { return s.SetPassword(ctx, "passwd", "example.org", "another password") },
		} {
			must(t, s.AddUser(ctx, name, "example.org", password))
			_, err := s.Update(ctx, name, "example.org", add(sip.Binding{Contact: "sip:phone"}))
			must(t, err)
			must(t, end())
			if left, err := s.Bindings(ctx, name, "example.org"); err != nil || len(left) > 0 {
				t.Errorf("%s: %v %v", name, left, err)
			}
		}
	})
}

func TestCheckUser(t *testing.T) {
	for _, c := range []struct{ name, domain, want string }{
		{"alice", "example.org", ""}, {"zoë", "example.org", ""}, {"+49123", "xn--nxasmq6b", ""}, {"a", "127.0.0.1", ""}, {"a", "2001:db8::1", ""},
		{"a", "a-b.c1", ""}, {strings.Repeat("x", 64), strings.Repeat("d", 63) + ".de", ""},
		{"", "example.org", "is empty"}, {strings.Repeat("x", 65), "example.org", "has 65 bytes"}, {"a@b", "example.org", "without @"},
		{"a:b", "example.org", "cannot be dialled"}, {"a b", "example.org", "cannot"}, {`a"`, "example.org", "cannot"}, {"a<", "example.org", "cannot"},
		{"a>", "example.org", "cannot"}, {"a\n", "example.org", "cannot"}, {"a\xff", "example.org", "cannot"}, {"a\u200b", "example.org", "cannot"},
		{"alice", "", "is none"}, {"alice", "Example.org", "small letters"}, {"alice", "-a", "is none"}, {"alice", "a-", "is none"}, {"alice", "a..b", "is none"},
		{"alice", "example.org:5060", "without scheme or port"}, {"alice", strings.Repeat("d", 64), "is none"}, {"alice", strings.Repeat("d.", 127) + "de", "is none"},
	} {
		err := store.CheckUser(c.name, c.domain)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q at %.20q: %v, want %q", c.name, c.domain, err, c.want)
		}
	}
}

// A host name is what the grammar of RFC 1123, 2.1 says.
func TestHostName(t *testing.T) {
	grammar := regexp.MustCompile(`^([a-z0-9]|[a-z0-9][a-z0-9-]{0,61}[a-z0-9])(\.([a-z0-9]|[a-z0-9][a-z0-9-]{0,61}[a-z0-9]))*$`)
	r := rand.New(rand.NewPCG(1, 2))
	good := 0
	for range 20000 {
		text := make([]byte, r.IntN(12))
		for i := range text {
			text[i] = "aaaaz09-.A_\xff"[r.IntN(12)]
		}
		name := strings.Replace(string(text), "z", strings.Repeat("z", 57+r.IntN(8)), 1)
		want := grammar.MatchString(name)
		if got := store.IsHostName(name); got != want {
			t.Fatalf("%q: %v, want %v", name, got, want)
		}
		if want {
			good++
		}
	}
	if good < 1000 {
		t.Errorf("of 20,000 texts only %d were host names", good)
	}
}

// What is wrong with a password is said without saying the password.
func TestCheckPassword(t *testing.T) {
	for p, good := range map[string]bool{
		"": false, "1234567": false, "12345678": true, strings.Repeat("x", 128): true, strings.Repeat("y", 129): false,
		"pass:word ü": true, "pass\x00word": false, "pass\nword": false, "pass\xffword": false, store.GeneratePassword(): true,
	} {
		err := store.CheckPassword(p)
		if (err == nil) != good || err != nil && p != "" && strings.Contains(err.Error(), p) {
			t.Errorf("%q: %v", p, err)
		}
	}
	if first, second := store.GeneratePassword(), store.GeneratePassword(); first == second {
		t.Error("the same password twice")
	}
}

// A user who is printed shows no secret, and neither does an error.
func TestNoSecrets(t *testing.T) {
	s := storetest.Open(t, store.Config{})
	must(t, s.AddUser(t.Context(), "alice", "example.org", password))
	list, err := s.Users(t.Context())
	must(t, err)
	a, err := s.Account(t.Context(), "alice", "example.org")
	must(t, err)
	text := fmt.Sprintf("%+v %v", list, s.AddUser(t.Context(), "alice", "example.org", password))
	for _, hash := range a.HA1 {
		if strings.Contains(text, hash) || strings.Contains(text, password) {
			t.Error("a secret shows")
		}
	}
}
