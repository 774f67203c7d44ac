package main

import (
	"fmt"
	"io"
	"net/netip"
	"sync/atomic"

	"trivox/cmd/trivox/internal/config"
)

// configPointer is the present settings, for whoever must follow a reload.
type configPointer = *atomic.Pointer[config.Config]

// reachedAt is the host of a SIP URI that leads here where no domain does: the address listened at or, where one is
// set, advertised in its place, with the port unless that is SIP's.
func reachedAt(c *config.Config, listen netip.AddrPort) string {
	at := c.PublicAddr(listen.Addr())
	if at.IsUnspecified() {
		for _, a := range c.Advertise {
			if a.Public.Is4() == at.Is4() {
				at = a.Public
				break
			}
		}
	}
	switch {
	case at.IsUnspecified() && at.Is4():
		at = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case at.IsUnspecified():
		at = netip.IPv6Loopback()
	}
	switch {
	case listen.Port() != 5060:
		return netip.AddrPortFrom(at, listen.Port()).String()
	case at.Is6():
		return "[" + at.String() + "]"
	}
	return at.String()
}

// welcome tells a person at a terminal what to do next.
func (p *process) welcome(w io.Writer, c config.Config) {
	if !isTerminal(w) {
		return
	}
	host := reachedAt(&c, p.first)
	if len(c.Domains) > 0 {
		host = c.Domains[0]
	}
	which := "any room"
	if len(c.Room) > 0 {
		which = "a room of yours in place of tea"
	}
	fmt.Fprintf(w, "\nTrivox %s is up. Dial %s, from a SIP phone or from other terminals:\n\n", version(), which)
	fmt.Fprintf(w, "    bin/trivox call sip:tea@%s --play examples/speech/anna.wav\n", host)
	fmt.Fprintf(w, "    bin/trivox call sip:tea@%s --play examples/speech/boris.wav --record heard.wav\n", host)
	if len(c.HTTP.Listen) > 0 {
		fmt.Fprintf(w, "    bin/trivox ctl show tea\n")
	}
	fmt.Fprintf(w, "\nControl-C ends it.\n\n")
}
