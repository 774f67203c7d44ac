package call

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"trivox/media"
)

// packet is one datagram with the time it came.
type packet struct {
	rtcp    bool
	b       []byte
	from    netip.AddrPort
	arrival time.Duration // a time of media.Now
}

// sockets are the two ports of the call.
type sockets struct {
	rtp, rtcp *net.UDPConn
	in        chan packet   // what arrived
	free      chan []byte   // buffers to be used again
	dropped   atomic.Uint64 // nobody took them in time
}

const (
	datagram = 2048
	queue    = 256
)

func openSockets(addr netip.Addr) (*sockets, error) {
	any := net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0))
	rtp, err := net.ListenUDP("udp", any)
	if err != nil {
		return nil, err
	}
	rtcp, err := net.ListenUDP("udp", any)
	if err != nil {
		return nil, errors.Join(err, rtp.Close())
	}
	s := &sockets{rtp: rtp, rtcp: rtcp, in: make(chan packet, queue), free: make(chan []byte, queue)}
	go s.read(rtp, false)
	go s.read(rtcp, true)
	return s, nil
}

// read ends when the socket is closed.
func (s *sockets) read(conn *net.UDPConn, rtcp bool) {
	for {
		var b []byte
		select {
		case b = <-s.free:
		default:
			b = make([]byte, datagram)
		}
		n, from, err := conn.ReadFromUDPAddrPort(b[:datagram])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of something we sent
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		select {
		case s.in <- packet{rtcp: rtcp, b: b[:n], from: from, arrival: media.Now()}:
		default:
			s.dropped.Add(1)
			s.done(b)
		}
	}
}

// done gives a buffer back.
func (s *sockets) done(b []byte) {
	select {
	case s.free <- b:
	default:
	}
}

func (s *sockets) ports() (rtp, rtcp uint16) {
	port := func(c *net.UDPConn) uint16 { return c.LocalAddr().(*net.UDPAddr).AddrPort().Port() }
	return port(s.rtp), port(s.rtcp)
}

func (s *sockets) close() { s.rtp.Close(); s.rtcp.Close() }
