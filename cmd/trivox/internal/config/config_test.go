package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// Every field has a key, a meaning of one line, a reload class and, where it is a number, a range; and no two keys
// are the same.
func TestEverySettingIsDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range settings() {
		if s.field.Tag.Get("toml") == "" || seen[s.key] {
			t.Errorf("%s: key missing or used twice", s.key)
		}
		seen[s.key] = true
		doc := s.field.Tag.Get("doc")
		if !strings.HasSuffix(doc, ".") && !strings.HasSuffix(doc, "hex 24") || strings.Contains(doc, "\n") {
			t.Errorf("%s: needs a meaning of one line that ends in a full stop: %q", s.key, doc)
		}
		if r := s.field.Tag.Get("reload"); r != "live" && r != "restart" {
			t.Errorf("%s: reload %q", s.key, r)
		}
		tag := s.field.Tag.Get("range")
		number := s.field.Type == reflect.TypeFor[int]() || s.field.Type.String() == "time.Duration"
		if number != (tag != "") {
			t.Errorf("%s: range %q on a %s", s.key, tag, s.field.Type)
		}
		for part := range strings.SplitSeq(tag, ",") {
			if low, high, ok := strings.Cut(part, ".."); ok && bound(low) >= bound(high) {
				t.Errorf("%s: range %q is empty", s.key, part)
			}
		}
	}
	if len(seen) < 30 {
		t.Errorf("only %d settings found: does walk still see the sections?", len(seen))
	}
}

// A field that nobody gave a default stands out: these alone may be empty or nought.
func TestEverySettingHasADefault(t *testing.T) {
	empty := map[string]bool{"domains": true, "advertise": true, "allow": true, "data": true, "rooms.prompts": true, "database": true,
		"sip.trust_identity": true, "registrar.service_route": true, "limits.everyone": true,
		"http.token": true, "tls.certificates": true, "tls.client_ca": true, "tls.ca": true, "cdr.keep": true, "cdr.file": true, "calls.dial": true,
		"audio.prefer_ours": true, "server.workers": true, "log.level": true}
	c := Default()
	for _, s := range settings() {
		if zero := s.of(&c).IsZero(); zero != empty[s.key] {
			t.Errorf("%s: default %s", s.key, formatValue(s.of(&c)))
		}
	}
	if err := c.Check(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
}

func TestPrintedFileIsTheDefaults(t *testing.T) {
	var b strings.Builder
	if err := Print(&b); err != nil {
		t.Fatal(err)
	}
	c := Config{}
	at, wrong := parse(&c, "printed", []byte(b.String()))
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	if !reflect.DeepEqual(c, Default()) {
		t.Errorf("read back:\n%+v\nwant:\n%+v", c, Default())
	}
	if len(at) != len(settings()) {
		t.Errorf("%d keys printed, want %d", len(at), len(settings()))
	}
	for line := range strings.Lines(b.String()) {
		if len(line) > lineWidth+1 && strings.HasPrefix(line, "#") {
			t.Errorf("longer than %d: %s", lineWidth, line)
		}
	}
}

// The table of settings in the manual holds every key with its default and its reload class.
func TestManualHasEverySetting(t *testing.T) {
	manual, err := os.ReadFile("../../../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	c := Default()
	for _, s := range settings() {
		row := "| `" + s.key + "` | `" + formatValue(s.of(&c)) + "` | " + s.field.Tag.Get("reload") + " |"
		if !strings.Contains(string(manual), row) {
			t.Errorf("docs/operate.md lacks the row: %s", row)
		}
	}
}
