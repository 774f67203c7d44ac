package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// quiet are settings for those who judge sound: no tones of ours in it.
const quiet = "[rooms]\nalone_tone = false\njoin_tone = false\n"

// patience is how long anything that should happen at once may take on a busy machine.
const patience = 20 * time.Second

// until asks again and again whether something has come about.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for give := time.Now().Add(patience); !done(); <-again.C {
		if time.Now().After(give) {
			t.Fatalf("waited %s until %s", patience, what)
		}
	}
}

// command makes `trivox ARGS`.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	if _, err := cmd.StdinPipe(); err != nil { // never written to: see dieWithTests
		t.Fatal(err)
	}
	return cmd
}

// event is one line of the server's log.
type event map[string]any

func (e event) is(message string) bool { return e["msg"] == message }

// text is the value of a key, "" when there is none.
func (e event) text(key string) string {
	if v, ok := e[key]; ok {
		return fmt.Sprint(v)
	}
	return ""
}

// server is a `trivox serve` of the test's own.
type server struct {
	t        *testing.T
	cmd      *exec.Cmd
	settings string // path of its file

	mu    sync.Mutex
	lines []event
	other []string      // lines that are not JSON: there should be none
	meant []string      // beginnings of errors that the test provokes
	more  chan struct{} // closed at the next line

	read   chan struct{} // closed when its log ends
	exited error
	ended  sync.Once
}

// serve starts a server with these settings (TOML) and arguments; without --sip, it listens on 127.0.0.1 and ::1.
// When the test ends so does it, and must end well.
func serve(t *testing.T, settings string, args ...string) *server {
	t.Helper()
	return serveIn(t, nil, settings, args...)
}

// serveIn is serve with more in the environment.
func serveIn(t *testing.T, environment []string, settings string, args ...string) *server {
	t.Helper()
	s := &server{t: t, settings: filepath.Join(t.TempDir(), "trivox.toml"), more: make(chan struct{}), read: make(chan struct{})}
	s.configure(settings)
	low := reserve(t, 400)
	base := []string{"serve", "--config", s.settings, "--http", "127.0.0.1:0", "--rtp-ports", fmt.Sprintf("%d-%d", low, low+399)}
	if !strings.Contains(strings.Join(args, " "), "--sip") {
		base = append(base, "--sip", "127.0.0.1:0", "--sip", "[::1]:0")
	}
	s.cmd = command(t, append(base, args...)...)
	s.cmd.Env = append(s.cmd.Env, environment...)
	log, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go s.follow(log)
	t.Cleanup(s.stop)
	s.await(1, "the HTTP listener", func(e event) bool { return e.is("listening") && e["for"] == "http" })
	return s
}

// configure writes the settings' file. A machine that builds and tests beside this is behind when it likes, so that nobody is
// refused for it, unless the test sets limits itself.
func (s *server) configure(settings string) {
	s.t.Helper()
	if !strings.Contains(settings, "[limits]") {
		settings += "\n[limits]\nbehind = \"0s\"\n"
	}
	if err := os.WriteFile(s.settings, []byte(settings), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// follow reads the log until the process has ended.
func (s *server) follow(log io.Reader) {
	for lines := bufio.NewScanner(log); lines.Scan(); {
		e := event{}
		err := json.Unmarshal(lines.Bytes(), &e)
		s.mu.Lock()
		if err == nil {
			s.lines = append(s.lines, e)
		} else {
			s.other = append(s.other, lines.Text())
		}
		close(s.more)
		s.more = make(chan struct{})
		s.mu.Unlock()
	}
	s.exited = s.cmd.Wait()
	close(s.read)
}

// events gives the log lines that match, and a channel that is closed when there is another line.
func (s *server) events(match func(event) bool) ([]event, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []event
	for _, e := range s.lines {
		if match(e) {
			out = append(out, e)
		}
	}
	return out, s.more
}

// await gives the log lines that match as soon as there are n.
func (s *server) await(n int, what string, match func(event) bool) []event {
	s.t.Helper()
	give := time.NewTimer(patience)
	defer give.Stop()
	for {
		found, more := s.events(match)
		if len(found) >= n {
			return found
		}
		select {
		case <-more:
		case <-s.read:
			s.t.Fatalf("the server ended (%v) before it logged %s\n%s", s.exited, what, s.tail())
		case <-give.C:
			s.t.Fatalf("waited %s for %d of %s in the log, got %d\n%s", patience, n, what, len(found), s.tail())
		}
	}
}

// tail is the end of the log, for people.
func (s *server) tail() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, e := range s.lines[max(0, len(s.lines)-30):] {
		line, _ := json.Marshal(e)
		fmt.Fprintf(&b, "  %s\n", line)
	}
	for _, l := range s.other[max(0, len(s.other)-60):] {
		fmt.Fprintf(&b, "  %s\n", l)
	}
	return b.String()
}

// address is where the server listens: for "sip" by "udp" or "tcp", or for "http" by "tcp".
func (s *server) address(purpose, network string, six bool) netip.AddrPort {
	s.t.Helper()
	found, _ := s.events(func(e event) bool {
		return e.is("listening") && e["for"] == purpose && e["network"] == network
	})
	for _, e := range found {
		if at := netip.MustParseAddrPort(e.text("address")); at.Addr().Is6() == six {
			return at
		}
	}
	s.t.Fatalf("no listener for %s by %s\n%s", purpose, network, s.tail())
	return netip.AddrPort{}
}

// sip is where it takes calls by UDP and IPv4.
func (s *server) sip() netip.AddrPort { return s.address("sip", "udp", false) }

// room is the URI of a room, by UDP and IPv4.
func (s *server) room(name string) string { return "sip:" + name + "@" + s.sip().String() }

func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Errorf("%s to the server: %v", sig, err)
	}
}

// stop ends the server as an operator does: exit 0 in time, and nothing in the log that an operator must look into.
func (s *server) stop() {
	s.ended.Do(func() {
		s.signal(syscall.SIGTERM)
		s.over()
	})
}

// expected tells of an error that the test provokes.
func (s *server) expected(message string) { s.meant = append(s.meant, message) }

// over waits for the end that SIGTERM should bring.
func (s *server) over() {
	select {
	case <-s.read:
	case <-time.After(patience):
		s.t.Errorf("still there %s after SIGTERM", patience)
		_ = s.cmd.Process.Kill()
		<-s.read
	}
	if s.exited != nil {
		s.t.Errorf("the server ended with %v", s.exited)
	}
	bad, _ := s.events(func(e event) bool {
		meant := slices.ContainsFunc(s.meant, func(m string) bool { return strings.HasPrefix(e.text("msg"), m) })
		return e["level"] == "ERROR" && !meant
	})
	if len(bad) > 0 || len(s.other) > 0 {
		s.t.Errorf("errors in the log: %v %q", bad, s.other)
	}
	if s.t.Failed() {
		s.t.Logf("the end of the server's log:\n%s", s.tail())
	}
}

// reserve finds so many ports in a row that nobody has, on IPv4 loopback, UDP and TCP, and gives the first. The one
// before it, and one in every block of those beyond the first, are held until the test ends: they keep others who reserve off.
func reserve(t *testing.T, n int) (first int) {
	t.Helper()
	until(t, fmt.Sprintf("%d ports in a row between 12000 and 32000 are free", n), func() bool {
		first = tryReserve(t, n)
		return first > 0
	})
	return first
}

// tryReserve is reserve, or gives 0 when there are no such ports at the moment.
func tryReserve(t *testing.T, n int) int {
	const block = 134 // a softphone takes one, a server three
	for guard := 12001; guard+n < 32000; guard += block {
		var held []*net.UDPConn
		for at := guard; at <= guard+n; at += block {
			socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: at})
			if err != nil {
				break
			}
			held = append(held, socket)
		}
		free := len(held) == 1+n/block
		for at := guard; free && at <= guard+n; at += block {
			free = unused(at+1, min(block-1, guard+n-at))
		}
		release := func() {
			for _, socket := range held {
				_ = socket.Close()
			}
		}
		if free {
			t.Cleanup(release)
			return guard + 1
		}
		release()
	}
	return 0
}

// unused tells whether n ports from the first on can be bound.
func unused(first, n int) bool {
	for port := first; port < first+n; port++ {
		u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			return false
		}
		_ = u.Close()
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}
