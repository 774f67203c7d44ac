package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bench is a folder of certificates and a clock.
type bench struct {
	t   *testing.T
	dir string
	now time.Time
	log bytes.Buffer
}

func newBench(t *testing.T) *bench { return &bench{t: t, dir: t.TempDir(), now: start} }

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// put writes a certificate for names, made at a time, under the name of a file.
func (b *bench) put(file string, made time.Time, names ...string) Pair {
	b.t.Helper()
	cert, key, err := SelfSigned(names, made)
	if err != nil {
		b.t.Fatal(err)
	}
	b.write(file+".pem", cert)
	b.write(file+"-key.pem", key)
	return Pair{b.path(file + ".pem"), b.path(file + "-key.pem")}
}

// write writes a file, whose time changes even where the clock of files is coarse.
func (b *bench) write(file string, content []byte) {
	b.t.Helper()
	changed := time.Unix(1, 0)
	if i, err := os.Stat(b.path(file)); err == nil {
		changed = i.ModTime().Add(time.Second)
	}
	if err := os.WriteFile(b.path(file), content, 0o600); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Chtimes(b.path(file), changed, changed); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) open(s Settings) *Store {
	b.t.Helper()
	st, err := Open(s, slog.New(slog.NewTextHandler(&b.log, nil)), func() time.Time { return b.now })
	if err != nil {
		b.t.Fatal(err)
	}
	return st
}

// logged counts the lines that hold text.
func (b *bench) logged(text string) int { return strings.Count(b.log.String(), text) }

// names are those of the certificate that a client gets who asks for one.
func names(t *testing.T, st *Store, ask string) []string {
	t.Helper()
	hello := &tls.ClientHelloInfo{
		ServerName: ask, SupportedVersions: []uint16{tls.VersionTLS13}, CipherSuites: []uint16{tls.TLS_AES_128_GCM_SHA256},
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.X25519},
	}
	c, err := st.Config(nil, true).GetConfigForClient(hello)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := c.GetCertificate(hello)
	if err != nil {
		t.Fatal(err)
	}
	return cert.Leaf.DNSNames
}

// A client gets the certificate that has the name it asks for, else the first. RFC 6066, 3
func TestPickedByName(t *testing.T) {
	b := newBench(t)
	st := b.open(Settings{Pairs: []Pair{b.put("a", start, "example.com", "sip.example.com"), b.put("b", start, "example.net")}})
	for ask, want := range map[string]string{
		"": "example.com", "example.com": "example.com", "SIP.example.com": "example.com", "example.net": "example.net", "example.org": "example.com",
	} {
		if got := names(t, st, ask); got[0] != want {
			t.Errorf("%q got the certificate of %q, want %q", ask, got, want)
		}
	}
}

// A file that changed is read again within seconds; one that is broken leaves the old certificate and is logged once.
func TestFilesThatChange(t *testing.T) {
	b := newBench(t)
	st := b.open(Settings{Pairs: []Pair{b.put("a", start, "old.example.com")}})
	expect := func(want string) {
		t.Helper()
		if got := names(t, st, ""); got[0] != want {
			t.Errorf("certificate of %q, want %q", got, want)
		}
	}
	b.put("a", start, "new.example.com")
	expect("old.example.com") // looked at a moment ago
	b.now = b.now.Add(lookEvery)
	expect("new.example.com")
	if n := b.logged("read again"); n != 1 {
		t.Errorf("%d lines of a new certificate", n)
	}

	b.write("a.pem", []byte("half of a certif"))
	for range 5 {
		b.now = b.now.Add(lookEvery)
		expect("new.example.com")
	}
	if n := b.logged("cannot be used"); n != 1 {
		t.Errorf("%d lines of a broken certificate:\n%s", n, &b.log)
	}
	if err := st.Set(Settings{Pairs: []Pair{{b.path("a.pem"), b.path("a-key.pem")}}}); err == nil || !strings.Contains(err.Error(), b.path("a.pem")) {
		t.Errorf("SIGHUP with a broken file: %v", err)
	}
	expect("new.example.com")

	if err := os.Remove(b.path("a.pem")); err != nil { // as tools do that put a link in its place
		t.Fatal(err)
	}
	b.now = b.now.Add(lookEvery)
	expect("new.example.com")
	b.put("a", start, "third.example.com")
	b.now = b.now.Add(lookEvery)
	expect("third.example.com")
	if n := b.logged("cannot be used"); n != 2 {
		t.Errorf("%d lines of broken certificates", n)
	}
}

// The key of another certificate is refused at start, and so are files that are not there, with the names of the files.
func TestWrongFiles(t *testing.T) {
	b := newBench(t)
	one, two := b.put("a", start, "a.example.com"), b.put("b", start, "b.example.com")
	for _, tt := range []struct {
		name string
		s    Settings
		want []string
	}{
		{"another's key", Settings{Pairs: []Pair{{one.Cert, two.Key}}}, []string{one.Cert, two.Key, "does not match"}},
		{"no file", Settings{Pairs: []Pair{{b.path("none.pem"), one.Key}}}, []string{b.path("none.pem"), "no such file"}},
		{"a key for a certificate", Settings{Pairs: []Pair{{one.Key, one.Key}}}, []string{one.Key}},
		{"authorities not there", Settings{Pairs: []Pair{one}, ClientCA: b.path("none.pem")}, []string{b.path("none.pem")}},
		{"authorities of no kind", Settings{Pairs: []Pair{one}, ClientCA: one.Key}, []string{"no certificate in", one.Key}},
	} {
		_, err := Open(tt.s, slog.New(slog.DiscardHandler), time.Now)
		for _, w := range tt.want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v, want %q in it", tt.name, err, w)
			}
		}
		if err != nil && strings.Contains(err.Error(), "PRIVATE KEY-----") {
			t.Errorf("%s: the error shows a key: %v", tt.name, err)
		}
	}
	st := b.open(Settings{Pairs: []Pair{one}})
	if err := st.Set(Settings{}); err == nil {
		t.Error("the last certificate was taken away")
	}
	if got := names(t, st, ""); got[0] != "a.example.com" {
		t.Errorf("certificate of %q", got)
	}
}

// One file may hold certificate and key, in either order.
func TestOneFileForBoth(t *testing.T) {
	b := newBench(t)
	cert, key, err := SelfSigned([]string{"example.com"}, start)
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range [][]byte{slices.Concat(cert, key), slices.Concat(key, cert)} {
		b.write("both.pem", content)
		st := b.open(Settings{Pairs: []Pair{{b.path("both.pem"), b.path("both.pem")}}})
		if got := names(t, st, ""); got[0] != "example.com" {
			t.Errorf("certificate of %q", got)
		}
	}
}

// Who ends within 14 days is told of once a day, and after the end too; the metric counts down.
func TestExpiry(t *testing.T) {
	b := newBench(t)
	p := b.put("a", start, "example.com")
	b.put("b", start.Add(60*24*time.Hour), "example.net")
	st := b.open(Settings{Pairs: []Pair{p, {b.path("b.pem"), b.path("b-key.pem")}}})
	look := func(days float64) {
		b.now = start.Add(selfSignedFor).Add(-time.Duration(days * 24 * float64(time.Hour)))
		names(t, st, "")
	}
	for _, tt := range []struct {
		days       float64
		soon, over int
	}{{100, 0, 0}, {14, 0, 0}, {13.9, 1, 0}, {13.5, 1, 0}, {12.8, 2, 0}, {-0.1, 2, 1}, {-0.2, 2, 1}, {-2, 2, 2}} {
		look(tt.days)
		if soon, over := b.logged("ends soon"), b.logged("has ended"); soon != tt.soon || over != tt.over {
			t.Errorf("%v days before: %d and %d lines, want %d and %d", tt.days, soon, over, tt.soon, tt.over)
		}
	}
	if got := st.Expiry(); got[p.Cert] != -48*time.Hour || got[b.path("b.pem")] != 58*24*time.Hour {
		t.Errorf("%v", got)
	}
	if err := st.Set(Settings{Pairs: []Pair{p}}); err != nil || b.logged("has ended") != 2 {
		t.Errorf("%v; a reload tells it again:\n%s", err, &b.log)
	}
	b = newBench(t)
	b.now = start.Add(selfSignedFor - time.Hour)
	b.open(Settings{Pairs: []Pair{b.put("a", start, "example.com")}})
	if b.logged("ends soon") != 1 {
		t.Errorf("nothing said at the start: %s", &b.log)
	}
}

// What is asked of clients follows the settings and the file of authorities, without a restart.
func TestClientAuthorities(t *testing.T) {
	b := newBench(t)
	server, ca := b.put("a", start, "example.com"), b.put("ca", start, "one.example.com")
	s := Settings{Pairs: []Pair{server}, MinVersion: tls.VersionTLS13, ClientAuth: tls.VerifyClientCertIfGiven, ClientCA: ca.Cert}
	st := b.open(s)
	first := st.current()
	if first.MinVersion != tls.VersionTLS13 || first.ClientAuth != tls.VerifyClientCertIfGiven || first.ClientCAs == nil {
		t.Errorf("%+v", first)
	}
	b.put("ca", start, "two.example.com")
	b.now = b.now.Add(lookEvery)
	if second := st.current(); second.ClientCAs.Equal(first.ClientCAs) {
		t.Error("the authorities are still the old ones")
	}
	s.ClientAuth, s.ClientCA = tls.NoClientCert, ""
	if err := st.Set(s); err != nil {
		t.Fatal(err)
	}
	if c := st.current(); c.ClientAuth != tls.NoClientCert || c.ClientCAs != nil {
		t.Errorf("%+v", c)
	}
	if got := st.Names()[server.Cert]; !slices.Equal(got, []string{"example.com"}) {
		t.Errorf("names %q", got)
	}
}

// A server that we connect to is shown a certificate when it asks for one, and none otherwise.
func TestPresented(t *testing.T) {
	b := newBench(t)
	st := b.open(Settings{Pairs: []Pair{b.put("a", start, "example.com")}})
	get := st.Config(x509.NewCertPool(), true).GetClientCertificate
	ask := &tls.CertificateRequestInfo{Version: tls.VersionTLS13, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}}
	if c, err := get(ask); err != nil || c.Leaf == nil {
		t.Errorf("%v, %v", c, err)
	}
	ask.SignatureSchemes = []tls.SignatureScheme{tls.PSSWithSHA256}
	if c, err := get(ask); err != nil || c.Leaf != nil || len(c.Certificate) != 0 {
		t.Errorf("%v, %v", c, err)
	}
}
