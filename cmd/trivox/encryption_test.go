package main

import (
	"net"
	"net/netip"
	"testing"

	"trivox/cmd/trivox/internal/config"
	"trivox/sip"
	"trivox/sip/sdp"
)

// SE-1: what a listener says counts; where nothing is said keys are taken by TLS alone.
func TestEncryptionPolicies(t *testing.T) {
	var e encryption
	port := 5000
	open := func(network, addr string) (net.Addr, error) {
		port++
		return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, nil
	}
	for i, c := range []struct {
		listen string
		want   map[string]sdp.Policy
	}{
		{"127.0.0.1:0", map[string]sdp.Policy{"UDP": sdp.Off, "TCP": sdp.Off}},
		{"127.0.0.1:0?srtp=offered", map[string]sdp.Policy{"UDP": sdp.Offered, "TCP": sdp.Offered}},
		{"tls/127.0.0.1:0", map[string]sdp.Policy{"TLS": sdp.Offered}},
		{"tls/127.0.0.1:0?srtp=required", map[string]sdp.Policy{"TLS": sdp.Required}},
		{"tls/127.0.0.1:0?srtp=off", map[string]sdp.Policy{"TLS": sdp.Off}},
	} {
		var l config.Listen
		if err := l.UnmarshalText([]byte(c.listen)); err != nil {
			t.Fatal(err)
		}
		for _, network := range l.Networks() {
			at, err := e.listen(l, network, open)
			if err != nil {
				t.Fatal(err)
			}
			call := sip.Call{Network: map[string]string{"udp": "UDP", "tcp": "TCP", "tls": "TLS"}[network], Listener: netip.MustParseAddrPort(at.String())}
			if got := e.of(call); got != c.want[call.Network] {
				t.Errorf("%d: %s by %s: %v", i, c.listen, call.Network, got)
			}
		}
	}
	for network, want := range map[string]sdp.Policy{"UDP": sdp.Off, "TLS": sdp.Offered} {
		if got := e.of(sip.Call{Network: network}); got != want {
			t.Errorf("without a listener, by %s: %v", network, got)
		}
	}
}
