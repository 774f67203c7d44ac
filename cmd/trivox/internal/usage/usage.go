// Package usage reads from /proc what a process and its descendants have used.
package usage

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the unit of CPU times in /proc: USER_HZ, 100 on every
// architecture of Linux that Go knows.
const ticksPerSecond = 100

// Usage is what a process and its descendants have used.
type Usage struct {
	CPU time.Duration // user and system, children that ended included
	RSS int64         // bytes resident
}

// Of reads the tree below a process from root, which is /proc.
func Of(root string, pid int) (Usage, error) {
	all, err := processes(root)
	if err != nil {
		return Usage{}, err
	}
	if _, ok := all[pid]; !ok {
		return Usage{}, fmt.Errorf("process %d: no such process", pid)
	}
	in := map[int]bool{pid: true}
	for grown := true; grown; { // children may have lower numbers than parents
		grown = false
		for p, s := range all {
			if !in[p] && in[s.parent] {
				in[p], grown = true, true
			}
		}
	}
	var u Usage
	for p := range in {
		u.CPU += all[p].cpu
		u.RSS += all[p].rss
	}
	return u, nil
}

type process struct {
	parent int
	cpu    time.Duration
	rss    int64
}

func processes(root string) (map[int]process, error) {
	files, err := filepath.Glob(filepath.Join(root, "[0-9]*", "stat"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("usage: no processes in %s", root)
	}
	all := map[int]process{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it ended meanwhile
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil {
			continue
		}
		if p, ok := parseStat(b); ok {
			all[pid] = p
		}
	}
	return all, nil
}

// parseStat reads /proc/PID/stat (proc(5)): fields 4, 14 to 17 and 24. The
// name in brackets may hold anything.
func parseStat(b []byte) (process, bool) {
	_, rest, ok := strings.Cut(string(b[bytes.LastIndexByte(b, ')')+1:]), " ")
	if !ok {
		return process{}, false
	}
	f := strings.Fields(rest)
	if len(f) < 22 {
		return process{}, false
	}
	field := func(n int) int64 { // as proc(5) counts; rest begins at 3
		v, _ := strconv.ParseInt(f[n-3], 10, 64)
		return v
	}
	ticks := field(14) + field(15) + field(16) + field(17)
	return process{
		parent: int(field(4)),
		cpu:    time.Duration(ticks) * time.Second / ticksPerSecond,
		rss:    field(24) * int64(os.Getpagesize()),
	}, true
}
