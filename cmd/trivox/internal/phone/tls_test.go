package phone

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"trivox/cmd/trivox/internal/certs"
)

// secure makes a certificate of 127.0.0.1, and leaves it in a file for clients.
func (u *uas) secure(t testing.TB) *tls.Config {
	t.Helper()
	cert, key, err := certs.SelfSigned([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	u.cert = filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(u.cert, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}
}

// A call by TLS, ended by either side; by a sips URI Contact is sips too (RFC 3261, 8.1.1.8).
func TestCallByTLS(t *testing.T) {
	for _, scheme := range []string{"sip", "sips"} {
		u := startUAS(t, "tls")
		c := Config{Transport: "tls", User: "ann"}
		if err := (Access{CA: u.cert}).Apply(&c); err != nil {
			t.Fatal(err)
		}
		a := openAs(t, c)
		uri := scheme + ":tea@" + u.addr
		if got := Transport(uri + ";transport=tls"); got != "tls" {
			t.Errorf("transport %q", got)
		}
		for _, byUs := range []bool{true, false} {
			d, err := a.Dial(within(t), Call{URI: uri, Offer: []byte("v=0 offer")})
			if err != nil {
				t.Fatal(err)
			}
			s := wait(t, "the call", u.calls)
			contact := s.InviteRequest.Contact().Address
			if contact.Scheme != scheme || contact.UriParams.Has("transport") != (scheme == "sip") || s.InviteRequest.Via().Transport != "TLS" {
				t.Errorf("Contact %s, Via %s", contact.String(), s.InviteRequest.Via().Value())
			}
			if byUs {
				if err := d.Bye(within(t), ""); err != nil {
					t.Error(err)
				}
				continue
			}
			bye := requestTo(s, sip.BYE, "")
			bye.SetDestination(s.InviteRequest.Source()) // the connection
			if res, err := s.Do(within(t), bye); err != nil || res.StatusCode != 200 {
				t.Errorf("BYE: %v, %v", res, err)
			}
			wait(t, "the end", d.Done())
		}
	}
}

// Nobody is believed whom nobody has signed, unless it is asked for; and sips does not go in clear.
func TestServersBelieved(t *testing.T) {
	u := startUAS(t, "tls")
	for _, tt := range []struct {
		access    Access
		transport string
		uri       string
		want      string
	}{
		{Access{}, "tls", "sip:tea@" + u.addr, "certificate"},
		{Access{}, "udp", "sips:tea@" + u.addr, "sips goes by tls, not by udp"},
		{Access{Insecure: true}, "tls", "sip:tea@" + u.addr, ""},
		{Access{CA: u.cert}, "tls", "sip:tea@localhost:" + u.addr[strings.LastIndexByte(u.addr, ':')+1:], "certificate is"},
	} {
		c := Config{Transport: tt.transport, User: "ann"}
		if err := tt.access.Apply(&c); err != nil {
			t.Fatal(err)
		}
		a := openAs(t, c)
		d, err := a.Dial(within(t), Call{URI: tt.uri, Offer: []byte("v=0 offer")})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s by %s: %v, want %q", tt.uri, tt.transport, err, tt.want)
		}
		if err == nil {
			if err := d.Bye(within(t), ""); err != nil {
				t.Error(err)
			}
		}
	}
}

// The first line of a file is the password; what is in it is never shown.
func TestPasswordFile(t *testing.T) {
	dir := t.TempDir()
	for content, want := range map[string]string{"secret": "secret", "secret\n": "secret", "two words \r\nmore": "two words ", "\nsecret": "", "": ""} {
		name := filepath.Join(dir, "password")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var c Config
		err := Access{PasswordFile: name}.Apply(&c)
		if c.Password != want || (err == nil) != (want != "") || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %q, %v", content, c.Password, err)
		}
	}
	for _, a := range []Access{{PasswordFile: filepath.Join(dir, "none")}, {CA: filepath.Join(dir, "none")}} {
		if err := a.Apply(new(Config)); err == nil || !strings.Contains(err.Error(), "--") {
			t.Errorf("%+v: %v", a, err)
		}
	}
}
