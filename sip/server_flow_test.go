package sip

import (
	"bufio"
	"net"
	"net/netip"
	"slices"
	"strings"
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

// An address of IPv4 written as one of IPv6 is given back in its brackets, or nobody could read
// the answer. RFC 5118, 4.9
func TestMappedAddressInVia(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		_, addr := startServer(t, network, Config{Rooms: newRooms()})
		conn, err := net.Dial(network, addr.String()) // not a phone: sipgo reads brackets away
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if err := conn.SetDeadline(deadline()); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(conn)
		_, port, _ := net.SplitHostPort(conn.LocalAddr().String())
		for _, tt := range []struct{ sentBy, params, back string }{
			{"[::ffff:127.0.0.1]:" + port, "", ""},
			{"[::ffff:127.0.0.1]:" + port, ";rport", ";received=127.0.0.1;rport=" + port},
			{"[::ffff:7f00:1]:" + port, ";x=\"a;b\"", ";x=\"a;b\""},
			{"[::ffff:192.0.2.1]:" + port, "", ";received=127.0.0.1"},
			{"[2001:db8::1]:" + port, "", ";received=127.0.0.1"},
		} {
			via := "SIP/2.0/" + strings.ToUpper(network) + " " + tt.sentBy + ";branch=z9hG4bK" + newTag()
			const low = "Via: SIP/2.0/UDP [::ffff:192.0.2.7];branch=z9hG4bKlow"
			if _, err := conn.Write([]byte("OPTIONS sip:tea@[::ffff:127.0.0.1] SIP/2.0\r\nVia: " + via + tt.params + "\r\n" + low +
				"\r\nFrom: <sip:a@[::ffff:192.0.2.1]>;tag=1\r\nTo: <sip:tea@[::ffff:127.0.0.1]>\r\nCall-ID: " + newTag() +
				"\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
			var got []string
			for lines.Scan() && lines.Text() != "" {
				got = append(got, lines.Text())
			}
			want := []string{"SIP/2.0 200 OK", "Via: " + via + tt.back, low, "From: <sip:a@[::ffff:192.0.2.1]>;tag=1"}
			if len(got) < 4 || !slices.Equal(got[:4], want) {
				t.Errorf("%s %s%s: got %q, want %q", network, tt.sentBy, tt.params, got, want)
			}
		}
	}
}
