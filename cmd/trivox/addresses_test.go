package main

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// A server is reached where it listens, and where it listens everywhere, at each address of the machine, which is asked
// for once a second.
func TestAddresses(t *testing.T) {
	one, other, loop, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.222"), netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")
	var some addresses
	some.add(net.UDPAddrFromAddrPort(netip.AddrPortFrom(one, 5060)))
	for at, want := range map[netip.Addr]bool{one: true, netip.AddrFrom16(one.As16()): true, other: false, loop: false, {}: false} {
		if some.has(at) != want {
			t.Errorf("%v: %v", at, !want)
		}
	}
	var all addresses
	all.add(net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.IPv4Unspecified(), 5060)))
	if !all.has(loop) || all.has(other) || all.has(six) {
		t.Error("an address that the machine does not have, or lacks")
	}
	all.machine, all.asked = append(all.machine, other), time.Now().Add(time.Minute) // known as long as the kernel is not asked again
	if !all.has(other) {
		t.Error("the kernel was asked before its time")
	}
	all.asked = time.Now().Add(-asksEvery)
	if all.has(other) {
		t.Error("the kernel was not asked again")
	}
}
