package config

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// Limits are what the kernel sets; 0 is unknown.
type Limits struct {
	EphemeralLow, EphemeralHigh uint16 // ports that it hands out of itself, both ends included
	Files                       uint64 // files and sockets that the process may have open
}

// spareFiles is how many descriptors a server needs beside those for sound: listeners, SIP and HTTP connections.
const spareFiles = 256

// Warnings tells what will hurt later though a server may start with it, each with what to do (USERS 23).
func (c Config) Warnings(l Limits) []string {
	var out []string
	p := c.RTP.Ports
	if l.EphemeralHigh != 0 && p.Low <= l.EphemeralHigh && p.High >= l.EphemeralLow {
		out = append(out, fmt.Sprintf("rtp.ports %q overlaps the kernel's ephemeral ports %d-%d: other programs will hold some of them; "+
			"move one of the two (sysctl net.ipv4.ip_local_port_range)", p, l.EphemeralLow, l.EphemeralHigh))
	}
	if need := uint64(2*p.Pairs() + spareFiles); l.Files != 0 && l.Files < need {
		calls := 0
		if l.Files > spareFiles {
			calls = int(l.Files-spareFiles) / 2
		}
		out = append(out, fmt.Sprintf("the process may open %d files, but rtp.ports %q may need %d: calls beyond about %d will be refused; "+
			"raise the limit (ulimit -n, LimitNOFILE=) or narrow the range", l.Files, p, need, calls))
	}
	if len(c.TLS.Certificates) > 0 && !c.listensTLS() {
		out = append(out, `tls.certificates are set, but nothing listens with TLS: add "tls/0.0.0.0:5061" to sip.listen, or take them out`)
	}
	if !c.TLS.Verify {
		out = append(out, "tls.verify is false: whoever answers where Trivox connects by TLS is believed to be the one called")
	}
	for _, l := range c.SIP.Listen {
		if l.Network != "tls" && l.SRTPPolicy() != "off" && !l.Loopback() {
			out = append(out, fmt.Sprintf("sip.listen %q: the keys of encrypted sound go over the wire in clear there; listen by TLS", l))
		}
	}
	for _, d := range c.Calls.Dial {
		if d.Anywhere() {
			out = append(out, fmt.Sprintf("calls.dial %q: whoever learns one password calls anywhere at your cost; name the hosts that may be called", d))
		}
	}
	return out
}

// SystemLimits asks the kernel; what it does not tell stays 0.
func SystemLimits() Limits {
	var l Limits
	if b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		if _, err := fmt.Fscan(strings.NewReader(string(b)), &l.EphemeralLow, &l.EphemeralHigh); err != nil {
			l.EphemeralLow, l.EphemeralHigh = 0, 0
		}
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil {
		l.Files = files.Cur
	}
	return l
}
