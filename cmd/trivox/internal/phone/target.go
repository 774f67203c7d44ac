package phone

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// parseTarget reads the URI to call.
func parseTarget(uri string) (sip.Uri, error) {
	var u sip.Uri
	const want = `need sip:room@host, e.g. "sip:tea@127.0.0.1"`
	if strings.ContainsAny(uri, " \r\n\t<>") {
		return u, fmt.Errorf("phone: URI %q: %s", uri, want)
	}
	if err := sip.ParseUri(uri, &u); err != nil {
		return u, fmt.Errorf("phone: URI %q: %v; %s", uri, err, want)
	}
	if u.Scheme != "sip" && u.Scheme != "sips" || u.Host == "" || u.Wildcard {
		return u, fmt.Errorf("phone: URI %q: %s", uri, want)
	}
	return u, nil
}

// Transport is the one a URI asks for in its transport parameter or by sips,
// "" when it asks for none.
func Transport(uri string) string {
	u, err := parseTarget(uri)
	if err != nil {
		return ""
	}
	if u.Scheme == "sips" {
		return "tls"
	}
	t, _ := u.UriParams.Get("transport")
	return strings.ToLower(t)
}

// Source resolves the host of a URI and returns the address of ours from
// which it is reached. It sends nothing.
func Source(ctx context.Context, uri string) (netip.Addr, error) {
	u, err := parseTarget(uri)
	if err != nil {
		return netip.Addr{}, err
	}
	port := u.Port
	if port == 0 {
		port = 5060
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", net.JoinHostPort(strings.Trim(u.Host, "[]"), fmt.Sprint(port)))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("phone: no way to %s: %w", u.Host, err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

// Check says what is wrong with a URI to call.
func Check(uri string) error {
	_, err := parseTarget(uri)
	return err
}
