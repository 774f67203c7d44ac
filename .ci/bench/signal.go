package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// signalling is a row of the table of REGISTERs and calls without sound.
type signalling struct {
	title string
	kind  string // of trivox load
	users int    // registered users of the server; 0: nobody is asked for a password
	rate  float64
	flood float64 // requests a second of somebody else, beside
	aim   string  // DESIGN 11
}

var signallings = []signalling{
	{"REGISTER, 1,000 users with passwords, 5,000 a second", "register", 1000, 5000, 0, "5,000 a second"},
	{"REGISTER, 1,000 users with passwords, as fast as it goes", "register", 1000, 0, 0, ""},
	{"INVITE, ACK, BYE, 100 calls a second by 50 users with passwords", "signal", 50, 100, 0, "p99 50 ms"},
	{"the same beside a flood of 20,000 requests a second", "signal", 50, 100, 20000, "p99 50 ms"},
	{"INVITE, ACK, BYE, 2,000 calls a second", "signal", 0, 2000, 0, "2,000 a second"},
	{"INVITE, ACK, BYE, 3,000 calls a second, more than it can do", "signal", 0, 3000, 0, "refuses the rest"},
	{"INVITE, ACK, BYE, as fast as it goes", "signal", 0, 0, 0, ""},
	{"the same by 1,000 users with passwords", "signal", 1000, 0, 0, ""},
}

// spread is what is used of latencies, in milliseconds.
type spread struct{ Median, P99 float64 }

// traffic is what is used of the JSON of trivox load register and signal.
type traffic struct {
	Done      float64 `json:"done_per_second"`
	Failed    int
	Failures  map[string]int
	Register  spread  `json:"register_ms"`
	Invite    spread  `json:"invite_ms"`
	ServerCPU float64 `json:"server_cpu_us"`
	ServerRSS float64 `json:"server_rss_bytes"`
	OwnCPU    float64 `json:"load_cpu_us"`
	OwnLate   spread  `json:"load_late_ms"`
}

const (
	signalAddress = "127.0.0.1:5073"
	signalHTTP    = "127.0.0.1:8073"
	signalDomain  = "bench.example"
	password      = "only-for-a-bench-1"
)

// settings are those of the server: its database on disk, as in earnest, and ports enough for calls that rest.
const settings = `domains = ["` + signalDomain + `"]
data = %q
[sip]
listen = ["udp/` + signalAddress + `"]
[http]
listen = ["` + signalHTTP + `"]
[rtp]
ports = "10000-59999"
quarantine = "1s"
[log]
level = "warn"
`

// limited are settings for who is beside a flood: loopback is limited as anybody is, and the good caller stands for an office,
// whose rate is raised. What the flood may do at once is as ever.
const limited = `[limits]
everyone = true
invite_rate = 9000
user_invite_rate = 600
`

// measureSignalling prints the second table.
func measureSignalling(only string, seconds, rounds int) error {
	fmt.Println()
	fmt.Println("Signalling, records and registrations on disk; medians. CPU in microseconds for each REGISTER or call; latency from request to 200.")
	fmt.Println()
	fmt.Println("| work | done a second | aim | latency: median, p99 | server's CPU | memory | load's CPU | load late, p99 |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, s := range signallings {
		if !strings.Contains(s.title, only) {
			continue
		}
		if err := s.measure(seconds, rounds); err != nil {
			return err
		}
	}
	return nil
}

func (s signalling) measure(seconds, rounds int) error {
	var done, median, p99, server, memory, load, late []float64
	for range rounds {
		t, err := s.round(seconds)
		if err != nil {
			return err
		}
		if t.Failed > 0 {
			fmt.Fprintf(os.Stderr, "note: %s: %d failed: %v\n", s.title, t.Failed, t.Failures)
		}
		took := t.Register
		if s.kind == "signal" {
			took = t.Invite
		}
		done, median, p99 = append(done, t.Done), append(median, took.Median), append(p99, took.P99)
		server, memory = append(server, t.ServerCPU), append(memory, t.ServerRSS/1e6)
		load, late = append(load, t.OwnCPU), append(late, t.OwnLate.P99)
	}
	fmt.Printf("| %s | %.0f | %s | %.2f, %.2f ms | %.0f | %.0f MB | %.0f | %.2f ms |\n", s.title, middle(done), s.aim, middle(median), middle(p99),
		middle(server), middle(memory), middle(load), middle(late))
	return nil
}

// round runs one server with its users, and one load against it.
func (s signalling) round(seconds int) (traffic, error) {
	var out traffic
	dir, err := os.MkdirTemp("", "trivox-bench-")
	if err != nil {
		return out, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "trivox.toml")
	text := fmt.Sprintf(settings, filepath.Join(dir, "data"))
	if s.flood > 0 {
		text += limited
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return out, err
	}
	var said bytes.Buffer
	server := exec.Command("bin/trivox", "serve", "--config", file)
	server.Stderr = &said
	if err := server.Start(); err != nil {
		return out, err
	}
	defer func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	}()
	if err := answers(); err != nil {
		return out, fmt.Errorf("trivox serve: %w\n%s", err, said.String())
	}
	for n := range s.users {
		if err := addUser(n + 1); err != nil {
			return out, err
		}
	}
	if s.flood > 0 {
		end, err := flood(s.flood)
		if err != nil {
			return out, err
		}
		defer end()
	}
	args := []string{"load", s.kind}
	if s.kind == "register" {
		args = append(args, "sip:"+signalDomain)
	} else {
		args = append(args, "sip:room@"+signalDomain, "--rooms", "100")
	}
	args = append(args, "--server", signalAddress, "--rate", fmt.Sprint(s.rate), "--seconds", strconv.Itoa(seconds), "--users", strconv.Itoa(cmp.Or(s.users, 1000)),
		"--server-pid", strconv.Itoa(server.Process.Pid), "--json", "-")
	load := exec.Command("bin/trivox", args...)
	load.Env = append(os.Environ(), "TRIVOX_LOAD_PASSWORD="+password)
	b, err := load.Output()
	at := bytes.IndexByte(b, '{')
	if at < 0 {
		return out, fmt.Errorf("trivox %s: %w\n%s", strings.Join(args, " "), err, said.String())
	}
	return out, json.NewDecoder(bytes.NewReader(b[at:])).Decode(&out) // what failed is in it
}

// answers waits until the server says that it takes calls.
func answers() error {
	var err error
	for range 100 {
		var res *http.Response
		if res, err = http.Get("http://" + signalHTTP + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("not ready: %s", res.Status)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// addUser adds user n by the API.
func addUser(n int) error {
	body := fmt.Sprintf(`{"name":"load%d","password":%q}`, n, password)
	res, err := http.Post("http://"+signalHTTP+"/v1/users", "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		why, _ := io.ReadAll(res.Body)
		return fmt.Errorf("adding user %d: %s %s", n, res.Status, why)
	}
	return nil
}
