package sip

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A datagram bears the time at which the kernel had it, not that at which it was read.
func TestStamps(t *testing.T) {
	e := NewEdge(EdgeConfig{})
	c, err := e.ListenPacket(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	phone, err := net.Dial("udp", c.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	for give := time.Now().Add(patience); ; { // the first may come before the kernel has begun to stamp
		if _, err := phone.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		sent := time.Now()
		buf := make([]byte, 100)
		n, from, came, err := readFrom(c, buf)
		if err != nil || string(buf[:n]) != "hello" || from != addrPort(phone.LocalAddr()) {
			t.Fatalf("read %q from %v, %v", buf[:n], from, err)
		}
		if came.Before(sent) {
			return
		}
		if time.Now().After(give) {
			t.Fatalf("sent by %v, and came %v: the time of reading", sent, came)
		}
	}
}

func TestStampsThatAreNone(t *testing.T) {
	message := func(level, kind uint32, seconds, nanoseconds uint64) []byte {
		b := binary.NativeEndian.AppendUint64(nil, unix.SizeofCmsghdr+16)
		b = binary.NativeEndian.AppendUint32(b, level)
		b = binary.NativeEndian.AppendUint32(b, kind)
		b = binary.NativeEndian.AppendUint64(b, seconds)
		return binary.NativeEndian.AppendUint64(b, nanoseconds)
	}
	now := time.Unix(1000, 500)
	for _, tt := range []struct {
		what    string
		control []byte
		age     time.Duration
	}{
		{"none", nil, 0},
		{"half of one", message(unix.SOL_SOCKET, unix.SCM_TIMESTAMPNS, 999, 0)[:20], 0},
		{"something else", message(unix.SOL_SOCKET, unix.SCM_TIMESTAMPNS+1, 999, 0), 0},
		{"of another level", message(unix.IPPROTO_IP, unix.SCM_TIMESTAMPNS, 999, 0), 0},
		{"a second", message(unix.SOL_SOCKET, unix.SCM_TIMESTAMPNS, 999, 500), time.Second},
		{"at once", message(unix.SOL_SOCKET, unix.SCM_TIMESTAMPNS, 1000, 500), 0},
		{"to come: the clock was set back", message(unix.SOL_SOCKET, unix.SCM_TIMESTAMPNS, 1001, 0), 0},
		{"an hour: the clock was set forward", message(unix.SOL_SOCKET, unix.SCM_TIMESTAMPNS, 1000-900, 0), 0},
	} {
		if got := age(now, stampOf(tt.control)); got != tt.age {
			t.Errorf("%s: %v old, want %v", tt.what, got, tt.age)
		}
	}
}
