package storetest

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// supervise makes a cluster in the directory $2 with the programs of $1, serves it on a Unix socket there, says
// "ready", and takes it away when its input ends: when the tests are over, however they ended. It waits for nothing
// to reach the disk. The path of a Unix socket is at most 107 bytes long, so the directory's must be short.
const supervise = `
bin=$1 dir=$2
cd "$dir" || exit 1
"$bin/initdb" -D data -U trivox -A trust -E UTF8 --locale=C --no-sync >log 2>&1 &&
"$bin/pg_ctl" -D data -l log -w -t 60 -o "-k $dir -c listen_addresses='' -c fsync=off -c full_page_writes=off -c shared_buffers=32MB" start >>log 2>&1 &&
echo ready || { tail -n 20 log; echo failed; }
read -r _
"$bin/pg_ctl" -D data -w -m immediate stop >>log 2>&1
cd / && rm -rf "$dir"
`

// apt is what to do where there is no PostgreSQL.
const apt = "PostgreSQL is missing: apt-get install --no-install-recommends postgresql"

// cluster is the PostgreSQL of this test process.
type cluster struct {
	dir  string
	life io.Closer // what the supervisor reads; held so that nothing collects and closes it before the process ends
	err  error
}

var (
	start     = sync.OnceValue(startCluster)
	databases atomic.Int64
)

// Postgres gives the connection string of an empty database, which is dropped when the test ends. The first one
// starts a server that all tests of the process share, reached by a Unix socket only; it ends with the process.
func Postgres(t testing.TB) string {
	t.Helper()
	c := start()
	if c.err != nil {
		t.Fatal(c.err)
	}
	name := fmt.Sprintf("test%d", databases.Add(1))
	c.administer(t, "CREATE DATABASE "+name)
	t.Cleanup(func() { c.administer(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	return c.dsn(name)
}

func (c *cluster) dsn(database string) string {
	return fmt.Sprintf("host=%s user=trivox dbname=%s", c.dir, database)
}

func (c *cluster) administer(t testing.TB, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", c.dsn("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}

func startCluster() *cluster {
	bin, err := programs()
	if err != nil {
		return &cluster{err: err}
	}
	// Not t.TempDir: its path may be long, and another user cannot go through it.
	dir, err := os.MkdirTemp("/tmp", "trivox-pg-")
	if err != nil {
		return &cluster{err: err}
	}
	cmd := exec.Command("/bin/sh", "-c", supervise, "sh", bin, dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // an interrupt at the terminal is for the tests alone
	if os.Geteuid() == 0 {                               // PostgreSQL refuses to run as root
		cmd.SysProcAttr.Credential, err = lend(dir)
		if err != nil {
			return &cluster{err: err}
		}
	}
	life, err := cmd.StdinPipe() // never written to
	if err != nil {
		return &cluster{err: err}
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return &cluster{err: err}
	}
	if err := cmd.Start(); err != nil {
		return &cluster{err: err}
	}
	var log string
	for lines := bufio.NewScanner(said); lines.Scan(); log += lines.Text() + "\n" {
		switch lines.Text() {
		case "ready":
			return &cluster{dir: dir, life: life}
		case "failed":
			return &cluster{err: fmt.Errorf("PostgreSQL did not start:\n%s", log)}
		}
	}
	return &cluster{err: fmt.Errorf("PostgreSQL did not start:\n%s", log)}
}

// programs finds where initdb, postgres and pg_ctl are: Debian keeps them beside each other and out of PATH.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		path, err := exec.LookPath("postgres")
		if err != nil {
			return "", errors.New(apt)
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return "", err
		}
		return filepath.Dir(path), nil
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// lend gives the directory to the user postgres, whom Debian's package makes, and says how to be him.
func lend(dir string) (*syscall.Credential, error) {
	who, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, apt)
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
