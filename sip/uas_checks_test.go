package sip

import (
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// The order of RFC 3261, 8.2 (UA-1): what is wrong first decides, and every refusal can be read.
func TestRefusals(t *testing.T) {
	tests := []struct {
		name, method, uri, body string
		headers                 []string
		code                    int
		want                    map[string]string
	}{
		{"method not built", "REFER", "sip:tea@h", "", nil, 405, map[string]string{"allow": "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE"}},
		{"registrar not built", "REGISTER", "sip:h", "", nil, 405, nil},
		{"PRACK not built", "PRACK", "sip:tea@h", "", nil, 405, nil},
		{"method before scheme", "MESSAGE", "tel:1", "", nil, 405, nil},
		{"method unknown", "NEWMETHOD", "sip:tea@h", "", nil, 501, map[string]string{"allow": "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE"}},
		{"scheme", "INVITE", "tel:+15551234", offerSDP, nil, 416, nil},
		{"sips without TLS", "INVITE", "sips:tea@h", offerSDP, nil, 480, map[string]string{"warning": `380 trivox "SIPS Not Allowed: a sips URI is served by TLS alone"`}},
		{"sips in capitals", "OPTIONS", "SIPS:tea@h", "", nil, 480, nil},
		{"sip in capitals", "OPTIONS", "SIP:nobody@h", "", nil, 404, nil},
		{"sips in a dialog nobody knows", "BYE", "sips:tea@h", "", nil, 480, nil},
		{"headers in the URI", "INVITE", "sip:tea@h?Route=%3Csip:x%3E", offerSDP, nil, 400, nil},
		{"no room", "INVITE", "sip:nobody@h", offerSDP, nil, 404, nil},
		{"no room before extensions", "INVITE", "sip:nobody@h", offerSDP, []string{"Require: foo"}, 404, nil},
		{"no room before content", "INVITE", "sip:nobody@h", "xx", []string{"Content-Type: text/plain"}, 404, nil},
		{"every unknown extension", "INVITE", "sip:tea@h", offerSDP, []string{"Require: foo, timer", "Require: bar"}, 420, map[string]string{"unsupported": "foo, bar"}},
		{"100rel is not built", "INVITE", "sip:tea@h", offerSDP, []string{"Require: 100rel"}, 420, map[string]string{"unsupported": "100rel"}},
		{"extension before content", "INVITE", "sip:tea@h", "xx", []string{"Require: foo", "Content-Type: text/plain"}, 420, nil},
		{"content type", "INVITE", "sip:tea@h", "xx", []string{"Content-Type: text/plain"}, 415, map[string]string{"accept": "application/sdp"}},
		{"content encoding", "INVITE", "sip:tea@h", offerSDP, []string{"Content-Encoding: gzip", "Content-Type: application/sdp"}, 415, map[string]string{"accept-encoding": "identity"}},
		{"accept", "INVITE", "sip:tea@h", offerSDP, []string{"Accept: text/plain"}, 406, map[string]string{"accept": "application/sdp"}},
		{"session interval", "INVITE", "sip:tea@h", offerSDP, []string{"Supported: timer", "Session-Expires: 60"}, 422, map[string]string{"min-se": "90"}},
		{"body too large", "INVITE", "sip:tea@h", strings.Repeat("x", 20000), nil, 413, nil},
		{"BYE without dialog", "BYE", "sip:tea@h", "", nil, 481, nil},
		{"INFO without dialog", "INFO", "sip:tea@h", "", nil, 481, nil},
		{"UPDATE without dialog", "UPDATE", "sip:tea@h", "", nil, 481, nil},
		{"CANCEL of nothing", "CANCEL", "sip:tea@h", "", nil, 481, nil},
	}
	rooms := newRooms()
	_, addr := startServer(t, "udp", Config{Rooms: rooms})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPhone(t, "udp", addr)
			text := requestText(p, tt.method, tt.uri, tt.body, tt.headers...)
			p.write(text)
			res := p.response(tt.method, tt.code)
			if tag, _ := res.To().Params.Get("tag"); tag == "" {
				t.Error("no To tag (UA-2)")
			}
			for k, v := range tt.want {
				if got := header(res, k); got != v {
					t.Errorf("%s: %q, want %q", k, got, v)
				}
			}
			if header(res, "warning") == "" && res.Reason == phrase(tt.code, "") {
				t.Error("no Warning that a person could read")
			}
			if tt.method == "INVITE" {
				p.refusedACK(res)
			}
		})
	}
	if len(rooms.legs) != 0 {
		t.Error("a refused call entered a room")
	}
}

// requestText is a request with any Request-URI.
func requestText(p *phone, method, uri, body string, headers ...string) string {
	p.seq++
	p.branch++
	var b strings.Builder
	b.WriteString(method + " " + uri + " SIP/2.0\r\n")
	b.WriteString("Via: SIP/2.0/UDP " + p.conn.LocalAddr().String() + ";branch=z9hG4bK" + p.callID + "x;rport\r\n")
	b.WriteString("From: <sip:a@b>;tag=1\r\nTo: <sip:x@y>\r\nCall-ID: " + p.callID + "\r\nMax-Forwards: 0\r\n")
	b.WriteString("CSeq: 1 " + method + "\r\nContact: " + p.contact + "\r\n")
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n" + body)
	p.seq = 1
	return b.String()
}

// In a dialog that is not known, requests get 481, and the ACK of nothing gets nothing. (UA-1)
func TestUnknownDialog(t *testing.T) {
	s, addr := startServer(t, "udp", Config{Rooms: newRooms()})
	p := newPhone(t, "udp", addr)
	p.toTag = "gone"
	p.raw("ACK", 1, "")
	for _, method := range []string{"BYE", "INFO", "UPDATE", "OPTIONS", "INVITE"} {
		p.request(method, "")
		res := p.response(method, 481)
		if method == "INVITE" {
			p.refusedACK(res)
		}
	}
	if n := s.Snapshot(); n.Stray != 1 {
		t.Errorf("%d stray, want the ACK", n.Stray)
	}
}

// The same request by two ways is served once. RFC 3261, 8.2.2.2 (TX-5)
func TestMergedRequest(t *testing.T) {
	rooms := newRooms()
	_, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.request("INVITE", offerSDP)
	p.response("INVITE", 200)
	p.branch++
	p.raw("INVITE", p.seq, offerSDP)
	p.refusedACK(p.response("INVITE", 482))
	if len(rooms.legs) != 1 {
		t.Errorf("%d legs", len(rooms.legs))
	}
}

// A retransmitted INVITE makes no second call, and after the ACK no noise either. RFC 6026, 7.1
func TestInviteRetransmitted(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.request("INVITE", offerSDP)
	p.raw("INVITE", p.seq, offerSDP)
	res := p.response("INVITE", 200)
	p.toTag, _ = res.To().Params.Get("tag")
	p.ack(p.seq, "")
	rooms.leg(t).want(t, "answer", "confirmed")
	p.branch--
	tag := p.toTag
	p.toTag = ""
	p.raw("INVITE", p.seq, offerSDP)
	p.toTag = tag
	p.branch++
	p.request("BYE", "")
	p.response("BYE", 200)
	if n := s.Snapshot(); n.Invites != 1 || len(rooms.legs) != 0 {
		t.Errorf("%d INVITEs served, %d legs more", n.Invites, len(rooms.legs))
	}
}

// The room is the user part, percent-decoded, case kept (DESIGN 10); Contact repeats it as dialled.
func TestRoomName(t *testing.T) {
	for uri, want := range map[string]string{
		"sip:Tea@h": "Tea", "sip:tea%20time@h": "tea time", "sip:a%40b@h": "a@b", "sip:100%@h": "100%", "sip:a;b=c@h": "a;b=c",
	} {
		var u sipgo.Uri
		if err := sipgo.ParseUri(uri, &u); err != nil {
			t.Fatal(err)
		}
		if got := room(&u); got != want {
			t.Errorf("%s: %q, want %q", uri, got, want)
		}
	}
}

// RFC 3261, 11.2 (UA-6); DESIGN 10
func TestOptions(t *testing.T) {
	rooms := newRooms()
	_, addr := startServer(t, "udp", Config{Rooms: rooms})
	for _, tt := range []struct {
		user    string
		code    int
		isfocus bool
	}{{"tea", 200, true}, {"coffee", 200, false}, {"nobody", 404, false}, {"locked", 403, false}, {"broken", 500, false}} {
		p := newPhone(t, "udp", addr)
		p.user = tt.user
		p.request("OPTIONS", "")
		res := p.response("OPTIONS", tt.code)
		if got := strings.HasSuffix(header(res, "contact"), ";isfocus"); got != tt.isfocus {
			t.Errorf("%s: Contact %q", tt.user, header(res, "contact"))
		}
		if tt.code == 200 && (header(res, "accept") != "application/sdp" || header(res, "supported") != "timer" || header(res, "allow") == "") {
			t.Errorf("%s: %s", tt.user, res)
		}
	}
	p := newPhone(t, "udp", addr)
	p.call()
	p.request("OPTIONS", "")
	if res := p.response("OPTIONS", 200); !strings.HasSuffix(header(res, "contact"), ";isfocus") {
		t.Errorf("in the dialog: %s", res)
	}
	p.write("OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKq;rport\r\nFrom: <sip:pbx>;tag=1\r\nTo: <sip:x>\r\nCall-ID: qualify\r\nCSeq: 1 OPTIONS\r\n\r\n")
	p.response("OPTIONS", 200) // no user part: a trunk asks whether we live (Q20, Q23)
}

// Where every place for calls is taken, OPTIONS to a room says so as INVITE does; the server itself
// still lives. (UA-6)
func TestOptionsWhenFull(t *testing.T) {
	rooms := newRooms()
	_, addr := startServer(t, "udp", Config{Rooms: rooms, Limits: Limits{Dialogs: 1}, RetryAfter: 7 * time.Second})
	p := newPhone(t, "udp", addr)
	p.call()
	late := newPhone(t, "udp", addr)
	late.request("INVITE", offerSDP)
	invite := late.response("INVITE", 503)
	late.refusedACK(invite)
	late.request("OPTIONS", "")
	options := late.response("OPTIONS", 503)
	for _, name := range []string{"warning", "retry-after"} {
		if a, b := header(invite, name), header(options, name); a != b || a == "" {
			t.Errorf("%s of INVITE %q, of OPTIONS %q", name, a, b)
		}
	}
	late.write("OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKq;rport\r\nFrom: <sip:pbx>;tag=1\r\nTo: <sip:x>\r\nCall-ID: qualify\r\nCSeq: 1 OPTIONS\r\n\r\n")
	late.response("OPTIONS", 200)
}

func TestUnquote(t *testing.T) {
	for in, want := range map[string]string{`Alice`: `Alice`, `Al \"x\" B`: `Al "x" B`, `back\\slash`: `back\slash`, `end\`: `end`} {
		if got := unquote(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
