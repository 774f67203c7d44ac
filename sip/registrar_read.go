package sip

import (
	"fmt"
	"net/netip"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// Limits on what a phone may have the registrar keep, in bytes and values.
const (
	contactMost   = 512
	instanceMost  = 256
	userAgentMost = 128
	pathsMost     = 8
)

// readRegistration reads a REGISTER. RFC 3261, 10.3; RFC 3327, 5.3; RFC 5626, 6
func readRegistration(req *sipgo.Request, f *flow, most int) (r registration, refusal *Refusal) {
	r = registration{
		callID: req.CallID().Value(), cseq: req.CSeq().SeqNo,
		transport: f.network(), source: f.source, local: f.local(), flow: f.token(),
	}
	if h := req.GetHeader("user-agent"); h != nil {
		r.userAgent = cutText(h.Value(), userAgentMost)
	}
	expires := int64(-1)
	if h := req.GetHeader("expires"); h != nil {
		expires = deltaSeconds(h.Value())
	}
	outbound := hasOption(req, "supported", "k", "outbound") || hasOption(req, "require", "", "outbound")
	for _, h := range req.GetHeaders("contact") {
		c, ok := h.(*sipgo.ContactHeader)
		switch {
		case !ok:
			return r, &Refusal{Code: 400, Warning: "a Contact is malformed"}
		case c.Address.Wildcard:
			r.all = true
			continue
		case len(r.contacts) >= most:
			return r, &Refusal{Code: 403, Warning: fmt.Sprintf("a user may have at most %d contacts", most)}
		}
		ct, refusal := readContact(c, expires, outbound)
		if refusal != nil {
			return r, refusal
		}
		r.contacts = append(r.contacts, ct)
	}
	if r.all && (len(r.contacts) > 0 || expires != 0) {
		return r, &Refusal{Code: 400, Warning: "Contact: * goes alone, and with Expires: 0"}
	}
	r.path, refusal = readPath(req)
	return r, refusal
}

// cutText bounds a text of a stranger's, in bytes.
func cutText(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "")
}

func readContact(h *sipgo.ContactHeader, expires int64, outbound bool) (contact, *Refusal) {
	ct := contact{uri: h.Address.String(), parsed: h.Address, q: 1000, expires: expires}
	if len(ct.uri) > contactMost {
		return ct, &Refusal{Code: 400, Warning: fmt.Sprintf("a Contact is longer than %d bytes", contactMost)}
	}
	for _, p := range h.Params {
		switch strings.ToLower(p.K) {
		case "expires":
			ct.expires = deltaSeconds(p.V)
		case "q":
			ct.q = readQ(p.V)
		case "+sip.instance":
			ct.instance = strings.Trim(p.V, `"`)
		case "reg-id":
			if n, ok := number([]byte(p.V), 1<<31-1); ok && outbound { // else it is to be ignored. RFC 5626, 6
				ct.regID = int(n)
			}
		}
	}
	if len(ct.instance) > instanceMost || strings.ContainsAny(ct.instance, "\"\\\r\n") {
		return ct, &Refusal{Code: 400, Warning: "the +sip.instance of a Contact is malformed"}
	}
	return ct, nil
}

// readQ reads a preference in thousandths; one that cannot be read is the highest. RFC 3261, 25.1 (qvalue)
func readQ(s string) int {
	whole, rest, _ := strings.Cut(s, ".")
	if whole != "0" || len(rest) > 3 {
		return 1000
	}
	n := 0
	for i := range 3 {
		n *= 10
		if i < len(rest) {
			if rest[i] < '0' || rest[i] > '9' {
				return 1000
			}
			n += int(rest[i] - '0')
		}
	}
	return n
}

// readPath gives the URIs of Path in their order. RFC 3327, 4
func readPath(req *sipgo.Request) ([]string, *Refusal) {
	var path []string
	for _, h := range req.GetHeaders("path") {
		for list, more := []byte(h.Value()), true; more; {
			var v []byte
			v, list, more = cutValue(list)
			a, ok := readAddress(v)
			if ok {
				var p uriParts
				p, ok = readURI(a.uri)
				ok = ok && p.isSIP() && len(a.uri) <= contactMost && len(path) < pathsMost
			}
			if !ok {
				return nil, &Refusal{Code: 400, Warning: fmt.Sprintf("Path needs at most %d SIP URIs", pathsMost)}
			}
			path = append(path, string(a.uri))
		}
	}
	return path, nil
}

// strayContact says what is wrong with where a phone wants to be called: its own address, or one that nobody but its own
// network can mean, by which it is not called anyhow. Else a stolen password would make this server call whom the thief
// likes, on its owner's account. Empty: nothing is.
func strayContact(uri *sipgo.Uri, source netip.Addr) string {
	if uri.Scheme != "sip" && uri.Scheme != "sips" {
		return "a phone is called by a sip URI, not by " + uri.Scheme
	}
	host := strings.Trim(uri.Host, "[]")
	ip, err := netip.ParseAddr(host)
	if err != nil {
		if strings.HasSuffix(strings.ToLower(host), ".invalid") { // RFC 7118, 5.1
			return ""
		}
		return "the Contact names the host " + cutText(host, 64) + ": register the phone's own address"
	}
	if ip = ip.Unmap(); ip == source || isLocal(ip) {
		return ""
	}
	return "the Contact names " + ip.String() + ", and the request comes from " + source.String()
}

// isLocal says whether an address means something else in each network.
func isLocal(ip netip.Addr) bool {
	return ip.IsPrivate() || ip.IsLoopback() || ip.IsUnspecified() || ip.IsLinkLocalUnicast() || sharedAddresses.Contains(ip)
}

// sharedAddresses are those of carrier-grade NAT. RFC 6598
var sharedAddresses = netip.MustParsePrefix("100.64.0.0/10")
