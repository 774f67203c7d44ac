package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What docs/first-domain.md says works: its settings, on loopback for the test, a certificate, a user, an encrypted call, its record.
func TestExampleDomain(t *testing.T) {
	t.Parallel()
	example := filepath.Join("..", "..", "examples", "domain.toml")
	if out := run(t, "config", "check", example); !strings.Contains(out, "good") {
		t.Errorf("trivox config check: %s", out)
	}
	b, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run(t, "cert", "example.com", "127.0.0.1", "--out", dir)
	settings := strings.NewReplacer(
		`"trivox-data"`, `"`+filepath.Join(dir, "data")+`"`,
		"0.0.0.0:5060", "127.0.0.1:0", "0.0.0.0:5061", "127.0.0.1:0",
		"example.com.pem,example.com-key.pem", filepath.Join(dir, "example.com.pem")+","+filepath.Join(dir, "example.com-key.pem"),
	).Replace(string(b))
	pem := filepath.Join(dir, "example.com.pem")
	d := &domain{server: serve(t, settings, "--sip", "127.0.0.1:0", "--sip", "tls/127.0.0.1:0?srtp=required"), authority: pem}
	d.user("anna")
	if list := run(t, "user", "list", "--config", d.settings); !strings.Contains(list, "anna@example.com") {
		t.Errorf("users:\n%s", list)
	}
	secret := filepath.Join(dir, "anna.txt")
	if err := os.WriteFile(secret, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "call", "sip:tea@"+d.address("sip", "tls", false).String()+";transport=tls", "--ca", pem, "--user", "anna@example.com",
		"--password-file", secret, "--srtp", "required", "--play", filepath.Join("..", "..", "examples", "speech", "anna.wav"), "--seconds", "1")
	if records := run(t, "ctl", "cdr", "--http", d.web()); !strings.Contains(records, "AEAD_AES_128_GCM") || !strings.Contains(records, "anna@example.com") {
		t.Errorf("records:\n%s", records)
	}
}
