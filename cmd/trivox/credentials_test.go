package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	"trivox/media/codec"
)

// prover is SIP by hand, of somebody who proves who he is by a digest that a library of others makes.
type prover struct {
	domain *domain
	socket *net.UDPConn
	user   string // of example.test, in From
	number int    // of the last request
}

func (d *domain) prover(user string) *prover {
	return &prover{domain: d, socket: bind(d.t, netip.MustParseAddr("127.0.0.1")), user: user}
}

// ask makes a request, REGISTER or the INVITE to a room, with more header lines, and gives the final answer. Refusals of
// INVITE it acknowledges.
func (p *prover) ask(method string, more ...string) string {
	p.domain.t.Helper()
	p.number++
	res := p.exchange(method, "", more...)
	if method == "INVITE" && res[8] > '2' {
		p.send("ACK", field(res, "To"))
	}
	return res
}

// exchange sends a request and waits for what answers it. Nothing but answers may come.
func (p *prover) exchange(method, to string, more ...string) string {
	p.domain.t.Helper()
	p.send(method, to, more...)
	if err := p.socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.domain.t.Fatal(err)
	}
	for b := make([]byte, 4096); ; {
		n, err := p.socket.Read(b)
		if err != nil {
			p.domain.t.Fatalf("%s of %s: %v", method, p.user, err)
		}
		text := string(b[:n])
		if !strings.HasPrefix(text, "SIP/2.0 ") {
			p.domain.t.Fatalf("%s of %s got\n%s", method, p.user, text)
		}
		if text[8] != '1' && field(text, "CSeq") == fmt.Sprintf("%d %s", p.number, method) {
			return text // and not what it said before, once more
		}
	}
}

// send sends a request; to is the To of the answer that an ACK is for.
func (p *prover) send(method, to string, more ...string) {
	p.domain.t.Helper()
	at, uri, body := localPort(p.socket), "sip:tea@example.test", ""
	switch {
	case method == "REGISTER":
		uri, to = "sip:example.test", "<sip:"+p.user+"@example.test>"
	case to == "":
		to, body = "<"+uri+">", string(offer(at, codec.PCMU, 1, "inactive"))
		more = append(more, "Content-Type: application/sdp")
	}
	text := strings.Join(slices.Concat([]string{method + " " + uri + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK%d-%d;rport", at, at.Port(), p.number),
		fmt.Sprintf("From: <sip:%s@example.test>;tag=%d", p.user, p.number), "To: " + to, fmt.Sprintf("Call-ID: %d-%d@127.0.0.1", at.Port(), p.number),
		fmt.Sprintf("CSeq: %d %s", p.number, method), "Max-Forwards: 70", fmt.Sprintf("Contact: <sip:%s@%s>", p.user, at)},
		more, []string{fmt.Sprintf("Content-Length: %d", len(body)), "", body}), "\r\n")
	if _, err := p.socket.WriteToUDPAddrPort([]byte(text), p.domain.sip()); err != nil {
		p.domain.t.Fatal(err)
	}
}

// challenges are those of an answer, in their order.
func challenges(t *testing.T, res string) []*digest.Challenge {
	t.Helper()
	var out []*digest.Challenge
	for l := range strings.Lines(res) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(l), "WWW-Authenticate: "); ok {
			c, err := digest.ParseChallenge(v)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, c)
		}
	}
	return out
}

// prove answers the challenge of that algorithm.
func (p *prover) prove(asked, method, algorithm, name, password string) string {
	p.domain.t.Helper()
	for _, c := range challenges(p.domain.t, asked) {
		if c.Algorithm == algorithm {
			uri := map[string]string{"REGISTER": "sip:example.test", "INVITE": "sip:tea@example.test"}[method]
			proof, err := digest.Digest(c, digest.Options{Method: method, URI: uri, Username: name, Password: password, Count: 1})
			if err != nil {
				p.domain.t.Fatal(err)
			}
			return p.ask(method, "Authorization: "+proof.String())
		}
	}
	p.domain.t.Fatalf("%s is not asked for %s:\n%s", name, algorithm, asked)
	return ""
}

// varying is what differs between two answers that say the same.
var varying = regexp.MustCompile(`nonce="[^"]*"|tag=[^;\s]*|branch=[^;\s]*|port=\d+|127\.0\.0\.1:\d+|Call-ID: \S+`)

// alike is an answer without what must differ, and without who asks.
func (p *prover) alike(res string) string {
	return strings.ReplaceAll(varying.ReplaceAllString(res, "*"), p.user, "*")
}

// Who proves who he is, by which algorithm and by which user name, and what all others are told. RFC 7616; RFC 8760 (RG-5)
func TestCredentials(t *testing.T) {
	t.Parallel()
	d := serveDomain(t, "", "")
	for _, name := range []string{"anna", "berta", "carl", "emil", "fred"} {
		d.user(name)
	}
	d.user("dora", "MD5")
	run(t, "user", "disable", "fred", "--config", d.settings)

	said := map[string][]string{}
	for _, c := range []struct {
		user, name, password string
		algorithm            string // that the phone takes
		offered              string
		code, text           string
	}{
		{"anna", "anna", password, "SHA-256", "SHA-256 MD5", "200", ""},
		{"berta", "berta@example.test", password, "SHA-256", "SHA-256 MD5", "200", ""},
		{"carl", "carl@example.test", password, "MD5", "SHA-256 MD5", "200", ""},
		{"dora", "dora@example.test", password, "MD5", "MD5", "200", ""},
		{"emil", "emil", "a-guess", "SHA-256", "SHA-256 MD5", "403", "wrong user name or password"},
		{"nobody", "nobody", "a-guess", "SHA-256", "SHA-256 MD5", "403", "wrong user name or password"},
		{"emil", "emil@example.test", "a-guess", "MD5", "SHA-256 MD5", "403", "wrong user name or password"},
		{"nobody", "nobody@example.test", password, "MD5", "SHA-256 MD5", "403", "wrong user name or password"},
		{"fred", "fred", password, "SHA-256", "SHA-256 MD5", "403", "this user may not use the server"},
		{"fred", "fred", "a-guess", "SHA-256", "SHA-256 MD5", "403", "wrong user name or password"},
	} {
		for _, method := range []string{"REGISTER", "INVITE"} {
			if method == "INVITE" && c.code == "200" {
				continue // other tests call
			}
			p := d.prover(c.user)
			asked := p.ask(method)
			var offered []string
			for _, ch := range challenges(t, asked) {
				offered = append(offered, ch.Algorithm)
			}
			if !strings.HasPrefix(asked, "SIP/2.0 401 ") || strings.Join(offered, " ") != c.offered {
				t.Errorf("%s of %s is answered, want 401 with %s:\n%s", method, c.name, c.offered, asked)
				continue
			}
			res := p.prove(asked, method, c.algorithm, c.name, c.password)
			if !strings.HasPrefix(res, "SIP/2.0 "+c.code+" ") || !strings.Contains(res, c.text) {
				t.Errorf("%s of %s with %s is answered, want %s %s:\n%s", method, c.name, c.algorithm, c.code, c.text, res)
			}
			if c.text == "wrong user name or password" {
				said[c.user] = append(said[c.user], p.alike(asked), p.alike(res))
			}
		}
	}
	if !slices.Equal(said["emil"], said["nobody"]) {
		t.Errorf("who exists is told\n%s\nand who does not\n%s", said["emil"], said["nobody"])
	}
	for name, want := range map[string]int{"anna": 1, "berta": 1, "carl": 1, "dora": 1, "emil": 0, "nobody": 0, "fred": 0} {
		if got := d.registrations(name); got != want {
			t.Errorf("%s has %d registrations, want %d", name, got, want)
		}
	}
}

// A stranger who calls a room and knows no password is asked for one, and that is all he ever gets.
func TestStrangerCallsARoom(t *testing.T) {
	t.Parallel()
	d := serveDomain(t, "", "")
	d.user("anna")
	p := d.prover("stranger")
	for range 3 {
		if res := p.ask("INVITE"); !strings.HasPrefix(res, "SIP/2.0 401 ") { // and nothing came since the last one
			t.Errorf("answered\n%s", res)
		}
	}
	if status, list := d.ask(http.MethodGet, "/v1/conferences", ""); status != http.StatusOK || strings.Contains(list, "tea") {
		t.Errorf("conferences: %d %s", status, list)
	}
	for _, metric := range []string{"trivox_legs", "trivox_rtp_port_pairs_in_use"} {
		if got := d.metric(metric); got != 0 {
			t.Errorf("%s is %v", metric, got)
		}
	}
}
