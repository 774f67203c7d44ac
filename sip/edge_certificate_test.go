package sip

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
)

// A certificate is that of a domain by a sip URI or by a DNS name to the letter, and that of an address by the address:
// no wildcards, no users, no common name. RFC 5922, 7.1 and 7.2
func TestCertifies(t *testing.T) {
	ca := newAuthority(t)
	for _, tt := range []struct {
		names []string
		host  string
		want  bool
	}{
		{[]string{"example.com"}, "example.com", true},
		{[]string{"EXAMPLE.com"}, "example.com", true},
		{[]string{"sip:example.com"}, "example.com", true},
		{[]string{"sip:example.com", "proxy.example.net"}, "proxy.example.net", true},
		{[]string{"*.example.com"}, "sip.example.com", false},
		{[]string{"sip:anna@example.com"}, "example.com", false},
		{[]string{"https:example.com"}, "example.com", false},
		{[]string{"sub.example.com"}, "example.com", false},
		{nil, "test", false}, // the common name
		{[]string{"192.0.2.1"}, "192.0.2.1", true},
		{[]string{"192.0.2.1"}, "::ffff:192.0.2.1", true},
		{[]string{"2001:db8::1"}, "2001:db8::1", true},
		{[]string{"192.0.2.1"}, "192.0.2.2", false},
		{[]string{"example.com"}, "192.0.2.1", false},
	} {
		if got := certifies(ca.certificate(tt.names...).Leaf, tt.host); got != tt.want {
			t.Errorf("a certificate of %q for %q: %v", tt.names, tt.host, got)
		}
	}
}

// Only a certificate that was verified names a user.
func TestCertifiedUser(t *testing.T) {
	ca := newAuthority(t)
	for _, tt := range []struct {
		names      []string
		unverified bool
		want       string
	}{
		{[]string{"sip:anna@example.com"}, false, "anna@example.com"},
		{[]string{"sips:anna@EXAMPLE.com"}, false, "anna@example.com"},
		{[]string{"sip:Anna%20B@example.com"}, false, "Anna B@example.com"},
		{[]string{"https://example.com/anna", "example.com", "sip:example.com", "sip:boris@example.com"}, false, "boris@example.com"},
		{[]string{"sip:anna@example.com"}, true, ""},
		{[]string{"example.com"}, false, ""},
		{[]string{"mailto:anna@example.com"}, false, ""},
		{[]string{"sip:@example.com"}, false, ""},
		{[]string{"sip:anna@"}, false, ""},
		{[]string{"sip:anna@example.com:5061"}, false, ""},
		{[]string{"sip:a@b@example.com"}, false, ""},
		{[]string{"sip:anna@example.com;user=ip"}, false, ""},
	} {
		leaf := ca.certificate(tt.names...).Leaf
		s := tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf, ca.cert}}}
		if tt.unverified {
			s.VerifiedChains = nil
		}
		if got := certifiedUser(s); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.names, got, tt.want)
		}
	}
	if got := certifiedUser(tls.ConnectionState{}); got != "" {
		t.Errorf("no certificate: %q", got)
	}
}

// A peer is believed when its authority is, and its name is the one called.
func TestVerifyPeer(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	for _, tt := range []struct {
		by   *authority
		host string
		want string
	}{
		{ours, "example.com", ""}, {theirs, "example.com", "unknown authority"}, {ours, "example.net", `not for "example.net"`},
	} {
		state := tls.ConnectionState{PeerCertificates: []*x509.Certificate{tt.by.certificate("example.com").Leaf}}
		err := verifyPeer(state, ours.pool, tt.host)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.host, err, tt.want)
		}
	}
	if err := verifyPeer(tls.ConnectionState{}, ours.pool, "example.com"); err == nil {
		t.Error("a peer without certificate was believed")
	}
}
