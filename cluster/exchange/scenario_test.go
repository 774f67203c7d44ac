package exchange

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trivox/loudness"
)

var update = flag.Bool("update", false, "write the transcripts of testdata anew instead of comparing")

// TestScenarios plays the conferences of testdata/*.txt. A file is commands, one
// a line, and after each "run" the transcript, indented by a bar:
//
//	conference <policy> delay=<slots>    begins
//	domain <name> [told]                 joins; told: it is told LNT by the first
//	leg <domain> <ssrc>:<number>[i] ...  sets ranks, i for inactive, 0 for silence
//	cut <domain>, mend <domain>          its trunks die and come back
//	run <slots>
//
// In a transcript + marks a packet that carries the two before it, h a header
// without payload, i an inactive stream. "go test -run Scenarios -update" writes
// the transcripts; read the difference before keeping it.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(b))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want := strings.Split(string(b), "\n")
			for i, line := range strings.Split(got, "\n") {
				if i >= len(want) || line != want[i] {
					t.Fatalf("line %d: got\n%s\nthe file has\n%s", i+1, line, strings.Join(want[min(i, len(want)):min(i+1, len(want))], ""))
				}
			}
		})
	}
}

// play runs a scenario and returns its text with the transcripts it gave.
func play(t *testing.T, text string) string {
	var b strings.Builder
	var w *world
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if strings.HasPrefix(line, "|") {
			continue
		}
		fmt.Fprintln(&b, line)
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if words[0] == "conference" {
			policy, err := ParsePolicy(words[1])
			if err != nil {
				t.Fatal(err)
			}
			w = newWorld(with(policy), 0)
			if _, err := fmt.Sscanf(words[2], "delay=%d", &w.delay); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			continue
		}
		command(t, w, words, &b)
	}
	return b.String()
}

// command does one line of a scenario.
func command(t *testing.T, w *world, words []string, b *strings.Builder) {
	switch words[0] {
	case "domain":
		d := w.join(Domain(words[1]))
		if len(words) > 2 && words[2] == "told" {
			lnt, heard := w.domains[0].s.LNT()
			d.s.Join(w.slot, lnt, heard)
		}
	case "leg":
		for _, leg := range words[2:] {
			var ssrc uint32
			var number loudness.Number
			active := !strings.HasSuffix(leg, "i")
			if _, err := fmt.Sscanf(strings.TrimSuffix(leg, "i"), "%d:%d", &ssrc, &number); err != nil {
				t.Fatalf("%v: %v", words, err)
			}
			w.domain(Domain(words[1])).leg(ssrc, number, active)
		}
	case "cut", "mend":
		w.domain(Domain(words[1])).cut = words[0] == "cut"
	case "run":
		var n int
		if _, err := fmt.Sscan(words[1], &n); err != nil {
			t.Fatalf("%v: %v", words, err)
		}
		for range n {
			w.step()
			for _, line := range strings.Split(strings.TrimRight(w.String(), "\n"), "\n") {
				fmt.Fprintln(b, "|", line)
			}
		}
	default:
		t.Fatalf("a scenario knows no %q", words[0])
	}
}
