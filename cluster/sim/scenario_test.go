package sim

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"trivox/cluster/exchange"
)

var update = flag.Bool("update", false, "write the transcripts of testdata/wan anew instead of comparing")

// TestScenarios plays the conferences of testdata/wan/*.txt. A file is commands,
// one a line, and after each "run" the transcript, indented by a bar:
//
//	world <policy> <domains> <people> delay=<ms> jitter=<ms> loss=<share> seed=<n>   begins
//	talk <person> <dB>, quiet <person>     somebody speaks steadily, or stops
//	meet                                   from now on all talk as NewConversation has it
//	cut <domain>, heal                     the network parts before that domain, and is whole again
//	crash <domain>, return <domain>        its server goes down, and comes back
//	run <slots>                            one line for each slot in which something changed
//	sum <seconds>                          one line a second
//
// People are numbered from 1 and spread over the domains in that order. "go test
// -run Scenarios -update" writes the transcripts; read the difference before
// keeping it.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/wan/*.txt")
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
		switch {
		case len(words) == 0 || words[0] == "#":
		case words[0] == "world":
			w = build(t, line)
			w.start()
		default:
			command(t, w, words, &b)
		}
	}
	return b.String()
}

// build makes the world of a line.
func build(t *testing.T, line string) *world {
	var name string
	var domains, people, delay, jitter int
	var loss float64
	var seed uint64
	if _, err := fmt.Sscanf(line, "world %s %d %d delay=%d jitter=%d loss=%g seed=%d",
		&name, &domains, &people, &delay, &jitter, &loss, &seed); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	policy, err := exchange.ParsePolicy(name)
	if err != nil {
		t.Fatal(err)
	}
	n := DefaultNetwork()
	n.DelayMin = time.Duration(delay) * time.Millisecond
	n.DelayMax, n.Jitter, n.Loss = n.DelayMin, time.Duration(jitter)*time.Millisecond, loss
	return newWorld(small(domains, n, seed), policy, &steady{x: make([]uint16, people)}, people)
}

// command does one line of a scenario.
func command(t *testing.T, w *world, words []string, b *strings.Builder) {
	number := func(i int) int {
		n, err := strconv.Atoi(words[i])
		if err != nil {
			t.Fatalf("%v: %v", words, err)
		}
		return n
	}
	switch words[0] {
	case "talk":
		w.talk.(*steady).x[number(1)-1] = amplitude(float64(number(2)))
	case "quiet":
		w.talk.(*steady).x[number(1)-1] = 0
	case "meet":
		w.talk = NewConversation(busy(len(w.home)), w.seed)
	case "cut":
		w.cut(func(i int) bool { return i >= number(1) })
	case "heal":
		w.heal()
	case "crash":
		w.crash(number(1))
	case "return":
		w.up(number(1), true)
	case "run":
		last := ""
		w.watch = func(bool) {
			if s := picture(w); s != last {
				fmt.Fprintf(b, "| %.2f s: %s\n", w.now.Seconds(), s)
				last = s
			}
		}
		w.run(number(1), nil)
	case "sum":
		w.watch = nil
		for range number(1) {
			w.reset()
			w.run(second, nil)
			ta := &w.tally
			fmt.Fprintf(b, "| %.0f s: %.1f packets a slot, most %d, F differs in %d slots, heard %d of %d\n", w.now.Seconds(),
				ta.PerSlot(ta.Unicast), ta.UnicastMost, ta.Differ, ta.Heard, ta.Spoken)
		}
	default:
		t.Fatalf("a scenario knows no %q", words[0])
	}
}

// picture is what is to be seen in a slot: who is best, the packets on the network,
// and what each domain hears.
func picture(w *world) string {
	s := fmt.Sprintf("best %v, %d packets;", w.best, w.tally.slot.unicast)
	for _, d := range w.domains {
		if d.up {
			s += fmt.Sprintf(" %s %v", d.name, d.f)
		} else {
			s += fmt.Sprintf(" %s down", d.name)
		}
	}
	return s
}
