package sip

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// optionsWithin is how soon the server must answer one of three OPTIONS after each message: a machine may be busy for a
// moment, but what a message has done to a server lasts.
const optionsWithin = 500 * time.Millisecond

// tortureCase is a message and what a user agent server may say to it.
type tortureCase struct {
	name    string
	message []byte
	right   []string // codes, or "2xx"; none: no answer
}

// Every message of RFC 4475's kinds, written for this test, by UDP and by TCP a byte at a time.
func TestTorture(t *testing.T) {
	torture(t, tortureCases(t, "testdata/torture", func(_ []byte, row []string) []string {
		if row[2] == "silence" {
			return nil
		}
		return strings.Split(row[2], "|")
	}))
}

// RFC 4475's own messages, where TRIVOX_TORTURE names their folder.
func TestTortureOfTheRFC(t *testing.T) {
	dir := os.Getenv("TRIVOX_TORTURE")
	if dir == "" {
		t.Log("TRIVOX_TORTURE names no folder; the cases of testdata/torture stand alone")
		return
	}
	torture(t, tortureCases(t, dir, func(message []byte, row []string) []string {
		return expectationRight(message, row[3])
	}))
}

var anyCode = regexp.MustCompile(`\b[4-6]\d\d\b`)

// expectationRight turns the words of EXPECTED.tsv into codes: "-" is 405 to REGISTER, responses
// are dropped, and "accept", "answer" and "lenient" allow success.
func expectationRight(message []byte, words string) []string {
	if bytes.HasPrefix(message, []byte("SIP/")) {
		return nil
	}
	right := anyCode.FindAllString(words, -1)
	for _, w := range []string{"accept", "answer", "lenient", "200"} {
		if strings.Contains(words, w) {
			right = append(right, "2xx")
			break
		}
	}
	if len(right) == 0 {
		right = []string{"405"}
	}
	return right
}

func tortureCases(t *testing.T, dir string, right func(message []byte, row []string) []string) []tortureCase {
	t.Helper()
	table, err := os.ReadFile(filepath.Join(dir, "EXPECTED.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []tortureCase
	for line := range strings.Lines(string(table)) {
		row := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if strings.HasPrefix(line, "#") || len(row) < 4 {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, tortureCase{strings.TrimSuffix(row[0], ".dat"), b, right(b, row)})
	}
	if len(cases) < 49 {
		t.Fatalf("%s: %d cases, fewer than RFC 4475 has", dir, len(cases))
	}
	return cases
}

func torture(t *testing.T, cases []tortureCase) {
	for _, c := range cases {
		t.Run(c.name+"/udp", func(t *testing.T) { c.run(t, "udp") })
		if framed(c.message) {
			t.Run(c.name+"/tcp", func(t *testing.T) { c.run(t, "tcp") })
		}
	}
}

// framed says whether Content-Length frames the message rightly, so that a stream may carry it.
func framed(b []byte) bool {
	i := bytes.Index(b, []byte("\r\n\r\n"))
	if i < 0 {
		return false
	}
	n, found, ok := contentLength(b[:i+4])
	return found && ok && int(n) == len(b)-i-4
}

// topVia finds transport and sent-by of the first Via.
var topVia = regexp.MustCompile(`(?is)\r?\n(?:via|v)\s*:\s*SIP\s*/\s*[0-9.]+\s*/\s*(\w+)\s+([^\s;,]+)`)

// from puts the address of the sender and rport into the top Via, for TCP the transport too.
func (c tortureCase) from(local netip.AddrPort, network string) []byte {
	at := topVia.FindSubmatchIndex(c.message)
	if at == nil {
		return c.message
	}
	var b bytes.Buffer
	b.Write(c.message[:at[2]])
	if network == "tcp" {
		b.WriteString("TCP")
	} else {
		b.Write(c.message[at[2]:at[3]])
	}
	b.Write(c.message[at[3]:at[4]])
	fmt.Fprintf(&b, "%s;rport", local)
	b.Write(c.message[at[5]:])
	return b.Bytes()
}

// run gives the message to a fresh server, for several share their branch.
func (c tortureCase) run(t *testing.T, network string) {
	_, addr := startServer(t, network, Config{Rooms: newRooms()})
	conn := tortureConn(t, network, addr)
	message := c.from(addrPort(conn.LocalAddr()), network)
	if network == "udp" {
		send(t, conn, message)
	} else {
		for i := range message {
			send(t, conn, message[i:i+1])
		}
	}
	if len(c.right) > 0 {
		c.check(t, message, finalAnswer(t, conn, network), addrPort(conn.LocalAddr()))
	} else if network == "tcp" { // no byte may come before the answer to OPTIONS
		send(t, conn, optionsFrom(conn, network))
		isOptions(t, finalAnswer(t, conn, network))
	}
	if network == "tcp" {
		conn = tortureConn(t, network, addr)
	}
	soonest := patience
	for try := 0; try < 3 && soonest > optionsWithin; try++ {
		begun := time.Now()
		send(t, conn, optionsFrom(conn, network))
		for {
			got := finalAnswer(t, conn, network)
			if len(c.right) > 0 && !bytes.Contains(got, []byte("\r\nCSeq: 4242 OPTIONS\r\n")) {
				continue // the answer to INVITE again
			}
			isOptions(t, got)
			break
		}
		soonest = min(soonest, time.Since(begun))
	}
	if soonest > optionsWithin {
		t.Errorf("OPTIONS answered after %v", soonest)
	}
}

func tortureConn(t *testing.T, network string, addr netip.AddrPort) net.Conn {
	t.Helper()
	conn, err := net.Dial(network, addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func send(t *testing.T, conn net.Conn, b []byte) {
	t.Helper()
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
}

func optionsFrom(conn net.Conn, network string) []byte {
	return fmt.Appendf(nil, "OPTIONS sip:tea@%s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK%s;rport\r\nFrom: <sip:ada@phones.example>;tag=o\r\n"+
		"To: <sip:tea@rooms.example>\r\nCall-ID: %s\r\nCSeq: 4242 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		conn.RemoteAddr(), strings.ToUpper(network), conn.LocalAddr(), newTag(), newTag())
}

func isOptions(t *testing.T, got []byte) {
	t.Helper()
	if !bytes.HasPrefix(got, []byte("SIP/2.0 200 ")) || !bytes.Contains(got, []byte("\r\nCSeq: 4242 OPTIONS\r\n")) {
		t.Errorf("instead of 200 to OPTIONS:\n%s", got)
	}
}

// finalAnswer reads one final response.
func finalAnswer(t *testing.T, conn net.Conn, network string) []byte {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	f := framer{limits: framingLimits{header: 1 << 16, body: 1 << 16}}
	for {
		var got []byte
		if network == "udp" {
			buf := make([]byte, maxPacket)
			n, err := conn.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			got = buf[:n]
		} else {
			// A byte at a time, so that nothing of the next message is taken.
			for got == nil {
				n, err := conn.Read(f.space()[:1])
				if err != nil {
					t.Fatal(err)
				}
				f.wrote(n)
				if msg, _, p, ok := f.next(); !ok {
					t.Fatalf("broken answer: %v", p)
				} else if msg != nil {
					got = bytes.Clone(msg)
				}
			}
		}
		if !bytes.HasPrefix(got, []byte("SIP/2.0 1")) {
			return got
		}
	}
}

// check holds an answer against the request: the code, what RFC 3261, 8.2.6 copies, and what a
// refusal must tell.
func (c tortureCase) check(t *testing.T, request, answer []byte, local netip.AddrPort) {
	t.Helper()
	var req, res reading
	if !req.read(request) || !res.read(answer) || !res.response {
		t.Fatalf("answer\n%s", answer)
	}
	code, right := string(res.status), false
	for _, r := range c.right {
		right = right || r == code || r == "2xx" && code[0] == '2' || r == "2xx" && code == "488"
	}
	if !right {
		t.Errorf("answered %s, right is %v\n%s", code, c.right, answer)
	}
	for _, id := range []headerID{callIDHeader, cseqHeader} {
		want, got := req.first(id), res.first(id)
		if want != nil && (got == nil || plain(got.value) != plain(want.value)) {
			t.Errorf("%s %q answered with %v", idNames[id], want.value, got)
		}
	}
	if to := res.first(toHeader); req.first(toHeader) != nil && (to == nil || !hasTag(to.value)) {
		t.Error("no tag in To")
	}
	via := string(res.first(viaHeader).value)
	if !strings.Contains(via, fmt.Sprintf(";rport=%d", local.Port())) || !strings.Contains(via, ";received=127.0.0.1") {
		t.Errorf("Via %q", via)
	}
	if viaCount(&res) != viaCount(&req) {
		t.Errorf("%d Via values in, %d out", viaCount(&req), viaCount(&res))
	}
	told := map[string]string{"400": "(?i)Bad Request: .|\nWarning: ", "405": "\nAllow: ", "415": "\nAccept: ", "420": "\nUnsupported: .*,"}[code]
	if told != "" && !regexp.MustCompile(told).Match(answer) {
		t.Errorf("a %s that does not say %q:\n%s", code, told, answer)
	}
}

// plain is a value with single blanks and without leading zeros.
func plain(v []byte) string {
	return string(bytes.TrimLeft(bytes.Join(bytes.Fields(v), []byte{' '}), "0"))
}

func viaCount(r *reading) (n int) {
	for i := range r.fields {
		if r.fields[i].id == viaHeader {
			for list, more := r.fields[i].value, true; more; n++ {
				_, list, more = cutValue(list)
			}
		}
	}
	return n
}
