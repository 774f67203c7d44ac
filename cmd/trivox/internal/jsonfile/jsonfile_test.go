package jsonfile

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.json")
	var stdout bytes.Buffer
	const want = "{\n  \"done\": 7\n}\n"
	for _, name := range []string{"", "-", file} {
		if err := Write(name, map[string]int{"done": 7}, &stdout); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil || string(b) != want || stdout.String() != want {
		t.Errorf("file %q, %v; standard output %q", b, err, stdout.String())
	}
	for name, v := range map[string]any{filepath.Join(file, "x"): 1, "-": func() {}} {
		if err := Write(name, v, &stdout); err == nil || !strings.Contains(err.Error(), "load: --json") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
