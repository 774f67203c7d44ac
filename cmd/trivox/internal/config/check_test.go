package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func sprintAll(v any) string { return fmt.Sprintf("%v %+v %#v %s", v, v, v, v) }

// DESIGN 10: open on loopback only; beyond it, SIP needs networks that may call, and HTTP a token.
func TestDoors(t *testing.T) {
	for _, c := range []struct {
		name  string
		file  string
		flags Flags
		want  string // "" means that the server may start
	}{
		{name: "nothing told"},
		{name: "loopback named", flags: Flags{SIP: []string{"127.0.0.1:5070", "udp/[::1]:5070", "127.9.9.9:0"}}},
		{name: "mapped loopback", flags: Flags{SIP: []string{"[::ffff:127.0.0.1]:5070"}}},
		{name: "all addresses", flags: Flags{SIP: []string{"0.0.0.0:5060"}},
			want: `--sip: sip.listen "0.0.0.0:5060": nobody who reaches this address could be told from a stranger; say who may call with --allow NETWORK`},
		{name: "all addresses, v6", flags: Flags{SIP: []string{"[::]:5060"}}, want: "--allow"},
		{name: "one beyond among loopback", flags: Flags{SIP: []string{"127.0.0.1:5060", "tcp/10.0.0.5:5060"}}, want: `"tcp/10.0.0.5:5060"`},
		{name: "networks given", flags: Flags{SIP: []string{"0.0.0.0:5060"}, Allow: []string{"10.0.0.0/8"}}},
		{name: "users", file: "domains = [\"example.com\"]\ndata = \"/var/lib/trivox\"", flags: Flags{SIP: []string{"0.0.0.0:5060"}}},
		{name: "users of no domain", file: "data = \"/var/lib/trivox\"", flags: Flags{SIP: []string{"0.0.0.0:5060"}}, want: "set domains and data"},
		{name: "networks in the file", file: `allow = ["10.0.0.0/8"]`, flags: Flags{SIP: []string{"0.0.0.0:5060"}}},
		{name: "in the file", file: "[sip]\nlisten = [\"0.0.0.0:5060\"]\n", want: "trivox.toml:2: sip.listen"},
		{name: "HTTP beyond loopback", flags: Flags{HTTP: []string{"0.0.0.0:8080"}},
			want: `--http: http.listen "0.0.0.0:8080": anybody who reaches this address could mute and kick; set http.token`},
		{name: "HTTP with token", file: "[http]\ntoken = \"0123456789abcdef\"", flags: Flags{HTTP: []string{"0.0.0.0:8080"}}},
		{name: "HTTP by UDP", flags: Flags{HTTP: []string{"udp/127.0.0.1:8080"}}, want: `HTTP goes by TCP; write "127.0.0.1:8080"`},
		{name: "HTTP on the port of SIP", flags: Flags{SIP: []string{"127.0.0.1:8080"}}, want: "tcp port 8080 of that address is already taken by sip.listen"},
		{name: "UDP of that port is free", flags: Flags{SIP: []string{"udp/127.0.0.1:8080"}}},
		{name: "an address twice", flags: Flags{SIP: []string{"127.0.0.1:5060", "udp/127.0.0.1:5060"}}, want: "udp port 5060 of that address is already taken"},
		{name: "TLS without certificate", flags: Flags{SIP: []string{"tls/127.0.0.1:5061"}}, want: `--sip: sip.listen "tls/127.0.0.1:5061": TLS needs a certificate`},
		{name: "TLS", flags: Flags{SIP: []string{"127.0.0.1:5060", "tls/127.0.0.1:5061"}, Cert: []string{"a.pem,b.pem"}}},
		{name: "TLS on the port of TCP", flags: Flags{SIP: []string{"127.0.0.1:5060", "tls/127.0.0.1:5060"}, Cert: []string{"a.pem"}},
			want: "tcp port 5060 of that address is already taken by sip.listen"},
		{name: "HTTP by TLS", flags: Flags{HTTP: []string{"tls/127.0.0.1:8443"}}, want: `put a proxy with TLS before it, and write "127.0.0.1:8443"`},
		{name: "HTTP with SRTP", flags: Flags{HTTP: []string{"127.0.0.1:8080?srtp=off"}}, want: `write "127.0.0.1:8080"`},
		{name: "no SIP at all", file: "[sip]\nlisten = []", want: "sip.listen []: need at least one address"},
		{name: "flag that cannot be read", flags: Flags{RTPPorts: "9000"}, want: `--rtp-ports: rtp.ports "9000": need a range`},
		{name: "domain with a scheme", flags: Flags{Domain: []string{"sip:example.com"}}, want: `--domain: domains "sip:example.com"`},
		{name: "domain twice", flags: Flags{Domain: []string{"a.example", "a.example"}}, want: "named twice"},
		{name: "advertised twice", flags: Flags{Advertise: []string{"203.0.113.9", "203.0.113.8"}}, want: "a second public address"},
		{name: "advertised, a family each", flags: Flags{Advertise: []string{"203.0.113.9", "2001:db8::1", "10.0.0.5=203.0.113.8"}}},
		{name: "advertised across families", flags: Flags{Advertise: []string{"10.0.0.5=2001:db8::1"}}, want: "of one family"},
		{name: "advertised nowhere", flags: Flags{Advertise: []string{"0.0.0.0"}}, want: "that packets can be sent to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := ""
			if c.file != "" {
				path = filepath.Join(t.TempDir(), "trivox.toml")
				if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			loaded, err := Load(path, c.flags)
			if c.want == "" {
				if err != nil || loaded.Check() != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestLoadNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.toml")
	if _, err := Load(path, Flags{}); err == nil || !strings.Contains(err.Error(), "no such file; make one with: trivox config > "+path) {
		t.Errorf("got %v", err)
	}
}

func TestFlagsReplaceTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trivox.toml")
	if err := os.WriteFile(path, []byte("domains = [\"a.example\"]\n[sip]\nlisten = [\"127.0.0.1:5070\"]\n[rtp]\nports=\"4000-4999\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, Flags{Domain: []string{"b.example"}, SIP: []string{"udp/127.0.0.1:5080"}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Domains, []string{"b.example"}) || len(c.SIP.Listen) != 1 || c.SIP.Listen[0].String() != "udp/127.0.0.1:5080" {
		t.Errorf("flags did not replace the file: %v %v", c.Domains, c.SIP.Listen)
	}
	if c.RTP.Ports != (Ports{4000, 4999}) || len(c.HTTP.Listen) != 2 {
		t.Errorf("what no flag named changed: %v %v", c.RTP.Ports, c.HTTP.Listen)
	}
}

func TestAllowed(t *testing.T) {
	c, err := Load("", Flags{Allow: []string{"10.0.0.0/8", "2001:db8::/32", "192.0.2.7"}})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{
		"127.0.0.1": false, "::1": false, // may as long as there are no users, which the focus knows
		"10.255.0.1": true, "::ffff:10.0.0.1": true, "2001:db8::7": true, "192.0.2.7": true,
		"11.0.0.1": false, "192.0.2.8": false, "2001:db9::1": false, "fe80::1%eth0": false,
	} {
		if got := c.Allowed(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: allowed %v", addr, got)
		}
	}
}

// USERS 6: the public address is per interface.
func TestPublicAddr(t *testing.T) {
	c, err := Load("", Flags{Advertise: []string{"203.0.113.9", "10.0.0.5=203.0.113.10"}})
	if err != nil {
		t.Fatal(err)
	}
	for local, want := range map[string]string{
		"10.0.0.5":        "203.0.113.10",
		"::ffff:10.0.0.5": "203.0.113.10",
		"10.0.0.6":        "203.0.113.9",
		"2001:db8::5":     "2001:db8::5",
		"127.0.0.1":       "127.0.0.1",
	} {
		if got := c.PublicAddr(netip.MustParseAddr(local)); got != netip.MustParseAddr(want) {
			t.Errorf("%s is reached by %v, want %s", local, got, want)
		}
	}
}

func TestPairs(t *testing.T) {
	for _, c := range []struct {
		low, high uint16
		want      int
	}{{10000, 19999, 5000}, {10000, 10001, 1}, {10001, 10002, 0}, {10001, 10003, 1}, {10000, 10000, 0}, {65534, 65535, 1}, {1, 65535, 32767}} {
		count := 0 // the slow way
		for p := int(c.low); p < int(c.high); p++ {
			if p%2 == 0 {
				count++
			}
		}
		if got := (Ports{c.low, c.high}).Pairs(); got != c.want || got != count {
			t.Errorf("%d-%d: %d pairs, want %d", c.low, c.high, got, c.want)
		}
	}
}

// Sound is encrypted where the keys are, unless something else is said (SE-1).
func TestSRTPPolicy(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:5060": "off", "udp/127.0.0.1:5060": "off", "tls/127.0.0.1:5061": "offered",
		"tls/127.0.0.1:5061?srtp=required": "required", "tls/127.0.0.1:5061?srtp=off": "off", "127.0.0.1:5060?srtp=Offered": "offered",
	} {
		var l Listen
		if err := l.UnmarshalText([]byte(text)); err != nil || l.SRTPPolicy() != want {
			t.Errorf("%s: %q, %v", text, l.SRTPPolicy(), err)
		}
		var again Listen
		if err := again.UnmarshalText([]byte(l.String())); err != nil || again != l {
			t.Errorf("%s: read back as %s, %v", text, again, err)
		}
	}
}

// What is odd about TLS is said, and no more.
func TestWarningsOfTLS(t *testing.T) {
	for _, tt := range []struct{ file, want string }{
		{"[sip]\nlisten = [\"tls/127.0.0.1:5061\"]\n[tls]\ncertificates = [\"a.pem\"]", ""},
		{"[tls]\ncertificates = [\"a.pem\"]", "nothing listens with TLS"},
		{"[tls]\nverify = false", "is believed to be the one called"},
		{"[sip]\nlisten = [\"127.0.0.1:5060?srtp=offered\"]", ""},
		{"allow = [\"10.0.0.0/8\"]\n[sip]\nlisten = [\"10.0.0.1:5060?srtp=offered\"]", `"10.0.0.1:5060?srtp=offered": the keys of encrypted sound go over the wire in clear`},
	} {
		c, err := Parse("f", []byte(tt.file))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.Warnings(Limits{}), "\n"); !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%s: %q", tt.file, got)
		}
	}
}

// USERS 23.
func TestWarnings(t *testing.T) {
	c := Default()
	for _, l := range []struct {
		name   string
		limits Limits
		want   []string
	}{
		{"all well", Limits{32768, 60999, 20000}, nil},
		{"nothing known", Limits{}, nil},
		{"overlap above", Limits{19999, 60999, 20000}, []string{"overlaps the kernel's ephemeral ports 19999-60999"}},
		{"overlap below", Limits{1024, 10000, 20000}, []string{"overlaps"}},
		{"beside", Limits{1024, 9999, 20000}, nil},
		{"few files", Limits{32768, 60999, 1024}, []string{"may open 1024 files", "need 10256: calls beyond about 384"}},
		{"very few files, and overlap", Limits{10000, 60999, 100}, []string{"overlaps", "calls beyond about 0"}},
	} {
		got := strings.Join(c.Warnings(l.limits), "\n")
		if l.want == nil && got != "" {
			t.Errorf("%s: %s", l.name, got)
		}
		for _, w := range l.want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: got %q, want %q in it", l.name, got, w)
			}
		}
	}
	if l := SystemLimits(); l.Files == 0 || l.EphemeralHigh <= l.EphemeralLow {
		t.Errorf("the kernel's limits were not read: %+v", l)
	}
}

// Who may call anywhere does so at the operator's cost.
func TestWarningOfDial(t *testing.T) {
	for pattern, warned := range map[string]bool{"*@*": true, "+49*@*:*": true, "+49*@gw.example.com": false} {
		c, err := Parse("f", []byte("[calls]\ndial = [\""+pattern+"\"]\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.Warnings(Limits{}), "\n"); strings.Contains(got, "calls.dial") != warned {
			t.Errorf("%s: %q", pattern, got)
		}
	}
	if _, err := Parse("f", []byte("[calls]\ndial = [\"gw.example.com\"]\n")); err == nil || !strings.Contains(err.Error(), "*@pbx.example.com") {
		t.Errorf("a host alone: %v", err)
	}
}
