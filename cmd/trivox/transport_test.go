package main

import (
	"fmt"
	"net/netip"
	"testing"
)

// A call by IPv6, one by TCP over each family and one by UDP meet in one room and hear each other.
func TestEveryTransport(t *testing.T) {
	t.Parallel()
	s := serve(t, quiet)
	four, six := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")
	lines := []struct {
		network string
		local   netip.Addr
		hertz   float64
	}{{"udp", four, 440}, {"udp", six, 610}, {"tcp", four, 830}, {"tcp", six, 1130}}
	var phones []*telephone
	for _, l := range lines[:3] {
		phones = append(phones, dial(t, s, "tea",
			line{transport: l.network, local: l.local, say: sine(l.hertz, 0.1)}))
	}
	l := lines[3]
	listener := dial(t, s, "tea", line{transport: l.network, local: l.local})
	for i, p := range append(phones, listener) {
		p.judge(func(pcm []int16) string {
			for k, l := range lines[:3] {
				if got := strength(pcm, 8000, l.hertz); (got > 0.05) != (i != k) {
					return fmt.Sprintf("the caller by %s from %s hears %.0f Hz at %.3f", lines[i].network, lines[i].local, l.hertz, got)
				}
			}
			return ""
		})
	}
}
