package api

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// DESIGN 10: a token guards control when it is set, and everything but health when the address is not loopback.
func TestToken(t *testing.T) {
	const list, end, metrics, openapi = "GET /v1/conferences", "POST /v1/conferences/tea/end", "GET /metrics", "GET /openapi.yaml"
	right, wrong := "Authorization: Bearer "+token, "Authorization: Bearer "+token+"x"
	for _, c := range []struct {
		name    string
		addr    netip.AddrPort
		token   string
		request string
		header  string
		want    int
	}{
		{"loopback, none set, read", loopback, "", list, "", 200},
		{"loopback, none set, control", loopback, "", end, "", 204},
		{"loopback v6, none set, control", netip.MustParseAddrPort("[::1]:8080"), "", end, "", 204},
		{"loopback, set, read", loopback, token, list, "", 200},
		{"loopback, set, control without", loopback, token, end, "", 401},
		{"loopback, set, control with wrong", loopback, token, end, wrong, 401},
		{"loopback, set, control with a part", loopback, token, end, "Authorization: Bearer " + token[:8], 401},
		{"loopback, set, control with other scheme", loopback, token, end, "Authorization: Basic " + token, 401},
		{"loopback, set, control with empty", loopback, token, end, "Authorization: Bearer ", 401},
		{"loopback, set, control with right", loopback, token, end, right, 204},
		{"loopback, set, small letters", loopback, token, end, "Authorization: bearer " + token, 204},
		{"beyond, none set, read", beyond, "", list, "", 401},
		{"beyond, none set, control with empty", beyond, "", end, "Authorization: Bearer ", 401},
		{"beyond, set, read without", beyond, token, list, "", 401},
		{"beyond, set, metrics without", beyond, token, metrics, "", 401},
		{"beyond, set, description without", beyond, token, openapi, "", 401},
		{"beyond, set, unknown path without", beyond, token, "GET /nothing", "", 401},
		{"beyond, set, metrics with right", beyond, token, metrics, right, 200},
		{"beyond, set, read with right", beyond, token, list, right, 200},
		{"beyond, set, control with right", beyond, token, end, right, 204},
		{"beyond, health is free", beyond, token, "GET /healthz", "", 200},
		{"loopback, none set, users", loopback, "", "GET /v1/users", "", 200},
		{"loopback, none set, remove", loopback, "", "DELETE /v1/users/ann", "", 204},
		{"loopback, set, users without", loopback, token, "GET /v1/users", "", 401},
		{"loopback, set, users by another spelling", loopback, token, "GET /v1/%75sers", "", 401},
		{"loopback, set, users beside conferences", loopback, token, "GET /v1/conferences/../users", "", 307},
		{"loopback, set, head of users without", loopback, token, "HEAD /v1/users", "", 401},
		{"loopback, set, registrations without", loopback, token, "GET /v1/registrations", "", 401},
		{"loopback, set, bans without", loopback, token, "GET /v1/bans", "", 401},
		{"loopback, set, records without", loopback, token, "GET /v1/records", "", 401},
		{"loopback, set, records with wrong", loopback, token, "GET /v1/records", wrong, 401},
		{"loopback, set, remove without", loopback, token, "DELETE /v1/users/ann", "", 401},
		{"loopback, set, password without", loopback, token, "PUT /v1/users/ann/password", "", 401},
		{"loopback, set, lift without", loopback, token, "DELETE /v1/bans/203.0.113.9", "", 401},
		{"loopback, set, users with right", loopback, token, "GET /v1/users", right, 200},
		{"loopback, set, lift with right", loopback, token, "DELETE /v1/bans/203.0.113.9", right, 204},
		{"beyond, set, records without", beyond, token, "GET /v1/records", "", 401},
		{"beyond, set, records with right", beyond, token, "GET /v1/records", right, 200},
		{"beyond, encoded health is no way round", beyond, token, "POST /v1/conferences/%2Fhealthz/end", "", 401},
	} {
		h := newHouse()
		h.token = c.token
		method, path, _ := strings.Cut(c.request, " ")
		var headers []string
		if c.header != "" {
			headers = []string{c.header}
		}
		w := h.ask(t, c.addr, method, path, headers...)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, w.Code, c.want, w.Body)
		}
		if c.want == 401 && (w.Header().Get("WWW-Authenticate") != `Bearer realm="trivox"` || len(h.asked)+len(h.office.asked) != 0) {
			t.Errorf("%s: WWW-Authenticate %q, done %q", c.name, w.Header().Get("WWW-Authenticate"), h.asked)
		}
		if all := h.log.String() + w.Body.String(); strings.Contains(all, token[:8]) {
			t.Errorf("%s: the token shows: %s", c.name, all)
		}
	}
}

// A new token counts from the next request on.
func TestTokenIsReadAnew(t *testing.T) {
	h := newHouse()
	if w := h.ask(t, loopback, "POST", "/v1/conferences/tea/end"); w.Code != 204 {
		t.Fatalf("before: %d", w.Code)
	}
	h.token = token
	if w := h.ask(t, loopback, "POST", "/v1/conferences/tea/end"); w.Code != 401 {
		t.Errorf("after: %d", w.Code)
	}
}

// DNS rebinding: a page that has a name of its own point to this machine sends that name as Host.
func TestHost(t *testing.T) {
	for host, want := range map[string]int{
		"127.0.0.1:8080": 200, "127.0.0.9": 200, "[::1]:8080": 200, "[::1]": 200, "localhost:8080": 200, "LocalHost": 200,
		"localhost.": 200, "10.0.0.5:8080": 200, "example.com": 200, "EXAMPLE.com:8080": 200, "203.0.113.9": 200, "[2001:db8::1]:443": 200,
		"10.0.0.6:8080": 421, "evil.example": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example:8080": 421,
		"sub.example.com": 421, "": 421, "[2001:db8::2]": 421,
	} {
		h := newHouse()
		for _, path := range []string{"/v1/conferences", "/healthz", "/metrics"} {
			if w := h.ask(t, loopback, "GET", path, "Host: "+host); w.Code != want {
				t.Errorf("Host %q, %s: %d, want %d", host, path, w.Code, want)
			}
		}
	}
}

// A page of another site can send a form to loopback without asking; it must do nothing.
func TestOtherSites(t *testing.T) {
	for header, want := range map[string]int{
		"Sec-Fetch-Site: cross-site":    403,
		"Sec-Fetch-Site: same-site":     403,
		"Origin: http://evil.example":   403,
		"Sec-Fetch-Site: same-origin":   204,
		"Origin: http://127.0.0.1:8080": 204,
		"User-Agent: curl/8":            204,
	} {
		h := newHouse()
		if w := h.ask(t, loopback, "POST", "/v1/conferences/tea/end", header); w.Code != want || len(h.asked) != want-203 && want == 204 {
			t.Errorf("%s: %d, want %d, done %q", header, w.Code, want, h.asked)
		} else if want == 403 && len(h.asked) != 0 {
			t.Errorf("%s: done all the same: %q", header, h.asked)
		}
	}
}

// serve starts a real server on a free port and gives its address.
func serve(t *testing.T, h *house, connections int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := h.api.server(netip.MustParseAddrPort(l.Addr().String()), connections)
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return l.Addr().String()
}

func TestHeadersAreBounded(t *testing.T) {
	addr := serve(t, newHouse(), 10)
	r, err := http.NewRequest("GET", "http://"+addr+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X", strings.Repeat("x", 2*maxHeader))
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d", answer.StatusCode)
	}
}

// One connection too many is closed, and its place is free again once another has gone.
func TestConnectionsAreBounded(t *testing.T) {
	addr := serve(t, newHouse(), 2)
	dial := func() net.Conn {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	answered := func(c net.Conn) bool {
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); err != nil {
			return false
		}
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return false
		}
		_, err = io.Copy(io.Discard, r.Body)
		return err == nil && r.StatusCode == 200
	}
	first, second := dial(), dial()
	if !answered(first) || !answered(second) {
		t.Fatal("two are allowed")
	}
	if answered(dial()) {
		t.Error("a third was answered")
	}
	_ = first.Close()
	for range 1000 { // until the server has seen the close
		if answered(dial()) {
			return
		}
	}
	t.Error("the place of a closed connection stays taken")
}
