package traffic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a SIP server of the test's own: what handle returns is sent back.
type server struct {
	t      *testing.T
	conn   *net.UDPConn
	mu     sync.Mutex
	counts map[string]int // requests by method
	done   chan struct{}
}

func startServer(t *testing.T, handle func(s *server, method string, req []byte) []string) *server {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, conn: conn, counts: map[string]int{}, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		buf := make([]byte, 65536)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			req := bytes.Clone(buf[:n])
			method, _, _ := strings.Cut(string(req), " ")
			s.mu.Lock()
			s.counts[method]++
			s.mu.Unlock()
			for _, res := range handle(s, method, req) {
				_, _ = conn.WriteToUDPAddrPort([]byte(res), from)
			}
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-s.done
	})
	return s
}

func (s *server) count(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[method]
}

// reply is a response with more headers.
func reply(req []byte, code string, more ...string) string {
	b := string(answer(req, code))
	head, _, _ := strings.Cut(b, "Content-Length")
	for _, m := range more {
		head += m + "\r\n"
	}
	return head + "Content-Length: 0\r\n\r\n"
}

func (s *server) common() Common {
	return Common{Server: s.conn.LocalAddr().String(), Parallel: 8, Seconds: 1, Sockets: 3, User: "u%d", Users: 20, Password: "secret", JSON: "-"}
}

// outcome runs and reads the report.
func outcome(t *testing.T, run func(ctx context.Context, stdout, stderr *bytes.Buffer) int) (code int, r report, text string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), &stdout, &stderr)
	text = stdout.String() + stderr.String()
	if at := strings.IndexByte(text, '{'); at >= 0 {
		if err := json.Unmarshal([]byte(text[at:]), &r); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
	return code, r, text
}

// registrarOf checks passwords, and takes each nonce so many times.
func registrarOf(most int) func(s *server, method string, req []byte) []string {
	uses := map[string]int{}
	made := 0
	return func(s *server, method string, req []byte) []string {
		p := parameters(strings.TrimPrefix(string(header(req, "Authorization", "")), "Digest "))
		user, nonce := p["username"], p["nonce"]
		want := respond("SHA-256", digest("SHA-256", user+":d:secret"), nonce, p["nc"], p["cnonce"], digest("SHA-256", "REGISTER:sip:d"))
		_, known := uses[nonce]
		nc, _ := strconv.ParseInt(p["nc"], 16, 64)
		if !known || uses[nonce] >= most || p["response"] != want || int(nc) != uses[nonce]+1 || !strings.Contains(string(req), "To: <sip:"+user+"@d>") {
			made++
			nonce = fmt.Sprint("n", made)
			uses[nonce] = 0
			return []string{reply(req, "401 Unauthorized", `WWW-Authenticate: Digest realm="d", nonce="`+nonce+`", algorithm=SHA-256, qop="auth"`)}
		}
		uses[nonce]++
		return []string{reply(req, "200 OK")}
	}
}

func TestRegister(t *testing.T) {
	for _, rate := range []float64{0, 200} {
		s := startServer(t, registrarOf(5))
		o := Register{URI: "sip:d", Common: s.common(), Expires: 60}
		o.Rate = rate
		code, r, text := outcome(t, func(ctx context.Context, stdout, stderr *bytes.Buffer) int { return o.Run(ctx, stdout, stderr) })
		if code != exitOK || r.Done != r.Begun || r.Failed > 0 || r.Register == nil || r.Register.Median <= 0 || r.Invite != nil {
			t.Errorf("rate %v: exit %d\n%s", rate, code, text)
		}
		if rate > 0 && (r.Begun > 200 || r.Begun < 50) {
			t.Errorf("%d begun at 200 a second in 1 s", r.Begun)
		}
		if got := s.count("REGISTER"); got < r.Done+r.Challenged || r.Challenged < min(20, r.Done)/2 {
			t.Errorf("%d requests, %d done, %d challenged", got, r.Done, r.Challenged)
		}
	}
}

// What is sent comes from the address that was asked for.
func TestLocal(t *testing.T) {
	var other atomic.Int32
	s := startServer(t, func(_ *server, _ string, req []byte) []string {
		if !strings.Contains(string(header(req, "Via", "v")), " 127.0.0.2:") {
			other.Add(1)
		}
		return []string{reply(req, "200 OK")}
	})
	o := Register{URI: "sip:d", Common: s.common(), Expires: 60}
	o.Rate, o.Local = 20, "127.0.0.2"
	code, r, text := outcome(t, func(ctx context.Context, stdout, stderr *bytes.Buffer) int { return o.Run(ctx, stdout, stderr) })
	if code != exitOK || r.Done == 0 || other.Load() > 0 {
		t.Errorf("exit %d, %d from elsewhere\n%s", code, other.Load(), text)
	}
	o.Local = "192.0.2.1"
	if code, _, text := outcome(t, func(ctx context.Context, stdout, stderr *bytes.Buffer) int { return o.Run(ctx, stdout, stderr) }); code != exitUsage {
		t.Errorf("from an address of others: exit %d\n%s", code, text)
	}
}

// What a server does wrong is reported, and what it does not answer is sent again.
func TestRegisterFailures(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	for name, c := range map[string]struct {
		handle func(s *server, method string, req []byte) []string
		code   int
		want   string
	}{
		"refuses": {func(_ *server, _ string, req []byte) []string { return []string{reply(req, "403 Forbidden")} }, exitFailed, "REGISTER: answered 403"},
		"asks for ever": {func(_ *server, _ string, req []byte) []string {
			return []string{reply(req, "401 No", `WWW-Authenticate: Digest realm="d", nonce="n"`)}
		}, exitFailed, "REGISTER: answered 401"},
		"wants what is not known": {func(_ *server, _ string, req []byte) []string { return []string{reply(req, "401 No")} }, exitFailed, "REGISTER: answered 401"},
		"loses each first": {func(_ *server, _ string, req []byte) []string {
			mu.Lock()
			defer mu.Unlock()
			via := string(header(req, "Via", "v"))
			if seen[via]++; seen[via] == 1 {
				return nil
			}
			return []string{"SIP/2.0 100 Trying\r\nVia: " + via + "\r\n\r\n", reply(req, "200 OK"), reply(req, "200 OK"), "OPTIONS sip:x SIP/2.0\r\nVia: y\r\n\r\n"}
		}, exitOK, `"repeated": 4`},
	} {
		s := startServer(t, c.handle)
		o := Register{URI: "sip:d", Common: s.common(), Expires: 60}
		o.Parallel, o.Rate = 1, 4
		if c.code == exitFailed {
			o.Rate = 50
		}
		code, _, text := outcome(t, func(ctx context.Context, stdout, stderr *bytes.Buffer) int { return o.Run(ctx, stdout, stderr) })
		if code != c.code || !strings.Contains(text, c.want) && name != "loses each first" || name == "loses each first" && !strings.Contains(text, `"repeated": `) {
			t.Errorf("%s: exit %d\n%s", name, code, text)
		}
	}
}

// uas answers calls as a focus does: it asks for a password, has a route, and repeats its 200 until the ACK comes.
func uas() func(s *server, method string, req []byte) []string {
	up := map[string]bool{}
	return func(s *server, method string, req []byte) []string {
		id := string(header(req, "Call-ID", "i"))
		ok := func(more ...string) string {
			return strings.Replace(reply(req, "200 OK", more...), "\r\nTo: "+string(header(req, "To", "t")), "\r\nTo: <sip:room@d>;tag=focus", 1)
		}
		switch method {
		case "INVITE":
			if !strings.Contains(string(req), "Authorization: Digest username=") {
				return []string{reply(req, "401 No", `WWW-Authenticate: Digest realm="d", nonce="n", qop="auth"`)}
			}
			if !strings.Contains(string(req), "m=audio ") {
				s.t.Errorf("no offer in %s", req)
			}
			up[id] = false
			res := ok("Contact: <sip:here@d>", "Record-Route: <sip:p2;lr>", "Record-Route: <sip:p1;lr>")
			return []string{"SIP/2.0 100 Trying\r\nVia: " + string(header(req, "Via", "v")) + "\r\n\r\n", res, res}
		case "ACK":
			if strings.HasPrefix(string(req), "ACK sip:here@d ") {
				if !strings.Contains(string(req), "Route: <sip:p1;lr>\r\nRoute: <sip:p2;lr>") || !strings.Contains(string(req), "To: <sip:room@d>;tag=focus") {
					s.t.Errorf("this ACK has no route set: %s", req)
				}
				up[id] = true
			}
		case "BYE":
			if !up[id] || !strings.HasPrefix(string(req), "BYE sip:here@d ") {
				return []string{reply(req, "481 No")}
			}
			return []string{ok()}
		}
		return nil
	}
}

func TestSignal(t *testing.T) {
	for _, hold := range []float64{0, 0.3} {
		s := startServer(t, uas())
		o := Signal{URI: "sip:tea@d", Common: s.common(), Rooms: 5, Hold: hold}
		o.Rate = 100
		code, r, text := outcome(t, func(ctx context.Context, stdout, stderr *bytes.Buffer) int { return o.Run(ctx, stdout, stderr) })
		if code != exitOK || r.Done != r.Begun || r.Failed > 0 || r.Invite == nil || r.Bye == nil || r.Register != nil || r.Challenged == 0 {
			t.Errorf("hold %v: exit %d\n%s", hold, code, text)
		}
		// The 200 came twice: so does its ACK, while the call is up.
		if acks := s.count("ACK"); acks < r.Done+r.Challenged {
			t.Errorf("%d ACK for %d calls and %d challenges", acks, r.Done, r.Challenged)
		}
	}
}

// Interrupted, it hangs up.
func TestSignalInterrupted(t *testing.T) {
	s := startServer(t, uas())
	o := Signal{URI: "sip:tea@d", Common: s.common(), Rooms: 1, Hold: 3600}
	o.Rate, o.Seconds = 50, 3600
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	var stdout, stderr bytes.Buffer
	if code := o.Run(ctx, &stdout, &stderr); code != exitOK || s.count("BYE") == 0 {
		t.Errorf("exit %d, %d BYE\n%s%s", code, s.count("BYE"), &stdout, &stderr)
	}
}

// A server that ends calls by itself, or refuses, is not good.
func TestSignalFailures(t *testing.T) {
	for name, c := range map[string]struct {
		handle func(s *server, method string, req []byte) []string
		want   string
	}{
		"full": {func(_ *server, method string, req []byte) []string {
			if method == "INVITE" {
				return []string{reply(req, "486 Busy Here")}
			}
			return nil
		}, "INVITE: answered 486"},
		"hangs up": {func(s *server, method string, req []byte) []string {
			if method == "SIP/2.0" || method == "ACK" {
				return nil
			}
			if s.count("INVITE") > 1 || method != "INVITE" {
				return []string{reply(req, "200 OK")}
			}
			return []string{reply(req, "200 OK"), "BYE sip:x SIP/2.0\r\nVia: y\r\n\r\n", "BYE sip:x SIP/2.0\r\nVia: y\r\n\r\n"}
		}, ", 2 ended by the server"},
		"forgets": {func(_ *server, method string, req []byte) []string {
			if method == "INVITE" {
				return []string{reply(req, "200 OK")}
			}
			return []string{reply(req, "481 No Call")}
		}, "BYE: answered 481"},
	} {
		s := startServer(t, c.handle)
		o := Signal{URI: "sip:tea@d", Common: s.common(), Rooms: 1}
		o.Rate = 20
		code, _, text := outcome(t, func(ctx context.Context, stdout, stderr *bytes.Buffer) int { return o.Run(ctx, stdout, stderr) })
		if code != exitFailed || !strings.Contains(text, c.want) {
			t.Errorf("%s: exit %d\n%s", name, code, text)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		run  func(stdout, stderr *bytes.Buffer) int
		want string
	}{
		{func(o, e *bytes.Buffer) int { return Register{URI: "x"}.Run(t.Context(), o, e) }, "need sip:"},
		{func(o, e *bytes.Buffer) int { return Signal{URI: "x"}.Run(t.Context(), o, e) }, "need sip:"},
		{func(o, e *bytes.Buffer) int {
			return Register{URI: "sip:h", Expires: 1, Common: Common{Server: "127.0.0.1:x", Parallel: 1, Seconds: 1, Sockets: 1, Users: 1, User: "u"}}.Run(t.Context(), o, e)
		}, "--server"},
		{func(o, e *bytes.Buffer) int {
			return Register{URI: "sip:h", Expires: 1, Common: Common{Server: "127.0.0.1:9", Parallel: 1, Seconds: 1, Sockets: 1, Users: 1, User: "u", ServerPID: 1 << 29}}.Run(t.Context(), o, e)
		}, "no such process"},
	} {
		var stdout, stderr bytes.Buffer
		if code := c.run(&stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("exit %d, %q, want %q", code, stderr.String(), c.want)
		}
	}
}
