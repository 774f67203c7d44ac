package sip

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TLS 1.2 and 1.3 are spoken, nothing older, whatever the settings allow; what fails is counted. RFC 8996 (SE-5)
func TestVersionsOfTLS(t *testing.T) {
	ca := newAuthority(t)
	c := ca.server("127.0.0.1")
	c.MinVersion = tls.VersionTLS10
	inner := c.Clone()
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return inner, nil }
	s, addr := startServer(t, "tls", Config{Rooms: newRooms(), TLS: c})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client := ca.client("127.0.0.1")
		client.MinVersion, client.MaxVersion = version, version
		p := newTLSPhone(t, addr, client)
		p.request("OPTIONS", "")
		p.response("OPTIONS", 200)
	}
	client := ca.client("127.0.0.1")
	client.MinVersion, client.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if conn, err := tls.Dial("tcp", addr.String(), client); err == nil { // the client is done before the server is
		_, err = conn.Read(make([]byte, 1))
		if err == nil {
			t.Error("TLS 1.1 was spoken")
		}
		_ = conn.Close()
	}
	eventually(t, func() bool { return s.edge.Snapshot().Insecure == 1 })
	if n := s.edge.Snapshot(); n.Secured != 2 || n.Accepted != 3 {
		t.Errorf("%+v", n)
	}
}

// A connection that does not shake hands is closed after 10 s, however it drips, and does not hinder others; it counts
// against the limits from its first moment (STYLE 16).
func TestHandshakeInTime(t *testing.T) {
	for _, tt := range []struct{ first, drip string }{{"", ""}, {"\x16\x03\x01\x02\x00", "\x01"}} { // a record begun
		synctest.Test(t, func(t *testing.T) {
			e := NewEdge(EdgeConfig{MaxConnsPerSource: 2})
			l := &calls{next: make(chan net.Conn), closed: make(chan struct{})}
			done := make(chan error)
			go func() { done <- e.ServeTLS(l, newAuthority(t).server("example.com"), discard) }()
			dial := func() net.Conn {
				near, far := net.Pipe()
				l.next <- fromAddr{near, netip.MustParseAddrPort("192.0.2.1:9")}
				return far
			}
			first, second := dial(), dial()
			if _, err := dial().Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("a third connection of one source: %v", err)
			}
			if tt.first != "" {
				send(t, first, []byte(tt.first))
			}
			if d := lasts(t, first, tt.drip); d.Round(time.Second) != 10*time.Second {
				t.Errorf("%q: closed after %v", tt.drip, d)
			}
			_, _ = io.Copy(io.Discard, second)
			synctest.Wait()
			if n := e.Snapshot(); n.Insecure != 2 || n.OverLimit != 1 || n.Conns != 0 {
				t.Errorf("%+v", n)
			}
			_ = l.Close()
			e.Close()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// Fifty connections that say nothing, and fifty that say what is not TLS, leave a caller in peace.
func TestIdleConnectionsHinderNobody(t *testing.T) {
	ca := newAuthority(t)
	rooms := newRooms()
	s, addr := startServer(t, "tls", Config{Rooms: rooms, TLS: ca.server("127.0.0.1")})
	for i := range 100 {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if i%2 == 1 {
			send(t, c, []byte("OPTIONS sip:tea@h SIP/2.0\r\n\r\n"))
		}
	}
	p := newTLSPhone(t, addr, ca.client("127.0.0.1"))
	p.call()
	rooms.leg(t).want(t, "answer", "confirmed")
	p.request("BYE", "")
	p.response("BYE", 200)
	eventually(t, func() bool { n := s.edge.Snapshot(); return n.Insecure == 50 && n.Secured == 1 && n.Conns == 51 })
}

// The name asked for picks the certificate (RFC 6066, 3). The socket does not open without any.
func TestServerNames(t *testing.T) {
	ca := newAuthority(t)
	first, second := ca.certificate("example.com"), ca.certificate("example.net")
	c := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName == "example.net" {
			return &second, nil
		}
		return &first, nil
	}}
	_, addr := startServer(t, "tls", Config{Rooms: newRooms(), TLS: c})
	for _, name := range []string{"example.com", "example.net"} {
		p := newTLSPhone(t, addr, ca.client(name)) // which verifies it
		p.request("OPTIONS", "")
		p.response("OPTIONS", 200)
	}
	for _, c := range []*tls.Config{nil, {}} {
		s, err := NewServer(Config{Rooms: newRooms(), TLS: c})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Listen("tls", "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("listening without certificate: %v", err)
		}
		_ = s.Close()
	}
}

// A client certificate is asked for as the settings say, and names the peer once it is verified.
func TestClientCertificates(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	for _, tt := range []struct {
		name string
		ask  tls.ClientAuthType
		with *tls.Certificate
		ok   bool
		user string
	}{
		{"not asked for", tls.NoClientCert, pointer(ca.certificate("sip:anna@example.com")), true, ""},
		{"optional, none", tls.VerifyClientCertIfGiven, nil, true, ""},
		{"optional, given", tls.VerifyClientCertIfGiven, pointer(ca.certificate("sip:anna@example.com")), true, "anna@example.com"},
		{"optional, of nobody known", tls.VerifyClientCertIfGiven, pointer(other.certificate("sip:anna@example.com")), false, ""},
		{"required, given", tls.RequireAndVerifyClientCert, pointer(ca.certificate("sip:anna@example.com")), true, "anna@example.com"},
		{"required, a machine", tls.RequireAndVerifyClientCert, pointer(ca.certificate("gateway.example.com")), true, ""},
		{"required, none", tls.RequireAndVerifyClientCert, nil, false, ""},
		{"required, of nobody known", tls.RequireAndVerifyClientCert, pointer(other.certificate("sip:anna@example.com")), false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := ca.server("127.0.0.1")
			c.ClientAuth = tt.ask
			rooms := newRooms()
			s, addr := startServer(t, "tls", Config{Rooms: rooms, TLS: c})
			client := ca.client("127.0.0.1")
			if tt.with != nil {
				client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return tt.with, nil }
			}
			conn, err := tls.Dial("tcp", addr.String(), client)
			if err != nil {
				t.Fatal(err) // TLS 1.3 tells the client with its first answer
			}
			if !tt.ok {
				if _, err := conn.Read(make([]byte, 1)); err == nil {
					t.Error("the connection was taken")
				}
				_ = conn.Close()
				eventually(t, func() bool { return s.edge.Snapshot().Insecure == 1 })
				return
			}
			p := newPhoneOn(t, "tls", conn, addr)
			p.call()
			rooms.leg(t)
			if got := onlyDialog(t, s).flow.peerUser(); got != tt.user {
				t.Errorf("the peer is %q, want %q", got, tt.user)
			}
		})
	}
}

func pointer[T any](v T) *T { return &v }

// onlyDialog is the one call of a server.
func onlyDialog(t *testing.T, s *Server) *dialog {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.dialogs {
		return d
	}
	t.Fatal("there is no call")
	return nil
}
