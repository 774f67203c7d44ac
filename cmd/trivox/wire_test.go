package main

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"trivox/media/codec"
)

// wire is SIP by hand, one call, for what no well-behaved phone does.
type wire struct {
	t      *testing.T
	server *server
	room   string
	uri    string // who is called; empty: the room
	socket *net.UDPConn
	tag    string // of the server, once it has answered
	id     string
	said   string // the last final answer
}

func openWire(t *testing.T, s *server, room string) *wire {
	w := &wire{t: t, server: s, room: room, socket: bind(t, netip.MustParseAddr("127.0.0.1"))}
	w.id = fmt.Sprintf("wire-%d@127.0.0.1", localPort(w.socket).Port())
	return w
}

// send writes a request of the first transaction (or, for BYE, of the next). CANCEL and the ACK to a refusal bear the
// branch of the INVITE.
func (w *wire) send(method, branch, body string) {
	w.t.Helper()
	uri := cmp.Or(w.uri, w.server.room(w.room))
	at, to := localPort(w.socket), "<"+w.server.room(w.room)+">"
	if w.tag != "" && method != "CANCEL" {
		to += ";tag=" + w.tag
	}
	number := 1
	if method == "BYE" {
		number = 2
	}
	text := strings.Join([]string{method + " " + uri + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK%s%s;rport", at, branch, strings.TrimSuffix(w.id, "@127.0.0.1")), "From: <sip:wire@127.0.0.1>;tag=1",
		"To: " + to, "Call-ID: " + w.id, fmt.Sprintf("CSeq: %d %s", number, method), "Max-Forwards: 70",
		fmt.Sprintf("Contact: <sip:wire@%s>", at), "Content-Type: application/sdp",
		fmt.Sprintf("Content-Length: %d", len(body)), "", body}, "\r\n")
	if _, err := w.socket.WriteToUDPAddrPort([]byte(text), w.server.sip()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) invite() {
	w.t.Helper()
	w.send("INVITE", "invite", string(offer(localPort(w.socket), codec.PCMU, 1, "inactive")))
}

// answer waits for a final answer and gives its status and whose it is; it keeps the server's tag.
func (w *wire) answer() (status, method string) {
	w.t.Helper()
	for {
		text := strings.TrimPrefix(nextMessage(w.t, w.socket, "SIP/2.0 "), "SIP/2.0 ") // RTP is of no interest here, nor a request
		if text[0] == '1' {
			continue
		}
		w.said = text
		_, w.tag, _ = strings.Cut(field(text, "To"), ";tag=")
		_, method, _ = strings.Cut(field(text, "CSeq"), " ")
		return text[:3], method
	}
}

// nextMessage waits for a message that begins so.
func nextMessage(t *testing.T, socket *net.UDPConn, with string) string {
	t.Helper()
	if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 8192); ; {
		n, err := socket.Read(b)
		if err != nil {
			t.Fatalf("waiting for a message that begins with %q: %v", with, err)
		}
		if text := string(b[:n]); strings.HasPrefix(text, with) {
			return text
		}
	}
}

// answerTo is a response to a request; more goes behind its To.
func answerTo(request, status, more string) []byte {
	return fmt.Appendf(nil, "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s\r\nCall-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n", status,
		field(request, "Via"), field(request, "From"), field(request, "To"), more, field(request, "Call-ID"), field(request, "CSeq"))
}

// field is a header field of a message.
func field(text, name string) string {
	_, value, _ := strings.Cut(text, "\r\n"+name+": ")
	value, _, _ = strings.Cut(value, "\r\n")
	return value
}

// A CANCEL on the heels of its INVITE: either wins, both are answered, and nothing is left (RFC 3261, 9.2).
func TestCancelOnTheHeels(t *testing.T) {
	t.Parallel()
	s := serve(t, "")
	refused := 0
	for range 100 {
		w := openWire(t, s, "tea")
		w.invite()
		w.send("CANCEL", "invite", "")
		got := map[string]string{}
		for got["INVITE"] == "" || got["CANCEL"] == "" {
			status, method := w.answer()
			got[method] = status
		}
		switch {
		case got["INVITE"] == "200" && (got["CANCEL"] == "200" || got["CANCEL"] == "481"):
			w.send("ACK", "ack", "")
			w.send("BYE", "bye", "")
			for status, method := w.answer(); method != "BYE" || status != "200"; status, method = w.answer() {
				if method == "BYE" {
					t.Fatalf("BYE got %s", status)
				}
			}
		case got["INVITE"] == "487" && got["CANCEL"] == "200":
			refused++
			w.send("ACK", "invite", "")
		default:
			t.Fatalf("answers: %v", got)
		}
	}
	t.Logf("%d of 100 were cancelled before they were answered", refused)
	s.becomes("no call is left", func() bool { return s.metric("trivox_legs") == 0 })
	for label, want := range map[string]int{`method="INVITE"`: 100, `method="CANCEL"`: 100, `method="BYE"`: 100 - refused} {
		if got := s.labelled("trivox_sip_requests_total", label); got != float64(want) && want > 0 {
			t.Errorf("%v requests with %s are counted, want %d", got, label, want)
		}
	}
	if got := s.labelled("trivox_sip_responses_total", `code="487"`); refused > 0 && got != float64(refused) {
		t.Errorf("%v answers of 487 are counted, want %d", got, refused)
	}
}
