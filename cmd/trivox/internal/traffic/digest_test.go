package traffic

import (
	"fmt"
	"strings"
	"testing"
)

// The examples of RFC 7616, 3.9.1.
func TestDigestExamples(t *testing.T) {
	for algorithm, want := range map[string]string{
		"MD5":     "8ca523f5e9506fed4657c9700eebdbec",
		"SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		ha1 := digest(algorithm, "Mufasa:http-auth@example.org:Circle of Life")
		ha2 := digest(algorithm, "GET:/dir/index.html")
		got := respond(algorithm, ha1, "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", ha2)
		if got != want {
			t.Errorf("%s: %s, want %s", algorithm, got, want)
		}
	}
}

func challenge(lines ...string) []byte {
	return []byte("SIP/2.0 401 Unauthorized\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n")
}

func TestChallenges(t *testing.T) {
	md5 := `WWW-Authenticate: Digest realm="a, \"b\"", nonce="n1", qop="auth,auth-int"`
	sha := `www-authenticate: digest algorithm=sha-256,qop=auth, opaque="o=1", nonce="n2",realm="r"`
	for _, c := range []struct {
		name, only string
		res        []byte
		want       string // in the header; empty: cannot be answered
	}{
		{"the first that is known", "", challenge(`WWW-Authenticate: Digest realm="r", nonce="n", algorithm=SHA-3`, sha, md5), `realm="r", nonce="n2", uri="sip:d", algorithm=SHA-256, opaque="o=1", qop=auth, nc=00000001`},
		{"the one asked for", "MD5", challenge(sha, md5), `realm="a, "b"", nonce="n1", uri="sip:d", algorithm=MD5, qop=auth, nc=00000001`},
		{"without qop", "", challenge(`WWW-Authenticate: Digest realm="r", nonce="n"`), `algorithm=MD5, response="`},
		{"none that is asked for", "SHA-512-256", challenge(sha, md5), ""},
		{"none at all", "", challenge(`WWW-Authenticate: Basic realm="r"`, "WWW-Authenticate: Digest", `WWW-Authenticate: Digest realm="r"`), ""},
	} {
		cr := credentials{user: "u", password: "p", only: c.only}
		if ok := cr.challenged(c.res); ok != (c.want != "") {
			t.Errorf("%s: %v", c.name, ok)
		}
		got := string(cr.append(nil, "REGISTER", "sip:d"))
		if !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// A nonce is used again and counted; a new one begins at 1. The password is in no header.
func TestNonceCount(t *testing.T) {
	c := credentials{user: "u", password: "secret"}
	if got := c.append(nil, "REGISTER", "sip:d"); got != nil {
		t.Errorf("before a challenge: %q", got)
	}
	seen := map[string]bool{}
	for _, nonce := range []string{"one", "two"} {
		if !c.challenged(challenge(fmt.Sprintf(`WWW-Authenticate: Digest realm="r", nonce="%s", algorithm=SHA-512-256, qop="auth"`, nonce))) {
			t.Fatal("not answered")
		}
		for n := 1; n <= 20; n++ {
			p := parameters(strings.TrimPrefix(string(c.append(nil, "REGISTER", "sip:d")), "Authorization: Digest "))
			ha1, ha2 := digest("SHA-512-256", "u:r:secret"), digest("SHA-512-256", "REGISTER:sip:d")
			if want := respond("SHA-512-256", ha1, nonce, fmt.Sprintf("%08x", n), p["cnonce"], ha2); p["response"] != want || seen[p["response"]] {
				t.Errorf("%s, %d: %v", nonce, n, p)
			}
			seen[p["response"]] = true
		}
	}
}
