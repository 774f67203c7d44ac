package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// receiveBuffer bounds what the kernel keeps for one socket, in bytes as it is asked for (the
// kernel doubles it and counts its own overhead): some hundred packets of sound, two seconds.
const receiveBuffer = 64 << 10

// ErrUnsendable is what sending to an address gives that nothing can be sent to: none, port 0,
// unspecified, multicast, or of the other IP version than the socket.
var ErrUnsendable = errors.New("media: nothing can be sent to this address")

// Socket is a non-blocking UDP socket that Go's netpoller does not know: an arrival wakes nobody.
// Who owns it sweeps it, and he alone closes it, because a descriptor once closed may be another
// leg's at once. A Socket belongs to one goroutine at a time.
type Socket struct {
	fd    int32
	v6    bool
	scope uint32 // of the link-local address it is bound to, else 0
	cadence
	local  netip.AddrPort
	header *header // for Receive; a Sweeper brings its own
}

// header is what recvmsg fills. It points into itself, so it must not be moved or copied: it lives
// on the heap or in a Sweeper's arena, never on a stack.
type header struct {
	msg     unix.Msghdr
	iov     unix.Iovec
	name    unix.RawSockaddrInet6 // large enough for IPv4 too
	control [64]byte              // one SO_TIMESTAMPNS message takes 32 bytes
}

// OpenSocket binds a UDP socket to addr, port 0 for any, which marks what it sends with dscp
// (RFC 2474; 46 is EF). The error is of the system call, wrapped: errors.Is(err, unix.EADDRINUSE).
func OpenSocket(addr netip.AddrPort, dscp int) (*Socket, error) {
	ip := addr.Addr().Unmap()
	if !ip.IsValid() || dscp < 0 || dscp > 63 {
		return nil, fmt.Errorf("media: cannot open a socket on %v with DSCP %d: need an IP address and a DSCP of 0 to 63", addr, dscp)
	}
	s := &Socket{v6: ip.Is6()}
	if ip.Zone() != "" {
		n, err := strconv.ParseUint(ip.Zone(), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("media: zone of %v: need the number of the interface", ip)
		}
		s.scope = uint32(n)
	}
	family := unix.AF_INET
	if s.v6 {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("media: socket: %w", err)
	}
	s.fd = int32(fd)
	if err := s.prepare(netip.AddrPortFrom(ip, addr.Port()), dscp); err != nil {
		s.Close()
		return nil, fmt.Errorf("media: udp %v: %w", addr, err)
	}
	return s, nil
}

func (s *Socket) prepare(addr netip.AddrPort, dscp int) error {
	fd := int(s.fd)
	level, class := unix.IPPROTO_IP, unix.IP_TOS
	var bind unix.Sockaddr
	if s.v6 {
		level, class = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return err
		}
		bind = &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16(), ZoneId: s.scope}
	} else {
		bind = &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	}
	if err := unix.SetsockoptInt(fd, level, class, dscp<<2); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return err
	}
	if err := unix.Bind(fd, bind); err != nil {
		return err
	}
	if s.local = addr; addr.Port() != 0 {
		return nil
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return err
	}
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		s.local = netip.AddrPortFrom(addr.Addr(), uint16(a.Port))
	case *unix.SockaddrInet6:
		s.local = netip.AddrPortFrom(addr.Addr(), uint16(a.Port))
	}
	return nil
}

// Local is the address the socket is bound to.
func (s *Socket) Local() netip.AddrPort { return s.local }

// Close closes the socket. Only its owner may, between two sweeps; the second time does nothing.
func (s *Socket) Close() {
	if s.fd >= 0 {
		unix.Close(int(s.fd))
		s.fd = -1
	}
}

// Receive takes one packet into buf, whatever does not fit being cut off. stamp is the kernel's
// receive time, CLOCK_REALTIME in ns, 0 when there is none (see Stamps). ok is false when the
// socket is empty; an ICMP error that waits on it is taken off and counts as empty.
func (s *Socket) Receive(buf []byte) (n int, from netip.AddrPort, stamp int64, ok bool) {
	if len(buf) == 0 {
		return 0, from, 0, false
	}
	if s.header == nil {
		s.header = new(header)
		s.header.point()
	}
	s.header.iov.Base = &buf[0]
	s.header.iov.SetLen(len(buf))
	n, e := s.header.receive(s.fd)
	if e != 0 {
		return 0, from, 0, false
	}
	return n, s.header.from(), s.header.stamp(), true
}

// Send sends one packet and never blocks. The error is ErrUnsendable or a system call's
// (syscall.Errno): EAGAIN when the send buffer is full, ENETUNREACH, EACCES for a broadcast
// address, ECONNREFUSED once after an ICMP answer. None of them harms the socket.
func (s *Socket) Send(b []byte, to netip.AddrPort) error {
	var name unix.RawSockaddrInet6
	size := s.address(&name, to)
	if size == 0 {
		return ErrUnsendable
	}
	if e := send(s.fd, b, &name, size); e != 0 {
		return e
	}
	return nil
}

// Sendable tells whether a UDP packet can have this destination at all: an address and a port,
// not unspecified (which the kernel takes for the machine itself) and not multicast.
func Sendable(to netip.AddrPort) bool {
	ip := to.Addr()
	return ip.IsValid() && to.Port() != 0 && !ip.Unmap().IsUnspecified() && !ip.Unmap().IsMulticast()
}

// address writes to as the kernel wants it and returns its size, 0 when it cannot be sent to.
func (s *Socket) address(name *unix.RawSockaddrInet6, to netip.AddrPort) uintptr {
	ip := to.Addr().Unmap()
	if !Sendable(to) || ip.Is6() != s.v6 {
		return 0
	}
	port := to.Port()<<8 | to.Port()>>8
	if !s.v6 {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		*v4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port, Addr: ip.As4()}
		return unix.SizeofSockaddrInet4
	}
	*name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: port, Addr: ip.As16()}
	if ip.IsLinkLocalUnicast() {
		name.Scope_id = s.scope
	}
	return unix.SizeofSockaddrInet6
}

func send(fd int32, b []byte, name *unix.RawSockaddrInet6, size uintptr) syscall.Errno {
	_, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(name)), size)
	return e
}

// point joins the parts of a header that never change.
func (h *header) point() {
	h.msg.Name = (*byte)(unsafe.Pointer(&h.name))
	h.msg.Iov = &h.iov
	h.msg.Iovlen = 1
	h.msg.Control = &h.control[0]
}

// receive is one recvmsg into h.iov. A raw system call: the socket is non-blocking, so the thread
// is back before the scheduler could miss it.
func (h *header) receive(fd int32) (int, syscall.Errno) {
	h.msg.Namelen = unix.SizeofSockaddrInet6
	h.msg.SetControllen(len(h.control))
	n, _, e := syscall.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&h.msg)), unix.MSG_DONTWAIT)
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// from is the source address of what receive took, IPv4 as such and IPv6 without zone.
func (h *header) from() netip.AddrPort {
	port := h.name.Port<<8 | h.name.Port>>8
	if h.name.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&h.name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(h.name.Addr), port)
}

// stamp is the kernel's receive time, CLOCK_REALTIME in ns, 0 when the packet has none.
func (h *header) stamp() int64 {
	if h.msg.Controllen < unix.SizeofCmsghdr+16 {
		return 0
	}
	c := (*unix.Cmsghdr)(unsafe.Pointer(&h.control[0]))
	if c.Level != unix.SOL_SOCKET || c.Type != unix.SCM_TIMESTAMPNS {
		return 0
	}
	sec := binary.NativeEndian.Uint64(h.control[unix.SizeofCmsghdr:])
	nsec := binary.NativeEndian.Uint64(h.control[unix.SizeofCmsghdr+8:])
	return int64(sec)*1e9 + int64(nsec)
}
