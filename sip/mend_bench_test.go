package sip

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// invite is what a softphone sends, 1.0 kB.
var invite = strings.Replace(sound(
	"Contact: \"Ada\" <sip:ada@198.51.100.7:5070;ob>;+sip.instance=\"<urn:uuid:0>\"",
	"Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER, MESSAGE, OPTIONS",
	"Supported: replaces, 100rel, timer, norefersub", "Session-Expires: 1800", "Min-SE: 90", "User-Agent: Softphone 4.2",
	"Content-Type: application/sdp", "Content-Length: 412"), "OPTIONS", "INVITE", 2) + strings.Repeat("a=rtpmap:0 PCMU/8000\r\n", 19)[:412]

// BenchmarkMend is the whole cost of a message at the edge, sipgo's parser included.
func BenchmarkMend(b *testing.B) {
	m, message := testMender(), []byte(invite)
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		if m.mend(message, peer, false).message == nil {
			b.Fatal("refused")
		}
	}
}

// BenchmarkMendAlone leaves sipgo's parser out.
func BenchmarkMendAlone(b *testing.B) {
	m, message := testMender(), []byte(invite)
	b.ReportAllocs()
	for b.Loop() {
		var res mended
		m.reading.read(message)
		body, _ := m.reading.judge(false)
		if p := m.write(&res, body, peer); p.code != 0 {
			b.Fatal(p)
		}
	}
}

// BenchmarkSipgoAlone is sipgo's parser on the message as it came.
func BenchmarkSipgoAlone(b *testing.B) {
	p, message := sip.NewParser(), []byte(invite)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.ParseSIP(message); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRefuse is the cost of an answer without state.
func BenchmarkRefuse(b *testing.B) {
	m, message := testMender(), []byte(strings.Replace(invite, "CSeq: 1 ", "CSeq: x ", 1))
	b.ReportAllocs()
	for b.Loop() {
		if m.mend(message, peer, false).answer == nil {
			b.Fatal("not answered")
		}
	}
}

// BenchmarkFraming is the cost of cutting one message out of a stream.
func BenchmarkFraming(b *testing.B) {
	f, message := newFramer(), []byte(invite)
	b.ReportAllocs()
	for b.Loop() {
		f.wrote(copy(f.space(), message))
		if msg, _, _, ok := f.next(); !ok || len(msg) != len(message) {
			b.Fatal("not framed")
		}
	}
}
