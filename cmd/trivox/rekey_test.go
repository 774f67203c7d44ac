package main

import (
	"context"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/phone"
	"trivox/media"
	"trivox/media/codec"
	"trivox/sip/sdp"
)

// forgetful is a phone that calls by TLS, encrypts, and can begin its sequence numbers anew.
type forgetful struct {
	t      testing.TB
	socket *net.UDPConn
	local  sdp.Local
	dialog *phone.Dialog

	mu      sync.Mutex
	agreed  sdp.Media
	session *media.Session
	heard   uint64 // packets of the server's, in the sessions before
	offers  int    // of the server's
}

// callForgetfully calls a room by TLS and says a tone there until the test ends.
func callForgetfully(t *testing.T, at netip.AddrPort, authority string, tone float64) *forgetful {
	t.Helper()
	pem, err := os.ReadFile(authority)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	home := netip.MustParseAddr("127.0.0.1")
	agent, err := phone.Open(phone.Config{
		Local: netip.AddrPortFrom(home, 0), Transport: "tls", User: "forgetful",
		TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = agent.Close() })
	f := &forgetful{t: t, socket: bind(t, home)}
	f.local = sdp.Local{
		Addr: home, Port: localPort(f.socket).Port(), SessionID: 7, Version: 1, SRTP: sdp.Required, Keys: crand.Reader,
		Codecs: []sdp.Codec{{Name: "PCMU", ClockRate: 8000, Channels: 1}},
	}
	offer := sdp.Offer(f.local, nil)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	f.dialog, err = agent.Dial(ctx, phone.Call{
		URI: fmt.Sprintf("sip:tea@%s;transport=tls", at), Offer: offer, Events: phone.Events{Offer: f.offered},
	})
	if err != nil {
		t.Fatal(err)
	}
	if f.agreed, err = sdp.Accept(offer, f.dialog.Answer(), f.local, nil); err != nil {
		t.Fatal(err)
	}
	f.begin(20000)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.converse(tone)
	}()
	t.Cleanup(func() { _ = f.socket.Close(); <-ended })
	return f
}

// terms are what the session is to do.
func (f *forgetful) terms() media.Terms {
	c, err := media.NewCrypto(f.agreed.Crypto.Suite, f.agreed.Crypto.Send, f.agreed.Crypto.Recv)
	if err != nil {
		f.t.Error(err)
	}
	return media.Terms{Remote: f.agreed.Remote, ClockRate: 8000, Sound: []uint8{0}, Crypto: c}
}

// begin numbers packets from seq on, with the SSRC and the keys that there are: all that was known of them is forgotten.
func (f *forgetful) begin(seq uint16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.session != nil {
		f.heard += f.session.Stats().Received
	}
	f.session = media.NewSession(media.SessionConfig{SSRC: 0xf09e7, Seq: seq, CNAME: "test", Rand: rand.New(rand.NewPCG(1, 2)), Terms: f.terms()})
}

// offered answers the server's offer, with a new key.
func (f *forgetful) offered(offer []byte) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.offers++
	f.local.Version++
	answer, m, err := sdp.Answer(offer, f.local, nil)
	if err != nil {
		return nil, err
	}
	f.agreed = m
	f.session.Update(media.Now(), f.terms())
	return answer, nil
}

// converse sends a packet every 20 ms, and takes what comes, until the socket is closed.
func (f *forgetful) converse(tone float64) {
	say := sine(tone, 0.1)
	encoder, err := codec.PCMU.NewEncoder(codec.Settings{})
	if err != nil {
		f.t.Error(err)
		return
	}
	in, out, payload := make([]byte, 2048), make([]byte, 0, 2048), make([]byte, 160)
	begin := media.Now()
	for i := 0; ; i++ {
		n, err := encoder.Encode(payload, say.pcm(i*160, 160, 8000))
		if err != nil {
			f.t.Error(err)
			return
		}
		f.mu.Lock()
		b, to := f.session.Build(out, 0, 160, i == 0, payload[:n]), f.session.Remote()
		f.mu.Unlock()
		_, _ = f.socket.WriteToUDPAddrPort(b, to)
		due := begin + time.Duration(i+1)*packetTime
		if f.socket.SetReadDeadline(time.Now().Add(due-media.Now())) != nil {
			return // closed
		}
		for {
			n, from, err := f.socket.ReadFromUDPAddrPort(in)
			if err != nil {
				break // it is time for the next packet
			}
			f.mu.Lock()
			f.session.Receive(media.Now(), in[:n], from)
			f.mu.Unlock()
		}
	}
}

// received is how many packets of the server's it could decrypt.
func (f *forgetful) received() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.heard + f.session.Stats().Received
}

// Q6: a phone that begins its sequence numbers anew under the SSRC and key of before is kept out as a replay is. It is asked for
// new keys by a re-INVITE, once, and is heard again; so is the room by it. No key is in the log.
func TestPhoneForgetsItsSequenceNumbers(t *testing.T) {
	t.Parallel()
	cert, key := makeCertificate(t, t.TempDir(), "example.com", "127.0.0.1")
	s := serve(t, quiet+"[log]\nlevel = \"debug\"\n", "--sip", "udp/127.0.0.1:0", "--sip", "tls/127.0.0.1:0", "--certificate", cert+","+key)
	const tone = 440
	listener := dial(t, s, "tea", line{user: "listener"})
	f := callForgetfully(t, s.address("sip", "tls", false), cert, tone)
	heard := func() bool { return listener.level(tone, 500*time.Millisecond) > 0.02 }
	s.becomes("the phone is heard", heard)
	if n := s.metric("trivox_srtp_rekeys_total"); n != 0 {
		t.Errorf("%v requests for new keys of a phone that does nothing wrong", n)
	}

	f.begin(1)
	s.await(1, "a request for new keys", func(e event) bool {
		return e["level"] == "WARN" && e.is("nothing of the caller can be decrypted any more: asking for a new SRTP key")
	})
	s.await(1, "new keys", func(e event) bool { return e.is("new SRTP keys agreed") })
	s.becomes("the phone is heard again", heard)
	before := f.received()
	s.becomes("the phone hears the room by the new keys", func() bool { return f.received() > before+50 })

	for result, want := range map[string]float64{"asked": 1, "done": 1, "same key": 0, "refused": 0} {
		if got := s.labelled("trivox_srtp_rekeys_total", result); got != want {
			t.Errorf("%v times %s, want %v", got, result, want)
		}
	}
	if n := s.labelled("trivox_rtp_packets_dropped_total", "replayed"); n < 50 {
		t.Errorf("%v packets were kept out", n)
	}
	f.mu.Lock()
	if f.offers != 1 {
		t.Errorf("%d offers came", f.offers)
	}
	f.mu.Unlock()
	if lines, _ := s.events(func(event) bool { return true }); strings.Contains(fmt.Sprint(lines), "inline:") {
		t.Error("a key is in the log")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := f.dialog.Bye(ctx, ""); err != nil {
		t.Error(err)
	}
}
