package main

import (
	"bytes"
	"crypto/tls"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// trivox runs a command to its end and gives what it printed.
func trivox(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := command(t, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// makeCertificate has `trivox cert` make one for names, and gives its files.
func makeCertificate(t *testing.T, dir string, names ...string) (cert, key string) {
	t.Helper()
	if out, err := trivox(t, append([]string{"cert", "--out", dir, "--force"}, names...)...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	base := filepath.Join(dir, names[0])
	return base + ".pem", base + "-key.pem"
}

// certified gives the first name of the certificate that a server shows to who asks for a name.
func certified(t *testing.T, at netip.AddrPort, name string) string {
	t.Helper()
	c, err := tls.Dial("tcp", at.String(), &tls.Config{InsecureSkipVerify: true, ServerName: name})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.ConnectionState().PeerCertificates[0].DNSNames[0]
}

// From `trivox cert` to a call: by TLS, by sips, and in clear beside it; all are in one room and hear each other.
func TestCallsByTLS(t *testing.T) {
	t.Parallel()
	cert, key := makeCertificate(t, t.TempDir(), "example.com", "127.0.0.1")
	s := serve(t, quiet, "--sip", "127.0.0.1:0", "--sip", "tls/127.0.0.1:0", "--certificate", cert+","+key)
	at := s.address("sip", "tls", false).String()
	tone := dial(t, s, "tea", line{say: sine(440, 0.1)})
	for _, uri := range []string{"sip:tea@" + at + ";transport=tls", "sips:tea@" + at} {
		for _, args := range [][]string{{"call", uri, "--seconds", "1", "--tone", "700"}, {"load", uri, "--legs", "2", "--seconds", "1"}} {
			if out, err := trivox(t, append(args, "--ca", cert)...); err != nil {
				t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
	}
	loudest := 0.0
	for second := range slices.Chunk(tone.decode(0, tone.count()), 8000) {
		loudest = max(loudest, level(second, 8000, 700))
	}
	if loudest < 0.03 {
		t.Errorf("the caller in clear heard those by TLS at %.3f", loudest)
	}
	if out, err := trivox(t, "call", "sip:tea@"+at+";transport=tls", "--seconds", "1"); err == nil || !strings.Contains(out, "certificate") {
		t.Errorf("a certificate that nobody has signed was believed: %v\n%s", err, out)
	}
	if out, err := trivox(t, "call", "sips:tea@"+s.sip().String(), "--transport", "udp", "--seconds", "1"); err == nil || !strings.Contains(out, "sips goes by tls") {
		t.Errorf("sips in clear: %v\n%s", err, out)
	}
	const shaken = "trivox_sip_tls_handshakes_total"
	if done, failed := s.labelled(shaken, `result="done"`), s.labelled(shaken, `result="failed"`); done < 4 || failed != 1 {
		t.Errorf("%v handshakes done, %v failed", done, failed)
	}
	if left := s.labelled("trivox_tls_certificate_expiry_seconds", cert); left < 364*24*3600 || left > 366*24*3600 {
		t.Errorf("the certificate is good for %v s", left)
	}
}

// A renewed certificate is shown without a restart: of itself, and at once after SIGHUP, with others that the settings
// name then. One that is broken changes nothing and is logged.
func TestRenewedCertificate(t *testing.T) {
	t.Parallel()
	dir, elsewhere := t.TempDir(), t.TempDir()
	cert, key := makeCertificate(t, dir, "old.example.com")
	list := func(pairs ...string) string {
		return "[tls]\ncertificates = [\"" + strings.Join(pairs, `", "`) + "\"]\n"
	}
	s := serve(t, list(cert+","+key), "--sip", "tls/127.0.0.1:0")
	at := s.address("sip", "tls", false)
	if got := certified(t, at, ""); got != "old.example.com" {
		t.Errorf("the certificate of %s", got)
	}
	newCert, newKey := makeCertificate(t, elsewhere, "new.example.com")
	for from, to := range map[string]string{newKey: key, newCert: cert} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	s.expected("tls: a file that changed cannot be used") // the key alone, where we are slow
	until(t, "the renewed certificate is shown", func() bool { return certified(t, at, "") == "new.example.com" })

	second, secondKey := makeCertificate(t, dir, "second.example.com")
	s.configure(list(cert+","+key, second+","+secondKey))
	s.signal(syscall.SIGHUP)
	s.await(1, "the reload", func(e event) bool { return e.is("settings reloaded") })
	for _, name := range []string{"new.example.com", "second.example.com"} {
		if got := certified(t, at, name); got != name {
			t.Errorf("who asks for %s gets %s", name, got)
		}
	}

	s.expected("certificates not reloaded")
	if err := os.WriteFile(second, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGHUP)
	s.await(1, "that a certificate is broken", func(e event) bool {
		return e.is("certificates not reloaded; the server goes on with those it has") && strings.Contains(e.text("error"), second)
	})
	if got := certified(t, at, "second.example.com"); got != "second.example.com" {
		t.Errorf("after a broken file: %s", got)
	}
}

// What is wrong with a certificate stops the start, and names the file and what to do.
func TestStartWithoutCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := makeCertificate(t, dir, "example.com")
	_, other := makeCertificate(t, dir, "example.net")
	base := []string{"serve", "--http", "127.0.0.1:0", "--sip", "tls/127.0.0.1:0"}
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"TLS needs a certificate", "trivox cert example.com"}},
		{[]string{"--certificate", filepath.Join(dir, "none.pem")}, []string{"none.pem", "no such file"}},
		{[]string{"--certificate", cert + "," + other}, []string{cert, other, "does not match"}},
		{[]string{"--certificate", key}, []string{key}},
	} {
		out, err := trivox(t, slices.Concat(base, tt.args)...)
		for _, w := range tt.want {
			if err == nil || !strings.Contains(out, w) {
				t.Errorf("%q: %v, want %q in\n%s", tt.args, err, w, out)
			}
		}
		if strings.Contains(out, "BEGIN") {
			t.Errorf("%q: a file is shown:\n%s", tt.args, out)
		}
	}
}
