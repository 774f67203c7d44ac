package main

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
)

// registrant is a phone by hand that registers whatever Contact it likes, with digest credentials of MD5.
type registrant struct {
	t      *testing.T
	server *server
	socket *net.UDPConn
	number int // of the last request
}

var nonceOf = regexp.MustCompile(`algorithm=MD5[^\r]*`)

// register binds a Contact to a user of example.test, and gives status line and headers of the answer.
func (r *registrant) register(user, contact string) string {
	r.t.Helper()
	said := r.ask(user, contact, "")
	if !strings.HasPrefix(said, "401") {
		return said
	}
	nonce := ""
	for line := range strings.SplitSeq(said, "\r\n") {
		if strings.HasPrefix(line, "WWW-Authenticate:") && nonceOf.MatchString(line) {
			_, nonce, _ = strings.Cut(line, `nonce="`)
			nonce, _, _ = strings.Cut(nonce, `"`)
		}
	}
	hash := func(s string) string { b := md5.Sum([]byte(s)); return hex.EncodeToString(b[:]) }
	const uri = "sip:example.test"
	ha1 := hash(user + ":example.test:" + password)
	response := hash(ha1 + ":" + nonce + ":00000001:c:auth:" + hash("REGISTER:"+uri))
	return r.ask(user, contact, fmt.Sprintf(`Authorization: Digest username=%q, realm="example.test", nonce=%q, uri=%q, algorithm=MD5, qop=auth, nc=00000001, cnonce="c", response=%q`,
		user, nonce, uri, response)+"\r\n")
}

func (r *registrant) ask(user, contact, proof string) string {
	r.t.Helper()
	r.number++
	at := localPort(r.socket)
	text := fmt.Sprintf("REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKr%d%d;rport\r\nFrom: <sip:%s@example.test>;tag=1\r\n"+
		"To: <sip:%[4]s@example.test>\r\nCall-ID: registrant-%[2]d\r\nCSeq: %[3]d REGISTER\r\nMax-Forwards: 70\r\nContact: <%[5]s>\r\nExpires: 300\r\n%[6]sContent-Length: 0\r\n\r\n",
		at, at.Port(), r.number, user, contact, proof)
	if _, err := r.socket.WriteToUDPAddrPort([]byte(text), r.server.sip()); err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimPrefix(r.next("SIP/2.0 "), "SIP/2.0 ")
}

// next is the next message that begins so.
func (r *registrant) next(with string) string {
	r.t.Helper()
	return nextMessage(r.t, r.socket, with)
}
