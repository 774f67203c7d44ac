package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// deafConn is a connection whose peer reads nothing.
type deafConn struct {
	net.Conn
	from    netip.AddrPort
	writing chan struct{} // something wants to be read
}

func (c *deafConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.from) }
func (c *deafConn) LocalAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.254:5060"))
}

func (c *deafConn) Write(b []byte) (int, error) {
	select {
	case c.writing <- struct{}{}:
	default:
	}
	return c.Conn.Write(b)
}

// Who opens a transaction by TCP, reads nothing there, and then sends by UDP what belongs to it, holds up nobody but
// himself: the socket for UDP is everybody's. (STYLE 16)
func TestDatagramsDoNotWaitForConnections(t *testing.T) {
	rooms := newRooms()
	held := rooms.hold()
	rooms.enter = func(context.Context, Call, *fakeLeg) error { held.wait(); return nil }
	c, _, _ := guarded(rooms)
	c.Allowed = func(a netip.Addr) (bool, string) { return a == phoneB, "allow" }
	c.Edge.WriteTimeout = time.Minute
	s, ether := startOnEther(t, c)
	streamsIn := &calls{next: make(chan net.Conn), closed: make(chan struct{})}
	l := &listener{server: s, network: networkTCP, accepts: streamsIn}
	if err := s.serve(l, streamsIn.Addr(), func() error {
		return s.edge.accept(streamsIn, streams{handle: l.message, listener: l})
	}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, from string
		held       bool // the INVITE waits for its room, and is told so; else it is refused
	}{
		{"refused", "198.51.100.1", false},
		{"open", "198.51.100.2", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.held {
				defer held.open()
			}
			near, far := net.Pipe()
			t.Cleanup(func() { _ = far.Close() })
			deaf := &deafConn{near, netip.AddrPortFrom(netip.MustParseAddr(tt.from), 4000), make(chan struct{}, 1)}
			streamsIn.next <- deaf
			message := func(method string) []byte {
				return fmt.Appendf(nil, "%s sip:tea@example.com SIP/2.0\r\nVia: SIP/2.0/TCP %s;branch=z9hG4bKdeaf\r\nFrom: <sip:x@elsewhere.net>;tag=f\r\n"+
					"To: <sip:tea@example.com>\r\nCall-ID: deaf-%[2]s\r\nCSeq: 1 %[1]s\r\nContact: <sip:x@%[2]s>\r\nContent-Length: 0\r\n\r\n", method, tt.from)
			}
			if _, err := far.Write(message("INVITE")); err != nil {
				t.Fatal(err)
			}
			<-deaf.writing // and waits
			for _, method := range []string{"INVITE", "CANCEL", "ACK", "INVITE"} {
				b := message(method)
				if method == "CANCEL" || method == "ACK" {
					b = []byte(strings.Replace(string(b), "Contact: <sip:x@"+tt.from+">\r\n", "", 1))
				}
				ether.in <- datagram{netip.AddrPortFrom(netip.MustParseAddr(tt.from), 4000), b}
			}
			good := ether.phone(t, "198.51.100.9:5060")
			good.uri = "sip:example.com"
			good.request("OPTIONS", "")
			good.response("OPTIONS", 200)
		})
	}
}
