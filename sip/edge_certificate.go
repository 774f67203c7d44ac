package sip

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// dialConfig makes of the server's settings what a connection to host needs: a certificate of host, from an authority
// of c.RootCAs or else of the system, unless c.InsecureSkipVerify has any certificate believed. c may be nil.
func dialConfig(c *tls.Config, host string) *tls.Config {
	if c == nil {
		c = &tls.Config{MinVersion: leastTLS}
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	out := c.Clone()
	out.ServerName = host
	out.MinVersion = max(out.MinVersion, leastTLS)
	out.GetConfigForClient, out.GetCertificate, out.ClientCAs = nil, nil, nil
	if c.InsecureSkipVerify {
		return out
	}
	roots := c.RootCAs
	out.InsecureSkipVerify = true // of crypto/tls, whose names are those of the web; verifyPeer does it
	out.VerifyConnection = func(s tls.ConnectionState) error { return verifyPeer(s, roots, host) }
	return out
}

// verifyPeer holds the certificate of a server against the name that it was called by. RFC 5922, 7.2 and 7.3
func verifyPeer(s tls.ConnectionState, roots *x509.CertPool, host string) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the peer has no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	leaf := s.PeerCertificates[0]
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between}); err != nil {
		return err
	}
	if !certifies(leaf, host) {
		return fmt.Errorf("the peer's certificate is for %q, not for %q", certifiedNames(leaf), host)
	}
	return nil
}

// certifies says whether a certificate is that of host, a domain in small letters or an IP address: by a URI "sip:host"
// or by a DNS name that is host to the letter, for SIP has no wildcards (RFC 5922, 7.2). An address must be named as one.
func certifies(c *x509.Certificate, host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return slices.ContainsFunc(c.IPAddresses, func(b net.IP) bool {
			a, ok := netip.AddrFromSlice(b)
			return ok && a.Unmap() == ip.Unmap()
		})
	}
	return slices.ContainsFunc(certifiedNames(c), func(name string) bool { return strings.EqualFold(name, host) })
}

// certifiedNames are the domains that a certificate is for: those of its sip URIs and its DNS names. RFC 5922, 7.1
func certifiedNames(c *x509.Certificate) []string {
	var names []string
	for _, u := range c.URIs {
		if domain := u.Opaque; u.Scheme == "sip" && domain != "" && !strings.Contains(domain, "@") {
			names = append(names, domain)
		}
	}
	return append(names, c.DNSNames...)
}

// certifiedUser is the user "user@domain" whom a verified client certificate names by a URI "sip:user@domain" or
// "sips:user@domain"; "" where there is none. Certificates that were only asked for and not verified name nobody.
func certifiedUser(s tls.ConnectionState) string {
	if len(s.VerifiedChains) == 0 || len(s.PeerCertificates) == 0 {
		return ""
	}
	for _, u := range s.PeerCertificates[0].URIs {
		if u.Scheme != "sip" && u.Scheme != "sips" {
			continue
		}
		user, domain, found := strings.Cut(u.Opaque, "@")
		name, err := url.PathUnescape(user)
		if found && err == nil && name != "" && domain != "" && !strings.ContainsAny(domain, "@;?:/") {
			return name + "@" + strings.ToLower(domain)
		}
	}
	return ""
}
