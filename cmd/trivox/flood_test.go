package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/api"
)

// flooder is where a flood comes from: another address than the good caller's.
const flooder = "127.0.0.2"

// flood is a socket that sends requests without end, and counts what it is answered.
type flood struct {
	s      *server
	socket *net.UDPConn
	sent   int

	mu    sync.Mutex
	codes map[string]int // of requests, each once however often its answer was repeated
	known map[string]bool
}

func openFlood(s *server) *flood {
	f := &flood{s: s, socket: bind(s.t, netip.MustParseAddr(flooder)), codes: map[string]int{}, known: map[string]bool{}}
	var reading sync.WaitGroup
	reading.Go(f.read)
	s.t.Cleanup(func() {
		_ = f.socket.Close()
		reading.Wait()
	})
	return f
}

func (f *flood) read() {
	for buf := make([]byte, 4096); ; {
		n, err := f.socket.Read(buf)
		if err != nil {
			return
		}
		text, ok := strings.CutPrefix(string(buf[:n]), "SIP/2.0 ")
		if !ok || len(text) < 3 || text[0] == '1' {
			continue
		}
		id := field(text, "Call-ID")
		f.mu.Lock()
		if !f.known[id] {
			f.known[id] = true
			f.codes[text[:3]]++
		}
		f.mu.Unlock()
	}
}

// answered is how many requests have had a final answer; code is "" for any.
func (f *flood) answered(code string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c, k := range f.codes {
		if code == "" || c == code {
			n += k
		}
	}
	return n
}

// send sends n of these requests in turn, as many in a millisecond as leaves the machine some time.
func (f *flood) send(n int, methods ...string) {
	f.s.t.Helper()
	to, at := f.s.sip(), localPort(f.socket)
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for i := range n {
		if i%10 == 0 {
			<-pace.C
		}
		f.sent++
		method, user := methods[i%len(methods)], fmt.Sprintf("nobody%d", i%1000)
		uri := "sip:example.test"
		if method == "INVITE" {
			uri = "sip:tea@example.test"
		}
		text := fmt.Sprintf("%[1]s %[2]s SIP/2.0\r\nVia: SIP/2.0/UDP %[3]s;branch=z9hG4bKflood%[5]d;rport\r\nFrom: <sip:%[4]s@example.test>;tag=%[5]d\r\n"+
			"To: <sip:%[4]s@example.test>\r\nCall-ID: flood-%[5]d\r\nCSeq: 1 %[1]s\r\nMax-Forwards: 70\r\nContact: <sip:%[4]s@%[3]s>\r\n"+
			"Authorization: Digest username=\"%[4]s\", realm=\"example.test\", nonce=\"%[5]d\", uri=\"%[2]s\", algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\"x\", response=\"%064[5]d\"\r\n"+
			"Content-Length: 0\r\n\r\n", method, uri, at, user, f.sent)
		if _, err := f.socket.WriteToUDPAddrPort([]byte(text), to); err != nil {
			f.s.t.Fatal(err)
		}
	}
}

// loaded is what is used of the report of `trivox load register` and `signal`.
type loaded struct {
	Done, Failed int
	Failures     map[string]int
}

// load runs `trivox load` of users who have this password.
func (s *server) load(password string, args ...string) (out loaded, err error) {
	cmd := command(s.t, append([]string{"load"}, args...)...)
	cmd.Args = append(cmd.Args, "--server", s.sip().String(), "--json", "-")
	cmd.Env = append(cmd.Env, "TRIVOX_LOAD_PASSWORD="+password)
	var said bytes.Buffer
	cmd.Stderr = &said
	b, _ := cmd.Output() // what failed is in the report
	at := bytes.IndexByte(b, '{')
	if at < 0 {
		return out, fmt.Errorf("trivox load %v: %s%s", args, b, said.String())
	}
	return out, json.Unmarshal(b[at:], &out)
}

// bans are those that the server has of an address.
func (s *server) bans(address string) (of []api.Ban) {
	s.t.Helper()
	var list struct{ Bans []api.Ban }
	status, body := s.ask(http.MethodGet, "/v1/bans", "")
	if err := json.Unmarshal([]byte(body), &list); err != nil || status != http.StatusOK {
		s.t.Fatalf("bans: %d %v %s", status, err, body)
	}
	for _, b := range list.Bans {
		if b.Address == address {
			of = append(of, b)
		}
	}
	return of
}

// One address floods the server with INVITEs and then guesses passwords by REGISTER, beside a user who calls and registers
// from another one. He is served as ever. The flood is refused a few times, then told nothing; it fills neither memory nor log,
// is seen in the list of bans, and served again when that is lifted.
func TestFloodBesideAGoodCaller(t *testing.T) {
	began := time.Now()
	settings := fmt.Sprintf("domains = [\"example.test\"]\ndata = %q\n[limits]\neveryone = true\nbehind = \"0s\"\n", filepath.Join(t.TempDir(), "data"))
	s := serveIn(t, []string{"GOGC=20"}, settings+quiet)
	d := &domain{server: s}
	d.user("good")

	f := openFlood(s)
	f.send(30000, "INVITE")
	s.becomes("the flood is muted", func() bool { b := s.bans(flooder); return len(b) == 1 && b[0].Reason == "flood" })
	before, took := s.resident(), time.Since(began)
	t.Logf("in %v, %d INVITEs were answered %v", took, f.sent, f.codes)
	periods := 1 + int(took/(10*time.Second)) // of silence
	if n, most := f.answered("503"), 3*periods; n == 0 || n > most {
		t.Errorf("%d were answered 503, want 1 to %d and then nothing", n, most)
	}
	if n, most := f.answered(""), 103*periods+10*int(took/time.Second); n > most {
		t.Errorf("%d were answered at all, want %d at most", n, most)
	}

	var good sync.WaitGroup
	for kind, args := range map[string][]string{
		"signal":   {"sip:tea@example.test", "--rooms", "5", "--hold", "0.5"},
		"register": {"sip:example.test"},
	} {
		good.Go(func() {
			r, err := s.load(password, append([]string{kind, args[0], "--user", "good", "--users", "1", "--rate", "2", "--seconds", "10"}, args[1:]...)...)
			if err != nil || r.Failed > 0 || r.Done < 5 {
				t.Errorf("the good caller's %s: %+v, %v", kind, r, err)
			}
		})
	}
	s.lift()
	guesses, err := s.load("a-wrong-password", "register", "sip:example.test", "--local", flooder, "--user", "guess%d", "--users", "80", "--rate", "40", "--seconds", "2")
	// A few may be judged at the same time as the fiftieth.
	if err != nil || guesses.Done > 0 || guesses.Failures["REGISTER: answered 403"] < 50 || guesses.Failures["REGISTER: no answer"] == 0 {
		t.Errorf("who guesses passwords got %+v, %v; want 50 times 403 and then no answer", guesses, err)
	}
	f.banned()
	heard := f.answered("")
	f.send(60000, "INVITE", "REGISTER")
	good.Wait()
	if n := f.answered(""); n > heard {
		t.Errorf("%d requests of who is banned were answered", n-heard)
	}
	s.bounded(f, before, time.Since(began))

	s.lift()
	if r, err := s.load(password, "register", "sip:example.test", "--local", flooder, "--user", "good", "--users", "1", "--rate", "1", "--seconds", "2"); err != nil || r.Done == 0 || r.Failed > 0 {
		t.Errorf("after the ban was lifted: %+v, %v", r, err)
	}
}

// banned checks what an operator sees of the ban.
func (f *flood) banned() {
	f.s.t.Helper()
	list := f.s.bans(flooder)
	out := run(f.s.t, "ctl", "bans", "--http", f.s.web())
	if len(list) != 1 || list[0].Reason != "password" || list[0].User != "" || list[0].Times != 1 {
		f.s.t.Fatalf("bans: %+v", list)
	}
	left := time.Until(list[0].Until)
	if left <= 0 || left > 5*time.Minute || !strings.Contains(out, flooder) || !strings.Contains(out, list[0].Until.UTC().Format("2006-01-02 15:04:05Z")) {
		f.s.t.Errorf("the ban is for %v, and trivox ctl bans says\n%s", left, out)
	}
}

// lift is `trivox ctl bans lift`.
func (s *server) lift() {
	s.t.Helper()
	run(s.t, "ctl", "bans", "lift", flooder, "--http", s.web())
	if list := s.bans(flooder); len(list) > 0 {
		s.t.Errorf("lifted, and still there: %+v", list)
	}
}

// swing is the most that memory may differ by beside the flood, for the collector's sake. 60,000 requests that leave
// something behind leave more.
const swing = 16 << 20

// bounded checks what the flood has cost.
func (s *server) bounded(f *flood, before float64, took time.Duration) {
	s.t.Helper()
	grown := s.resident() - before
	lines, _ := s.events(func(e event) bool {
		return strings.Contains(e.text("source"), flooder)
	})
	dropped := s.labelled("trivox_sip_dropped_total", `reason="rate"`) + s.labelled("trivox_sip_dropped_total", `reason="banned"`)
	s.t.Logf("%d requests in %v: %.0f dropped, memory grew by %.1f MB, %d lines in the log, answers %v", f.sent, took, dropped, grown/1e6, len(lines), f.codes)
	if grown > swing {
		s.t.Errorf("memory grew by %.1f MB beside the flood, from %.1f MB", grown/1e6, before/1e6)
	}
	if most := 20 * (2 + int(took/time.Second)); len(lines) > most {
		s.t.Errorf("%d lines in the log, want %d at most", len(lines), most)
	}
	if dropped == 0 {
		s.t.Error("nothing is counted as dropped")
	}
	if s.metric("trivox_bans") != 1 || s.metric("trivox_bans_total") != 1 {
		s.t.Errorf("%v bans now and %v in all, want 1", s.metric("trivox_bans"), s.metric("trivox_bans_total"))
	}
}
