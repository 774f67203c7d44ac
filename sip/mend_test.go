package sip

import (
	"hash/maphash"
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

var peer = netip.MustParseAddrPort("198.51.100.7:40000")

func testMender() *mender { return &mender{parser: newParser(), seed: maphash.MakeSeed()} }

// sound is a request that needs no mending, with more header lines put in.
func sound(more ...string) string {
	return "OPTIONS sip:tea@rooms.example SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK1\r\n" +
		"From: <sip:ada@phones.example>;tag=a\r\nTo: <sip:tea@rooms.example>\r\nCall-ID: 1@x\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n" +
		strings.Join(append(more, ""), "\r\n") + "\r\n"
}

// change replaces one header line of sound.
func change(name, line string) string {
	lines := strings.Split(sound(), "\r\n")
	for i, l := range lines {
		if strings.HasPrefix(l, name) {
			lines[i] = line
		}
	}
	return strings.Join(lines, "\r\n")
}

func passes(t *testing.T, m *mender, message string) *sip.Request {
	t.Helper()
	res := m.mend([]byte(message), peer, false)
	req, ok := res.message.(*sip.Request)
	if !ok {
		t.Fatalf("refused: %+v\n%s", res.problem, message)
	}
	return req
}

// What phones write oddly reads as if written plainly (TR-6).
func TestMendValues(t *testing.T) {
	for _, tt := range []struct{ line, name, want string }{
		{"v: SIP / 2.0 / UDP h.example : 5070 ; BRANCH = z9hG4bKx ; note = \"a;, b\"", "via", "SIP/2.0/UDP h.example:5070;branch=z9hG4bKx;note=\"a;, b\";received=198.51.100.7"},
		{"Via: SIP/2.0/TCP [2001:db8::1]:5070;branch=z9hG4bKx", "via", "SIP/2.0/TCP [2001:db8::1]:5070;branch=z9hG4bKx;received=198.51.100.7"},
		{"Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx", "via", "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx"},
		{"Via: SIP/2.0/UDP 198.51.100.7;rport;branch=z9hG4bKx;received=1.2.3.4", "via", "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx;received=198.51.100.7;rport=40000"},
		{"Via: SIP/2.0/UDP 198.51.100.7;rport=1;branch=z9hG4bKx;rport", "via", "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx;received=198.51.100.7;rport=40000"},
		{"f: Ada <sip:ada@phones.example>;TAG=b", "from", "\"Ada\" <sip:ada@phones.example>;tag=b"},
		{"From: sip:ada@phones.example ; tag = b;x", "from", "<sip:ada@phones.example>;tag=b;x"},
		{"From: Love, Ada < sip:ada@phones.example >;tag=b", "from", "\"Love, Ada\" <sip:ada@phones.example>;tag=b"},
		{"From: \"\\\"A\\\\\"<sip:ada@phones.example>;tag=b", "from", "\"\\\"A\\\\\" <sip:ada@phones.example>;tag=b"},
		{"t:<tel:+441234>", "to", "<tel:+441234>"},
		{"i  :  x y"[:8], "call-id", "x"},
		{"CSEQ:007   OPTIONS", "cseq", "7 OPTIONS"},
		{"max-forwards: 0068", "max-forwards", "68"},
	} {
		name := map[string]string{"via": "Via", "from": "From", "to": "To", "call-id": "Call-ID", "cseq": "CSeq", "max-forwards": "Max-Forwards"}[tt.name]
		req := passes(t, testMender(), change(name, tt.line))
		if got := req.GetHeader(tt.name).Value(); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.line, got, tt.want)
		}
	}
}

// Compact forms are written out, whatever sipgo knows of them (TR-6).
func TestMendCompactForms(t *testing.T) {
	req := passes(t, testMender(), sound("a: 1", "b: <sip:x@y>", "c: text/plain", "d: 1", "e: gzip", "j: 1", "k: timer, path", "k: replaces",
		"m: <sip:a@h1>, <sip:b@h2>, \"c, d\" <sip:c@h3>", "n: 1", "o: conference", "r: <sip:r@y>", "s:", "u: dialog", "x: 90", "y: 1", "z: 1"))
	for name, want := range map[string]string{
		"accept-contact": "1", "referred-by": "<sip:x@y>", "content-type": "text/plain", "request-disposition": "1",
		"content-encoding": "gzip", "reject-contact": "1", "supported": "timer, path", "identity-info": "1", "event": "conference",
		"refer-to": "<sip:r@y>", "subject": "", "allow-events": "dialog", "session-expires": "90", "identity": "1", "z": "1",
	} {
		if h := req.GetHeader(name); h == nil || h.Value() != want {
			t.Errorf("%s: %v, want %q", name, h, want)
		}
	}
	if c := req.GetHeaders("contact"); len(c) != 3 || c[2].Value() != "\"c, d\" <sip:c@h3>" {
		t.Errorf("Contact %v", c)
	}
}

// Malformed fields that a call cannot do without are answered 400 by name, others ignored (TR-7).
func TestMendSeverity(t *testing.T) {
	m := testMender()
	for _, tt := range []struct {
		name, line string
		code       int
		text       string
	}{
		{"Via", "Via: SIP/2.0/UDP h.example:x", 400, "Via"},
		{"Via", "Via: SIP/2.0/UDP h.example;;branch=z9hG4bK1", 400, "Via"},
		{"Via", "Via: SIP/2.0/UDP h.example;branch=\"open", 400, "Via"},
		{"Via", "X: y", 400, "no Via"},
		{"From", "From: <sip:a@b", 400, "From"},
		{"From", "From: \"a\" b <sip:a@b>;tag=1", 400, "From"},
		{"From", "From: <sip:a@b>;tag=1;tag=2", 400, "From"},
		{"From", "From: <a.b:c>;tag=1", 400, "From"},
		{"To", "To: sip:", 400, "To"},
		{"To", "To: <sip:a@b?x=y>z", 400, "To"},
		{"To", "To: *", 400, "To"},
		{"Call-ID", "Call-ID:", 400, "Call-ID"},
		{"Call-ID", "Call-ID: a b", 400, "Call-ID"},
		{"Call-ID", "", 400, "no"},
		{"CSeq", "CSeq: 1OPTIONS", 400, "CSeq"},
		{"CSeq", "CSeq: 2147483648 OPTIONS", 400, "CSeq"},
		{"CSeq", "CSeq: 1 options", 400, "CSeq"},
		{"CSeq", "CSeq: -1 OPTIONS", 400, "CSeq"},
		{"Max-Forwards", "Max-Forwards: 256", 400, "Max-Forwards"},
		{"Max-Forwards", "Max-Forwards: many", 400, "Max-Forwards"},
		{"Max-Forwards", "Content-Length: 1", 400, "Content-Length"},
		{"Max-Forwards", "Content-Length: +0", 400, "Content-Length"},
		{"Max-Forwards", "Content-Length: 99999999999", 400, "Content-Length"},
		{"Max-Forwards", "Route: sip:", 400, "Route"},
		{"Max-Forwards", "Route: <sip:a@b;lr>,", 400, "Route"},
		{"Max-Forwards", "Contact: <<>", 0, ""},
		{"Max-Forwards", "Contact: <sip:a@b>, x", 0, ""},
		{"Max-Forwards", "Record-Route: x", 0, ""},
		{"Max-Forwards", "Refer-To: ;", 0, ""},
		{"Max-Forwards", "Referred-By: \"", 0, ""},
		{"Max-Forwards", "Content-Type:", 0, ""},
		{"Max-Forwards", "no header field", 0, ""},
		{"Max-Forwards", "To\x00o: x", 0, ""},
		{"OPTIONS", "OPTIONS SIP/2.0", 400, "Request-URI"},
		{"OPTIONS", "OPTIONS * SIP/2.0", 400, "Request-URI"},
		{"OPTIONS", "OPTIONS sip:a@b@[c SIP/2.0", 400, "Request-URI"},
		{"OPTIONS", "OPTIONS sip:a@b: SIP/2.0", 400, "Request-URI"},
		{"OPTIONS", "OPTIONS sip:a@b?c=d SIP/2.0", 400, "Request-URI"},
		{"OPTIONS", "OPTIONS sip:a@b SIP/3.0", 505, ""},
		{"OPTIONS", "OPTIONS sip:a@b sip/2.0", 0, ""},
	} {
		res := m.mend([]byte(change(tt.name, tt.line)), peer, false)
		switch {
		case res.problem.code != tt.code || !strings.Contains(res.problem.text, tt.text):
			t.Errorf("%q: %d %s, want %d %s", tt.line, res.problem.code, res.problem.text, tt.code, tt.text)
		case tt.code == 0 && res.message == nil:
			t.Errorf("%q: not handed on", tt.line)
		case tt.code == 0 && res.ignored != 1 && !strings.HasPrefix(tt.line, "OPTIONS"):
			t.Errorf("%q: %d fields ignored", tt.line, res.ignored)
		case tt.code != 0 && tt.text != "no Via" && !strings.HasPrefix(string(res.answer), "SIP/2.0 "):
			t.Errorf("%q: answered %q", tt.line, res.answer)
		}
	}
}

// An answer copies what RFC 3261, 8.2.6 wants, is the same for a retransmission, and goes where
// RFC 3261, 18.2.2 and RFC 3581 say (TR-3).
func TestAnswerWithoutState(t *testing.T) {
	m := testMender()
	for via, to := range map[string]string{
		"198.51.100.7:5070;branch=z9hG4bK1": "198.51.100.7:5070",
		"h.example;branch=z9hG4bK1":         "198.51.100.7:5060",
		"h.example:9;branch=z9hG4bK1;rport": "198.51.100.7:40000",
	} {
		message := strings.Replace(change("CSeq", "CSeq: x y"), "198.51.100.7:5070;branch=z9hG4bK1", via+", SIP/2.0/TCP next.example;x=1", 1)
		res := m.mend([]byte(message), peer, false)
		if res.to.String() != to {
			t.Errorf("%s: answer goes to %v, want %s", via, res.to, to)
		}
		first := string(res.answer)
		again := m.mend([]byte(message), peer, false)
		if string(again.answer) != first {
			t.Errorf("another answer to the retransmission:\n%s\n%s", first, again.answer)
		}
		for _, want := range []string{"SIP/2.0 400 Bad Request: malformed CSeq\r\nVia: ", ", SIP/2.0/TCP next.example;x=1\r\n",
			"\r\nFrom: <sip:ada@phones.example>;tag=a\r\n", "\r\nTo: <sip:tea@rooms.example>;tag=", "\r\nCall-ID: 1@x\r\n", "\r\nCSeq: x y\r\n", "\r\nContent-Length: 0\r\n\r\n"} {
			if !strings.Contains(first, want) {
				t.Errorf("no %q in\n%s", want, first)
			}
		}
	}
}

// Responses and ACK are never answered, nor what names nobody to answer to.
func TestNoAnswer(t *testing.T) {
	m := testMender()
	for _, b := range []string{
		strings.Replace(change("CSeq", "CSeq: x"), "OPTIONS sip:tea@rooms.example SIP/2.0", "SIP/2.0 200 OK", 1),
		strings.Replace(change("CSeq", "CSeq: x"), "OPTIONS sip", "ACK sip", 1),
		change("Via", "Via: nowhere"), change("Via", "X: y"),
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "SIP/2.0\r\n\r\n", "", "\r\n\r\n", strings.Repeat("\x00", 40),
	} {
		if res := m.mend([]byte(b), peer, false); res.answer != nil || res.message != nil {
			t.Errorf("%q: %+v", b, res)
		}
	}
}

// A body is as long as Content-Length says (TR-5), in a datagram without it all there is.
func TestMendBody(t *testing.T) {
	for _, tt := range []struct{ length, body, want string }{
		{"Content-Length: 3", "abcdef", "abc"}, {"l: 0", "abc", ""}, {"", "abc", "abc"}, {"l: 3", "abc", "abc"},
	} {
		req := passes(t, testMender(), withLength(tt.length)+tt.body)
		if string(req.Body()) != tt.want || req.ContentLength().Value() != string('0'+byte(len(tt.want))) {
			t.Errorf("%q %q: body %q, %v", tt.length, tt.body, req.Body(), req.ContentLength())
		}
	}
}

func withLength(line string) string {
	if line == "" {
		return sound()
	}
	return sound(line)
}

// More header fields than anybody writes are refused, not stored.
func TestMendTooManyFields(t *testing.T) {
	m := testMender()
	message := sound(strings.Split(strings.Repeat("X: y\n", maxFields+5), "\n")[:maxFields+5]...)
	res := m.mend([]byte(message), peer, false)
	if res.problem.code != 400 || len(m.reading.fields) > maxFields+1 || !strings.HasPrefix(string(res.answer), "SIP/2.0 400") {
		t.Errorf("%+v with %d fields", res.problem, len(m.reading.fields))
	}
}

// Method names keep their case: "options" is not OPTIONS (RFC 3261, 7.1).
func TestMendMethodCase(t *testing.T) {
	req := passes(t, testMender(), strings.ReplaceAll(sound(), "OPTIONS", "options"))
	if req.Method != "options" {
		t.Errorf("method %q", req.Method)
	}
}

// The placeholder for the tag of an RFC 2543 client never reaches it.
func TestDropEmptyTag(t *testing.T) {
	for in, want := range map[string]string{
		"A\r\nFrom: <sip:a@b>;tag\r\nTo: <sip:c@d>;tag=1\r\n\r\n": "A\r\nFrom: <sip:a@b>\r\nTo: <sip:c@d>;tag=1\r\n\r\n",
		"A\r\nFrom: <sip:a@b>;x=1;tag;y\r\n\r\n":                  "A\r\nFrom: <sip:a@b>;x=1;y\r\n\r\n",
		"A\r\nFrom: <sip:a@b>;tag=1\r\n\r\n":                      "A\r\nFrom: <sip:a@b>;tag=1\r\n\r\n",
		"A\r\nFrom: \";tag\" <sip:a@b;tag>;tags\r\n\r\n":          "A\r\nFrom: \";tag\" <sip:a@b;tag>;tags\r\n\r\n",
		"A\r\nTo: <sip:a@b>;tag\r\n\r\n":                          "A\r\nTo: <sip:a@b>;tag\r\n\r\n",
		"A\r\nFrom: <sip:a@b>;tag":                                "A\r\nFrom: <sip:a@b>;tag",
	} {
		if got := string(dropEmptyTag([]byte(in))); got != want {
			t.Errorf("%q\n got %q\nwant %q", in, got, want)
		}
	}
	req := passes(t, testMender(), change("From", "From: <sip:ada@phones.example>"))
	res := sip.NewResponseFromRequest(req, 200, "OK", nil)
	if got := string(dropEmptyTag([]byte(res.String()))); !strings.Contains(got, "\r\nFrom: <sip:ada@phones.example>\r\n") {
		t.Errorf("answered\n%s", got)
	}
}
