package sip

import (
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

func requestWith(t testing.TB, uri string, lines ...string) *sipgo.Request {
	t.Helper()
	var u sipgo.Uri
	if err := sipgo.ParseUri(uri, &u); err != nil {
		t.Fatal(err)
	}
	req := sipgo.NewRequest(sipgo.REGISTER, u)
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		req.AppendHeader(sipgo.NewHeader(name, value))
	}
	return req
}

// The examples of RFC 7616, 3.9.1, and RFC 2617, 3.5.
func TestDigestExamples(t *testing.T) {
	anyRealm := func(host string) string { return host }
	const common = `Digest username="Mufasa", realm="http-auth@example.org", uri="sip:x", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", ` +
		`nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, `
	for _, tt := range []struct {
		name, line, password string
	}{
		{"MD5", common + `response="8ca523f5e9506fed4657c9700eebdbec", algorithm=MD5`, "Circle of Life"},
		{"MD5 unsaid, in capitals", common + `response="8CA523F5E9506FED4657C9700EEBDBEC"`, "Circle of Life"},
		{"SHA-256", common + `response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", algorithm=SHA-256`, "Circle of Life"},
		{"RFC 2617", `Digest username="Mufasa",realm="testrealm@host.com",nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",uri="/dir/index.html",` +
			`qop=auth,nc=00000001,cnonce="0a4f113b",response="6629fae49393a05397450978507c4ef1",opaque="5ccc069c403ebaf9f0171e9517f40e41"`, "Circle Of Life"},
	} {
		c, err := readCredentials(requestWith(t, "sip:example.org", "Authorization: "+tt.line), func(h string) string { return anyRealm(strings.ToLower(h)) })
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if strings.HasPrefix(tt.name, "RFC 7616") || c.URI == "sip:x" {
			c.URI = "/dir/index.html"
		}
		if !c.fits(digestAlgorithms) {
			t.Errorf("%s: not taken", tt.name)
		}
		if !c.proves(hashed(c.algorithm, "Mufasa", c.Realm, tt.password), "GET") {
			t.Errorf("%s: the right password is refused", tt.name)
		}
		if c.proves(hashed(c.algorithm, "Mufasa", c.Realm, "wrong"), "GET") || c.proves(hashed(c.algorithm, "Mufasa", c.Realm, tt.password), "PUT") {
			t.Errorf("%s: a wrong password or method is taken", tt.name)
		}
	}
}

func TestReadCredentials(t *testing.T) {
	const rest = `, nonce="n", uri="sip:example.com", response="r"`
	for _, tt := range []struct {
		name        string
		lines       []string
		user, realm string
		err         error
	}{
		{"none", nil, "", "", errNoCredentials},
		{"another scheme", []string{"Authorization: Basic dXNlcjpwYXNz"}, "", "", errNoCredentials},
		{"another realm", []string{`Authorization: Digest username="a", realm="elsewhere.net"` + rest}, "", "", errNoCredentials},
		{"an address of ours is not a realm", []string{`Authorization: Digest username="a", realm="192.0.2.254"` + rest}, "", "", errNoCredentials},
		{"ours", []string{`Authorization: Digest username="a", realm="example.com"` + rest}, "a", "example.com", nil},
		{"in any case", []string{`Authorization: digest username="a", realm="Example.COM"` + rest}, "a", "example.com", nil},
		{"the second", []string{`Authorization: Digest username="a", realm="elsewhere.net"` + rest, `Authorization: Digest username="b", realm="example.org"` + rest}, "b", "example.org", nil},
		{"with domain", []string{`Authorization: Digest username="a@example.com", realm="example.com"` + rest}, "a", "example.com", nil},
		{"with another domain", []string{`Authorization: Digest username="a@example.org", realm="example.com"` + rest}, "a@example.org", "example.com", nil},
		{"with tabs", []string{"Authorization: Digest username=\"a\",\trealm=\"example.com\"" + rest}, "a", "example.com", nil},
		{"no user", []string{`Authorization: Digest realm="example.com"` + rest}, "", "", errBadCredentials},
		{"no response", []string{`Authorization: Digest username="a", realm="example.com", nonce="n", uri="sip:example.com"`}, "", "", errBadCredentials},
		{"a bad count", []string{`Authorization: Digest username="a", realm="example.com", nc=xyz` + rest}, "", "", errBadCredentials},
		{"cut off", []string{`Authorization: Digest username="a", realm="example`}, "", "", errBadCredentials},
		{"too long", []string{`Authorization: Digest username="` + strings.Repeat("a", credentialsMost) + `", realm="example.com"` + rest}, "", "", errBadCredentials},
	} {
		c, err := readCredentials(requestWith(t, "sip:example.com", tt.lines...), func(h string) string { return ourDomain(strings.ToLower(h)) })
		if err != tt.err || c.user != tt.user || c.realm != tt.realm {
			t.Errorf("%s: %q, %q, %v", tt.name, c.user, c.realm, err)
		}
	}
}

func TestCredentialsFit(t *testing.T) {
	for _, tt := range []struct {
		params string
		want   bool
	}{
		{`qop=auth, nc=00000001, cnonce="c"`, true},
		{`qop="auth", nc=00000001, cnonce="c", algorithm=MD5`, true},
		{`qop=auth, nc=00000001, cnonce="c", algorithm=SHA-256`, true},
		{`qop=auth, nc=00000001, cnonce="c", algorithm=sha-256`, true},
		{`algorithm=MD5`, true}, // RFC 2069
		{``, true},
		{`algorithm=SHA-256`, false}, // which is younger than qop
		{`qop=auth-int, nc=00000001, cnonce="c"`, false},
		{`qop=auth, nc=00000000, cnonce="c"`, false},
		{`qop=auth, cnonce="c"`, false},
		{`qop=auth, nc=00000001`, false},
		{`qop=auth, nc=00000001, cnonce="c", algorithm=SHA-512-256`, false}, // not allowed here
		{`qop=auth, nc=00000001, cnonce="c", algorithm=MD5-sess`, false},
	} {
		line := `Authorization: Digest username="a", realm="example.com", nonce="n", uri="sip:example.com", response="r"`
		if tt.params != "" {
			line += ", " + tt.params
		}
		c, err := readCredentials(requestWith(t, "sip:example.com", line), ourDomain)
		if err != nil {
			t.Fatalf("%s: %v", tt.params, err)
		}
		if c.fits([]Algorithm{SHA256, MD5}) != tt.want {
			t.Errorf("%q: taken %v", tt.params, !tt.want)
		}
	}
}

// Proxies rewrite the Request-URI, so it may differ from what the phone signed, but not in whom it is for. (RG-5)
func TestDigestURI(t *testing.T) {
	for _, tt := range []struct {
		request, digest string
		want            bool
	}{
		{"sip:example.com", "sip:example.com", true},
		{"sip:example.com;transport=tcp", "sip:EXAMPLE.com:5060", true},
		{"sip:192.0.2.254", "sip:example.com", true},
		{"sip:tea@192.0.2.254", "sip:%74ea@example.com", true},
		{"sip:tea@example.com", "sips:tea@example.com", true},
		{"sip:tea@example.com", "sip:milk@example.com", false},
		{"sip:tea@example.com", "sip:example.com", false},
		{"sip:tea@example.com", "sip:tea@example.org", false},
		{"sip:tea@elsewhere.net", "sip:tea@elsewhere.net", true},
		{"sip:tea@example.com", "sip:tea@elsewhere.net", false},
		{"sip:tea@example.com", "/tea", false},
		{"sip:tea@example.com", "tel:123", false},
	} {
		c, err := readCredentials(requestWith(t, tt.request, `Authorization: Digest username="a", realm="example.com", nonce="n", uri="`+tt.digest+`", response="r"`), ourDomain)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.isFor(requestWith(t, tt.request), ourDomain); got != tt.want {
			t.Errorf("%s with digest URI %s: %v", tt.request, tt.digest, got)
		}
	}
}

// FuzzCredentials: whatever an Authorization field says, reading and checking it ends well, and proves nobody.
func FuzzCredentials(f *testing.F) {
	f.Add(`Digest username="alice", realm="example.com", nonce="n", uri="sip:example.com", response="r", qop=auth, nc=00000001, cnonce="c", algorithm=SHA-256`)
	f.Add(`Digest username="alice@example.com",realm="example.com",nonce="n",uri="sip:x@example.com",response="00"`)
	f.Add(`Digest username="a\"b", nc=ffffffff`)
	f.Fuzz(func(t *testing.T, line string) {
		c, err := readCredentials(requestWith(t, "sip:example.com", "Authorization: "+line), ourDomain)
		if err != nil {
			return
		}
		if c.user == "" || c.realm != "example.com" && c.realm != "example.org" {
			t.Errorf("user %q of %q", c.user, c.realm)
		}
		_ = c.isFor(requestWith(t, "sip:example.com"), ourDomain)
		if c.fits(digestAlgorithms) && c.proves(strings.Repeat("0", 32), "REGISTER") {
			t.Error("proved")
		}
	})
}
