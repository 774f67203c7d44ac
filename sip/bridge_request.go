package sip

import (
	"net/netip"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// passedHeaders go from the caller's INVITE into ours as they are; nothing else does, so that no address of this side
// is told. (UA-11)
var passedHeaders = [...]string{"Priority", "Subject", "User-to-User"}

// passedHeadersMax bounds how many values of each go through.
const passedHeadersMax = 4

// newInvite makes the INVITE of a branch.
func (d *dialog) newInvite() *sipgo.Request {
	b, t := d.bridge, d.calling.target
	who := b.who
	req := d.newRequest(sipgo.INVITE)
	forwards := b.forwards()
	forwards -= min(forwards, sipgo.MaxForwardsHeader(len(t.diversions)))
	req.RemoveHeader("Max-Forwards")
	req.AppendHeader(&forwards)
	if name := b.callerName(); name != "" {
		req.From().DisplayName = name
	}
	req.AppendHeader(d.contact)
	req.AppendHeader(allowHeader)
	req.AppendHeader(supportedHeader)
	appendSession(req, d.session.terms, "uac")
	if d.session.minSE > 0 {
		req.AppendHeader(sipgo.NewHeader("Min-SE", seconds(d.session.minSE)))
	}
	proven := who.User != "" || who.Trusted
	if t.ours && proven && !who.Anonymous { // RFC 3325, 5 (ID-1)
		req.AppendHeader(sipgo.NewHeader("P-Asserted-Identity", nameAddr(b.callerName(), d.localURI)))
	}
	for _, name := range passedHeaders {
		b.pass(req, name)
	}
	if t.ours && proven { // it can make a phone answer by itself
		b.pass(req, "Alert-Info")
	}
	appendDiversions(req, t.diversions)
	req.AppendHeader(contentSDPHeader)
	req.SetBody(d.localSDP)
	return req
}

func (b *bridge) pass(req *sipgo.Request, name string) {
	for i, h := range b.invite.GetHeaders(strings.ToLower(name)) {
		if i == passedHeadersMax {
			return
		}
		req.AppendHeader(sipgo.NewHeader(name, h.Value()))
	}
}

// forwards is the caller's Max-Forwards less one: a loop through this server ends. (UA-11)
func (b *bridge) forwards() sipgo.MaxForwardsHeader {
	if f := b.invite.MaxForwards(); f != nil && *f < 70 {
		return max(*f, 1) - 1
	}
	return 69
}

// callerName is the caller's display name, escaped for a quoted string; it may be empty.
func (b *bridge) callerName() string {
	if b.who.Anonymous {
		return "Anonymous"
	}
	q := quoted(b.who.Display)
	return q[1 : len(q)-1]
}

// callerURI is who calls, as the callee is told: who is of a domain of ours at that, a stranger as he is, but nobody at an
// address that only says where he is. Calling it back reaches the domain that the callee was called at.
func (b *bridge) callerURI(t target) sipgo.Uri {
	s, who := b.server, b.who
	var uri sipgo.Uri
	if who.Anonymous || sipgo.ParseUri(who.URI, &uri) != nil {
		return anonymous()
	}
	switch uri.Scheme {
	case "tel":
		number, _, _ := strings.Cut(uri.Raw(), ";")
		return sipgo.Uri{Scheme: "sip", User: number, Host: t.aor.Host}
	case "sip", "sips":
	default:
		return anonymous()
	}
	host := uri.Host
	switch {
	case s.cfg.Domain != nil && s.cfg.Domain(host) != "":
		host = s.cfg.Domain(host)
	case t.ours && (s.cfg.Domain == nil || isAddress(host)):
		host = t.aor.Host
	}
	return sipgo.Uri{Scheme: uri.Scheme, User: uri.User, Host: host}
}

func anonymous() (uri sipgo.Uri) {
	_ = sipgo.ParseUri(anonymousURI, &uri)
	return uri
}

// isAddress says that a host is no name that others could use.
func isAddress(host string) bool {
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".invalid") || strings.HasSuffix(host, ".local")
}

// nameAddr writes a display name, already escaped, and a URI. RFC 3261, 25.1 (name-addr)
func nameAddr(name string, uri sipgo.Uri) string {
	if name == "" {
		return "<" + uri.String() + ">"
	}
	return `"` + name + `" <` + uri.String() + ">"
}
