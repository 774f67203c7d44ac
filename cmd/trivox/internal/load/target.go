package load

import (
	"fmt"
	"strconv"
	"strings"
)

// target is the URI to call, cut where a conference's number goes.
type target struct {
	scheme, user, host string
}

func parseTarget(uri string) (target, error) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips") {
		return target{}, fmt.Errorf("load: URI %q: need sip:room@host[:port]", uri)
	}
	user, host, ok := strings.Cut(rest, "@")
	if !ok || user == "" || host == "" {
		return target{}, fmt.Errorf("load: URI %q: need sip:room@host[:port]", uri)
	}
	return target{scheme: scheme, user: user, host: host}, nil
}

// uri is that of conference n of so many, counted from 1.
func (t target) uri(n, of int) string {
	user := t.user
	switch {
	case strings.Contains(user, "%d"):
		user = strings.ReplaceAll(user, "%d", strconv.Itoa(n))
	case of > 1:
		user += strconv.Itoa(n)
	}
	return t.scheme + ":" + user + "@" + t.host
}
