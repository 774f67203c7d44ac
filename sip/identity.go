package sip

import (
	"net/netip"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// anonymousURI is who somebody is to others who does not want to be named. RFC 3323, 4.1.1.3
const anonymousURI = "sip:anonymous@anonymous.invalid"

// identify tells who the sender of a request is: by what a trusted source asserts, else by what he has proved, else by
// From. user is who he has proved to be, "user@domain", or empty. (ID-1, ID-2, ID-3)
func (s *Server) identify(req *sipgo.Request, source netip.Addr, user string, trusted bool) Identity {
	from := req.From()
	id := Identity{
		URI: from.Address.String(), Display: shown(from.DisplayName), User: user, Trusted: trusted,
		Anonymous: isAnonymous(&from.Address) || wantsPrivacy(req),
	}
	if name, domain, ok := cutAOR(user); ok {
		id.URI = "sip:" + escapeUser(name) + "@" + domain
	}
	if s.cfg.TrustIdentity != nil && s.cfg.TrustIdentity(source) {
		a, ok := asserted(req)
		if !ok {
			var private bool
			a, private, ok = remoteParty(req)
			id.Anonymous = id.Anonymous || private
		}
		if ok {
			id.URI = string(a.uri)
			if len(a.display) > 0 {
				id.Display = shown(string(a.display))
			}
		}
	}
	if id.Anonymous || len(id.URI) > identityMost {
		id.URI, id.Display = anonymousURI, ""
	}
	return id
}

// shown is a display name as it is kept: without escapes, and no longer than people read.
func shown(name string) string { return cutText(unquote(name), displayMost) }

// claims refuses a user who says that he is another user of ours, in From or P-Preferred-Identity. To be anonymous is not
// to be another. RFC 3325, 6 (ID-2)
func (s *Server) claims(req *sipgo.Request, user string) *denial {
	from := &req.From().Address
	if aor := s.aorOf(from); aor != "" && aor != user && !isAnonymous(from) {
		return deny("identity.from", 403, "the caller proved to be "+user+" and may not call as "+aor)
	}
	for a := range identities(req, "p-preferred-identity") {
		var uri sipgo.Uri
		if sipgo.ParseUri(string(a.uri), &uri) != nil {
			continue
		}
		if aor := s.aorOf(&uri); aor != "" && aor != user {
			return deny("identity.preferred", 403, "the caller proved to be "+user+" and may not prefer to be "+aor)
		}
	}
	return nil
}

// isAnonymous says whether a URI names nobody on purpose. RFC 3323, 4.1.1.3
func isAnonymous(uri *sipgo.Uri) bool {
	return strings.EqualFold(uri.User, "anonymous") || strings.EqualFold(uri.Host, "anonymous.invalid")
}

// wantsPrivacy says whether who sends a message asks not to be named to others. RFC 3323, 4.2; RFC 3325, 9.3
func wantsPrivacy(m interface{ GetHeaders(string) []sipgo.Header }) bool {
	for _, h := range m.GetHeaders("privacy") {
		for v := range strings.FieldsFuncSeq(h.Value(), func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
			if strings.EqualFold(v, "id") || strings.EqualFold(v, "user") {
				return true
			}
		}
	}
	return false
}

// asserted gives what P-Asserted-Identity says: its SIP URI before its telephone number. RFC 3325, 9.1 (ID-3)
func asserted(req *sipgo.Request) (best address, found bool) {
	for a := range identities(req, "p-asserted-identity") {
		if hasScheme(a.uri, "sip", "sips") {
			return a, true
		}
		if !found {
			best, found = a, true
		}
	}
	return best, found
}

// remoteParty gives what Remote-Party-ID says of the caller, which PBXs send that know no P-Asserted-Identity; private
// when he is not to be named. (ID-2)
func remoteParty(req *sipgo.Request) (a address, private, found bool) {
	for a := range identities(req, "remote-party-id") {
		caller, private := true, false
		for it := (params{a.params}); ; {
			name, value, more, ok := it.next()
			if !more || !ok {
				break
			}
			switch v := strings.ToLower(string(value)); strings.ToLower(string(name)) {
			case "party":
				caller = v == "calling"
			case "privacy":
				private = v != "off"
			}
		}
		if caller {
			return a, private, true
		}
	}
	return address{}, false, false
}

const (
	identitiesMost = 4   // values of one header that are looked at; RFC 3325 allows two
	identityMost   = 512 // bytes of a URI; who has a longer one has none
	displayMost    = 128 // bytes of a display name
)

// identities yields the SIP and telephone URIs of a header, malformed values left out (TR-7).
func identities(req *sipgo.Request, name string) func(func(address) bool) {
	return func(yield func(address) bool) {
		n := 0
		for _, h := range req.GetHeaders(name) {
			list, more := []byte(h.Value()), true
			for more {
				var v []byte
				v, list, more = cutValue(list)
				if n++; n > identitiesMost {
					return
				}
				a, ok := readAddress(v)
				if !ok || len(a.uri) > identityMost || !hasScheme(a.uri, "sip", "sips", "tel") {
					continue
				}
				if _, ok := readURI(a.uri); ok && !yield(a) {
					return
				}
			}
		}
	}
}

func hasScheme(uri []byte, schemes ...string) bool {
	for _, s := range schemes {
		if len(uri) > len(s) && uri[len(s)] == ':' && strings.EqualFold(string(uri[:len(s)]), s) {
			return true
		}
	}
	return false
}

// escapeUser writes a user part with the escapes that it needs, and of a slash too: two behind "sip:" are passed over as
// those of http. RFC 3261, 25.1 (user)
func escapeUser(user string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(user) {
		c := user[i]
		if isAlphanum(c) || strings.IndexByte("-_.!~*'()&=+$,;?", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}
