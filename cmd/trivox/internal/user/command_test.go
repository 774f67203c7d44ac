package user

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"trivox/cmd/trivox/internal/store"
	"trivox/cmd/trivox/internal/store/storetest"
	"trivox/sip"
)

// cli is the part of the command line that is tested.
type cli struct {
	User   Command       `cmd:""`
	Backup BackupCommand `cmd:""`
}

// run is `trivox ARGS` with so much on standard input.
func run(t *testing.T, input string, args ...string) (out, errs string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "stdin")
	if err := os.WriteFile(file, []byte(input), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var c cli
	c.User.in = in
	var stdout, stderr strings.Builder
	parser, err := kong.New(&c, kong.Name("trivox"), kong.Writers(&stdout, &stderr))
	if err != nil {
		t.Fatal(err)
	}
	k, err := parser.Parse(args)
	if err == nil {
		err = k.Run()
	}
	return stdout.String(), stderr.String(), err
}

// settings writes a file that names the database and two domains.
func settings(t *testing.T, c store.Config) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trivox.toml")
	text := "domains = [\"example.com\", \"example.org\"]\ndata = \"" + c.Data + "\"\ndatabase = \"" + c.Database + "\"\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every verb works on either database, while a server has it open.
func TestVerbs(t *testing.T) {
	storetest.EachDurable(t, func(t *testing.T, c store.Config) {
		server := storetest.Open(t, c)
		file := settings(t, c)
		ok := func(want, input string, args ...string) string {
			t.Helper()
			out, errs, err := run(t, input, append(args, "--config", file)...)
			if err != nil || !strings.Contains(out+errs, want) {
				t.Errorf("%v: %q %q %v", args, out, errs, err)
			}
			return out
		}
		fails := func(want, input string, args ...string) {
			t.Helper()
			out, _, err := run(t, input, append(args, "--config", file)...)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %q %v, want %q", args, out, err, want)
			}
		}
		account := func(name, domain string) sip.Account {
			t.Helper()
			a, err := server.Account(t.Context(), name, domain)
			if err != nil {
				t.Fatalf("%s@%s: %v", name, domain, err)
			}
			return a
		}
		ok("no users", "", "user", "list")
		ok("added alice@example.com\nThis is the first user: from now on callers are asked for a password", "first password\n", "user", "add", "alice")
		fails("alice@example.com: there is such a user already", "first password\n", "user", "add", "alice@Example.com")
		fails("the password has 3 bytes: need 8 to 128", "abc", "user", "add", "bob")
		fails("there is none: it is the first line", "", "user", "add", "bob")
		fails("longer than 4096", strings.Repeat("x", 5000), "user", "add", "bob")
		fails("nowhere.org is none of the domains of this server (example.com, example.org)", "first password\n", "user", "add", "bob@nowhere.org")
		fails("cannot be dialled", "first password\n", "user", "add", "bob bob")
		fails("no digest algorithm", "first password\n", "user", "add", "bob", "--algorithm", "SHA-1")

		made := ok("", "", "user", "add", "bob@example.org", "--generate", "--algorithm", "sha-256,md5")
		if err := store.CheckPassword(strings.TrimSuffix(made, "\n")); err != nil || strings.Count(made, "\n") != 1 {
			t.Errorf("made %q: %v", made, err)
		}
		if a := account("bob", "example.org"); !slices.Equal(a.Algorithms, []sip.Algorithm{sip.SHA256, sip.MD5}) {
			t.Errorf("bob's algorithms: %v", a.Algorithms)
		}
		ok("bob@example.org    enabled  SHA-256,MD5", "", "user", "list")

		before := account("alice", "example.com").HA1[sip.MD5]
		secret := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(secret, []byte("second password\r\nanother line\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		ok("changed the password of alice@example.com", "", "user", "passwd", "alice", "--password-file", secret)
		after := account("alice", "example.com").HA1[sip.MD5]
		ok("changed the password of alice@example.com", "second password", "user", "passwd", "sip:alice@example.com")
		if again := account("alice", "example.com").HA1[sip.MD5]; after == before || again != after {
			t.Errorf("hashes %s, %s from a file, %s from standard input", before, after, again)
		}
		fails("secret-none", "", "user", "passwd", "alice", "--password-file", secret+"-none")

		ok("disabled alice@example.com", "", "user", "disable", "alice")
		if !account("alice", "example.com").Disabled {
			t.Error("alice is not disabled")
		}
		ok("alice@example.com  disabled", "", "user", "list")
		ok("enabled alice@example.com", "", "user", "enable", "alice")
		ok("removed alice@example.com", "", "user", "remove", "alice")
		for _, verb := range []string{"remove", "passwd", "enable", "disable"} {
			fails(`"alice@example.com": no such user; `+"`trivox user list` names all there are", "first password", "user", verb, "alice")
		}
		ok("", "", "user", "remove", "bob@example.org")
		ok("no users", "", "user", "list")
	})
}

// Without a place for data, or a domain, the command says what it needs.
func TestWhatIsMissing(t *testing.T) {
	for _, args := range [][]string{{"user", "list"}, {"user", "add", "alice@example.com"}, {"backup", "/nowhere/file"}} {
		if _, _, err := run(t, "long password", args...); err == nil || !strings.Contains(err.Error(), "set data to a directory, in the file that --config names or with --data") {
			t.Errorf("%v: %v", args, err)
		}
	}
	dir := filepath.Join(t.TempDir(), "data")
	if _, _, err := run(t, "long password", "user", "add", "alice", "--data", dir); err == nil || !strings.Contains(err.Error(), "write alice@DOMAIN, or set domains") {
		t.Errorf("without domain: %v", err)
	}
	if out, _, err := run(t, "long password", "user", "add", "alice@any.example", "--data", dir); err != nil || out != "added alice@any.example\n" {
		t.Errorf("any domain: %q %v", out, err)
	}
	if _, _, err := run(t, "", "user", "list", "--config", dir+"/none.toml"); err == nil || !strings.Contains(err.Error(), "trivox config") {
		t.Errorf("no such file: %v", err)
	}
}

func TestBackupCommand(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "copy.db")
	if _, _, err := run(t, "long password", "user", "add", "alice@any.example", "--data", dir); err != nil {
		t.Fatal(err)
	}
	if out, _, err := run(t, "", "backup", file, "--data", dir); err != nil || out != "copied to "+file+"\n" {
		t.Errorf("%q %v", out, err)
	}
	if is, err := os.Stat(file); err != nil || is.Size() == 0 {
		t.Errorf("the copy: %v", err)
	}
	config := settings(t, store.Config{Database: "host=/nowhere"})
	if _, _, err := run(t, "", "backup", file+"2", "--config", config); err == nil || !strings.Contains(err.Error(), "pg_dump") {
		t.Errorf("PostgreSQL: %v", err)
	}
}
