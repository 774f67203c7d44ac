package traffic

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Common is the part of the command line that both kinds of traffic have.
type Common struct {
	Server    string  `placeholder:"HOST:PORT" help:"Where to send. Default: the host and port of the URI."`
	Local     string  `placeholder:"ADDRESS" help:"Address of this machine to send from. Default: the one that leads to the server."`
	Rate      float64 `default:"0" help:"How many to begin a second; 0: as fast as the server answers."`
	Parallel  int     `default:"64" help:"With rate 0: how many are under way at once."`
	Seconds   int     `default:"10" help:"How long to begin new ones."`
	Sockets   int     `default:"4" help:"UDP sockets to send from."`
	User      string  `default:"load%d" help:"User part of those who register or call; %d is their number, from 1."`
	Users     int     `default:"1000" help:"How many users there are."`
	Domain    string  `placeholder:"DOMAIN" help:"Their domain. Default: the host of the URI."`
	Password  string  `env:"TRIVOX_LOAD_PASSWORD" help:"Password of them all; better in the environment, for others see command lines."`
	Algorithm string  `enum:",MD5,SHA-256,SHA-512-256" default:"" help:"MD5, SHA-256 or SHA-512-256: the challenge to answer. Default: the first that is known."`
	ServerPID int     `name:"server-pid" help:"Process of the server on this machine: report its CPU, children included."`
	JSON      string  `name:"json" help:"Write the report as JSON to this file, - for standard output."`
}

// Register is the command line of `trivox load register`.
type Register struct {
	URI string `arg:"" name:"uri" help:"Registrar: sip:domain[:port]."`
	Common
	Expires int `default:"300" help:"Seconds that each registration is asked for."`
}

// Signal is the command line of `trivox load signal`.
type Signal struct {
	URI string `arg:"" name:"uri" help:"Room to call: sip:room@host[:port]. %d in the user part stands for the number of the room; without it the number is appended when there are several."`
	Common
	Rooms int     `default:"1" help:"How many rooms to call in turn."`
	Hold  float64 `default:"0" help:"Seconds from the answer to the BYE."`
}

const (
	maxUsers    = 1 << 20
	maxSockets  = 64
	maxParallel = 1 << 14
	maxSeconds  = 24 * 3600
)

// target is a URI taken apart.
type target struct{ user, host, port string }

// parse reads sip:[user@]host[:port].
func parse(uri string) (target, error) {
	scheme, rest, ok := strings.Cut(uri, ":")
	t := target{port: "5060"}
	if !ok || !strings.EqualFold(scheme, "sip") {
		return t, fmt.Errorf("load: URI %q: need sip:host or sip:room@host", uri)
	}
	t.host = rest
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		t.user, t.host = rest[:i], rest[i+1:]
	}
	if h, p, err := net.SplitHostPort(t.host); err == nil {
		t.host, t.port = h, p
	}
	if t.host == "" || strings.ContainsAny(rest, "; \t\r\n<>?") {
		return t, fmt.Errorf("load: URI %q: need sip:host or sip:room@host, without parameters", uri)
	}
	t.host = strings.Trim(t.host, "[]")
	return t, nil
}

// in is the host as it stands in a URI.
func (t target) in() string {
	if strings.Contains(t.host, ":") {
		return "[" + t.host + "]"
	}
	return t.host
}

// check fills what is left out and says what is wrong.
func (c *Common) check(t target) error {
	for _, r := range []struct {
		flag            string
		have, low, high float64
	}{
		{"rate", c.Rate, 0, 1e6}, {"parallel", float64(c.Parallel), 1, maxParallel}, {"seconds", float64(c.Seconds), 1, maxSeconds},
		{"sockets", float64(c.Sockets), 1, maxSockets}, {"users", float64(c.Users), 1, maxUsers}, {"server-pid", float64(c.ServerPID), 0, 1 << 30},
	} {
		if !(r.have >= r.low && r.have <= r.high) {
			return fmt.Errorf("load: --%s %v: need %v to %v", r.flag, r.have, r.low, r.high)
		}
	}
	if c.Users > 1 && !strings.Contains(c.User, "%d") {
		return fmt.Errorf("load: --user %q: need %%d in it for the number, or --users 1", c.User)
	}
	if strings.ContainsAny(c.User+c.Domain, "@<>:; \t\r\n\"") {
		return fmt.Errorf("load: --user %q --domain %q: need plain words", c.User, c.Domain)
	}
	if _, err := c.local(); err != nil {
		return err
	}
	if c.Domain == "" {
		c.Domain = t.in()
	}
	if c.Server == "" {
		c.Server = net.JoinHostPort(t.host, t.port)
	}
	return nil
}

// local is the address to send from, the zero address when it is left to the system.
func (c *Common) local() (netip.Addr, error) {
	if c.Local == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(c.Local)
	if err != nil {
		return a, fmt.Errorf("load: --local %q: need an IP address of this machine", c.Local)
	}
	return a, nil
}

// name is the user part of user n, from 0.
func (c *Common) name(n int) string {
	return strings.ReplaceAll(c.User, "%d", strconv.Itoa(n+1))
}

func (r *Register) check() (target, error) {
	t, err := parse(r.URI)
	if err != nil {
		return t, err
	}
	if t.user != "" {
		return t, fmt.Errorf("load: URI %q: a registrar has no user part; need sip:domain", r.URI)
	}
	if r.Expires < 1 || r.Expires > 1<<31 {
		return t, fmt.Errorf("load: --expires %d: need 1 or more", r.Expires)
	}
	return t, r.Common.check(t)
}

func (s *Signal) check() (target, error) {
	t, err := parse(s.URI)
	if err != nil {
		return t, err
	}
	if t.user == "" {
		return t, fmt.Errorf("load: URI %q: need sip:room@host", s.URI)
	}
	if s.Rooms < 1 || s.Rooms > maxUsers {
		return t, fmt.Errorf("load: --rooms %d: need 1 to %d", s.Rooms, maxUsers)
	}
	if s.Hold < 0 || s.Hold > maxSeconds {
		return t, fmt.Errorf("load: --hold %v: need 0 to %d", s.Hold, maxSeconds)
	}
	return t, s.Common.check(t)
}

// room is the URI of room n, from 0.
func (s *Signal) room(t target, n int) string {
	user := t.user
	switch {
	case strings.Contains(user, "%d"):
		user = strings.ReplaceAll(user, "%d", strconv.Itoa(n+1))
	case s.Rooms > 1:
		user += strconv.Itoa(n + 1)
	}
	host := t.in()
	if t.port != "5060" {
		host += ":" + t.port
	}
	return "sip:" + user + "@" + host
}
