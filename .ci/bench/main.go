// Command bench measures what trivox costs: rows of the tables in docs/bench.md, those with sound each several times in
// turn with the limit of this machine (.ci/limit), so that the ratio holds when the machine's speed does not. The load is
// a process of its own; CPU and memory are the server's, by its process id.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

type row struct {
	title       string
	legs, rooms int
	talkers     int
	most        float64 // DESIGN 11: microseconds of CPU per leg-second
}

var rows = []row{
	{"one conference, 400 legs, G.711, 3 talkers", 400, 1, 3, 250},
	{"50 conferences of 4, G.711, 3 talkers in each", 200, 50, 3, 350},
}

// report is what is used of trivox load's JSON.
type report struct {
	Calls   struct{ Failed int }
	Packets struct{ Expected, Received, Lost float64 }
	Late    struct{ Share float64 }
	Delay   struct {
		Median float64
		P99    float64
	} `json:"delay_ms"`
	Server struct {
		CPU    float64 `json:"cpu_us_per_leg_second"`
		Memory float64 `json:"memory_bytes_per_leg"`
	}
	Load struct {
		CPU float64 `json:"cpu_us_per_leg_second"`
	}
}

const address = "127.0.0.1:5071"

func main() {
	seconds := flag.Int("seconds", 20, "length of one measurement")
	rounds := flag.Int("rounds", 3, "measurements of each row, of which the median counts")
	sound := flag.Bool("sound", true, "the table of calls with sound")
	signal := flag.Bool("signalling", true, "the table of REGISTERs and calls without sound")
	only := flag.String("rows", "", "rows whose title holds this text alone")
	flag.Parse()
	if *sound {
		if err := measureSound(*only, *seconds, *rounds); err != nil {
			log.Fatal(err)
		}
	}
	if *signal {
		if err := measureSignalling(*only, *seconds, *rounds); err != nil {
			log.Fatal(err)
		}
	}
}

// measureSound prints the first table.
func measureSound(only string, seconds, rounds int) error {
	fmt.Println("CPU in microseconds per leg-second, server only; medians; the ratio is of each round, then the median.")
	fmt.Println()
	fmt.Println("| work | trivox | limit of this machine | ratio | at most (reference machine) | memory per leg | late > 5 ms | delay median, p99 |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, r := range rows {
		if !strings.Contains(r.title, only) {
			continue
		}
		if err := r.measure(seconds, rounds); err != nil {
			return err
		}
	}
	return nil
}

func (r row) measure(seconds, rounds int) error {
	var cpu, limit, ratio, memory, late, median, p99 []float64
	for range rounds {
		a, err := r.load(seconds, "bin/trivox", "serve", "--sip", address, "--http", "127.0.0.1:8071")
		if err != nil {
			return err
		}
		b, err := r.load(seconds, "bin/limit", address)
		if err != nil {
			return err
		}
		if a.Calls.Failed > 0 || a.Packets.Lost > 0 || a.Packets.Received < 0.999*a.Packets.Expected {
			fmt.Fprintf(os.Stderr, "note: %d calls failed, %.0f of %.0f packets came\n", a.Calls.Failed, a.Packets.Received, a.Packets.Expected)
		}
		cpu, limit, ratio = append(cpu, a.Server.CPU), append(limit, b.Server.CPU), append(ratio, a.Server.CPU/b.Server.CPU)
		memory, late = append(memory, a.Server.Memory/1000), append(late, 100*a.Late.Share)
		median, p99 = append(median, a.Delay.Median), append(p99, a.Delay.P99)
	}
	fmt.Printf("| %s | %.0f | %.0f | %.2f | %.0f | %.1f KB | %.3f %% | %.1f, %.1f ms |\n", r.title, middle(cpu), middle(limit),
		middle(ratio), r.most, middle(memory), middle(late), middle(median), middle(p99))
	return nil
}

func middle(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// load runs one server and one load against it.
func (r row) load(seconds int, server ...string) (report, error) {
	var out report
	var said bytes.Buffer
	s := exec.Command(server[0], server[1:]...)
	s.Stderr = &said
	if err := s.Start(); err != nil {
		return out, err
	}
	defer func() {
		_ = s.Process.Signal(os.Interrupt)
		_ = s.Wait()
	}()
	if err := ready(); err != nil {
		return out, fmt.Errorf("%s does not answer: %w\n%s", strings.Join(server, " "), err, said.String())
	}
	l := exec.Command("bin/trivox", "load", "sip:bench@"+address, "--legs", strconv.Itoa(r.legs), "--conferences", strconv.Itoa(r.rooms),
		"--talkers", strconv.Itoa(r.talkers), "--seconds", strconv.Itoa(seconds), "--server-pid", strconv.Itoa(s.Process.Pid), "--json", "-")
	b, err := l.Output()
	if err != nil && len(b) == 0 {
		return out, fmt.Errorf("trivox load: %w", err)
	}
	if i := bytes.IndexByte(b, '{'); i > 0 {
		b = b[i:]
	}
	return out, json.NewDecoder(bytes.NewReader(b)).Decode(&out)
}

// ready waits until the server takes a call.
func ready() error {
	var err error
	for range 50 {
		probe := exec.Command("bin/trivox", "load", "sip:ready@"+address, "--legs", "1", "--talkers", "0", "--seconds", "1")
		if err = probe.Run(); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}
