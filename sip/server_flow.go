package sip

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	sipgo "github.com/emiago/sipgo/sip"
)

// flow is one way to a peer: a datagram socket and the peer's address, or a connection. It is the
// Connection that sipgo's transactions write to; it is immutable and holds no reference count,
// so the life of a connection is the reader's business alone.
type flow struct {
	listener *listener
	remote   netip.AddrPort // where messages go
	source   netip.AddrPort // where the request came from
	conn     net.Conn       // nil for UDP
}

var errFlowClosed = errors.New("sip: no connection to the peer")

var messageBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// WriteMsg sends m to the peer, wherever m itself says it goes.
func (f *flow) WriteMsg(m sipgo.Message) error {
	b := messageBuffers.Get().(*bytes.Buffer)
	defer messageBuffers.Put(b)
	b.Reset()
	m.StringWrite(b)
	return f.write(b.Bytes())
}

// write sends one message to the peer.
func (f *flow) write(b []byte) error {
	if f.conn != nil {
		_, err := f.conn.Write(b)
		return err
	}
	if f.listener.packets == nil {
		return errFlowClosed
	}
	_, err := f.listener.packets.WriteTo(b, net.UDPAddrFromAddrPort(f.remote))
	return err
}

// LocalAddr is the socket's.
func (f *flow) LocalAddr() net.Addr {
	if f.conn != nil {
		return f.conn.LocalAddr()
	}
	return f.listener.packets.LocalAddr()
}

func (f *flow) Ref(int) int            { return 1 }
func (f *flow) TryClose() (int, error) { return 1, nil }
func (f *flow) Close() error           { return nil }

func (f *flow) reliable() bool { return f.conn != nil }

// Names of transports, as Via has them. RFC 3261, 20.42
const (
	networkUDP = "UDP"
	networkTCP = "TCP"
	networkTLS = "TLS"
)

func (f *flow) network() string { return networkOf(f.conn) }

// local is the address of ours that the peer talks to.
func (f *flow) local() netip.AddrPort {
	if f.conn != nil {
		return addrPort(f.conn.LocalAddr())
	}
	return f.listener.addressFor(f.source.Addr())
}

// responseTo gives the address for responses to a datagram. RFC 3261, 18.2.2; RFC 3581, 4 (TR-3)
func responseTo(source netip.AddrPort, via *sipgo.ViaHeader) netip.AddrPort {
	if via.Params.Has("rport") {
		return source
	}
	if via.Port > 0 && via.Port < 65536 {
		return netip.AddrPortFrom(source.Addr(), uint16(via.Port))
	}
	return netip.AddrPortFrom(source.Addr(), 5060)
}

// markVia writes received and rport into the top Via. RFC 3261, 18.2.1; RFC 3581, 4 (TR-3)
func markVia(source netip.AddrPort, via *sipgo.ViaHeader) {
	rport := via.Params.Has("rport")
	if rport {
		via.Params.Add("rport", strconv.Itoa(int(source.Port())))
	}
	if host, err := netip.ParseAddr(strings.Trim(via.Host, "[]")); rport || err != nil || host.Unmap() != source.Addr() {
		via.Params.Add("received", source.Addr().String())
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		return unmapPort(a.AddrPort())
	case *net.TCPAddr:
		return unmapPort(a.AddrPort())
	case nil:
		return netip.AddrPort{}
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return unmapPort(ap)
}

func unmapPort(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
