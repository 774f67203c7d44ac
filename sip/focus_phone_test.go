package sip

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// phone is a caller made of text: it can send what no well-behaved stack would.
type phone struct {
	t       testing.TB
	network string
	conn    net.Conn
	server  netip.AddrPort
	in      chan sipgo.Message
	done    chan struct{}

	scheme, user, callID, fromTag, toTag string
	contact                              string // header value; "-" leaves it out
	from, to, uri                        string // URIs other than the usual ones
	seq                                  int
	branch                               int
	lastVia                              string
}

func newPhone(t testing.TB, network string, server netip.AddrPort) *phone {
	t.Helper()
	c, err := net.Dial(network, server.String())
	if err != nil {
		t.Fatal(err)
	}
	return newPhoneOn(t, network, c, server)
}

// newPhoneOn is a phone that has a connection already.
func newPhoneOn(t testing.TB, network string, c net.Conn, server netip.AddrPort) *phone {
	t.Helper()
	p := &phone{t: t, network: network, conn: c, server: server, in: make(chan sipgo.Message, 256), done: make(chan struct{}),
		scheme: "sip", user: "tea", callID: "c" + c.LocalAddr().String() + "-" + newTag(), fromTag: "f1", seq: 0}
	p.contact = "<sip:alice@" + c.LocalAddr().String() + ">"
	if network != "udp" {
		p.contact = "<sip:alice@" + c.LocalAddr().String() + ";transport=" + network + ">"
	}
	go p.read()
	t.Cleanup(p.close)
	return p
}

func (p *phone) close() {
	_ = p.conn.Close()
	for {
		select {
		case <-p.in: // the reader may wait for room
		case <-p.done:
			return
		}
	}
}

func (p *phone) read() {
	defer close(p.done)
	parser := sipgo.NewParser()
	if p.network == "udp" {
		buf := make([]byte, 65536)
		for {
			n, err := p.conn.Read(buf)
			if err != nil {
				if errors.Is(err, net.ErrClosed) {
					return
				}
				continue
			}
			if m, err := parser.ParseSIP(buf[:n]); err == nil {
				p.in <- m
			}
		}
	}
	r := bufio.NewReader(p.conn)
	for {
		var head bytes.Buffer
		length := 0
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
			if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
				length, _ = strconv.Atoi(strings.TrimSpace(v))
			}
			if line == "\r\n" {
				break
			}
		}
		if _, err := io.CopyN(&head, r, int64(length)); err != nil {
			return
		}
		if m, err := parser.ParseSIP(head.Bytes()); err == nil {
			p.in <- m
		}
	}
}

func (p *phone) write(s string) {
	p.t.Helper()
	if _, err := p.conn.Write([]byte(s)); err != nil {
		p.t.Fatal(err)
	}
}

// request writes a request with the next CSeq and a new branch. extra are whole header lines.
func (p *phone) request(method, body string, extra ...string) string {
	p.seq++
	p.branch++
	return p.raw(method, p.seq, body, extra...)
}

// raw writes a request with the present branch.
func (p *phone) raw(method string, seq int, body string, extra ...string) string {
	via := fmt.Sprintf("SIP/2.0/%s %s;branch=z9hG4bK%s%d;rport", strings.ToUpper(p.network), p.conn.LocalAddr(), p.callID, p.branch)
	p.lastVia = via
	var b strings.Builder
	uri := cmp.Or(p.uri, p.scheme+":"+p.user+"@"+p.server.String())
	to := "<" + cmp.Or(p.to, p.scheme+":"+p.user+"@"+p.server.String()) + ">"
	if p.toTag != "" {
		to += ";tag=" + p.toTag
	}
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: %s\r\nFrom: \"Alice\" <%s>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\n",
		method, uri, via, cmp.Or(p.from, "sip:alice@example.com"), p.fromTag, to, p.callID, seq, method)
	if p.contact != "-" {
		fmt.Fprintf(&b, "Contact: %s\r\n", p.contact)
	}
	for _, h := range extra {
		b.WriteString(h + "\r\n")
	}
	if body != "" && !strings.Contains(strings.Join(extra, "\n"), "Content-Type") {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	p.write(b.String())
	return b.String()
}

// next waits for a message.
func (p *phone) next() sipgo.Message {
	p.t.Helper()
	select {
	case m := <-p.in:
		return m
	case <-time.After(patience):
		p.t.Fatal("the server said nothing")
		return nil
	}
}

// response waits for a response to method with code; other responses fail the test, 100 and
// requests are skipped.
func (p *phone) response(method string, code int) *sipgo.Response {
	p.t.Helper()
	for {
		r, ok := p.next().(*sipgo.Response)
		if !ok || r.StatusCode == 100 || string(r.CSeq().MethodName) != method {
			continue
		}
		if r.StatusCode != code {
			p.t.Fatalf("%s was answered %d %s, want %d\n%s", method, r.StatusCode, r.Reason, code, r)
		}
		return r
	}
}

// asked waits for a request of the server's; responses are skipped.
func (p *phone) asked(method string) *sipgo.Request {
	p.t.Helper()
	for {
		if r, ok := p.next().(*sipgo.Request); ok && string(r.Method) == method {
			return r
		}
	}
}

// reply answers a request of the server's.
func (p *phone) reply(req *sipgo.Request, code int, body string, extra ...string) {
	p.t.Helper()
	res := sipgo.NewResponseFromRequest(req, code, phrase(code, ""), nil)
	for _, h := range extra {
		k, v, _ := strings.Cut(h, ": ")
		res.AppendHeader(sipgo.NewHeader(k, v))
	}
	if body != "" {
		res.AppendHeader(sipgo.NewHeader("Content-Type", "application/sdp"))
		res.SetBody([]byte(body))
	}
	p.write(res.String())
}

// ack acknowledges a 2xx to the INVITE numbered seq.
func (p *phone) ack(seq int, body string) {
	p.branch++
	p.raw("ACK", seq, body)
}

// call sends INVITE, takes the 200 and acknowledges it.
func (p *phone) call(extra ...string) *sipgo.Response {
	p.t.Helper()
	res := p.invite(extra...)
	p.ack(p.seq, "")
	return res
}

// invite sends INVITE and takes the 200.
func (p *phone) invite(extra ...string) *sipgo.Response {
	p.t.Helper()
	p.request("INVITE", offerSDP, extra...)
	res := p.response("INVITE", 200)
	p.toTag, _ = res.To().Params.Get("tag")
	return res
}

// refusedACK acknowledges a refusal of the INVITE that was sent last.
func (p *phone) refusedACK(res *sipgo.Response) {
	tag, _ := res.To().Params.Get("tag")
	old := p.toTag
	p.toTag = tag
	p.raw("ACK", int(res.CSeq().SeqNo), "")
	p.toTag = old
}

func header(m sipgo.Message, name string) string { return headerValue(m, name, "") }

// statusOf is the code of a final response, 0 of anything else.
func statusOf(m sipgo.Message) int {
	if r, ok := m.(*sipgo.Response); ok && r.StatusCode >= 200 {
		return r.StatusCode
	}
	return 0
}
