package sim

import (
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"trivox/cluster/sim"
)

// run runs `trivox sim` with args and returns what it printed.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var cli struct {
		Sim Command `cmd:""`
	}
	var out strings.Builder
	parser, err := kong.New(&cli, kong.Name("trivox"), kong.Writers(&out, &out))
	if err != nil {
		t.Fatal(err)
	}
	k, err := parser.Parse(append([]string{"sim"}, args...))
	if err != nil {
		return "", err
	}
	err = k.Run()
	return out.String(), err
}

// output is all that one run gives.
type output struct{ table, csv, svg string }

func runFiles(t *testing.T, args ...string) output {
	t.Helper()
	dir := t.TempDir()
	table, drawing := filepath.Join(dir, "a.csv"), filepath.Join(dir, "a.svg")
	text, err := run(t, append(args, "--csv", table, "--plot", drawing)...)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	read := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return output{text, read(table), read(drawing)}
}

var short = map[string][]string{
	"plan":   {"plan"},
	"floor":  {"floor", "--trials", "3", "--minutes", "1"},
	"trace":  {"floor", "--trials", "1", "--minutes", "1", "--figure", "trace"},
	"crowd":  {"floor", "--trials", "1", "--minutes", "1", "--figure", "crowd"},
	"set":    {"floor", "--trials", "2", "--minutes", "1", "--set", "Max=9830;Hang=5"},
	"speech": {"floor", "--trials", "2", "--minutes", "1", "--speech", "../../../../examples/speech"},
	"wan":    {"wan", "--domains", "2", "--clients", "12", "--length", "1s", "--policy", "optimistic"},
}

// The same seed gives the same bytes, in every output; another seed gives others.
func TestSameSeedSameBytes(t *testing.T) {
	for name, args := range short {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := runFiles(t, args...)
			checkDrawing(t, a.svg)
			checkTables(t, a.csv)
			if b := runFiles(t, args...); a != b {
				t.Error("two runs differ")
			}
			if args[0] == "plan" {
				return
			}
			if b := runFiles(t, append(args, "--seed", "2")...); a.csv == b.csv {
				t.Error("seeds 1 and 2 give the same numbers")
			}
		})
	}
}

// checkDrawing fails unless a drawing is XML whose coordinates are numbers.
func checkDrawing(t *testing.T, svg string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(svg))
	lines := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "path" {
			lines++
		}
	}
	if lines < 10 || strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Errorf("%d lines, or a coordinate that is no number:\n%s", lines, svg)
	}
}

// checkTables fails unless every table has rows, each with as many cells as its heading.
func checkTables(t *testing.T, text string) {
	t.Helper()
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		rows, err := csv.NewReader(strings.NewReader(part)).ReadAll()
		if err != nil || len(rows) < 2 {
			t.Errorf("%d rows: %v\n%s", len(rows), err, part)
		}
	}
}

// The figures of wan have a point for each policy and each of nine conferences.
func TestWANCharts(t *testing.T) {
	w := sim.DefaultWAN()
	w.Domains, w.Clients, w.Length = 9, 18, time.Second
	runs := wanRuns("domains", w)
	if len(runs) != 8 || runs[0].Domains != 2 || runs[0].Clients != 4 || runs[7].Domains != 9 || runs[7].Clients != 18 {
		t.Errorf("%d conferences from %d domains with %d to %d with %d", len(runs), runs[0].Domains, runs[0].Clients,
			runs[len(runs)-1].Domains, runs[len(runs)-1].Clients)
	}
	runs = wanRuns("delay", w)
	if len(runs) != 9 || runs[0].Network.DelayMax != 0 || runs[8].Network != w.Network {
		t.Errorf("%d conferences from %v to %v", len(runs), runs[0].Network.DelayMax, runs[len(runs)-1].Network.DelayMax)
	}
	for _, run := range runs {
		if err := run.Check(); err != nil {
			t.Error(err)
		}
	}
	w.Domains, w.Clients, w.Policies = 2, 4, w.Policies[2:]
	if c := wanChart("delay", w, nil); len(c.lines) != 1 || len(c.lines[0].points) != 9 || c.lines[0].points[8].y <= 0 {
		t.Errorf("drawn: %+v", c.lines)
	}
}

// P 7, table 1, as printed.
func TestPlanPrintsTable1(t *testing.T) {
	out, err := run(t, "plan")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"50 9 234", "100 17 884", "150 26 1950", "200 34 3434", "250 42 5334", "300 51 7650",
		"350 59 10384", "400 67 13534", "450 76 17100", "500 84 21084"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), " "+want+" ") {
			t.Errorf("no row %q in\n%s", want, out)
		}
	}
	if out, err = run(t, "plan", "--capacity", "100,7"); err != nil || strings.Contains(out, "234") || !strings.Contains(out, "884") {
		t.Errorf("--capacity 100,7: %v\n%s", err, out)
	}
}

// What cannot be run is refused with what would do.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		args string
		want string
	}{
		{"plan --nmax 0", "1 to 64"},
		{"plan --capacity 0", "1 to 1000000"},
		{"floor --trials 0", "trials 0"},
		{"floor --speech nowhere", "examples/speech"},
		{"floor --csv no/such/folder --trials 1 --minutes 1", "--csv"},
		{"floor --figure pie", "figure"},
		{"floor --set Loud=1", "RecentPast"},
		{"floor --set Hang=0", "Hang 0"},
		{"wan --domains 1", "Domains 1"},
		{"wan --policy fast", "pessimistic"},
		{"wan --loss 101", "Loss"},
	} {
		_, err := run(t, strings.Fields(c.args)...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %q", c.args, err, c.want)
		}
	}
}

// A search prints what it started from and the best it found, which is no worse.
func TestSearch(t *testing.T) {
	s := sim.DefaultSearch()
	s.Trials, s.Minutes, s.Candidates, s.Rounds, s.Keep = 5, 1, 4, 1, 2
	a, b := searchRows(sim.SearchFloor(s)), searchRows(sim.SearchFloor(s))
	if len(a) != 4 || a[1][0] != "start" || a[2][0] != "1" {
		t.Fatalf("rows %q", a)
	}
	for i := range a {
		if len(a[i]) != len(a[0]) {
			t.Errorf("row %d has %d cells, the heading %d", i, len(a[i]), len(a[0]))
		}
		if strings.Join(a[i], " ") != strings.Join(b[i], " ") {
			t.Errorf("two searches of one seed differ: %q, %q", a[i], b[i])
		}
	}
}
