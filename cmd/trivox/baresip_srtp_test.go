package main

import (
	"context"
	crand "crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/phone"
	"trivox/media"
	"trivox/media/codec"
	"trivox/sip/sdp"
)

// A softphone that encrypts, as it offers it (RTP/AVP with a=crypto, RFC 8643; RTP/SAVP; RTP/SAVPF), is in a room with one
// that does not; they hear each other, before a hold and after, and no packet fails (SE-1).
func TestBaresipEncrypts(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"srtp", "srtp-mand", "srtp-mandf"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			const hertz, others = 440, 830
			s := serve(t, quiet, "--sip", "udp/127.0.0.1:0?srtp=offered")
			secret := startSoftphone(t, softphone{name: "secret", codec: codec.PCMU, say: sine(hertz, 0.1), length: time.Minute, encryption: mode})
			clear := startBaresip(t, "clear", codec.PCMU, sine(others, 0.1), time.Minute)
			secret.dial(s.room("tea"))
			clear.dial(s.room("tea"))
			heard := func(n uint64) func() bool {
				return func() bool {
					return s.participant("tea", "secret").PacketsReceived >= n && s.participant("tea", "clear").PacketsReceived >= n
				}
			}
			s.becomes("2 s of sound have come from both", heard(100))
			for who, want := range map[string]string{"secret": "AES_CM_128_HMAC_SHA1_80", "clear": ""} { // all that baresip 1.0.0 offers
				if got := s.participant("tea", who).Encryption; got != want {
					t.Errorf("%s is encrypted by %q, want %q", who, got, want)
				}
			}
			secret.command("hold", "")
			s.becomes("it holds", func() bool { return s.participant("tea", "secret").Held })
			secret.command("resume", "")
			s.becomes("it does not hold", func() bool { return !s.participant("tea", "secret").Held })
			s.becomes("4 s of sound more have come from both", heard(s.participant("tea", "secret").PacketsReceived+200))
			quitAll(secret, clear)
			hears(t, "the one that encrypts, until its hold,", secret.heard(), []float64{others}, hertz) // its recorder ends with a hold
			hears(t, "the one that does not", clear.heard(), []float64{hertz}, others)
			for _, e := range s.await(2, "the end of both calls", func(e event) bool { return e.is("call ended") }) {
				if e["unauthentic"] != 0.0 || e["received"].(float64) < 300 {
					t.Errorf("%v", e)
				}
			}
		})
	}
}

// Who must encrypt and does not is told what is wanted; so is who encrypts where keys would go in clear (SE-1, OA-10).
func TestEncryptionRefused(t *testing.T) {
	t.Parallel()
	secure := strings.Replace(string(offer(netip.MustParseAddrPort("127.0.0.1:9"), codec.PCMU, 1, "sendrecv")), "RTP/AVP", "RTP/SAVP", 1) +
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"
	for _, c := range []struct {
		policy sdp.Policy
		offer  string
		want   string
	}{
		{sdp.Required, string(offer(netip.MustParseAddrPort("127.0.0.1:9"), codec.PCMU, 1, "sendrecv")), "calls are encrypted here: offer RTP/SAVP"},
		{sdp.Off, secure, "keys in SDP are taken over TLS only"},
	} {
		s := serve(t, quiet, "--sip", "udp/127.0.0.1:0?srtp="+c.policy.String())
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, err := openAgent(t, line{local: netip.MustParseAddr("127.0.0.1")}).Dial(ctx, phone.Call{URI: s.room("tea"), Offer: []byte(c.offer)})
		var refused *phone.Failure
		if !errors.As(err, &refused) || refused.Code != 488 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want 488 with %q", c.policy, err, c.want)
		}
	}
}

// Each listener has its policy: off in clear, offered by TLS, and what is said behind the address. No key is in the log.
func TestEncryptionOfListeners(t *testing.T) {
	t.Parallel()
	cert, key := makeCertificate(t, t.TempDir(), "example.com", "127.0.0.1")
	const byTLS, byUDP = "tls/127.0.0.1:0", "udp/127.0.0.1:0"
	s := serve(t, quiet+"[log]\nlevel = \"debug\"\n", "--sip", byUDP, "--sip", byTLS, "--certificate", cert+","+key)
	strict := serve(t, quiet, "--sip", byTLS+"?srtp=required", "--sip", byUDP+"?srtp=required", "--certificate", cert+","+key)
	for _, c := range []struct {
		server  *server
		network string
		srtp    string
		want    string
	}{
		{s, "tls", "required", "encrypted by AEAD_AES_128_GCM"},
		{s, "tls", "offered", "encrypted by AEAD_AES_128_GCM"},
		{s, "tls", "off", "not encrypted"},
		{s, "udp", "offered", "not encrypted"},
		{s, "udp", "required", "keys in SDP are taken over TLS only"},
		{strict, "tls", "offered", "encrypted by AEAD_AES_128_GCM"},
		{strict, "tls", "off", "calls are encrypted here"},
		{strict, "udp", "required", "encrypted by AEAD_AES_128_GCM"},
		{strict, "udp", "off", "calls are encrypted here"},
	} {
		uri := "sip:tea@" + c.server.address("sip", c.network, false).String() + ";transport=" + c.network
		out, err := trivox(t, "call", uri, "--seconds", "0.5", "--tone", "700", "--srtp", c.srtp, "--ca", cert)
		if refused := !strings.Contains(c.want, "encrypted by") && c.want != "not encrypted"; !strings.Contains(out, c.want) || (err != nil) != refused {
			t.Errorf("%s, %s: %v, want %q in\n%s", c.network, c.srtp, err, c.want, out)
		}
	}
	if lines, _ := s.events(func(event) bool { return true }); strings.Contains(fmt.Sprint(lines), "inline:") {
		t.Error("a key is in the log")
	}
}

// Every suite that baresip has, both ways, RTP session against RTP session: we call it and offer that one alone (SE-1).
func TestSuitesOfBaresip(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{
		"AEAD_AES_128_GCM": 28, "AEAD_AES_256_GCM": 44, "AES_CM_128_HMAC_SHA1_80": 30, "AES_CM_128_HMAC_SHA1_32": 30,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const theirs, ours = 440, 830
			p := startSoftphone(t, softphone{name: "callee", codec: codec.PCMU, say: sine(theirs, 0.1), length: time.Minute, encryption: "srtp-mand"})
			socket := bind(t, netip.MustParseAddr("127.0.0.1"))
			key := make([]byte, size)
			_, _ = crand.Read(key)
			offered := strings.Replace(string(offer(localPort(socket), codec.PCMU, 1, "sendrecv")), "RTP/AVP", "RTP/SAVP", 1) +
				fmt.Sprintf("a=crypto:1 %s inline:%s\r\n", name, base64.StdEncoding.EncodeToString(key))
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			d, err := openAgent(t, line{local: netip.MustParseAddr("127.0.0.1")}).Dial(ctx, phone.Call{URI: p.uri, Offer: []byte(offered)})
			if err != nil {
				t.Fatal(err)
			}
			m, err := sdp.Accept([]byte(offered), d.Answer(), sdp.Local{SRTP: sdp.Required}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if m.Encryption() != name {
				t.Fatalf("encrypted by %q", m.Encryption())
			}
			pcm := converse(t, socket, m, sine(ours, 0.1), 3*time.Second)
			if err := d.Bye(ctx, ""); err != nil {
				t.Error(err)
			}
			if got := level(pcm[8000:], 8000, theirs); got < 0.05 {
				t.Errorf("we hear it at %.4f", got)
			}
			heard := p.heard()
			if got := strength(heard[max(0, len(heard)-16000):], 8000, ours); got < 0.05 {
				t.Errorf("it hears us at %.4f, in %d samples", got, len(heard))
			}
		})
	}
}

// converse speaks and listens for so long by PCMU, encrypted as agreed, and gives what it heard.
func converse(t *testing.T, socket *net.UDPConn, m sdp.Media, say sound, length time.Duration) []int16 {
	t.Helper()
	crypto, err := media.NewCrypto(m.Crypto.Suite, m.Crypto.Send, m.Crypto.Recv)
	if err != nil {
		t.Fatal(err)
	}
	s := media.NewSession(media.SessionConfig{CNAME: "test", Rand: rand.New(rand.NewPCG(1, 2)), Terms: media.Terms{
		Remote: m.Remote, ClockRate: 8000, Sound: []uint8{0}, Crypto: crypto,
	}})
	encoder, err := codec.PCMU.NewEncoder(codec.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := codec.PCMU.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	var heard []int16
	in, out, payload, pcm := make([]byte, 2048), make([]byte, 0, 2048), make([]byte, 160), make([]int16, 160)
	begin := media.Now()
	for i := range int(length / packetTime) {
		n, err := encoder.Encode(payload, say.pcm(i*160, 160, 8000))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = socket.WriteToUDPAddrPort(s.Build(out, 0, 160, i == 0, payload[:n]), s.Remote())
		due := begin + time.Duration(i+1)*packetTime
		_ = socket.SetReadDeadline(time.Now().Add(due - media.Now()))
		for {
			n, from, err := socket.ReadFromUDPAddrPort(in)
			if err != nil {
				break // it is time for the next packet
			}
			if p, v := s.Receive(media.Now(), in[:n], from); v.Kind == media.Sound {
				k, err := decoder.Decode(pcm, p.Payload)
				if err != nil {
					t.Fatal(err)
				}
				heard = append(heard, pcm[:k]...)
			}
		}
	}
	if st := s.Stats(); st.Dropped[media.Unauthentic] > 0 || st.Received < uint64(length/packetTime)/2 {
		t.Fatalf("%+v", st)
	}
	return heard
}
