package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// ListenPacket opens a datagram socket for ServeUDP, addr as "127.0.0.1:5060"
// or "[::1]:0". An IPv6 address takes IPv6 only, so that both families can be
// listened to on one port. What is written to it goes out as it must: see
// datagrams.
func (e *Edge) ListenPacket(ctx context.Context, addr string) (net.PacketConn, error) {
	lc := net.ListenConfig{Control: markSocket(e.cfg.DSCP)}
	c, err := lc.ListenPacket(ctx, network("udp", addr), addr)
	if err != nil {
		return nil, fmt.Errorf("sip: listen udp %s: %w", addr, err)
	}
	if u, ok := c.(*net.UDPConn); ok {
		_ = u.SetReadBuffer(4 << 20) // as much of it as the system allows: a flood comes while the reader waits for a processor
		return &datagrams{PacketConn: c, stamps: newStamps(u)}, nil
	}
	return &datagrams{PacketConn: c}, nil
}

// network adds the family to the name of a transport, from the address.
func network(transport, addr string) string {
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		if ap.Addr().Unmap().Is4() {
			return transport + "4"
		}
		return transport + "6"
	}
	return transport
}

// datagrams is a socket whose writes take the placeholder off the From of
// clients that send no tag.
type datagrams struct {
	net.PacketConn
	stamps *stamps // nil: there are none
}

func (d *datagrams) WriteTo(b []byte, to net.Addr) (int, error) {
	if _, err := d.PacketConn.WriteTo(dropEmptyTag(b), to); err != nil {
		return 0, err
	}
	return len(b), nil
}

// leastPacket is the shortest datagram looked at: phones send CRLFs, "jaK" or
// four zero bytes to keep a NAT open (Q27).
const leastPacket = 20

// readPause is the wait after an error of a socket that is not closed.
const readPause = 10 * time.Millisecond

// ServeUDP reads c until it is closed, and then returns nil.
func (e *Edge) ServeUDP(c net.PacketConn, handle Handler) error {
	m := e.newMender()
	buf := make([]byte, maxPacket)
	for {
		n, source, came, err := readFrom(c, buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil: // of one datagram, or for lack of memory: the socket is still good
			e.count.readErrors.Add(1)
			e.once(causeReadError, "reading datagrams", "local", c.LocalAddr(), "error", err)
			time.Sleep(readPause)
			continue
		case n < leastPacket || !source.IsValid():
			e.count.junk.Add(1)
			continue
		case e.cfg.Refused(source.Addr()):
			e.count.refused.Add(1)
			continue
		case e.cfg.Stale(buf[:n], came):
			e.count.stale.Add(1)
			continue
		case isSTUN(buf[:n]):
			e.count.pings.Add(1)
			if _, err := c.WriteTo(appendSTUN(nil, buf[:n], source), net.UDPAddrFromAddrPort(source)); err != nil {
				e.count.unsent.Add(1)
			}
			continue
		}
		res := m.mend(buf[:n], source, false)
		if b := e.take(res, source, nil, came, handle); b != nil {
			if _, err := c.WriteTo(b, net.UDPAddrFromAddrPort(res.to)); err != nil {
				e.count.unsent.Add(1)
			}
		}
	}
}

// arrivals is a socket that knows when what it gives came.
type arrivals interface {
	readArrival(buf []byte) (n int, from netip.AddrPort, came time.Time, err error)
}

func (d *datagrams) readArrival(buf []byte) (int, netip.AddrPort, time.Time, error) {
	if d.stamps != nil {
		return d.stamps.read(buf)
	}
	return readFrom(d.PacketConn, buf)
}

// readFrom reads a datagram, which came just now if the socket does not know it; addresses of IPv4 are plain even on an IPv6
// socket.
func readFrom(c net.PacketConn, buf []byte) (int, netip.AddrPort, time.Time, error) {
	if a, ok := c.(arrivals); ok {
		return a.readArrival(buf)
	}
	n, from, err := c.ReadFrom(buf)
	return n, addrPort(from), time.Now(), err
}
