package sip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
)

// bindingBy is what is noted of a phone that registers by f.
func bindingBy(f *flow) Binding {
	return Binding{Transport: f.network(), Source: f.source, Local: f.local(), Flow: f.token()}
}

// A binding leads back by the way it was made, while there is one: the same connection, or the socket and the peer's
// address. RFC 5626, 5.3
func TestFlowOfBinding(t *testing.T) {
	ca := newAuthority(t)
	for _, network := range []string{"udp", "tcp", "tls"} {
		t.Run(network, func(t *testing.T) {
			rooms := newRooms()
			s, addr := startServer(t, network, Config{Rooms: rooms, TLS: ca.server("127.0.0.1")})
			var p *phone
			if network == "tls" {
				p = newTLSPhone(t, addr, ca.client("127.0.0.1"))
			} else {
				p = newPhone(t, network, addr)
			}
			p.call()
			if l := rooms.leg(t); l.call.Network != map[string]string{"udp": "UDP", "tcp": "TCP", "tls": "TLS"}[network] || l.call.Listener != addr {
				t.Errorf("the room was told %q at %v", l.call.Network, l.call.Listener)
			}
			b := bindingBy(onlyDialog(t, s).flow)
			if b.Source != addrPort(p.conn.LocalAddr()) || b.Local != addr || (b.Flow == "") != (network == "udp") {
				t.Errorf("%+v", b)
			}
			f, err := s.flowOf(b)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.write(fmt.Appendf(nil, "NOTIFY sip:alice@h SIP/2.0\r\nVia: SIP/2.0/X h\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n"+
				"Call-ID: x\r\nCSeq: 1 NOTIFY\r\nContent-Length: 0\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
			p.asked("NOTIFY")
			if network == "udp" {
				b.Local = netip.AddrPortFrom(addr.Addr(), addr.Port()^1)
			} else {
				_ = p.conn.Close()
				eventually(t, func() bool { return s.edge.connOf(b.Flow) == nil })
				if err := f.write([]byte("x")); err == nil {
					t.Error("an ended connection was written to")
				}
			}
			if _, err := s.flowOf(b); !errors.Is(err, errFlowClosed) {
				t.Errorf("of a flow that is no more: %v", err)
			}
		})
	}
	for _, b := range []Binding{{}, {Transport: "TCP"}, {Transport: "TLS", Flow: "guessed"}, {Transport: "UDP"}} {
		s, _ := startServer(t, "tcp", Config{Rooms: newRooms()})
		if _, err := s.flowOf(b); !errors.Is(err, errFlowClosed) {
			t.Errorf("%+v: %v", b, err)
		}
	}
}

// A connection of ours has a token too, as long as it lives.
func TestFlowOfDialled(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	s, addr := startServer(t, "tcp", Config{Rooms: newRooms()})
	f, err := s.listenerAt(networkTCP, addr).dial(t.Context(), addrPort(l.Addr()), networkTCP, "")
	if err != nil {
		t.Fatal(err)
	}
	b := bindingBy(f)
	if back, err := s.flowOf(b); err != nil || back.conn != f.conn {
		t.Errorf("%v, %v", back, err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = far.Close()
	eventually(t, func() bool { return b.Flow != "" && s.edge.connOf(b.Flow) == nil })
}

// The socket of an address is the one bound to it, else the one bound to all of its family.
func TestListenerAt(t *testing.T) {
	s, _ := startServer(t, "udp", Config{Rooms: newRooms()})
	listeners := s.listeners
	defer func() { s.listeners = listeners }()
	at := func(network, addr string) *listener {
		return &listener{network: network, local: netip.MustParseAddrPort(addr)}
	}
	s.listeners = []*listener{at("UDP", "0.0.0.0:5060"), at("UDP", "192.0.2.1:5060"), at("UDP", "[::]:5060"), at("TLS", "192.0.2.1:5061")}
	for _, tt := range []struct{ network, addr, want string }{
		{"UDP", "192.0.2.1:5060", "192.0.2.1:5060"}, {"UDP", "192.0.2.2:5060", "0.0.0.0:5060"}, {"UDP", "[2001:db8::1]:5060", "[::]:5060"},
		{"UDP", "192.0.2.1:5061", ""}, {"TCP", "192.0.2.1:5060", ""}, {"TLS", "192.0.2.1:5061", "192.0.2.1:5061"},
	} {
		got := ""
		if l := s.listenerAt(tt.network, netip.MustParseAddrPort(tt.addr)); l != nil {
			got = l.local.String()
		}
		if got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.network, tt.addr, got, tt.want)
		}
	}
	near := at("UDP", "192.0.2.1:5060")
	if l := s.listenerLike("TLS", near); l != s.listeners[3] {
		t.Errorf("TLS near %v: %v", near.local, l.local)
	}
	if l := s.listenerLike("TCP", near); l != near {
		t.Errorf("TCP near %v: %v", near.local, l.local)
	}
}
