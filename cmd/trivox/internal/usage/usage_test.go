package usage

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestProcessTree(t *testing.T) {
	root := t.TempDir()
	write := func(pid, parent, ticks, pages int, name string) {
		dir := filepath.Join(root, fmt.Sprint(pid))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		stat := fmt.Sprintf("%d (%s) S %d 1 1 0 -1 0 0 0 0 0 %d 20 3 4 20 0 1 0 100 1000000 %d 18446744073709551615\n", pid, name, parent, ticks, pages)
		if err := os.WriteFile(filepath.Join(dir, "stat"), []byte(stat), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(100, 1, 10, 5, "server")
	write(50, 100, 20, 7, "odd ) name (") // a child with a lower number
	write(51, 50, 30, 9, "grandchild")
	write(200, 1, 4000, 1000, "another")
	got, err := Of(root, 100)
	want := Usage{CPU: (10 + 20 + 30 + 3*27) * 10 * time.Millisecond, RSS: 21 * int64(os.Getpagesize())}
	if err != nil || got != want {
		t.Errorf("%v %+v, want %+v", err, got, want)
	}
	if _, err := Of(root, 99); err == nil {
		t.Error("a process that is not there")
	}
	if own, err := Of("/proc", os.Getpid()); err != nil || own.RSS < 1<<20 {
		t.Errorf("own process: %v %+v", err, own)
	}
}
