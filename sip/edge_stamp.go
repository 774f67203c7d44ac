package sip

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// stampMost is the longest time that a datagram can have waited for its reader: if its stamp is older, the clock was set.
const stampMost = 10 * time.Second

// stamps reads a socket whose datagrams bear the time at which the kernel had them: under load they wait for the reader,
// and whoever decides what can be done in time has to know for how long. It is for one goroutine.
type stamps struct {
	conn    *net.UDPConn
	control [64]byte
}

// newStamps has the kernel stamp what comes from now on; without its leave all seems to have come when it is read.
func newStamps(c *net.UDPConn) *stamps {
	if raw, err := c.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) })
	}
	return &stamps{conn: c}
}

func (s *stamps) read(buf []byte) (int, netip.AddrPort, time.Time, error) {
	n, size, _, from, err := s.conn.ReadMsgUDPAddrPort(buf, s.control[:])
	now := time.Now()
	return n, unmapPort(from), now.Add(-age(now, stampOf(s.control[:size]))), err
}

// stampOf is the time in control messages, nanoseconds of the wall clock; 0 is none.
func stampOf(control []byte) int64 {
	const header, seconds = unix.SizeofCmsghdr, unix.SizeofCmsghdr + 8
	if len(control) < seconds+8 || binary.NativeEndian.Uint32(control[8:]) != unix.SOL_SOCKET || binary.NativeEndian.Uint32(control[12:]) != unix.SCM_TIMESTAMPNS {
		return 0
	}
	return int64(binary.NativeEndian.Uint64(control[header:]))*int64(time.Second) + int64(binary.NativeEndian.Uint64(control[seconds:]))
}

// age is how long ago a stamp was, 0 when it cannot be true.
func age(now time.Time, stamp int64) time.Duration {
	d := time.Duration(now.UnixNano() - stamp)
	if stamp == 0 || d < 0 || d > stampMost {
		return 0
	}
	return d
}
