package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Dial names whom may be called elsewhere: "*@pbx.example.com", "+49*@gw.example.com:5060". A star stands for any number of
// characters. What stands before the last @ is held against the user part, decoded and in its case, what stands after it
// against the host. Without a port that of the transport is meant, 5060, or 5061 of TLS; ":*" means any. The zero Dial
// names nobody.
type Dial struct {
	text       string
	user, host string
	port       int // 0: the transport's
}

// anyPort is the port of a Dial that means them all.
const anyPort = -1

// UnmarshalText reads a pattern.
func (d *Dial) UnmarshalText(b []byte) error {
	s := string(b)
	user, at, named := cutDomain(s)
	host, port, hasPort := cutPort(at)
	read := Dial{text: s, user: user, host: canonicalHost(host)}
	switch {
	case !named || user == "" || len(s) > maxPattern:
		return errors.New(`need whom to call and where, e.g. "*@pbx.example.com" or "+49*@gw.example.com:5060"`)
	case !isDialled(strings.ReplaceAll(user, "*", "")):
		return fmt.Errorf("need a user part of letters, digits and %s, as it reads without percent signs", dialled)
	case !isHost(strings.ReplaceAll(read.host, "*", "x")):
		return errors.New(`need a host after the @, e.g. "*@pbx.example.com", "*@192.0.2.1" or "*@[2001:db8::1]:5080"`)
	case !hasPort:
	case port == "*":
		read.port = anyPort
	default:
		n, ok := readPort(port)
		if !ok {
			return errors.New(`need a port from 1 to 65535 after the host, or ":*" for any`)
		}
		read.port = n
	}
	*d = read
	return nil
}

func (d Dial) String() string { return d.text }

// Anywhere says whether every host is meant.
func (d Dial) Anywhere() bool { return d.host != "" && strings.Trim(d.host, "*.") == "" }

// Matches says whether the target is one of those meant.
func (d Dial) Matches(t Target) bool {
	return (d.port == anyPort || t.port() == d.port || d.port == 0 && t.port() == t.usualPort()) && d.host != "" &&
		glob(d.user, t.User) && glob(d.host, t.Host)
}

// Target is whom a URI calls, as far as that may be passed on: what patterns are held against is what is called.
type Target struct {
	Secure    bool   // sips
	User      string // without escapes
	Host      string // in small letters; an address as netip writes it, without brackets
	Port      int    // 0: none is named
	Transport string // "udp", "tcp", "tls" or "": none is named
	Phone     bool   // the user part is a telephone number: user=phone
}

// dialled are the characters of a user part that is called elsewhere, beside letters and digits: those that gateways take
// for a separator of what they dial (";", "&", "@", ",") are not among them.
const dialled = "-_.+*#!~"

func isDialled(user string) bool {
	for i := range len(user) {
		c := user[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte(dialled, c) < 0 {
			return false
		}
	}
	return true
}

// ReadTarget reads a SIP URI (RFC 3261, 19.1) that is to be called elsewhere. The error is for the caller to read: what
// would have another be called than the host says, or a gateway dial another number than the pattern saw, is none.
func ReadTarget(uri string) (t Target, err error) {
	scheme, rest, _ := strings.Cut(uri, ":")
	switch strings.ToLower(scheme) {
	case "sip":
	case "sips":
		t.Secure = true
	default:
		return t, errors.New("only sip URIs can be called")
	}
	rest, _, headers := strings.Cut(rest, "?")
	user, at, named := strings.Cut(rest, "@")
	place, params, _ := strings.Cut(at, ";")
	host, port, hasPort := cutPort(place)
	t.Host = canonicalHost(host)
	switch {
	case headers:
		return t, errors.New("a URI with headers is not called") // RFC 3261, 19.1.5
	case !named || user == "":
		return t, errors.New("whom to call is missing before the host")
	case strings.Contains(user, ":"):
		return t, errors.New("a URI with a password is not called")
	case !isHost(t.Host):
		return t, errors.New("the host of the URI is malformed")
	}
	var ok bool
	if t.User, ok = unescape(user); !ok || !isDialled(t.User) {
		return t, fmt.Errorf("who is called elsewhere is named by letters, digits and %s", dialled)
	}
	if hasPort {
		if t.Port, ok = readPort(port); !ok {
			return t, errors.New("the port of the URI is not one from 1 to 65535")
		}
	}
	return t, t.read(params)
}

// read takes the parameters that are passed on.
func (t *Target) read(params string) error {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		value = strings.ToLower(value)
		switch strings.ToLower(name) {
		case "transport":
			if t.Transport != "" || value != "udp" && value != "tcp" && value != "tls" {
				return errors.New("calls go out by one transport, udp, tcp or tls")
			}
			t.Transport = value
		case "user":
			t.Phone = t.Phone || value == "phone"
		case "maddr": // RFC 3261, 19.1.1: the request would go there
			return errors.New("a URI with maddr is not called")
		}
	}
	return nil
}

// String is the URI, made anew of what was read.
func (t Target) String() string {
	b := []byte("sip:")
	if t.Secure {
		b = []byte("sips:")
	}
	b = append(append(b, strings.ReplaceAll(t.User, "#", "%23")...), '@')
	if strings.Contains(t.Host, ":") {
		b = append(append(append(b, '['), t.Host...), ']')
	} else {
		b = append(b, t.Host...)
	}
	if t.Port != 0 {
		b = strconv.AppendInt(append(b, ':'), int64(t.Port), 10)
	}
	if t.Transport != "" && !t.Secure {
		b = append(append(b, ";transport="...), t.Transport...)
	}
	if t.Phone {
		b = append(b, ";user=phone"...)
	}
	return string(b)
}

func (t Target) port() int {
	if t.Port != 0 {
		return t.Port
	}
	return t.usualPort()
}

// usualPort is the one of the transport. RFC 3261, 19.1.2
func (t Target) usualPort() int {
	if t.Secure || t.Transport == "tls" {
		return 5061
	}
	return 5060
}

// cutPort takes the port off a host, which may be an address in brackets.
func cutPort(s string) (host, port string, named bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || i < strings.LastIndexByte(s, ']') {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func readPort(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err == nil && n > 0
}

// canonicalHost writes a host in one way: in small letters, an address without brackets, a name without the dot at its end.
func canonicalHost(host string) string {
	inner, bracketed := strings.CutPrefix(host, "[")
	if bracketed {
		inner, bracketed = strings.CutSuffix(inner, "]")
	}
	if a, err := netip.ParseAddr(inner); err == nil && a.Zone() == "" && a.Is6() == bracketed {
		return a.Unmap().String()
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// isHost says whether a canonical host is a name or an address. RFC 3261, 25.1 (host)
func isHost(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil && a.Zone() == "" { // a zone may hold anything, and means nothing elsewhere
		return true
	}
	if len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// unescape takes the percent signs out, once.
func unescape(s string) (string, bool) {
	if !strings.Contains(s, "%") {
		return s, true
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if i+2 >= len(s) {
				return "", false
			}
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			c, i = byte(n), i+2
		}
		out = append(out, c)
	}
	return string(out), true
}
