package sip

import (
	"crypto/subtle"
	"errors"
	"slices"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// digestAlgorithms are those that can be asked for. RFC 8760, 2
var digestAlgorithms = []Algorithm{SHA512256, SHA256, MD5}

// credentialsMost bounds an Authorization field, in bytes; the longest sensible one has some 500.
const credentialsMost = 4096

// credentials are what a request proves its user by.
type credentials struct {
	*digest.Credentials
	user, realm string    // the account; realm is one of our domains
	algorithm   Algorithm // MD5 when the request does not say. RFC 7616, 3.4
	withDomain  bool      // the user name on the wire was "user@domain"
}

var (
	errNoCredentials  = errors.New("no credentials for a realm of ours")
	errBadCredentials = errors.New("the Authorization field is malformed")
)

// readCredentials finds the credentials for a realm of ours among those of a request.
func readCredentials(req *sipgo.Request, domain func(string) string) (credentials, error) {
	for _, h := range req.GetHeaders("authorization") {
		v := h.Value()
		if !digest.IsDigest(v) {
			continue
		}
		if len(v) > credentialsMost {
			return credentials{}, errBadCredentials
		}
		parsed, ok := parseCredentials(v)
		if !ok || parsed.Username == "" || parsed.Nonce == "" || parsed.Response == "" || parsed.URI == "" {
			return credentials{}, errBadCredentials
		}
		realm := domain(parsed.Realm)
		if realm == "" || !strings.EqualFold(realm, parsed.Realm) {
			continue
		}
		c := credentials{Credentials: parsed, user: parsed.Username, realm: realm, algorithm: MD5}
		if parsed.Algorithm != "" {
			c.algorithm = Algorithm(strings.ToUpper(parsed.Algorithm))
		}
		if i := strings.LastIndexByte(c.user, '@'); i > 0 && domain(c.user[i+1:]) == realm {
			c.user, c.withDomain = c.user[:i], true
		}
		if len(c.user) > userMost {
			return credentials{}, errBadCredentials
		}
		return c, nil
	}
	return credentials{}, errNoCredentials
}

func (c credentials) aor() string { return c.user + "@" + c.realm }

// fits says whether the credentials are made as they were asked for. Without qop, as in RFC 2069, they are taken by MD5
// alone, as its phones know no other; such a nonce is good for one request, as if it had the count 1.
func (c credentials) fits(allowed []Algorithm) bool {
	switch {
	case !slices.Contains(allowed, c.algorithm):
		return false
	case c.QOP == "":
		return c.algorithm == MD5
	}
	return strings.EqualFold(c.QOP, "auth") && c.Nc > 0 && c.Cnonce != ""
}

// count is the nonce count.
func (c credentials) count() uint32 {
	if c.QOP == "" {
		return 1
	}
	return uint32(c.Nc)
}

// proves says whether the response was made with the password that ha1 is the hash of. It takes the same time whatever
// differs. RFC 7616, 3.4.1
func (c credentials) proves(ha1, method string) bool {
	challenge := digest.Challenge{Realm: c.Realm, Nonce: c.Nonce, Algorithm: string(c.algorithm)}
	if c.QOP != "" {
		challenge.QOP = []string{"auth"}
	}
	want, err := digest.Digest(&challenge, digest.Options{
		Method: method, URI: c.URI, Count: c.Nc, Username: c.Username, A1: ha1, Cnonce: c.Cnonce,
	})
	return err == nil && subtle.ConstantTimeCompare([]byte(want.Response), []byte(strings.ToLower(c.Response))) == 1
}

// isFor says whether the credentials are for this request: the digest URI has the user part of the Request-URI, and its
// host or another of our names, for proxies rewrite the Request-URI. RFC 7616, 3.4.6 (RG-5)
func (c credentials) isFor(req *sipgo.Request, domain func(string) string) bool {
	var uri sipgo.Uri
	if p, ok := readURI([]byte(c.URI)); !ok || !p.isSIP() || sipgo.ParseUri(c.URI, &uri) != nil {
		return false
	}
	if room(&uri) != room(&req.Recipient) {
		return false
	}
	ours := domain(uri.Host)
	return strings.EqualFold(uri.Host, req.Recipient.Host) || ours != "" && ours == domain(req.Recipient.Host)
}

// challengeHeader asks for a proof by one algorithm. RFC 8760, 2.4
func challengeHeader(realm, nonce string, a Algorithm, stale bool) sipgo.Header {
	c := digest.Challenge{Realm: realm, Nonce: nonce, Algorithm: string(a), QOP: []string{"auth"}, Stale: stale}
	return sipgo.NewHeader("WWW-Authenticate", c.String())
}

// algorithms gives the order in which a user is asked, out of the server's and his own. For a user who does not exist it
// is the server's.
func (s *Server) algorithms(a Account, err error) []Algorithm {
	order := s.cfg.Digest
	if err != nil {
		return order
	}
	if len(a.Algorithms) > 0 {
		order = a.Algorithms
	}
	out := make([]Algorithm, 0, len(order))
	for _, x := range order {
		if a.HA1[x] != "" {
			out = append(out, x)
		}
	}
	return out
}
