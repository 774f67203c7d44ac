package sip

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// What a machine calls an error is there for those who debug, and for nobody else.
func TestMachinesAreQuiet(t *testing.T) {
	for level, want := range map[slog.Level]string{slog.LevelInfo: "", slog.LevelDebug: "level=DEBUG"} {
		var b bytes.Buffer
		log := slog.New(quieted{slog.NewTextHandler(&b, &slog.HandlerOptions{Level: level})})
		log.With("a", 1).WithGroup("g").Error("send '100 Trying' response failed")
		if got := b.String(); (want == "") != (got == "") || !strings.Contains(got, want) || strings.Contains(got, "ERROR") {
			t.Errorf("at level %s it logs %q, want %q in it", level, got, want)
		}
	}
}
