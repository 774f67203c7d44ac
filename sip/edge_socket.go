package sip

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// markSocket gives a function for net.ListenConfig and net.Dialer that sets the
// DSCP of a socket; below 0 it gives nil. A system that refuses the mark still
// gets its socket.
func markSocket(dscp int) func(network, address string, c syscall.RawConn) error {
	if dscp < 0 {
		return nil
	}
	return func(network, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TOS, dscp<<2)
			if strings.HasSuffix(network, "6") {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_TCLASS, dscp<<2)
			}
		})
	}
}
