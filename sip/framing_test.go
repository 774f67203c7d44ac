package sip

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func newFramer() *framer {
	return &framer{limits: framingLimits{header: 64 << 10, body: 64 << 10}}
}

// frames gives b to a framer in pieces of the sizes that size says and tells what came out.
func frames(f *framer, b []byte, size func(left int) int) (out []string) {
	for {
		for {
			msg, pings, p, ok := f.next()
			for range pings {
				out = append(out, "ping")
			}
			if !ok {
				return append(out, fmt.Sprintf("broken %d", p.code))
			}
			if msg == nil {
				break
			}
			out = append(out, string(msg))
		}
		if len(b) == 0 {
			if f.inside() {
				out = append(out, "inside")
			}
			return out
		}
		n := copy(f.space(), b[:max(1, min(size(len(b)), len(b)))])
		f.wrote(n)
		b = b[n:]
	}
}

func whole(left int) int { return left }
func single(int) int     { return 1 }

const (
	framedA = "OPTIONS sip:a@b SIP/2.0\r\nX: y\r\nContent-Length: 4\r\n\r\n\r\n\r\n"
	framedB = "SIP/2.0 200 OK\r\nl\t:\r\n  3\r\n\r\nabc"
	framedC = "BYE sip:a@b SIP/2.0\nVia: x\n\n" // LF alone, no Content-Length
)

// RFC 3261, 18.3; RFC 5626, 4.4.1 (TR-4)
func TestFraming(t *testing.T) {
	tooLong := "A sip:a@b SIP/2.0\r\nX: " + strings.Repeat("x", 64<<10)
	for _, tt := range []struct {
		name, in string
		out      []string
	}{
		{"nothing", "", nil},
		{"line ends before and between", "\r\n" + framedA + "\r\n" + framedB, []string{framedA, framedB}},
		{"no Content-Length is no body", framedC + framedA, []string{framedC, framedA}},
		{"what may be a body without Content-Length", framedC + "v=0\r\n\r\no=x\r\n" + framedA + "x\r\n", []string{framedC, framedA, "broken 0"}},
		{"more than may be a body", framedC + strings.Repeat("v=0\r\n", 14000), []string{framedC, "broken 0"}},
		{"pings", "\r\n\r\n" + framedA + "\r\n\r\n\r\n\r\n\r\n" + framedB + "\r\n", []string{"ping", framedA, "ping", "ping", framedB}},
		{"zeros keep a NAT open", "\x00\x00\x00\x00" + framedA, []string{framedA}},
		{"begun", framedA + "OPT", []string{framedA, "inside"}},
		{"another protocol", "GET / HTTP/1.1\r\n", []string{"broken 0"}},
		{"no number", "A sip:a@b SIP/2.0\r\nContent-Length: -1\r\n\r\n", []string{"broken 400"}},
		{"two lengths", "A sip:a@b SIP/2.0\r\nContent-Length: 1\r\nL: 1\r\n\r\nx", []string{"broken 400"}},
		{"a body beyond the limit", "A sip:a@b SIP/2.0\r\nContent-Length: 65537\r\n\r\n", []string{"broken 413"}},
		{"a header beyond the limit", tooLong, []string{"broken 513"}},
		{"a body at the limit", "A sip:a@b SIP/2.0\r\nl:65536\r\n\r\n" + strings.Repeat("b", 64<<10),
			[]string{"A sip:a@b SIP/2.0\r\nl:65536\r\n\r\n" + strings.Repeat("b", 64<<10)}},
	} {
		for name, size := range map[string]func(int) int{"whole": whole, "a byte at a time": single} {
			if got := frames(newFramer(), []byte(tt.in), size); fmt.Sprint(got) != fmt.Sprint(tt.out) {
				t.Errorf("%s, %s:\n got %.300q\nwant %.300q", tt.name, name, got, tt.out)
			}
		}
	}
}

// A buffer that grew for one large message does not stay.
func TestFramingGivesBufferBack(t *testing.T) {
	f := newFramer()
	big := "A sip:a@b SIP/2.0\r\nl:60000\r\n\r\n" + strings.Repeat("b", 60000)
	frames(f, []byte(big+framedA), whole)
	if cap(f.buf) > 4*firstBuffer {
		t.Errorf("%d bytes kept", cap(f.buf))
	}
}

// However a stream is cut, the same comes out as when it comes whole.
func FuzzFraming(f *testing.F) {
	seeds(f)
	f.Add([]byte("\r\n\r\n" + framedA + framedB + "\r\n\r\n" + framedC))
	f.Fuzz(func(t *testing.T, b []byte) {
		limits := framingLimits{header: 512, body: 256}
		want := frames(&framer{limits: limits}, bytes.Clone(b), whole)
		r := rand.New(rand.NewPCG(uint64(len(b)), 1))
		for _, size := range []func(int) int{single, func(left int) int { return r.IntN(left) + 1 }, func(int) int { return r.IntN(7) + 1 }} {
			if got := frames(&framer{limits: limits}, bytes.Clone(b), size); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%q\nwhole  %q\npieces %q", b, want, got)
			}
		}
	})
}
