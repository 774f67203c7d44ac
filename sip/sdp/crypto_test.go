package sdp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// randomness gives the keys of a test, the same every time.
func randomness(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

// secret is a key of so many bytes.
func secret(size int, seed byte) Key {
	k := make(Key, size)
	_, _ = randomness(seed).Read(k)
	return k
}

// inline is a key as it stands in a line.
func inline(size int, seed byte) string {
	return "inline:" + base64.StdEncoding.EncodeToString(secret(size, seed))
}

// Every suite has its own length of key and salt (SE-1: 28, 44, 30, 30, 46, 46).
func TestCryptoSuites(t *testing.T) {
	for name, size := range map[string]int{
		"AEAD_AES_128_GCM": 28, "AEAD_AES_256_GCM": 44, "AES_CM_128_HMAC_SHA1_80": 30, "AES_CM_128_HMAC_SHA1_32": 30,
		"AES_256_CM_HMAC_SHA1_80": 46, "AES_256_CM_HMAC_SHA1_32": 46,
	} {
		for n := size - 2; n <= size+2; n++ {
			m := MediaLine{Attributes: []Attribute{{"crypto", fmt.Sprintf("7 %s %s", name, inline(n, 1))}}}
			got := m.cryptos()
			if (len(got) == 1) != (n == size) {
				t.Errorf("%s with %d bytes: %d lines taken", name, n, len(got))
			}
			if n == size && (got[0].tag != 7 || got[0].suite.name != name || !bytes.Equal(got[0].key, secret(n, 1))) {
				t.Errorf("%s: read %d %s", name, got[0].tag, got[0].suite.name)
			}
		}
	}
}

// SE-1: which lines are taken, and which passed over. The first line is after RFC 4568, 3.
func TestCryptoLines(t *testing.T) {
	good := inline(30, 1)
	for _, c := range []struct {
		line string
		ok   bool
	}{
		{"1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20", true},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4", false}, // MKI
		{"1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|1:4", false},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + "|2^20;" + inline(30, 2) + "|2^20", false}, // two keys
		{"1 AES_CM_128_HMAC_SHA1_80 " + good, true},
		{"1  aes_cm_128_hmac_sha1_80   " + good + "  ", true},
		{"1 AES_CM_128_HMAC_SHA1_80 INLINE:" + good[len("inline:"):], true},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + "|1048576", true},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + "|", false},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + "|2^", false},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + "|forever", false},
		{"0 AES_CM_128_HMAC_SHA1_80 " + good, true},
		{"999999999 AES_CM_128_HMAC_SHA1_80 " + good, true},
		{"1000000000 AES_CM_128_HMAC_SHA1_80 " + good, false}, // ten digits
		{"99999999999999999999999 AES_CM_128_HMAC_SHA1_80 " + good, false},
		{"01 AES_CM_128_HMAC_SHA1_80 " + good, false},
		{"-1 AES_CM_128_HMAC_SHA1_80 " + good, false},
		{"+1 AES_CM_128_HMAC_SHA1_80 " + good, false},
		{"x AES_CM_128_HMAC_SHA1_80 " + good, false},
		{"AES_CM_128_HMAC_SHA1_80 " + good, false},
		{"1 F8_128_HMAC_SHA1_80 " + good, false},
		{"1 NULL_HMAC_SHA1_80 " + good, false},
		{"1 AES_CM_128_HMAC_SHA1_80", false},
		{"1", false},
		{"", false},
		{"1 AES_CM_128_HMAC_SHA1_80 prompt:" + good[len("inline:"):], false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:", false},
		{"1 AES_CM_128_HMAC_SHA1_80 inl", false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVub!Vz", false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + strings.Repeat("A", 60000), false},
		{"1 AES_256_CM_HMAC_SHA1_80 " + strings.TrimRight(inline(46, 3), "="), true}, // without its padding
		{"1 AEAD_AES_128_GCM " + inline(28, 3) + "=", true},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + " KDR=1", false},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + " UNENCRYPTED_SRTP", false},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + " UNENCRYPTED_SRTCP", false},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + " UNAUTHENTICATED_SRTP", false},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + " FEC_ORDER=FEC_SRTP", false},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + " FEC_KEY=" + inline(30, 4), false},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + " SOMETHING", false},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + " WSH=128", true},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + " WSH=", false},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + " WSH=many", false},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + " -SOMETHING WSH=64", true},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + " -", false},
		{"1 AES_CM_128_HMAC_SHA1_80 " + good + " -SOMETHING KDR=0", false},
	} {
		m := MediaLine{Attributes: []Attribute{{"crypto", c.line}}}
		if got := m.cryptos(); (len(got) == 1) != c.ok {
			t.Errorf("%.150s: taken %v, want %v", c.line, len(got) == 1, c.ok)
		}
	}
}

// Of two lines with one tag the first counts, even where it cannot be used: the peer could not tell which is meant.
func TestCryptoTagsTwice(t *testing.T) {
	m := MediaLine{Attributes: []Attribute{
		{"crypto", "1 F8_128_HMAC_SHA1_80 " + inline(30, 1)},
		{"crypto", "1 AES_CM_128_HMAC_SHA1_80 " + inline(30, 2)},
		{"Crypto", "2 AES_CM_128_HMAC_SHA1_32 " + inline(30, 3)},
		{"crypto", "2 AES_CM_128_HMAC_SHA1_80 " + inline(30, 4)},
		{"crypto", "3 AES_CM_128_HMAC_SHA1_80 " + inline(30, 5)},
	}}
	got := m.cryptos()
	if len(got) != 2 || got[0].tag != 2 || !bytes.Equal(got[0].key, secret(30, 3)) || got[1].tag != 3 {
		t.Errorf("%d lines", len(got))
	}
	m.Attributes = nil
	for i := range 3 * maxCryptos {
		m.Attributes = append(m.Attributes, Attribute{"crypto", fmt.Sprintf("%d AES_CM_128_HMAC_SHA1_80 %s", i, inline(30, 6))})
	}
	if got := m.cryptos(); len(got) != maxCryptos {
		t.Errorf("%d lines of very many", len(got))
	}
}

// A key stands in no log, whoever prints it and how.
func TestKeysDoNotPrint(t *testing.T) {
	m := Media{Crypto: &Crypto{Tag: 1, Suite: "AEAD_AES_128_GCM", Send: Key("sendsendsend"), Recv: Key("recvrecvrecv")}}
	js, err := json.Marshal(m.Crypto)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		fmt.Sprintf("%v %+v %#v", *m.Crypto, *m.Crypto, *m.Crypto), fmt.Sprintf("%s %q %x %X %d", m.Crypto.Send, m.Crypto.Send, m.Crypto.Send, m.Crypto.Send, m.Crypto.Send),
		fmt.Sprintf("%v %+v", m, m), string(js),
	} {
		for _, part := range []string{"send", "recv", "73656e64", "73656E64", "115 101", "c2VuZ"} {
			if strings.Contains(strings.ToLower(s), part) && part != "send" && part != "recv" || strings.Contains(s, "sendsend") || strings.Contains(s, "recvrecv") {
				t.Errorf("%q in %s", part, s)
			}
		}
	}
	if m.Encryption() != "AEAD_AES_128_GCM" || (&Media{}).Encryption() != "" {
		t.Errorf("%q", m.Encryption())
	}
}

func TestParsePolicy(t *testing.T) {
	for _, p := range []Policy{Off, Offered, Required} {
		if got, err := ParsePolicy(p.String()); err != nil || got != p {
			t.Errorf("%v: %v %v", p, got, err)
		}
	}
	if _, err := ParsePolicy("Offered"); err == nil || !strings.Contains(err.Error(), "off, offered or required") {
		t.Error(err)
	}
}

// FuzzCrypto: whatever stands in a=crypto lines, what is taken has a known suite, the right key and a tag of its own, and
// is answered by a line that reads back; no error says anything of a key.
func FuzzCrypto(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 "+inline(30, 1)+"|2^20 -X WSH=64", "2 AEAD_AES_256_GCM "+inline(44, 2))
	f.Add("1 AES_CM_128_HMAC_SHA1_32 "+inline(30, 1)+"|2^20|1:4", "1 AEAD_AES_128_GCM "+inline(28, 2)+" KDR=3")
	f.Add("01 x y", "\xff 9 = ; |")
	f.Fuzz(func(t *testing.T, a, b string) {
		us := ours()
		us.SRTP, us.Keys = Required, randomness(9)
		offer := crlf(head + "m=audio 5000 RTP/SAVP 0\na=crypto:" + a + "\na=crypto:" + b + "\n")
		answer, m, err := Answer(offer, us, nil)
		if err != nil {
			for _, secret := range []string{a, b} {
				if len(secret) > 40 && strings.Contains(err.Error(), secret[len(secret)-40:]) {
					t.Errorf("the error %v has a key in it", err)
				}
			}
			return
		}
		d, err := Parse(answer)
		if err != nil {
			t.Fatal(err)
		}
		got := d.Media[0].cryptos()
		s, known := suiteNamed(m.Crypto.Suite)
		if !known || len(m.Crypto.Recv) != s.size || len(got) != 1 || got[0].tag != m.Crypto.Tag || got[0].suite != s || !bytes.Equal(got[0].key, m.Crypto.Send) {
			t.Fatalf("%+v answered by\n%s", m.Crypto, answer)
		}
		if !bytes.Contains(offer, fmt.Appendf(nil, "%d", m.Crypto.Tag)) {
			t.Errorf("tag %d is not one of the offer", m.Crypto.Tag)
		}
	})
}
