package sip

import (
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

func multi(boundary string, parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\n" + p + "\r\n")
	}
	return b.String() + "--" + boundary + "--\r\n"
}

func message(body string, headers ...string) sipgo.Message {
	m := sipgo.NewRequest(sipgo.INVITE, sipgo.Uri{Host: "x"})
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		m.AppendHeader(sipgo.NewHeader(k, v))
	}
	m.SetBody([]byte(body))
	return m
}

// RFC 3261, 8.2.3; RFC 5621 (UA-9)
func TestDescription(t *testing.T) {
	sdp := "Content-Type: application/sdp\r\n\r\nv=0"
	other := "Content-Type: application/isup\r\n\r\nxx"
	optional := "Content-Type: application/isup\r\nContent-Disposition: signal;handling=optional\r\n\r\nxx"
	tests := []struct {
		name    string
		headers []string
		body    string
		want    string
		code    int
	}{
		{"none", nil, "", "", 0},
		{"plain", []string{"Content-Type: application/sdp"}, "v=0", "v=0", 0},
		{"compact", []string{"c: Application/SDP;charset=utf-8"}, "v=0", "v=0", 0},
		{"forgotten type", nil, "v=0\r\n", "v=0\r\n", 0},
		{"unknown type", []string{"Content-Type: text/plain"}, "v=0", "", 415},
		{"no type", nil, "hello", "", 415},
		{"unknown but optional", []string{"Content-Type: text/plain", "Content-Disposition: render;handling=optional"}, "hi", "", 0},
		{"session", []string{"Content-Type: application/sdp", "Content-Disposition: session;handling=required"}, "v=0", "v=0", 0},
		{"other disposition", []string{"Content-Type: application/sdp", "Content-Disposition: early-session"}, "v=0", "", 415},
		{"encoded", []string{"Content-Type: application/sdp", "Content-Encoding: gzip"}, "v=0", "", 415},
		{"identity", []string{"Content-Type: application/sdp", "e: identity"}, "v=0", "v=0", 0},
		{"mixed", []string{"Content-Type: multipart/mixed;boundary=b"}, multi("b", sdp, optional), "v=0", 0},
		{"mixed, last", []string{"Content-Type: multipart/mixed;boundary=\"b\""}, multi("b", optional, sdp), "v=0", 0},
		{"mixed with a required stranger", []string{"Content-Type: multipart/mixed;boundary=b"}, multi("b", sdp, other), "", 415},
		{"alternative with a stranger", []string{"Content-Type: multipart/alternative;boundary=b"}, multi("b", sdp, other), "v=0", 0},
		{"alternative without us", []string{"Content-Type: multipart/alternative;boundary=b"}, multi("b", other, other), "", 415},
		{"nested twice", []string{"Content-Type: multipart/mixed;boundary=a"},
			multi("a", optional, "Content-Type: multipart/mixed;boundary=b\r\n\r\n"+
				multi("b", "Content-Type: multipart/alternative;boundary=c\r\n\r\n"+multi("c", sdp))), "v=0", 0},
		{"nested too deep", []string{"Content-Type: multipart/mixed;boundary=a"},
			multi("a", "Content-Type: multipart/mixed;boundary=b\r\n\r\n"+
				multi("b", "Content-Type: multipart/mixed;boundary=c\r\n\r\n"+
					multi("c", "Content-Type: multipart/mixed;boundary=d\r\n\r\n"+multi("d", sdp)))), "", 415},
		{"no boundary", []string{"Content-Type: multipart/mixed"}, multi("b", sdp), "", 415},
		{"cut off", []string{"Content-Type: multipart/mixed;boundary=b"}, "--b\r\n" + sdp, "", 400},
	}
	for _, tt := range tests {
		got, refusal := description(message(tt.body, tt.headers...))
		code := 0
		if refusal != nil {
			code = refusal.Code
		}
		if string(got) != tt.want || code != tt.code {
			t.Errorf("%s: %q %d, want %q %d", tt.name, got, code, tt.want, tt.code)
		}
	}
}

func FuzzDescription(f *testing.F) {
	f.Add("multipart/mixed;boundary=b", multi("b", "Content-Type: application/sdp\r\n\r\nv=0"))
	f.Add("application/sdp", "v=0")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		got, refusal := description(message(body, "Content-Type: "+contentType))
		if len(got) > len(body) {
			t.Fatalf("%d bytes out of %d", len(got), len(body))
		}
		if got != nil && refusal != nil {
			t.Fatal("found and refused")
		}
	})
}

// RFC 3261, 20.1
func TestAcceptsSDP(t *testing.T) {
	for v, want := range map[string]bool{
		"application/sdp": true, "text/plain, application/SDP;level=1": true, "*/*": true, "application/*;q=0.1": true,
		"text/nobodyKnowsThis": false,
	} {
		req, _ := message("", "Accept: "+v).(*sipgo.Request)
		if got := acceptsSDP(req); got != want {
			t.Errorf("%q: %v", v, got)
		}
	}
}

func TestWarningIsReadable(t *testing.T) {
	for in, want := range map[string]string{
		"304 no codec":        `304 trivox "no codec"`,
		"no \"such\" room":    `399 trivox "no \"such\" room"`,
		"line\r\nInjected: x": `399 trivox "line  Injected: x"`,
		"200 OK":              `399 trivox "200 OK"`,
	} {
		if got := warning(in, "trivox"); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
