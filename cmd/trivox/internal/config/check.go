package config

import (
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Check says everything that is wrong with the settings, as a Problems; nil when a server may start with them.
// Among other things it refuses a server that strangers could use: SIP beyond loopback without networks that may
// call, and HTTP beyond loopback without a token (DESIGN 10).
func (c Config) Check() error { return c.problems().err() }

func (c Config) problems() Problems {
	var p Problems
	c.checkRanges(&p)
	c.checkRooms(&p)
	c.checkLanguages(&p)
	c.checkNames(&p)
	c.checkListen(&p)
	c.checkTLS(&p)
	c.checkDoors(&p)
	if c.SIP.MinSE > c.SIP.SessionExpires {
		p.add("sip.min_se", quoted(c.SIP.MinSE), "must not be longer than sip.session_expires, which is %s", quoted(c.SIP.SessionExpires))
	}
	if r := c.Registrar; r.Expires < r.MinExpires || r.Expires > r.MaxExpires {
		p.add("registrar.expires", quoted(r.Expires), "must lie between registrar.min_expires, which is %s, and registrar.max_expires, which is %s",
			quoted(r.MinExpires), quoted(r.MaxExpires))
	}
	for _, u := range c.Registrar.ServiceRoute {
		if !sipURI(u) {
			p.add("registrar.service_route", strconv.Quote(u), `need a SIP URI, e.g. "sip:edge.example.com;lr"`)
		}
	}
	if c.Guard.Ban > c.Guard.BanMost {
		p.add("limits.ban", quoted(c.Guard.Ban), "must not be longer than limits.ban_most, which is %s", quoted(c.Guard.BanMost))
	}
	if c.RTP.Ports.Pairs() < 1 {
		p.add("rtp.ports", strconv.Quote(c.RTP.Ports.String()), `need a range that holds an even port and the odd one after it, e.g. "20000-29999"`)
	}
	return p
}

// checkRanges holds every number to its range tag and every word to its oneof tag.
func (c Config) checkRanges(p *Problems) {
	for _, s := range settings() {
		s.check(p, s.key, s.of(&c))
	}
	for _, t := range tables() {
		rows := t.of(&c)
		for i := range min(rows.Len(), maxRooms) {
			for _, s := range t.columns {
				s.check(p, t.cell(i, s), s.in(rows.Index(i)))
			}
		}
	}
}

// check holds the value v of a setting, or of a cell, to its tags.
func (s setting) check(p *Problems, key string, v reflect.Value) {
	if tag := s.field.Tag.Get("range"); tag != "" && !within(v.Int(), tag) {
		p.add(key, formatValue(v), "need %s", rangeText(tag))
	}
	tag := s.field.Tag.Get("oneof")
	if tag == "" {
		return
	}
	words := strings.Fields(tag)
	given, isList := v.Interface().([]string)
	if !isList {
		given = []string{v.String()}
	}
	for i, w := range given {
		if !slices.Contains(words, w) {
			p.add(key, strconv.Quote(w), "need one of %s", strings.Join(words, ", "))
		} else if slices.Contains(given[:i], w) {
			p.add(key, strconv.Quote(w), "named twice; leave one out")
		}
	}
	if len(given) == 0 {
		p.add(key, "[]", "need at least one of %s", strings.Join(words, ", "))
	}
}

// within says whether n lies in one of the ranges of the tag: "1..15", or "0s,5s..24h" for nought or more than that.
func within(n int64, tag string) bool {
	for part := range strings.SplitSeq(tag, ",") {
		low, high, isRange := strings.Cut(part, "..")
		if !isRange {
			high = low
		}
		if n >= bound(low) && n <= bound(high) {
			return true
		}
	}
	return false
}

// bound reads one end of a range tag; the reflection test reads them all.
func bound(s string) int64 {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		panic("config: range tag: " + err.Error())
	}
	return int64(d)
}

// rangeText is a range tag for people: `"0s", or "5s" to "24h"`.
func rangeText(tag string) string {
	var parts []string
	for part := range strings.SplitSeq(tag, ",") {
		low, high, isRange := strings.Cut(part, "..")
		if _, err := strconv.Atoi(low); err != nil {
			low, high = strconv.Quote(low), strconv.Quote(high)
		}
		if isRange {
			low += " to " + high
		}
		parts = append(parts, low)
	}
	return strings.Join(parts, ", or ")
}

func (c Config) checkNames(p *Problems) {
	for i, d := range c.Domains {
		switch {
		case !hostName(d):
			p.add("domains", strconv.Quote(d), `need a domain in small letters without scheme or port, e.g. "example.com"`)
		case slices.Contains(c.Domains[:i], d):
			p.add("domains", strconv.Quote(d), "named twice; leave one out")
		}
	}
	for i, a := range c.Advertise {
		if slices.ContainsFunc(c.Advertise[:i], func(b Public) bool {
			return a.Local == b.Local && (a.Local.IsValid() || a.Public.Is4() == b.Public.Is4())
		}) {
			p.add("advertise", strconv.Quote(a.String()), "a second public address for the same interface; keep one")
		}
	}
}

// sipURI says whether s looks like a SIP URI of a proxy; what hosts may be, the focus judges.
func sipURI(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	return ok && (scheme == "sip" || scheme == "sips") && rest != "" && !strings.ContainsAny(rest, " <>\"\r\n\t,")
}

// hostName says whether s is a host name (RFC 1123, 2.1) in small letters, or an IP address.
func hostName(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

// checkListen holds the addresses against each other.
func (c Config) checkListen(p *Problems) {
	if len(c.SIP.Listen) == 0 {
		p.add("sip.listen", "[]", `need at least one address, e.g. ["127.0.0.1:5060"]`)
	}
	type socket struct {
		network string
		addr    netip.AddrPort
	}
	taken := map[socket]string{}
	take := func(key string, l Listen, networks []string) {
		for _, n := range networks {
			if n == "tls" {
				n = "tcp"
			}
			s := socket{n, netip.AddrPortFrom(l.Addr.Addr().Unmap(), l.Addr.Port())}
			if other := taken[s]; other != "" && s.addr.Port() != 0 {
				p.add(key, strconv.Quote(l.String()), "%s port %d of that address is already taken by %s", n, s.addr.Port(), other)
				return
			}
			taken[s] = key
		}
	}
	for _, l := range c.SIP.Listen {
		take("sip.listen", l, l.Networks())
	}
	for _, l := range c.HTTP.Listen {
		switch {
		case l.Network == "tls":
			p.add("http.listen", strconv.Quote(l.String()), `HTTP is in clear here: put a proxy with TLS before it, and write %q`, l.Addr.String())
			continue
		case l.Network == "udp" || l.SRTP != "":
			p.add("http.listen", strconv.Quote(l.String()), `HTTP goes by TCP; write %q`, l.Addr.String())
			continue
		}
		take("http.listen", l, []string{"tcp"})
	}
}

// listensTLS says whether there is a socket that needs a certificate.
func (c Config) listensTLS() bool {
	return slices.ContainsFunc(c.SIP.Listen, func(l Listen) bool { return l.Network == "tls" })
}

// checkTLS holds what concerns certificates together.
func (c Config) checkTLS(p *Problems) {
	for _, l := range c.SIP.Listen {
		if l.Network == "tls" && len(c.TLS.Certificates) == 0 {
			p.add("sip.listen", strconv.Quote(l.String()), "TLS needs a certificate and its key: --certificate CERT.pem,KEY.pem "+
				`(in the file: certificates = ["CERT.pem,KEY.pem"] under [tls]); make one for a test with: trivox cert example.com`)
		}
	}
	for i, pair := range c.TLS.Certificates {
		if slices.Contains(c.TLS.Certificates[:i], pair) {
			p.add("tls.certificates", strconv.Quote(pair.String()), "named twice; leave one out")
		}
	}
	if c.TLS.ClientCertificates != "off" && c.TLS.ClientCA == "" {
		p.add("tls.client_certificates", strconv.Quote(c.TLS.ClientCertificates), "needs tls.client_ca, the file of the authorities whose certificates are believed")
	}
}

// checkDoors refuses a server that strangers could use.
func (c Config) checkDoors(p *Problems) {
	for _, l := range c.SIP.Listen {
		if !l.Loopback() && len(c.Allow) == 0 && !c.mayHaveUsers() {
			p.add("sip.listen", strconv.Quote(l.String()), "nobody who reaches this address could be told from a stranger; "+
				`say who may call with --allow NETWORK (in the file: allow = ["192.168.0.0/16"]), or set domains and data and add users `+
				"with trivox user add, or listen on 127.0.0.1 alone")
		}
	}
	for _, l := range c.HTTP.Listen {
		if !l.Loopback() && c.HTTP.Token == "" {
			p.add("http.listen", strconv.Quote(l.String()), "anybody who reaches this address could mute and kick; "+
				`set http.token in the file (make one with: openssl rand -hex 24), or listen on 127.0.0.1 alone`)
		}
	}
}

// mayHaveUsers says whether there is a place for users that outlasts the process, and a domain for them.
func (c Config) mayHaveUsers() bool {
	return len(c.Domains) > 0 && (c.Data != "" || c.Database != "")
}

// Allowed says whether calls from the address are taken without a password: from the allow networks.
func (c Config) Allowed(a netip.Addr) bool { return inNetworks(c.Allow, a) }

// TrustsIdentity says whether the address is believed when it says who calls.
func (c Config) TrustsIdentity(a netip.Addr) bool { return inNetworks(c.SIP.TrustIdentity, a) }

func inNetworks(networks []Network, a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(networks, func(n Network) bool { return n.Contains(a) })
}

// PublicAddr gives the address that peers reach local by: what advertise says of it, else what it says of all
// addresses of that family, else local itself. Loopback is never advertised as anything else.
func (c Config) PublicAddr(local netip.Addr) netip.Addr {
	local = local.Unmap()
	public := local
	if local.IsLoopback() {
		return public
	}
	for _, a := range c.Advertise {
		if a.Local == local {
			return a.Public
		}
		if !a.Local.IsValid() && a.Public.Is4() == local.Is4() {
			public = a.Public
		}
	}
	return public
}

func quoted(d time.Duration) string { return formatValue(reflect.ValueOf(d)) }
