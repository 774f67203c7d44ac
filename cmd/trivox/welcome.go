package main

import (
	"fmt"
	"io"
	"net"
	"sync/atomic"

	"trivox/cmd/trivox/internal/config"
)

// configPointer is the present settings, for whoever must follow a reload.
type configPointer = *atomic.Pointer[config.Config]

// welcome tells a person at a terminal what to do next.
func (p *process) welcome(w io.Writer, c config.Config) {
	if !isTerminal(w) {
		return
	}
	at := c.SIP.Listen[0].Addr
	host := at.Addr().String()
	if at.Addr().IsUnspecified() {
		host = "127.0.0.1"
	}
	if at.Port() != 5060 {
		host = net.JoinHostPort(host, fmt.Sprint(at.Port()))
	}
	if len(c.Domains) > 0 {
		host = c.Domains[0]
	}
	fmt.Fprintf(w, "\nTrivox %s is up. Dial any room, from a SIP phone or from other terminals:\n\n", version())
	fmt.Fprintf(w, "    bin/trivox call sip:tea@%s --play examples/speech/anna.wav\n", host)
	fmt.Fprintf(w, "    bin/trivox call sip:tea@%s --play examples/speech/boris.wav --record heard.wav\n", host)
	if len(c.HTTP.Listen) > 0 {
		fmt.Fprintf(w, "    bin/trivox ctl show tea\n")
	}
	fmt.Fprintf(w, "\nControl-C ends it.\n\n")
}
