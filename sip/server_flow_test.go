package sip

import (
	"net/netip"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// RFC 3261, 18.2.1 and 18.2.2; RFC 3581, 4 (TR-3)
func TestResponseWay(t *testing.T) {
	for _, tt := range []struct {
		name, host string
		port       int
		rport      bool
		source     string
		to         string
		via        string
	}{
		{"honest", "192.0.2.1", 5062, false, "192.0.2.1:9999", "192.0.2.1:5062", "SIP/2.0/UDP 192.0.2.1:5062"},
		{"default port", "192.0.2.1", 0, false, "192.0.2.1:9999", "192.0.2.1:5060", "SIP/2.0/UDP 192.0.2.1"},
		{"behind NAT", "10.0.0.1", 5062, false, "192.0.2.1:9999", "192.0.2.1:5062", "SIP/2.0/UDP 10.0.0.1:5062;received=192.0.2.1"},
		{"name", "pc.example.com", 5062, false, "192.0.2.1:9999", "192.0.2.1:5062", "SIP/2.0/UDP pc.example.com:5062;received=192.0.2.1"},
		{"rport", "10.0.0.1", 5062, true, "192.0.2.1:9999", "192.0.2.1:9999", "SIP/2.0/UDP 10.0.0.1:5062;rport=9999;received=192.0.2.1"},
		{"rport, same address", "192.0.2.1", 5062, true, "192.0.2.1:5062", "192.0.2.1:5062", "SIP/2.0/UDP 192.0.2.1:5062;rport=5062;received=192.0.2.1"},
		{"IPv6", "2001:db8::1", 5062, false, "[2001:db8::1]:9", "[2001:db8::1]:5062", "SIP/2.0/UDP [2001:db8::1]:5062"},
	} {
		v := &sipgo.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "UDP", Host: tt.host, Port: tt.port}
		if tt.rport {
			v.Params.Add("rport", "")
		}
		source := netip.MustParseAddrPort(tt.source)
		if got := responseTo(source, v).String(); got != tt.to {
			t.Errorf("%s: to %s, want %s", tt.name, got, tt.to)
		}
		markVia(source, v)
		if got := v.Value(); got != tt.via {
			t.Errorf("%s: Via %s, want %s", tt.name, got, tt.via)
		}
	}
}
