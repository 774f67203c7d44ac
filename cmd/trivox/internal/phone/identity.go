package phone

import (
	"net/url"
	"strings"

	"github.com/emiago/sipgo/sip"
)

func (a *Agent) network() string { return strings.ToUpper(a.cfg.Transport) }

func (a *Agent) name() (user, domain string) { return a.cfg.name() }

// identity is who calls, as From has it.
func (a *Agent) identity() sip.Uri {
	user, domain := a.name()
	if domain == "" {
		domain = hostOf(a)
	}
	return sip.Uri{Scheme: "sip", User: url.PathEscape(user), Host: domain}
}

// contact is where the agent is reached, by the scheme of the URI called. A
// sips one names no transport. RFC 3261, 8.1.1.8; RFC 5630, 3.1.4
func (a *Agent) contact(scheme string) *sip.ContactHeader {
	user, _ := a.name()
	u := sip.Uri{Scheme: "sip", User: url.PathEscape(user), Host: hostOf(a), Port: int(a.addr.Port())}
	switch {
	case scheme == "sips":
		u.Scheme = scheme
	case a.cfg.Transport != "udp":
		u.UriParams.Add("transport", a.cfg.Transport)
	}
	return &sip.ContactHeader{Address: u}
}

func hostOf(a *Agent) string {
	if ip := a.addr.Addr().Unmap(); !ip.Is6() {
		return ip.String()
	}
	return "[" + a.addr.Addr().String() + "]"
}
