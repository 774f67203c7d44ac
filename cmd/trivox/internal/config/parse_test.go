package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	got, err := Parse("trivox.toml", []byte(`
domains = ["example.com", "example.net"]
advertise = ["10.0.0.5=203.0.113.9"]
allow = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]

[sip]
listen = ["udp/10.0.0.5:5060", "tcp/10.0.0.5:5062"]
session_expires = "15m"

[http]
listen = []

[rtp]
ports = "20000-20999"
dscp = "AF41"

[rooms]
alone_tone = false

[log]
level = "debug"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Domains = []string{"example.com", "example.net"}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	want.Advertise = make([]Public, 1)
	must(want.Advertise[0].UnmarshalText([]byte("10.0.0.5=203.0.113.9")))
	want.Allow = make([]Network, 3)
	must(want.Allow[0].UnmarshalText([]byte("10.0.0.0/8")))
	must(want.Allow[1].UnmarshalText([]byte("192.0.2.7/32")))
	must(want.Allow[2].UnmarshalText([]byte("2001:db8::/32")))
	want.SIP.Listen = make([]Listen, 2)
	must(want.SIP.Listen[0].UnmarshalText([]byte("udp/10.0.0.5:5060")))
	must(want.SIP.Listen[1].UnmarshalText([]byte("tcp/10.0.0.5:5062")))
	want.SIP.SessionExpires = 15 * time.Minute
	want.HTTP.Listen = nil
	want.RTP.Ports = Ports{20000, 20999}
	want.RTP.DSCP = 34
	want.Rooms.AloneTone = false
	want.Log.Level = -4
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// What is wrong is named with file, line, key, value and how to mend it.
func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"no TOML", "\n\n[sip\n", `f:3: not TOML: `},
		{"key twice", "[rtp]\nlatch = \"auto\"\nlatch = \"never\"", "f:3: not TOML: "},
		{"unknown key", "[rtp]\nport = \"1-2\"\n", `f:2: rtp.port: no such key; did you mean rtp.ports?`},
		{"key of another section", "[sip]\nports = \"1-2\"\n", `f:2: sip.ports: no such key; did you mean rtp.ports?`},
		{"unknown section", "\n[videos]\nfps = 3\n", "f:2: videos: no such key; `trivox config` prints all there are"},
		{"dotted key", "rtp.portz = 3\n", "f:1: rtp.portz: no such key; did you mean rtp.ports?"},
		{"inline table", "rtp = {latch = \"auto\",\n nope = 1}\n", "f:2: rtp.nope: no such key; `trivox config` prints all there are"},
		{"section as value", "rtp = 3\n", "f:1: rtp: no such key"},
		{"list of tables", "[[sip]]\n", "f:1: sip: no such key"},
		{"not a range", "[rtp]\n\nports = \"9000\"", `f:3: rtp.ports "9000": need a range of ports from 1 to 65535, e.g. "20000-29999"`},
		{"no pair in range", "[rtp]\nports = \"9001-9002\"", `f:2: rtp.ports "9001-9002": need a range that holds an even port`},
		{"range backwards", "[rtp]\nports = \"9999-9000\"", `f:2: rtp.ports "9999-9000": need a range that holds an even port`},
		{"number for text", "[rtp]\nports = 9000", `f:2: rtp.ports 9000: need a range in quotes`},
		{"text for number", "[audio]\nn_max = \"3\"", `f:2: audio.n_max "3": need a whole number, without quotes`},
		{"fraction", "[audio]\nn_max = 3.5", `f:2: audio.n_max 3.5: need a whole number`},
		{"text for truth", "[rooms]\njoin_tone = \"yes\"", `f:2: rooms.join_tone "yes": need true or false, without quotes`},
		{"no unit", "[rtp]\ntimeout = 60", `f:2: rtp.timeout 60: need a time with its unit in quotes, e.g. "90s"`},
		{"bad unit", "[rtp]\ntimeout = \"1 day\"", `f:2: rtp.timeout "1 day": need a time with its unit`},
		{"level", "[log]\nlevel = \"loud\"", `f:2: log.level "loud": need a level in quotes`},
		{"level as number", "[log]\nlevel = 4", `f:2: log.level 4: need a level in quotes`},
		{"no list", "[sip]\nlisten = \"127.0.0.1:5060\"", `f:2: sip.listen "127.0.0.1:5060": need a list in brackets, e.g. ["127.0.0.1:5060"]`},
		{"host name", "[sip]\nlisten = [\"localhost:5060\"]", `f:2: sip.listen ["localhost:5060"]: need an IP address and a port`},
		{"transport", "[sip]\nlisten = [\"sctp/127.0.0.1:5061\"]", `need "udp/", "tcp/" or "tls/" before the address`},
		{"no certificate", "[sip]\nlisten = [\"tls/127.0.0.1:5061\"]", `f:2: sip.listen "tls/127.0.0.1:5061": TLS needs a certificate and its key`},
		{"SRTP policy", "[sip]\nlisten = [\"127.0.0.1:5060?srtp=maybe\"]", `need "?srtp=required", "?srtp=offered" or "?srtp=off"`},
		{"another policy", "[sip]\nlisten = [\"127.0.0.1:5060?dtls=off\"]", `need "?srtp=required", "?srtp=offered" or "?srtp=off"`},
		{"certificate without key", "[tls]\ncertificates = [\"a.pem,\"]", `f:2: tls.certificates ["a.pem,"]: need the file of a certificate and that of its key`},
		{"three files", "[tls]\ncertificates = [\"a.pem,b.pem,c.pem\"]", `need the file of a certificate and that of its key`},
		{"certificate twice", "[tls]\ncertificates = [\"a.pem\", \"a.pem\"]", `f:2: tls.certificates "a.pem": named twice`},
		{"version", "[tls]\nmin_version = \"1.1\"", `f:2: tls.min_version "1.1": need one of 1.2, 1.3`},
		{"nobody to believe", "[tls]\nclient_certificates = \"required\"", `f:2: tls.client_certificates "required": needs tls.client_ca`},
		{"date", "[rtp]\nlatch = 2020-01-01", `f:2: rtp.latch 2020-01-01: need a text in quotes`},
		{"range of number", "[audio]\nn_max = 16", `f:2: audio.n_max 16: need 1 to 15`},
		{"range of time", "[rtp]\ntimeout = \"3s\"", `f:2: rtp.timeout "3s": need "0s", or "5s" to "24h"`},
		{"word", "[rtp]\nlatch = \"maybe\"", `f:2: rtp.latch "maybe": need one of auto, always, never`},
		{"codec", "[audio]\ncodecs = [\"opus\", \"G729\"]", `f:2: audio.codecs "G729": need one of opus, G722, PCMU, PCMA`},
		{"codec twice", "[audio]\ncodecs = [\"opus\", \"opus\"]", `f:2: audio.codecs "opus": named twice`},
		{"no codec", "[audio]\ncodecs = []", `f:2: audio.codecs []: need at least one of`},
		{"dscp", "[rtp]\ndscp = \"64\"", `f:2: rtp.dscp "64": need a name such as "EF"`},
		{"timers", "[sip]\nmin_se = \"2h\"", `f:2: sip.min_se "2h": must not be longer than sip.session_expires, which is "30m"`},
		{"network bits", "allow = [\"10.1.0.0/8\"]", `has bits beyond its length; did you mean "10.0.0.0/8" or "10.1.0.0"?`},
		{"two at once", "[rtp]\nlatch = 1\n[audio]\nn_max = \"x\"", "f:2: rtp.latch 1: need a text in quotes\nf:4: audio.n_max \"x\": need a whole number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("f", []byte(c.file))
			var wrong Problems
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// A file of nonsense costs a short list, and no more time than its length is worth.
func TestParseIsBounded(t *testing.T) {
	_, err := Parse("f", []byte(strings.Repeat("x", maxFile+1)))
	if err == nil || !strings.Contains(err.Error(), "f: larger than 262144 bytes") {
		t.Errorf("too large: %v", err)
	}
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, "key%d = %d\n", i, i)
	}
	_, err = Parse("f", []byte(b.String()))
	var wrong Problems
	if !errors.As(err, &wrong) || len(wrong) != maxProblems+1 || wrong[maxProblems-1].Where != "f:20" {
		t.Errorf("2000 unknown keys: %v", err)
	}
}

// A token never stands in an error, a printed setting or a log.
func TestTokenIsWithheld(t *testing.T) {
	_, err := Parse("f", []byte("[http]\ntoken = \"tooshort-x7q\""))
	if err == nil || strings.Contains(err.Error(), "x7q") || !strings.Contains(err.Error(), "f:2: http.token: need 16 characters") {
		t.Errorf("got %v", err)
	}
	_, err = Parse("f", []byte("[http]\ntoken = [\"listed-token-of-length-x7q\"]"))
	if err == nil || strings.Contains(err.Error(), "x7q") {
		t.Errorf("got %v", err)
	}
	c, err := Parse("f", []byte("[http]\ntoken = \"0123456789abcdef-x7q\""))
	if err != nil || c.HTTP.Token.Reveal() != "0123456789abcdef-x7q" {
		t.Fatalf("got %q, %v", c.HTTP.Token.Reveal(), err)
	}
	if text := sprintAll(c); strings.Contains(text, "x7q") || !strings.Contains(text, "(withheld)") {
		t.Errorf("a token shows: %s", text)
	}
}

func TestUnknownKeySuggestsTheNearest(t *testing.T) {
	for key, want := range map[string]string{
		"rtp.port":          "rtp.ports",
		"rooms.max_roms":    "rooms.max_rooms",
		"tokn":              "http.token",
		"audio.opusbitrate": "audio.opus_bitrate",
	} {
		if got := unknown(key, settings()); !strings.Contains(got, "did you mean "+want+"?") {
			t.Errorf("%s: %s", key, got)
		}
	}
}

// Whatever a file holds, it is either refused with its name before every line, or gives settings that may start.
func FuzzParse(f *testing.F) {
	var b strings.Builder
	if err := Print(&b); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(b.String()))
	f.Add([]byte("[rtp]\nports = \"9000-9100\"\nlatch = 'never'\n"))
	f.Add([]byte("sip = {listen = [\"[::1]:5060\"]}\nallow = [\"::1\"]\n"))
	f.Add([]byte("[[rtp]]\n[rtp.ports]\n\"a.b\".c = 1\n"))
	f.Add([]byte("[[room]]\nmatch = \"a*\"\npin = \"1234\"\n[[room]]\nmatch = \"*@b\"\n[room.x]\ny = 1\n"))
	f.Add([]byte("http.token = \"\"\"0123456789abcdef\"\"\"\nx = [[1], {y = 2020-01-01}]\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := Parse("f", file)
		if err == nil {
			if err := c.Check(); err != nil {
				t.Fatalf("taken, but refused afterwards: %v", err)
			}
			return
		}
		var wrong Problems
		if !errors.As(err, &wrong) || len(wrong) == 0 {
			t.Fatalf("no Problems: %v", err)
		}
		for _, p := range wrong {
			if p.Mend == "" || !strings.HasPrefix(p.Where, "f:") && p.Where != "f" {
				t.Fatalf("a problem without place or mending: %#v", p)
			}
			if p.Key != "" && strings.HasSuffix(p.Where, ":0") {
				t.Fatalf("line lost: %v", p)
			}
		}
	})
}
