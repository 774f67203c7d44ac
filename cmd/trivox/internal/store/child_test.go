package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/store"
	"trivox/cmd/trivox/internal/store/storetest"
	"trivox/sip"
)

// process is the test binary as a process that does what on a database.
func process(t *testing.T, c store.Config, what string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self, c.Data, c.Database)
	cmd.Env = append(os.Environ(), asChild+"="+what)
	return cmd
}

// child is what such a process does; it gives its exit code.
func child(what, data, database string) int {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{Data: data, Database: database})
	if err == nil {
		switch what {
		case "user":
			err = s.AddUser(ctx, fmt.Sprint("user", os.Getpid()), "example.org", password)
		case "write":
			err = writeForEver(ctx, s)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// writers is how many goroutines of the child write, each to a user of its own.
const writers = 16

// writeForEver registers phones and writes records, and says what has been acknowledged: "worker n".
func writeForEver(ctx context.Context, s *store.Store) error {
	var mu sync.Mutex
	failed := make(chan error, writers)
	for worker := range writers {
		go func() {
			for n := 1; ; n++ {
				_, err := s.Update(ctx, fmt.Sprint("user", worker), "example.org", func([]sip.Binding) ([]sip.Binding, error) {
					return []sip.Binding{{Contact: "sip:phone", CSeq: uint32(n)}}, nil
				})
				if err = errors.Join(err, s.AddRecord(ctx, store.Record{ID: fmt.Sprintf("%d-%d", worker, n), Ended: time.Now()})); err != nil {
					failed <- err
					return
				}
				mu.Lock()
				fmt.Println(worker, n)
				mu.Unlock()
			}
		}()
	}
	return <-failed
}

// What was acknowledged is there after kill -9 in the middle of writing.
func TestKill(t *testing.T) {
	storetest.EachDurable(t, func(t *testing.T, c store.Config) {
		cmd := process(t, c, "write")
		cmd.Stderr = os.Stderr
		said, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		var acknowledged [writers]int
		lines := bufio.NewScanner(said)
		for seen := 0; lines.Scan(); seen++ {
			worker, n, _ := strings.Cut(lines.Text(), " ")
			if seen == 1000 {
				must(t, cmd.Process.Kill()) // what it said before it died is still read
			}
			w, err1 := strconv.Atoi(worker)
			last, err2 := strconv.Atoi(n)
			if errors.Join(err1, err2) != nil { // the last line may be torn
				continue
			}
			acknowledged[w] = last
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("the child was not killed: %v", err)
		}

		s := storetest.Open(t, c)
		records, total := map[string]bool{}, 0
		for q := (store.Query{Limit: store.MaxRecords}); ; {
			page, err := s.Records(t.Context(), q)
			must(t, err)
			for _, r := range page {
				records[r.ID] = true
			}
			if len(page) < q.Limit {
				break
			}
			q.After = page[len(page)-1].Cursor()
		}
		for worker, last := range acknowledged {
			total += last
			got, err := s.Bindings(t.Context(), fmt.Sprint("user", worker), "example.org")
			if err != nil || len(got) != 1 || int(got[0].CSeq) < last || int(got[0].CSeq) > last+1 {
				t.Errorf("worker %d: %d was acknowledged, found %v, %v", worker, last, got, err)
			}
			for n := 1; n <= last; n++ {
				if id := fmt.Sprintf("%d-%d", worker, n); !records[id] {
					t.Errorf("record %s was acknowledged and is lost", id)
				}
			}
		}
		if total < 1000 {
			t.Errorf("only %d acknowledged", total)
		}
	})
}

// Processes that start at once on a new database make it once, and all of them use it.
func TestProcessesStartAtOnce(t *testing.T) {
	const processes = 8
	storetest.EachDurable(t, func(t *testing.T, c store.Config) {
		var all sync.WaitGroup
		for range processes {
			all.Go(func() {
				if out, err := process(t, c, "user").CombinedOutput(); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
		all.Wait()
		if list, err := storetest.Open(t, c).Users(t.Context()); err != nil || len(list) != processes {
			t.Errorf("%d users, %v", len(list), err)
		}
	})
}
