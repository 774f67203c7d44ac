package sip

import (
	"log/slog"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// Names that strangers make up are remembered in no table, nor written into the log, beyond a length. (STYLE 16)
func TestLongNamesFillNothing(t *testing.T) {
	const size = 20000
	long := strings.Repeat("a", size)
	var log logText
	c, _, _ := guarded(newRooms())
	c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s, net := startOnEther(t, c)
	p := net.phone(t, "198.51.100.1:5060")

	p.uri, p.from, p.to = "sip:example.com", "sip:"+long+"@example.com", "sip:"+long+"@example.com"
	p.request("REGISTER", "")
	p.response("REGISTER", 404)

	p.uri = "sip:tea@example.com"
	p.request("INVITE", offerSDP)
	asked := p.response("INVITE", 401)
	p.refusedACK(asked)

	p.from, p.to, p.uri = "sip:alice@example.com", "sip:alice@example.com", "sip:example.com"
	p.request("REGISTER", "")
	line := credentialsOf{long[:userMost+1], "guess", ""}.answer(t, p.response("REGISTER", 401), "REGISTER", p.uri, 1)
	p.request("REGISTER", "", line)
	p.response("REGISTER", 400)

	p.from = "sip:" + long + "@elsewhere.net"
	p.request("INVITE", offerSDP)
	p.response("INVITE", 401)

	for who := range s.auth.orders.unanswered.young {
		if len(who.aor) > userMost+len("@example.com") {
			t.Errorf("remembered: a name of %d bytes", len(who.aor))
		}
	}
	if _, _, offences := s.guard.limiter.Sizes(); offences != 0 {
		t.Errorf("%d offences are remembered", offences)
	}
	if n := len(log.String()); n > size {
		t.Errorf("%d bytes were logged", n)
	}
}

// What names a transaction or a dialog has a length too. (STYLE 16)
func TestLongIdentifiers(t *testing.T) {
	c, _, _ := guarded(newRooms())
	s, net := startOnEther(t, c)
	fits, long := strings.Repeat("x", identifierMost), strings.Repeat("x", identifierMost+1)
	const good = "OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKb;rport\r\nFrom: <sip:a@h>;tag=f\r\n" +
		"To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
	for _, tt := range []struct {
		name, old, new string
		code           int
	}{
		{"all fit", "Call-ID: c", "Call-ID: " + fits, 200},
		{"branch", "z9hG4bKb", "z9hG4bK" + long, 400},
		{"Via", "UDP 198.51.100.1", "UDP " + long, 400},
		{"From", "tag=f", "tag=" + long, 400},
		{"To", "<sip:b@h>", "<sip:b@h>;tag=" + long, 400},
		{"Call-ID", "Call-ID: c", "Call-ID: " + long, 400},
	} {
		p := net.phone(t, "198.51.100.1:5060")
		p.write(strings.Replace(good, tt.old, tt.new, 1))
		if res, ok := p.next().(*sipgo.Response); !ok || res.StatusCode != tt.code {
			t.Errorf("%s: %v", tt.name, res)
		}
	}
	if n := s.Snapshot(); n.Finished != 1 {
		t.Errorf("%d transactions are remembered", n.Finished)
	}
}
