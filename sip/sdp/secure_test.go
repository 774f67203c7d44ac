package sdp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// guarded is ours with a policy, and other keys than any peer has.
func guarded(p Policy, seed byte) Local {
	l := ours()
	l.SRTP, l.Keys = p, randomness(100+seed)
	return l
}

func cm80(tag int, seed byte) string {
	return fmt.Sprintf("a=crypto:%d AES_CM_128_HMAC_SHA1_80 %s\n", tag, inline(30, seed))
}

func gcm128(tag int, seed byte) string {
	return fmt.Sprintf("a=crypto:%d AEAD_AES_128_GCM %s\n", tag, inline(28, seed))
}

// SE-1, OA-10: what each policy makes of an offer.
func TestPolicies(t *testing.T) {
	const bad = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\n"
	for _, c := range []struct {
		policy  Policy
		profile string
		lines   string
		suite   string // agreed on; "" none
		refused string // "" answered
	}{
		{Off, "RTP/AVP", "", "", ""},
		{Off, "RTP/AVP", cm80(1, 1), "", ""},
		{Off, "RTP/SAVP", cm80(1, 1), "", "over TLS only, unless the listener says srtp=offered"},
		{Off, "RTP/SAVPF", "", "", "over TLS only"},
		{Offered, "RTP/AVP", "", "", ""},
		{Offered, "RTP/AVP", bad, "", ""},
		{Offered, "RTP/AVP", cm80(1, 1), "AES_CM_128_HMAC_SHA1_80", ""}, // RFC 8643
		{Offered, "RTP/AVPF", cm80(1, 1), "AES_CM_128_HMAC_SHA1_80", ""},
		{Offered, "RTP/SAVP", cm80(1, 1), "AES_CM_128_HMAC_SHA1_80", ""},
		{Offered, "rtp/savpf", cm80(1, 1), "AES_CM_128_HMAC_SHA1_80", ""},
		{Offered, "RTP/SAVP", bad, "", "no a=crypto line can be used: AEAD_AES_128_GCM"},
		{Offered, "RTP/SAVPF", "a=fingerprint:sha-256 AA\n", "", "RTP/SAVPF without a=crypto"},
		{Offered, "UDP/TLS/RTP/SAVP", cm80(1, 1), "", "UDP/TLS/RTP/SAVP is not supported"},
		{Required, "RTP/AVP", "", "", "calls are encrypted here"},
		{Required, "RTP/AVP", bad, "", "no a=crypto line can be used"},
		{Required, "RTP/AVP", cm80(1, 1), "AES_CM_128_HMAC_SHA1_80", ""},
		{Required, "RTP/SAVP", bad + cm80(2, 1), "AES_CM_128_HMAC_SHA1_80", ""},
		// AES-GCM before others, else the order of the offer
		{Offered, "RTP/SAVP", cm80(1, 1) + gcm128(2, 2), "AEAD_AES_128_GCM", ""},
		{Offered, "RTP/SAVP", "a=crypto:3 AEAD_AES_256_GCM " + inline(44, 3) + "\n" + gcm128(2, 2), "AEAD_AES_256_GCM", ""},
		{Offered, "RTP/SAVP", "a=crypto:3 AES_CM_128_HMAC_SHA1_32 " + inline(30, 3) + "\n" + cm80(1, 1), "AES_CM_128_HMAC_SHA1_32", ""},
		{Offered, "RTP/SAVP", "a=crypto:3 AES_256_CM_HMAC_SHA1_32 " + inline(46, 3) + "\n" + cm80(1, 1), "AES_256_CM_HMAC_SHA1_32", ""},
		{Offered, "RTP/SAVP", "a=crypto:3 AES_256_CM_HMAC_SHA1_80 " + inline(46, 3) + " KDR=1\n" + cm80(1, 1), "AES_CM_128_HMAC_SHA1_80", ""},
	} {
		offer := crlf(head + "m=audio 5000 " + c.profile + " 0\n" + c.lines)
		answer, m, err := Answer(offer, guarded(c.policy, 1), nil)
		if c.refused != "" {
			wantRefusal(t, err, WarnTransport, c.refused)
			continue
		}
		if err != nil {
			t.Errorf("%v, %s, %q: %v", c.policy, c.profile, c.lines, err)
			continue
		}
		checkAnswer(t, offer, answer, m)
		if m.Encryption() != c.suite || m.Profile != strings.ToUpper(c.profile) || !strings.Contains(string(answer), "m=audio 10000 "+m.Profile+" 0\r\n") {
			t.Errorf("%v, %s, %q: %q by %s\n%s", c.policy, c.profile, c.lines, m.Encryption(), m.Profile, answer)
		}
		if n := strings.Count(string(answer), "a=crypto:"); n > 1 || (n == 1) != (c.suite != "") {
			t.Errorf("%v, %s, %q:\n%s", c.policy, c.profile, c.lines, answer)
		}
	}
}

// SE-1: the answer has the tag of the line that was taken, and a key of our own.
func TestAnswerHasTagAndOwnKey(t *testing.T) {
	answer, m, err := Answer(crlf(head+"m=audio 5000 RTP/SAVP 0\n"+cm80(1, 1)+gcm128(77, 2)), guarded(Offered, 3), nil)
	if err != nil {
		t.Fatal(err)
	}
	if m.Crypto.Tag != 77 || !bytes.Equal(m.Crypto.Recv, secret(28, 2)) || !bytes.Equal(m.Crypto.Send, secret(28, 103)) {
		t.Errorf("agreed on %+v", m.Crypto)
	}
	if !strings.Contains(string(answer), "a=crypto:77 AEAD_AES_128_GCM "+inline(28, 103)+"\r\n") {
		t.Errorf("answer\n%s", answer)
	}
}

// Q22: of two audio lines the encrypted one is taken, wherever it stands, and the other refused.
func TestTwoAudioLines(t *testing.T) {
	savp, avp := "m=audio 9300 RTP/SAVP 0 8\n"+cm80(1, 1), "m=audio 9302 RTP/AVP 0 8\n"
	for _, c := range []struct {
		policy Policy
		media  string
		want   int
	}{
		{Offered, savp + avp, 0}, {Offered, avp + savp, 1}, {Required, avp + savp, 1}, {Off, savp + avp, 1}, {Off, avp + savp, 0},
		{Offered, avp + avp, 0},
		{Offered, avp + strings.Replace(savp, "9300", "0", 1), 0},
		{Offered, avp + strings.Replace(savp, "0 8", "18", 1), 0},
	} {
		us := guarded(c.policy, 1)
		offer := crlf(head + c.media)
		answer, m, err := Answer(offer, us, nil)
		if err != nil || m.Index != c.want {
			t.Errorf("%v, %q: line %d, %v", c.policy, c.media, m.Index, err)
			continue
		}
		checkAnswer(t, offer, answer, m)
		if strings.Count(string(answer), "m=audio 0 ") != 1 || strings.Count(string(answer), "m=audio 10000 ") != 1 {
			t.Errorf("%v, %q:\n%s", c.policy, c.media, answer)
		}
		_, again, err := Answer(crlf(head+c.media+"a=sendonly\n"), us, &m)
		if err != nil || again.Index != c.want {
			t.Errorf("%v, %q: the same again: line %d, %v", c.policy, c.media, again.Index, err)
		}
	}
}

// SE-1: what a re-INVITE does to the keys.
func TestKeysOverReinvite(t *testing.T) {
	us := guarded(Offered, 1)
	at := func(host, lines string) []byte {
		return crlf(strings.ReplaceAll(head, "192.0.2.9", host) + "m=audio 5000 RTP/SAVP 0\n" + lines)
	}
	_, first, err := Answer(at("192.0.2.9", cm80(1, 1)), us, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, host, lines string
		same              bool // our key
		suite             string
	}{
		{"the same", "192.0.2.9", cm80(1, 1), true, "AES_CM_128_HMAC_SHA1_80"},
		{"hold", "192.0.2.9", cm80(1, 1) + "a=sendonly\n", true, "AES_CM_128_HMAC_SHA1_80"},
		{"hold by address, a new key", "0.0.0.0", cm80(1, 2), true, "AES_CM_128_HMAC_SHA1_80"},
		{"another tag", "192.0.2.9", cm80(5, 1), true, "AES_CM_128_HMAC_SHA1_80"},
		{"a new key", "192.0.2.9", cm80(1, 2), true, "AES_CM_128_HMAC_SHA1_80"},
		{"another address", "192.0.2.10", cm80(1, 1), true, "AES_CM_128_HMAC_SHA1_80"},
		{"another machine", "192.0.2.10", cm80(1, 2), false, "AES_CM_128_HMAC_SHA1_80"}, // RFC 4568, 7.1.4
		{"more suites: the one in use stays", "192.0.2.9", gcm128(1, 3) + cm80(2, 1), true, "AES_CM_128_HMAC_SHA1_80"},
		{"another suite", "192.0.2.9", gcm128(1, 3), false, "AEAD_AES_128_GCM"},
		{"our own key comes back", "192.0.2.9", fmt.Sprintf("a=crypto:1 %s inline:%s\n", first.Crypto.Suite, strings.Fields(first.Crypto.line())[2][7:]) + cm80(2, 4), true, "AES_CM_128_HMAC_SHA1_80"},
	} {
		_, m, err := Answer(at(c.host, c.lines), us, &first)
		if err != nil || m.Encryption() != c.suite || bytes.Equal(m.Crypto.Send, first.Crypto.Send) != c.same {
			t.Errorf("%s: %v, %s, our key the same: %v", c.name, err, m.Encryption(), !c.same)
			continue
		}
		if bytes.Equal(m.Crypto.Recv, m.Crypto.Send) {
			t.Errorf("%s: one key for both ways", c.name)
		}
	}
	_, _, err = Answer(at("192.0.2.9", first.Crypto.line()), us, &first)
	wantRefusal(t, err, WarnTransport, "no a=crypto line can be used")
}

// A key of ours that was left never returns: SSRC and sequence numbers go on, and would meet the same key stream again.
func TestOwnKeysNeverReturn(t *testing.T) {
	lines := []string{"", cm80(1, 1), cm80(1, 2), gcm128(1, 3), "a=crypto:1 AES_CM_128_HMAC_SHA1_32 " + inline(30, 4) + "\n"}
	rapid.Check(t, func(t *rapid.T) {
		us := guarded(Offered, 1)
		var prev *Media
		left := map[string]bool{}
		for range rapid.IntRange(1, 12).Draw(t, "offers") {
			host := fmt.Sprint("192.0.2.", rapid.IntRange(20, 22).Draw(t, "host"))
			profile := "RTP/AVP"
			line := rapid.SampledFrom(lines).Draw(t, "line")
			if line != "" && rapid.Bool().Draw(t, "secure") {
				profile = "RTP/SAVP"
			}
			_, m, err := Answer(crlf(strings.ReplaceAll(head, "192.0.2.9", host)+"m=audio 5000 "+profile+" 0\n"+line), us, prev)
			if err != nil {
				t.Fatal(err)
			}
			if m.Crypto != nil && left[string(m.Crypto.Send)] {
				t.Fatal("a key that was left is used again")
			}
			if prev != nil && prev.Crypto != nil && (m.Crypto == nil || !bytes.Equal(m.Crypto.Send, prev.Crypto.Send)) {
				left[string(prev.Crypto.Send)] = true
			}
			prev = &m
		}
	})
}

// SE-1, RFC 8643, 3: what we offer at first, and inside a session.
func TestOfferedSecurity(t *testing.T) {
	_, plain, err := Answer(crlf(head+"m=audio 5000 RTP/AVP 0\n"), ours(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, crypted, err := Answer(crlf(head+"m=audio 5000 RTP/AVP 0\n"+cm80(4, 1)), guarded(Offered, 2), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, secure, err := Answer(crlf(head+"m=audio 5000 RTP/SAVPF 0\n"+gcm128(6, 1)), guarded(Offered, 2), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		policy  Policy
		prev    *Media
		profile string
		lines   int
	}{
		{Off, nil, "RTP/AVP", 0}, {Offered, nil, "RTP/AVP", 4}, {Required, nil, "RTP/SAVP", 4},
		{Off, &plain, "RTP/AVP", 0}, {Offered, &plain, "RTP/AVP", 0}, {Required, &plain, "RTP/SAVP", 4},
		{Offered, &crypted, "RTP/AVP", 1}, {Required, &crypted, "RTP/AVP", 1}, {Off, &crypted, "RTP/AVP", 0},
		{Offered, &secure, "RTP/SAVPF", 1}, {Required, &secure, "RTP/SAVPF", 1}, {Off, &secure, "RTP/AVPF", 0},
	} {
		offer := Offer(guarded(c.policy, 3), c.prev)
		d, err := Parse(offer)
		if err != nil {
			t.Fatal(err)
		}
		got := d.Media[0].cryptos()
		if d.Media[0].Profile != c.profile || len(got) != c.lines {
			t.Errorf("%v, before %v: %s, %d lines\n%s", c.policy, c.prev, d.Media[0].Profile, len(got), offer)
		}
		if c.lines == 1 && (got[0].tag != c.prev.Crypto.Tag || got[0].suite.name != c.prev.Crypto.Suite || !bytes.Equal(got[0].key, c.prev.Crypto.Send)) {
			t.Errorf("%v, before %v: not what is in use\n%s", c.policy, c.prev, offer)
		}
		if c.lines == 4 && !got[0].suite.gcm {
			t.Errorf("%s is first", got[0].suite.name)
		}
	}
	if a, b := Offer(guarded(Offered, 3), &secure), Offer(guarded(Offered, 4), &secure); !bytes.Equal(a, b) {
		t.Errorf("the same offer again differs:\n%s\n%s", a, b)
	}
}

// Q6: an offer that asks for new keys has the tag, suite and profile of before and a key of ours that is new; what comes of it
// is what the answer says, on hold too. Where nothing is encrypted it is an offer as any other.
func TestOfferedRekey(t *testing.T) {
	us := guarded(Offered, 2)
	at := func(profile, lines string) []byte { return crlf(head + "m=audio 5000 " + profile + " 0\n" + lines) }
	_, prev, err := Answer(at("RTP/SAVP", cm80(4, 1)+"a=sendonly\n"), us, nil)
	if err != nil {
		t.Fatal(err)
	}
	us.Rekey, us.Direction, us.Keys = true, prev.Direction, randomness(150)
	offer := Offer(us, &prev)
	d, err := Parse(offer)
	if err != nil {
		t.Fatal(err)
	}
	got := d.Media[0].cryptos()
	if d.Media[0].Profile != "RTP/SAVP" || len(got) != 1 || got[0].tag != 4 || got[0].suite.name != prev.Crypto.Suite ||
		bytes.Equal(got[0].key, prev.Crypto.Send) || bytes.Equal(got[0].key, prev.Crypto.Recv) || !strings.Contains(string(offer), "a=recvonly\r\n") {
		t.Errorf("offered\n%s", offer)
	}
	if _, version := d.Origin.numbers(); version != prev.Version+1 {
		t.Errorf("version %d after %d", version, prev.Version)
	}
	us.Rekey, us.Direction = false, SendRecv
	for _, seed := range []byte{1, 9} { // the key of before, and another
		m, err := Accept(offer, at("RTP/SAVP", cm80(4, seed)+"a=sendonly\n"), us, &prev)
		if err != nil || !bytes.Equal(m.Crypto.Send, got[0].key) || !bytes.Equal(m.Crypto.Recv, secret(30, seed)) || !m.Hold {
			t.Errorf("%v: %+v", err, m)
		}
	}
	_, clear, err := Answer(at("RTP/AVP", ""), us, nil)
	if err != nil {
		t.Fatal(err)
	}
	us.Rekey = true
	if offer := Offer(us, &clear); strings.Contains(string(offer), "a=crypto") {
		t.Errorf("a call in clear:\n%s", offer)
	}
}

// What an answer makes of our offer; a late offer's keys are those that Accept reads from it.
func TestAcceptSecurity(t *testing.T) {
	for _, c := range []struct {
		policy  Policy
		profile string
		lines   string
		suite   string
		refused string
	}{
		{Offered, "RTP/AVP", "", "", ""},
		{Offered, "RTP/AVP", cm80(3, 1), "AES_CM_128_HMAC_SHA1_80", ""},
		{Offered, "RTP/AVP", cm80(1, 1), "AES_CM_128_HMAC_SHA1_80", ""}, // tag 1 whatever was offered, as some do
		{Offered, "RTP/SAVP", gcm128(1, 1), "AEAD_AES_128_GCM", ""},
		{Offered, "RTP/AVP", "a=crypto:1 AES_256_CM_HMAC_SHA1_80 " + inline(46, 1) + "\n", "", "fits one of the offer"},
		{Offered, "RTP/SAVP", "", "", "without a key"},
		{Required, "RTP/AVP", "", "", "not encrypted"},
		{Required, "RTP/SAVP", "", "", "without a key"},
		{Required, "RTP/SAVP", cm80(3, 1), "AES_CM_128_HMAC_SHA1_80", ""},
		{Required, "RTP/SAVP", strings.TrimSuffix(cm80(3, 1), "\n") + " KDR=1\n", "", "fits one of the offer"},
		{Off, "RTP/AVP", cm80(3, 1), "", ""},
		{Off, "RTP/SAVP", cm80(3, 1), "", "without a key"},
	} {
		us := guarded(c.policy, 5)
		offer := Offer(us, nil)
		m, err := Accept(offer, crlf(head+"m=audio 5000 "+c.profile+" 0\n"+c.lines), us, nil)
		if c.refused != "" {
			wantRefusal(t, err, WarnTransport, c.refused)
			continue
		}
		if err != nil || m.Encryption() != c.suite {
			t.Errorf("%v, %s, %q: %v, %q", c.policy, c.profile, c.lines, err, m.Encryption())
			continue
		}
		if c.suite != "" && !strings.Contains(string(offer), m.Crypto.line()) {
			t.Errorf("%v, %s, %q: our key is not the offer's", c.policy, c.profile, c.lines)
		}
	}
	// Our own key in the answer is no key.
	us := guarded(Required, 5)
	offer := Offer(us, nil)
	at := bytes.Index(offer, []byte("a=crypto:1 "))
	echo := string(offer[at : at+bytes.IndexByte(offer[at:], '\n')+1])
	_, err := Accept(offer, crlf(head+"m=audio 5000 RTP/SAVP 0\n"+strings.ReplaceAll(echo, "\r", "")), us, nil)
	wantRefusal(t, err, WarnTransport, "fits one of the offer")
}
