package config

import (
	"encoding/json"
	"strings"
	"testing"
)

// A connection string is taken in both its forms and shown in none.
func TestDSN(t *testing.T) {
	for text, good := range map[string]bool{
		"": true, "postgres://trivox:x7q-sesame@db/trivox": true, "postgresql:///trivox?host=/run/postgresql": true,
		"host=/run/postgresql user=trivox": true, " password = 'x7q-sesame'": true,
		"db.example.com": false, "mysql://x7q-sesame@db": false, "x7q-sesame": false, "=x7q": false,
	} {
		c, err := Parse("f", []byte("database = "+quote(text)))
		if good != (err == nil) || err != nil && (strings.Contains(err.Error(), "x7q") || !strings.HasPrefix(err.Error(), "f:1: database: need a connection string")) {
			t.Errorf("%q: %v", text, err)
		}
		if good && c.Database.Reveal() != text {
			t.Errorf("%q became %q", text, c.Database.Reveal())
		}
		printed, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if shown := sprintAll(c) + string(printed); strings.Contains(shown, "x7q") || text != "" && good && !strings.Contains(shown, "(withheld)") {
			t.Errorf("%q shows: %s", text, shown)
		}
	}
	if _, err := Parse("f", []byte("database = [\"x7q-sesame\"]")); err == nil || strings.Contains(err.Error(), "x7q") {
		t.Errorf("a list: %v", err)
	}
}

func quote(s string) string { return "\"" + s + "\"" }
