package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Listen is an address to listen on. Network is "udp", "tcp", "tls", or "" for UDP and TCP.
type Listen struct {
	Network string
	Addr    netip.AddrPort
	SRTP    string // "required", "offered" or "off"; "" where nothing is said
}

// srtpPolicies are the values of ?srtp=.
var srtpPolicies = []string{"required", "offered", "off"}

// SRTPPolicy is whether sound is encrypted for those who call there, "required", "offered" or "off": what is said, else
// offered by TLS and off in clear, where everybody on the way could read the keys (SE-1).
func (l Listen) SRTPPolicy() string {
	switch {
	case l.SRTP != "":
		return l.SRTP
	case l.Network == "tls":
		return "offered"
	}
	return "off"
}

// Networks are the networks meant: one, or UDP and TCP.
func (l Listen) Networks() []string {
	if l.Network == "" {
		return []string{"udp", "tcp"}
	}
	return []string{l.Network}
}

// Loopback says whether only this machine can reach the address.
func (l Listen) Loopback() bool { return l.Addr.Addr().Unmap().IsLoopback() }

func (l Listen) String() string {
	s := l.Addr.String()
	if l.Network != "" {
		s = l.Network + "/" + s
	}
	if l.SRTP != "" {
		s += "?srtp=" + l.SRTP
	}
	return s
}

// UnmarshalText reads "A:P", "udp/A:P", "tcp/A:P" or "tls/A:P", where A is an IP address, in brackets when it is IPv6,
// and "?srtp=POLICY" behind it.
func (l *Listen) UnmarshalText(b []byte) error {
	s, query, asked := strings.Cut(string(b), "?")
	srtp, network := "", ""
	if asked {
		name, value, _ := strings.Cut(query, "=")
		if srtp = strings.ToLower(value); name != "srtp" || !slices.Contains(srtpPolicies, srtp) {
			return errors.New(`need "?srtp=required", "?srtp=offered" or "?srtp=off" behind the address, or nothing`)
		}
	}
	if before, after, ok := strings.Cut(s, "/"); ok {
		network, s = strings.ToLower(before), after
		if network != "udp" && network != "tcp" && network != "tls" {
			return errors.New(`need "udp/", "tcp/" or "tls/" before the address, or nothing for UDP and TCP`)
		}
	}
	addr, err := netip.ParseAddrPort(s)
	if err != nil {
		return errors.New(`need an IP address and a port, e.g. "127.0.0.1:5060", "0.0.0.0:5060" or "[::1]:5060"`)
	}
	*l = Listen{Network: network, Addr: addr, SRTP: srtp}
	return nil
}

// CertFiles are the PEM files of a certificate and its key; one file may hold both.
type CertFiles struct{ Cert, Key string }

func (c CertFiles) String() string {
	if c.Key == c.Cert {
		return c.Cert
	}
	return c.Cert + "," + c.Key
}

// UnmarshalText reads "CERT,KEY", or "BOTH". Whether the files are there is seen when the server reads them.
func (c *CertFiles) UnmarshalText(b []byte) error {
	cert, key, pair := strings.Cut(string(b), ",")
	cert, key = strings.TrimSpace(cert), strings.TrimSpace(key)
	if !pair {
		key = cert
	}
	if cert == "" || key == "" || strings.Contains(key, ",") {
		return errors.New(`need the file of a certificate and that of its key, e.g. "/etc/trivox/fullchain.pem,/etc/trivox/privkey.pem", or one file that holds both`)
	}
	*c = CertFiles{Cert: cert, Key: key}
	return nil
}

// Ports is a range of UDP ports, both ends included.
type Ports struct{ Low, High uint16 }

// Pairs is how many RTP/RTCP pairs (even port, next odd one; RFC 3550, 11) the range holds.
func (p Ports) Pairs() int { return max(0, (int(p.High)+1)/2-(int(p.Low)+1)/2) }

func (p Ports) String() string { return fmt.Sprintf("%d-%d", p.Low, p.High) }

// UnmarshalText reads "LOW-HIGH".
func (p *Ports) UnmarshalText(b []byte) error {
	low, high, _ := strings.Cut(string(b), "-")
	l, err1 := strconv.ParseUint(strings.TrimSpace(low), 10, 16)
	h, err2 := strconv.ParseUint(strings.TrimSpace(high), 10, 16)
	if err := errors.Join(err1, err2); err != nil || l == 0 {
		return errors.New(`need a range of ports from 1 to 65535, e.g. "20000-29999"`)
	}
	r := Ports{Low: uint16(l), High: uint16(h)}
	if r.Pairs() < 1 {
		return errors.New(`need a range that holds an even port and the odd one after it, e.g. "20000-29999"`)
	}
	*p = r
	return nil
}

// Public tells what address peers reach this machine by. An invalid Local stands for every address of that family.
type Public struct{ Local, Public netip.Addr }

func (p Public) String() string {
	if !p.Local.IsValid() {
		return p.Public.String()
	}
	return p.Local.String() + "=" + p.Public.String()
}

// UnmarshalText reads "LOCAL=PUBLIC" or "PUBLIC".
func (p *Public) UnmarshalText(b []byte) error {
	local, public, pair := strings.Cut(string(b), "=")
	if !pair {
		local, public = "", local
	}
	var r Public
	var err error
	if r.Public, err = netip.ParseAddr(public); err == nil && pair {
		r.Local, err = netip.ParseAddr(local)
	}
	r.Local, r.Public = r.Local.Unmap(), r.Public.Unmap()
	switch {
	case err != nil:
		return errors.New(`need IP addresses: "10.0.0.5=203.0.113.9" or "203.0.113.9"`)
	case r.Public.IsUnspecified() || r.Public.IsMulticast():
		return errors.New("need an address that packets can be sent to")
	case pair && r.Local.Is4() != r.Public.Is4():
		return errors.New("need two addresses of one family, both IPv4 or both IPv6")
	case pair && r.Local.IsUnspecified():
		return errors.New(`leave the part up to "=" out to mean every local address`)
	}
	*p = r
	return nil
}

// Network is a set of addresses.
type Network struct{ netip.Prefix }

// UnmarshalText reads a network such as "10.0.0.0/8", or one address.
func (n *Network) UnmarshalText(b []byte) error {
	s := string(b)
	if addr, err := netip.ParseAddr(s); err == nil {
		addr = addr.Unmap().WithZone("")
		*n = Network{netip.PrefixFrom(addr, addr.BitLen())}
		return nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil || prefix.Addr().Is4In6() {
		return errors.New(`need a network or an address, e.g. "192.168.0.0/16", "10.1.2.3" or "2001:db8::/32"`)
	}
	if prefix != prefix.Masked() {
		return fmt.Errorf("has bits beyond its length; did you mean %q or %q?", prefix.Masked(), prefix.Addr())
	}
	*n = Network{prefix}
	return nil
}

// DSCP is the six-bit mark of RFC 2474 on packets sent.
type DSCP uint8

// dscpNames are the names of RFC 2474, 2597, 3246 and 8622 in the order of their values.
var dscpNames = []struct {
	name  string
	value DSCP
}{
	{"CS0", 0}, {"LE", 1}, {"CS1", 8}, {"AF11", 10}, {"AF12", 12}, {"AF13", 14}, {"CS2", 16}, {"AF21", 18},
	{"AF22", 20}, {"AF23", 22}, {"CS3", 24}, {"AF31", 26}, {"AF32", 28}, {"AF33", 30}, {"CS4", 32}, {"AF41", 34},
	{"AF42", 36}, {"AF43", 38}, {"CS5", 40}, {"VA", 44}, {"EF", 46}, {"CS6", 48}, {"CS7", 56},
}

func (d DSCP) String() string {
	for _, n := range dscpNames {
		if n.value == d {
			return n.name
		}
	}
	return strconv.Itoa(int(d))
}

// UnmarshalText reads a name such as "EF" or a number from "0" to "63".
func (d *DSCP) UnmarshalText(b []byte) error {
	for _, n := range dscpNames {
		if strings.EqualFold(n.name, string(b)) {
			*d = n.value
			return nil
		}
	}
	v, err := strconv.ParseUint(string(b), 10, 8)
	if err != nil || v > 63 {
		return errors.New(`need a name such as "EF", "CS3" or "AF41", or a number from "0" to "63"`)
	}
	*d = DSCP(v)
	return nil
}

// Secret is a text that no log, error or printed configuration shows.
type Secret string

// Reveal gives the text itself.
func (s Secret) Reveal() string { return string(s) }

// String shows only whether there is one.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(withheld)"
}

// GoString is String, so that %#v shows no more.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText is String, so that JSON and TOML show no more.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the characters of a bearer token (RFC 6750, 2.1), 16 or more; empty means none.
func (s *Secret) UnmarshalText(b []byte) error {
	if len(b) > 0 && len(b) < 16 {
		return errors.New("need 16 characters or more; make one with: openssl rand -hex 24")
	}
	if slices.ContainsFunc(b, func(c byte) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._~+/=", rune(c))
	}) {
		return errors.New("need letters, digits and -._~+/= only; make one with: openssl rand -hex 24")
	}
	*s = Secret(b)
	return nil
}
