package sip

import (
	"testing"
	"time"
)

// RFC 6086, 4.2.2 (UA-8)
func TestInfo(t *testing.T) {
	rooms := newRooms()
	_, addr := startServer(t, "udp", Config{Rooms: rooms, ParseInfo: func(contentType string, body []byte) (byte, time.Duration, bool) {
		if contentType != "application/dtmf-relay" || len(body) == 0 {
			return 0, 0, false
		}
		return body[0], 100 * time.Millisecond, true
	}})
	p := newPhone(t, "udp", addr)
	p.call()
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	for _, tt := range []struct {
		name    string
		body    string
		headers []string
		code    int
		event   string
	}{
		{"digit", "5", []string{"Content-Type: application/dtmf-relay"}, 200, "digit 5 100ms"},
		{"empty", "", nil, 200, ""},
		{"package", "x", []string{"Info-Package: nonsense", "Content-Type: application/dtmf-relay"}, 469, ""},
		{"unknown body", "x", []string{"Content-Type: application/media_control+xml"}, 415, ""},
		{"digit again", "#", []string{"Content-Type: application/dtmf-relay"}, 200, "digit # 100ms"},
	} {
		p.request("INFO", tt.body, tt.headers...)
		res := p.response("INFO", tt.code)
		if tt.code == 469 && len(res.GetHeaders("recv-info")) != 1 {
			t.Errorf("%s: no Recv-Info", tt.name)
		}
		if tt.event != "" {
			leg.want(t, tt.event)
		}
	}
}
