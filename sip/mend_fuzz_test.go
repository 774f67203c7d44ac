package sip

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"pgregory.net/rapid"
)

// seeds gives a fuzz target every torture message.
func seeds(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/torture/*.dat")
	if err != nil || len(files) < 49 {
		f.Fatalf("%d seeds, %v", len(files), err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// Whatever comes: no panic; what is handed on has all that a transaction needs, sipgo's parser
// never refuses what was written for it, mending again changes nothing, and an answer is whole.
func FuzzMend(f *testing.F) {
	seeds(f)
	m, again := testMender(), testMender()
	f.Fuzz(func(t *testing.T, b []byte) {
		res := m.mend(b, peer, false)
		if strings.HasSuffix(res.problem.text, "malformed message") {
			t.Fatalf("sipgo refuses\n%q\nmade of\n%q", m.out, b)
		}
		if a := res.answer; a != nil {
			if !bytes.HasPrefix(a, []byte("SIP/2.0 ")) || !bytes.HasSuffix(a, []byte("\r\nContent-Length: 0\r\n\r\n")) || res.message != nil {
				t.Fatalf("answer %q", a)
			}
		}
		if res.message == nil {
			return
		}
		msg := res.message
		if msg.Via() == nil || msg.From() == nil || msg.To() == nil || msg.CallID() == nil || msg.CSeq() == nil {
			t.Fatalf("handed on without a header field it needs: %q", m.out)
		}
		if _, err := sip.ServerTxKeyMake(msg); err != nil {
			if _, request := msg.(*sip.Request); request {
				t.Fatalf("no transaction for %q: %v", m.out, err)
			}
		}
		first := bytes.Clone(m.out)
		if res := again.mend(first, peer, true); res.message == nil || !bytes.Equal(again.out, first) {
			t.Fatalf("mended again: %+v\n%q\n%q", res.problem, first, again.out)
		}
	})
}

// A message in the form of the RFC's examples reads the same mended as by sipgo alone, but for
// what the edge marks in Via.
func TestMendKeepsSoundMessages(t *testing.T) {
	m := testMender()
	rapid.Check(t, func(r *rapid.T) {
		token := rapid.StringMatching(`[a-zA-Z0-9.\-]{1,12}`)
		host := rapid.SampledFrom([]string{"a.example", "192.0.2.1", "[2001:db8::7]", "x"})
		uri := func(l string) string {
			return "sip:" + token.Draw(r, l) + "@" + host.Draw(r, l) + rapid.SampledFrom([]string{"", ":5060", ";lr", ":9;transport=tcp;x=y"}).Draw(r, l)
		}
		method := rapid.SampledFrom([]string{"INVITE", "OPTIONS", "BYE", "INFO"}).Draw(r, "method")
		body := rapid.StringMatching(`[ -~\r\n]{0,40}`).Draw(r, "body")
		lines := []string{
			"Via: SIP/2.0/UDP " + host.Draw(r, "via") + ":5070;branch=z9hG4bK" + token.Draw(r, "branch"),
			"Via: SIP/2.0/TCP " + host.Draw(r, "via") + ";branch=z9hG4bK" + token.Draw(r, "branch"),
			fmt.Sprintf("From: \"%s\" <%s>;tag=%s", token.Draw(r, "name"), uri("from"), token.Draw(r, "tag")),
			"To: <" + uri("to") + ">;x=" + token.Draw(r, "x"),
			"Call-ID: " + token.Draw(r, "id") + "@" + token.Draw(r, "id"),
			fmt.Sprintf("CSeq: %d %s", rapid.Uint32Range(0, maxCSeq).Draw(r, "seq"), method),
			"Contact: <" + uri("contact") + ">;q=0.5",
			"Record-Route: <" + uri("rr") + ">",
			"Route: <" + uri("route") + ">",
			"Max-Forwards: 70",
			"Subject: " + token.Draw(r, "subject"),
			fmt.Sprintf("Content-Length: %d", len(body)),
		}
		message := method + " " + uri("target") + " SIP/2.0\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n" + body
		want, err := sip.ParseMessage([]byte(message))
		if err != nil {
			r.Fatal(err)
		}
		got, ok := m.mend([]byte(message), peer, false).message.(*sip.Request)
		if !ok {
			r.Fatalf("refused\n%s", message)
		}
		got.Via().Params.Remove("received")
		for _, req := range []*sip.Request{got, want.(*sip.Request)} { // Content-Length ends the header now
			req.RemoveHeader("Content-Length")
		}
		if a, b := text(got), text(want.(*sip.Request)); a != b {
			r.Fatalf("got\n%s\nwant\n%s", a, b)
		}
	})
}

func text(r *sip.Request) string {
	var lines []string
	for _, h := range r.Headers() {
		lines = append(lines, h.Name()+": "+h.Value())
	}
	return string(r.Method) + " " + r.Recipient.String() + "\n" + strings.Join(slices.Clip(lines), "\n") + "\n\n" + string(r.Body())
}
