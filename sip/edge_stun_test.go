package sip

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"testing"
)

// The transaction ID and the addresses are those of RFC 5769, 2.2 and 2.3.
func TestSTUN(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const id = "2112a442b7e7a701bc34d686fa87dfae"
	request := unhex("00010000" + id)
	if !isSTUN(request) || !isSTUN(unhex("00010004"+id+"80220000")) {
		t.Error("a Binding request is not known")
	}
	for _, s := range []string{"", "0001", "01010000" + id, "00010004" + id, "000100002112a443b7e7a701bc34d686fa87dfae", "00010002" + id + "0000"} {
		if isSTUN(unhex(s)) {
			t.Errorf("%s is taken for a Binding request", s)
		}
	}
	for source, want := range map[string]string{
		"192.0.2.1:32853": "0101000c" + id + "002000080001a147e112a643",
		"[2001:db8:1234:5678:11:2233:4455:6677]:32853": "01010018" + id + "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9",
	} {
		if got := appendSTUN(nil, request, netip.MustParseAddrPort(source)); !bytes.Equal(got, unhex(want)) {
			t.Errorf("%s:\ngot  %x\nwant %s", source, got, want)
		}
	}
}

// A phone keeps its flow by UDP alive. RFC 5626, 4.4.2 (RG-4)
func TestSTUNKeepAlive(t *testing.T) {
	s, net := startOnEther(t, Config{Rooms: newRooms()})
	d := &etherConn{ether: net, local: netip.MustParseAddrPort("198.51.100.2:5060"), in: make(chan []byte, 1), done: make(chan struct{})}
	net.mu.Lock()
	net.phones[d.local] = d
	net.mu.Unlock()
	if _, err := d.Write([]byte("\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl")); err != nil {
		t.Fatal(err)
	}
	if got := <-d.in; len(got) != 32 || got[0] != 1 || got[1] != 1 {
		t.Errorf("%x", got)
	}
	if n := s.Snapshot().Edge; n.Pings != 1 || n.Junk != 0 {
		t.Errorf("%+v", n)
	}
}
