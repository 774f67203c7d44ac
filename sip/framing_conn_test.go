package sip

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// CRLF CRLF is answered with CRLF, in whatever pieces it comes, between and not inside messages
// (RFC 5626, 4.4.1; LIBRARIES 1, trap 12).
func TestPing(t *testing.T) {
	_, addr := startServer(t, "tcp", Config{Rooms: newRooms()})
	conn := tortureConn(t, "tcp", addr)
	for _, pieces := range [][]string{{"\r\n\r\n"}, {"\r", "\n", "\r", "\n"}, {"\r\n", "\r\n"}} {
		for _, p := range pieces {
			send(t, conn, []byte(p))
		}
		pong := make([]byte, 2)
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.ReadFull(conn, pong); err != nil || string(pong) != "\r\n" {
			t.Fatalf("%q, %v", pong, err)
		}
		send(t, conn, optionsFrom(conn, "tcp"))
		isOptions(t, finalAnswer(t, conn, "tcp"))
	}
}

// Where a stream cannot be read on, the peer is told and the connection closed; other faults
// leave it open.
func TestBrokenFraming(t *testing.T) {
	for _, tt := range []struct {
		name, message, answer string
		open                  bool
	}{
		{"negative length", change("Max-Forwards", "Content-Length: -999"), "SIP/2.0 400 Bad Request: malformed Content-Length", false},
		{"two lengths", sound("Content-Length: 13", "Content-Length: 5"), "SIP/2.0 400 ", false},
		{"too large a body", sound("l: 999999"), "SIP/2.0 413 ", false},
		{"too large a header", sound("X: " + strings.Repeat("x", 70000)), "SIP/2.0 513 ", false},
		{"another protocol", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "", false},
		{"malformed, but framed", change("CSeq", "CSeq: x"), "SIP/2.0 400 Bad Request: malformed CSeq", true},
		{"no Content-Length", sound(), "SIP/2.0 200 ", true},
		{"a body, but no Content-Length", sound() + "v=0\r\ns=-\r\n", "SIP/2.0 200 ", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, addr := startServer(t, "tcp", Config{Rooms: newRooms()})
			conn := tortureConn(t, "tcp", addr)
			send(t, conn, []byte(tt.message))
			if tt.answer != "" {
				if got := finalAnswer(t, conn, "tcp"); !bytes.HasPrefix(got, []byte(tt.answer)) {
					t.Errorf("answered\n%s", got)
				}
			}
			if tt.open {
				send(t, conn, optionsFrom(conn, "tcp"))
				isOptions(t, finalAnswer(t, conn, "tcp"))
				return
			}
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			if n, err := conn.Read(make([]byte, 1)); n != 0 || errors.Is(err, syscall.ETIMEDOUT) || isTimeout(err) {
				t.Errorf("not closed: %d, %v", n, err)
			}
			eventually(t, func() bool { n := s.edge.Snapshot(); return n.BadFraming == 1 && n.Conns == 0 })
		})
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}
