package sip

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// ether is a network in memory, on which phones may have any address: on loopback nobody is a stranger.
type ether struct {
	server netip.AddrPort
	in     chan datagram // to the server
	age    atomic.Int64  // nanoseconds that what the server reads has waited for it; 0: none, however busy the machine is

	mu     sync.Mutex
	phones map[netip.AddrPort]*etherConn
	closed chan struct{}
	once   sync.Once
}

type datagram struct {
	from netip.AddrPort
	b    []byte
}

// etherConn is the end of the ether that a phone has.
type etherConn struct {
	ether *ether
	local netip.AddrPort
	in    chan []byte
	once  sync.Once
	done  chan struct{}
}

// startOnEther makes a server that listens on 192.0.2.254 in a network of the test's own.
func startOnEther(t testing.TB, c Config) (*Server, *ether) {
	t.Helper()
	if c.Resolver == nil {
		c.Resolver = dns{}
	}
	s, err := NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	e := &ether{
		server: netip.MustParseAddrPort("192.0.2.254:5060"), in: make(chan datagram, 1024),
		phones: make(map[netip.AddrPort]*etherConn), closed: make(chan struct{}),
	}
	l := &listener{server: s, network: networkUDP, packets: e}
	if err := s.serve(l, e.LocalAddr(), func() error { return s.edge.ServeUDP(e, l.message) }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, e
}

// phone makes a phone at an address.
func (e *ether) phone(t testing.TB, at string) *phone {
	t.Helper()
	c := &etherConn{ether: e, local: netip.MustParseAddrPort(at), in: make(chan []byte, 1024), done: make(chan struct{})}
	e.mu.Lock()
	e.phones[c.local] = c
	e.mu.Unlock()
	return newPhoneOn(t, "udp", c, e.server)
}

func (e *ether) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-e.in:
		return copy(b, d.b), net.UDPAddrFromAddrPort(d.from), nil
	case <-e.closed:
		return 0, nil, net.ErrClosed
	}
}

// readArrival is ReadFrom of a kernel that says when a datagram came.
func (e *ether) readArrival(b []byte) (int, netip.AddrPort, time.Time, error) {
	n, from, err := e.ReadFrom(b)
	age := time.Duration(e.age.Load())
	if age == 0 {
		age = -time.Hour
	}
	return n, addrPort(from), time.Now().Add(-age), err
}

func (e *ether) WriteTo(b []byte, to net.Addr) (int, error) {
	e.mu.Lock()
	c := e.phones[addrPort(to)]
	e.mu.Unlock()
	if c != nil {
		select {
		case c.in <- append([]byte(nil), b...):
		case <-c.done:
		default: // a network may lose what nobody reads
		}
	}
	return len(b), nil
}

func (e *ether) Close() error                     { e.once.Do(func() { close(e.closed) }); return nil }
func (e *ether) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(e.server) }
func (e *ether) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (e *ether) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (e *ether) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

func (c *etherConn) Read(b []byte) (int, error) {
	select {
	case d := <-c.in:
		return copy(b, d), nil
	case <-c.done:
		return 0, net.ErrClosed
	}
}

func (c *etherConn) Write(b []byte) (int, error) {
	select {
	case c.ether.in <- datagram{c.local, append([]byte(nil), b...)}:
		return len(b), nil
	case <-c.ether.closed:
		return 0, net.ErrClosed
	}
}

func (c *etherConn) Close() error                     { c.once.Do(func() { close(c.done) }); return nil }
func (c *etherConn) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(c.local) }
func (c *etherConn) RemoteAddr() net.Addr             { return c.ether.LocalAddr() }
func (c *etherConn) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (c *etherConn) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (c *etherConn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
