package sip

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// hashed is an HA1, worked out here and not by the library. RFC 7616, 3.4.2
func hashed(a Algorithm, user, realm, password string) string {
	text := []byte(user + ":" + realm + ":" + password)
	switch a {
	case MD5:
		h := md5.Sum(text)
		return hex.EncodeToString(h[:])
	case SHA256:
		h := sha256.Sum256(text)
		return hex.EncodeToString(h[:])
	}
	h := sha512.Sum512_256(text)
	return hex.EncodeToString(h[:])
}

// fakeDirectory has the users that a test gave it. The password of each is his name and "-secret".
type fakeDirectory struct {
	mu       sync.Mutex
	accounts map[string]Account
	err      error // of every look-up
}

func newDirectory(aors ...string) *fakeDirectory {
	d := &fakeDirectory{accounts: make(map[string]Account)}
	for _, aor := range aors {
		user, domain, _ := cutAOR(aor)
		a := Account{User: user, Domain: domain, HA1: make(map[Algorithm]string)}
		for _, x := range digestAlgorithms {
			a.HA1[x] = hashed(x, user, domain, user+"-secret")
			a.HA1[x.WithDomain()] = hashed(x, aor, domain, user+"-secret")
		}
		d.accounts[aor] = a
	}
	return d
}

// change alters an account.
func (d *fakeDirectory) change(aor string, f func(*Account)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.accounts[aor]
	f(&a)
	d.accounts[aor] = a
}

func (d *fakeDirectory) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

func (d *fakeDirectory) Account(_ context.Context, user, domain string) (Account, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return Account{}, d.err
	}
	a, ok := d.accounts[user+"@"+domain]
	if !ok {
		return Account{}, fmt.Errorf("%s@%s: %w", user, domain, ErrNoAccount)
	}
	return a, nil
}

func (d *fakeDirectory) Any(context.Context) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.accounts) > 0, d.err
}

// fakeLocation keeps bindings in memory.
type fakeLocation struct {
	mu    sync.Mutex
	bound map[string][]Binding
	err   error
}

func newLocation() *fakeLocation { return &fakeLocation{bound: make(map[string][]Binding)} }

func (l *fakeLocation) Bindings(_ context.Context, user, domain string) ([]Binding, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.bound[user+"@"+domain]), l.err
}

func (l *fakeLocation) Update(_ context.Context, user, domain string, change func([]Binding) ([]Binding, error)) ([]Binding, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return nil, l.err
	}
	have, err := change(slices.Clone(l.bound[user+"@"+domain]))
	if err != nil {
		return nil, err
	}
	l.bound[user+"@"+domain] = slices.Clone(have)
	return have, nil
}

// ourDomain has two domains, of which the first is that of the addresses of the server, too.
func ourDomain(host string) string {
	switch host {
	case "example.com", "192.0.2.254", "127.0.0.1":
		return "example.com"
	case "example.org":
		return "example.org"
	}
	return ""
}

// guarded is a server with users alice and bob that nobody else may call.
func guarded(rooms Rooms) (Config, *fakeDirectory, *fakeLocation) {
	d, l := newDirectory("alice@example.com", "bob@example.com", "carol@example.org"), newLocation()
	return Config{Rooms: rooms, Directory: d, Location: l, Domain: ourDomain, Allowed: allowNone}, d, l
}

// credentialsOf is who a phone says it is.
type credentialsOf struct {
	user, password string
	algorithm      Algorithm // the one it knows; empty: the first that it is asked for
}

var aliceProof = credentialsOf{user: "alice", password: "alice-secret"}

// answer makes the Authorization line for a 401, as a phone that uses icholy/digest would; count is the nonce count.
func (c credentialsOf) answer(t testing.TB, res *sipgo.Response, method, uri string, count int) string {
	t.Helper()
	for _, h := range res.GetHeaders("www-authenticate") {
		chal, err := digest.ParseChallenge(h.Value())
		if err != nil {
			t.Fatal(err)
		}
		if c.algorithm != "" && chal.Algorithm != string(c.algorithm) {
			continue
		}
		cred, err := digest.Digest(chal, digest.Options{Method: method, URI: uri, Username: c.user, Password: c.password, Count: count})
		if err != nil {
			t.Fatal(err)
		}
		return "Authorization: " + cred.String()
	}
	t.Fatalf("no challenge for %q in\n%s", c.algorithm, res)
	return ""
}

// proved sends a request again with the answer to its 401, and returns the Authorization line that it used.
func (p *phone) proved(c credentialsOf, method, body string, extra ...string) string {
	p.t.Helper()
	p.request(method, body, extra...)
	res := p.response(method, 401)
	if method == "INVITE" {
		p.refusedACK(res)
	}
	line := c.answer(p.t, res, method, p.target(), 1)
	p.request(method, body, append(extra, line)...)
	return line
}

// target is the Request-URI of the phone's requests.
func (p *phone) target() string {
	if p.uri != "" {
		return p.uri
	}
	return "sip:" + p.user + "@" + p.server.String()
}

// challenges are the algorithms that a 401 asks for, in order.
func challenges(t testing.TB, res *sipgo.Response) (out []Algorithm) {
	t.Helper()
	for _, h := range res.GetHeaders("www-authenticate") {
		chal, err := digest.ParseChallenge(h.Value())
		if err != nil {
			t.Fatal(err)
		}
		if !chal.SupportsQOP("auth") || chal.Realm == "" || chal.Nonce == "" || chal.Opaque != "" {
			t.Errorf("challenge %s", h.Value())
		}
		out = append(out, Algorithm(chal.Algorithm))
	}
	return out
}

// isStale says whether a 401 says that only the nonce was too old.
func isStale(res *sipgo.Response) bool {
	return strings.Contains(header(res, "www-authenticate"), "stale=true")
}

// allowNone lets nobody call without a password.
func allowNone(netip.Addr) (bool, string) { return false, "nobody" }
