package sip

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/icholy/digest"
)

func TestParseCredentials(t *testing.T) {
	for _, tt := range []struct {
		line string
		want digest.Credentials // none: malformed
	}{
		{`Digest username="a", realm="r", nonce="n", uri="sip:x", response="00", algorithm=MD5, cnonce="c", opaque="o", qop=auth, nc=0000001f, other=1, more="2"`,
			digest.Credentials{Username: "a", Realm: "r", Nonce: "n", URI: "sip:x", Response: "00", Algorithm: "MD5", Cnonce: "c", Opaque: "o", QOP: "auth", Nc: 31}},
		{`dIGEST UserName="a" ,,NC = 1,	uri=sip:a@b;c=d , nonce=a/+b==`, digest.Credentials{Username: "a", Nc: 1, URI: "sip:a@b;c=d", Nonce: "a/+b=="}},
		{`Digest username="a\"\\b, c=d", realm="ä"`, digest.Credentials{Username: `a"\b, c=d`, Realm: "ä"}},
		{`Digest username="a", username="b"`, digest.Credentials{Username: "b"}},
		{`Digest username=`, digest.Credentials{}},
		{`Digest username="a`, digest.Credentials{}}, {`Digest username="a\"`, digest.Credentials{}}, {`Digest username="a"b`, digest.Credentials{}},
		{`Digest username="a" realm="b"`, digest.Credentials{}}, {`Digest username=a b`, digest.Credentials{}}, {`Digest username=a"b"`, digest.Credentials{}},
		{`Digest username`, digest.Credentials{}}, {`Digest ="a"`, digest.Credentials{}}, {`Digest a b="c"`, digest.Credentials{}},
		{`Digest nc=g`, digest.Credentials{}}, {`Digest nc=-1`, digest.Credentials{}}, {`Digest nc=80000000`, digest.Credentials{}}, {`Digest nc=`, digest.Credentials{}},
		{`Basic username="a"`, digest.Credentials{}}, {``, digest.Credentials{}},
	} {
		c, ok := parseCredentials(tt.line)
		if ok && *c != tt.want || !ok && tt.want != (digest.Credentials{}) || ok && tt.want == (digest.Credentials{}) && tt.line != `Digest username=` {
			t.Errorf("%s: %+v, %v", tt.line, c, ok)
		}
	}
}

// What the library reads is read as the library does.
func TestCredentialsAsTheLibrary(t *testing.T) {
	pieces := []string{"username=", "realm = ", "nonce=", "uri=", "response=", "nc=", "qop=", "x-y=", ",", ", ", " ", `"`, `\`, `"a"`, `"b\"c"`, "1f", "auth", "ä"}
	random, same := rand.New(rand.NewPCG(1, 2)), 0
	for range 50_000 {
		var b strings.Builder
		b.WriteString("Digest ")
		for range random.IntN(12) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		want, err := digest.ParseCredentials(b.String())
		if err != nil {
			continue
		}
		got, ok := parseCredentials(b.String())
		if !ok || *got != *want {
			t.Fatalf("%s: %+v, want %+v", b.String(), got, want)
		}
		same++
	}
	if same < 1000 {
		t.Errorf("only %d lines were read by both", same)
	}
}
