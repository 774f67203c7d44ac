package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var cli struct {
		Cert Command `cmd:""`
	}
	var out strings.Builder
	parser, err := kong.New(&cli, kong.Name("trivox"), kong.Writers(&out, &out))
	if err != nil {
		t.Fatal(err)
	}
	k, err := parser.Parse(append([]string{"cert"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	err = k.Run()
	return out.String(), err
}

// The files fit each other, have the names, and only the owner reads the key; nothing is replaced unasked.
func TestCommand(t *testing.T) {
	dir := t.TempDir()
	out, err := run(t, "example.com", "sip.example.com", "192.0.2.1", "::1", "--out", dir)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, "example.com.pem"), filepath.Join(dir, "example.com-key.pem")
	if !strings.Contains(out, "--certificate "+cert+","+key) || !strings.Contains(out, "no phone believes them") {
		t.Errorf("said %q", out)
	}
	c, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Leaf.DNSNames, []string{"example.com", "sip.example.com"}) || len(c.Leaf.IPAddresses) != 2 || c.Leaf.URIs[0].String() != "sip:example.com" {
		t.Errorf("%v %v %v", c.Leaf.DNSNames, c.Leaf.IPAddresses, c.Leaf.URIs)
	}
	b, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(b)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: "sip.example.com"}); err != nil {
		t.Errorf("who imports it does not believe it: %v", err)
	}
	if i, err := os.Stat(key); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", i.Mode(), err)
	}
	if _, err := run(t, "example.com", "--out", dir); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("a second time: %v", err)
	}
	if _, err := run(t, "example.com", "--out", dir, "--force"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"Example.com", "../x", "a b", "sip:example.com", "", "a..b", "-x", ".x"} {
		if _, err := run(t, "--out", dir, "--", name); err == nil || !strings.Contains(err.Error(), "need a domain") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := run(t, "::1", "--out", filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that is not there was written to")
	}
}
