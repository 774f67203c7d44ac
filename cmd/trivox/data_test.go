package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Users are added while the server runs, to the same file, which the server leaves whole and alone when it ends.
func TestUsersWhileServing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s := serve(t, "domains = [\"example.com\"]\ndata = \""+dir+"\"\n")
	s.await(1, "where data is kept", func(e event) bool { return strings.HasPrefix(e.text("msg"), "users,") && e.text("in") == dir })
	for _, args := range [][]string{{"add", "alice", "--generate"}, {"list"}} {
		cmd := command(t, append([]string{"user", "--config", s.settings}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "alice@example.com") {
			t.Errorf("trivox user %v: %v\n%s", args, err, out)
		}
	}
	if got := s.metric("trivox_store_failed_total"); got != 0 {
		t.Errorf("%v changes failed", got)
	}
	s.stop()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "trivox.db" {
		t.Errorf("left in the directory: %v, %v", left, err)
	}
}
