package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

func TestListAndShow(t *testing.T) {
	h := newHouse()
	w := h.ask(t, loopback, "GET", "/v1/conferences")
	want := `{"conferences":[{"name":"tea","uri":"sip:tea@example.com","kind":"conference","participants":1,"waiting":2,"locked":false,"started":"2026-01-02T03:04:05Z"}]}`
	if w.Code != 200 || strings.TrimSpace(w.Body.String()) != want {
		t.Errorf("list: %d %s", w.Code, w.Body)
	}
	w = h.ask(t, loopback, "GET", "/v1/conferences/tea")
	want = `{"name":"tea","uri":"sip:tea@example.com","kind":"conference","locked":false,"started":"2026-01-02T03:04:05Z","participants":[` +
		`{"id":"leg1","uri":"sip:ann@example.com","display":"Ann","codec":"PCMU","encryption":"AEAD_AES_128_GCM","ssrc":4294967295,"remote_ssrc":7,"lambda":900,` +
		`"in_f":true,"held":false,"muted":false,"role":"moderator","lobby":false,"packets_received":50,"packets_sent":49,"lost":1,"loss_percent":2,"jitter_ms":1.5,` +
		`"delay_ms":20,"joined":"2026-01-02T03:04:05Z","media":"192.0.2.7:40000"}]}`
	if w.Code != 200 || strings.TrimSpace(w.Body.String()) != want {
		t.Errorf("show: %d %s\nwant %s", w.Code, w.Body, want)
	}
	h.names = []string{"empty"}
	if w = h.ask(t, loopback, "GET", "/v1/conferences/empty"); !strings.Contains(w.Body.String(), `"participants":[]`) {
		t.Errorf("an empty roster is no list: %s", w.Body)
	}
}

func TestControl(t *testing.T) {
	h := newHouse()
	for path, asked := range map[string]string{
		"/v1/conferences/tea/participants/leg1/mute":   "mute tea leg1",
		"/v1/conferences/tea/participants/leg1/unmute": "unmute tea leg1",
		"/v1/conferences/tea/participants/leg1/kick":   "kick tea leg1",
		"/v1/conferences/tea/participants/leg1/admit":  "admit tea leg1",
		"/v1/conferences/tea/lock":                     "lock tea",
		"/v1/conferences/tea/unlock":                   "unlock tea",
		"/v1/conferences/tea/end":                      "end tea",
	} {
		h.asked = nil
		h.log.Reset()
		if w := h.ask(t, loopback, "POST", path); w.Code != 204 || w.Body.Len() != 0 || !slices.Equal(h.asked, []string{asked}) {
			t.Errorf("%s: %d %s, asked %q", path, w.Code, w.Body, h.asked)
		}
		if verb, _, _ := strings.Cut(asked, " "); !strings.Contains(h.log.String(), "action="+verb+" conference=tea") {
			t.Errorf("%s: logged %q", path, h.log)
		}
		if w := h.ask(t, loopback, "GET", path); w.Code != 405 || w.Header().Get("Allow") != "POST" {
			t.Errorf("GET %s: %d, Allow %q", path, w.Code, w.Header().Get("Allow"))
		}
	}
}

// Names reach the conference as they are, whatever they hold.
func TestNamesArePercentEncoded(t *testing.T) {
	for _, name := range []string{"a/b", "tea room", "ü", "100%", "a?b#c", "bob@other.example", "+1;x=y", "%2F", "..", "."} {
		h := newHouse()
		h.names = []string{name}
		path := "/v1/conferences/" + strings.ReplaceAll(url.PathEscape(name), ".", "%2E") + "/lock"
		if w := h.ask(t, loopback, "POST", path); w.Code != 204 || !slices.Equal(h.asked, []string{strings.TrimSpace("lock " + name)}) {
			t.Errorf("%q: %d %s, asked %q", name, w.Code, w.Body, h.asked)
		}
	}
}

// Errors are problem documents (RFC 9457) that say what to do.
func TestProblems(t *testing.T) {
	h := newHouse()
	for _, c := range []struct {
		method, path string
		status       int
		detail       string
	}{
		{"GET", "/v1/conferences/none", 404, `no conference "none" here; GET /v1/conferences lists those there are`},
		{"POST", "/v1/conferences/none/end", 404, `no conference "none"`},
		{"POST", "/v1/conferences/tea/participants/leg9/mute", 404, `no participant "leg9" in conference "tea"`},
		{"GET", "/v1/nothing", 404, "no such path; /openapi.yaml lists those there are"},
		{"GET", "/", 404, "no such path"},
		{"DELETE", "/v1/conferences/tea", 405, "this path takes GET"},
		{"POST", "/healthz", 405, "this path takes GET"},
	} {
		w := h.ask(t, loopback, c.method, c.path)
		var p struct {
			Title, Detail string
			Status        int
		}
		err := json.Unmarshal(w.Body.Bytes(), &p)
		if w.Code != c.status || p.Status != c.status || p.Title != http.StatusText(c.status) || !strings.Contains(p.Detail, c.detail) ||
			w.Header().Get("Content-Type") != "application/problem+json" || err != nil {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, w.Code, w.Header(), w.Body)
		}
	}
}

// Who finds no place stays outside, and whoever asked is told why.
func TestFull(t *testing.T) {
	h := newHouse()
	h.fail = ErrFull
	if w := h.ask(t, loopback, "POST", "/v1/conferences/tea/participants/leg1/admit"); w.Code != 409 || !strings.Contains(w.Body.String(), "max_participants") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// What went wrong inside is for the log, not for whoever asked.
func TestInnerErrorsAreLoggedNotTold(t *testing.T) {
	h := newHouse()
	h.fail = errors.New("wires crossed")
	for _, path := range []string{"/v1/conferences", "/v1/conferences/tea"} {
		h.log.Reset()
		w := h.ask(t, loopback, "GET", path)
		if w.Code != 500 || strings.Contains(w.Body.String(), "wires") || !strings.Contains(h.log.String(), "wires crossed") {
			t.Errorf("%s: %d %s, logged %q", path, w.Code, w.Body, h.log)
		}
	}
}

// A conference that does not answer costs a request its patience and no more.
func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		h.hang = true
		if w := h.ask(t, loopback, "POST", "/v1/conferences/tea/end"); w.Code != 504 || !strings.Contains(w.Body.String(), "no answer within 5s") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w := h.ask(t, loopback, "GET", "/v1/conferences"); w.Code != 504 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestHealth(t *testing.T) {
	h := newHouse()
	if w := h.ask(t, beyond, "GET", "/healthz"); w.Code != 200 || w.Body.String() != "healthy\n" {
		t.Errorf("healthy: %d %s", w.Code, w.Body)
	}
	h.sick = errors.New("rtp.ports: none can be bound")
	if w := h.ask(t, beyond, "GET", "/healthz"); w.Code != 503 || w.Body.String() != "rtp.ports: none can be bound\n" {
		t.Errorf("sick: %d %s", w.Code, w.Body)
	}
	if w := h.ask(t, beyond, "GET", "/readyz"); w.Code != 503 || w.Body.String() != "draining: calls go elsewhere\n" {
		t.Errorf("not ready: %d %s", w.Code, w.Body)
	}
}

// The description names every route, and no schema is left open.
func TestOpenAPI(t *testing.T) {
	h := newHouse()
	w := h.ask(t, loopback, "GET", "/openapi.yaml")
	text := w.Body.String()
	for _, want := range []string{"openapi: 3.1.0", "/v1/conferences:", "/v1/conferences/{name}:", "/v1/conferences/{name}/lock:",
		"/v1/conferences/{name}/unlock:", "/v1/conferences/{name}/end:", "/v1/conferences/{name}/participants/{id}/mute:",
		"/v1/conferences/{name}/participants/{id}/unmute:", "/v1/conferences/{name}/participants/{id}/kick:",
		"/v1/conferences/{name}/participants/{id}/admit:", "scheme: bearer", "remote_ssrc:",
		"/v1/users:", "/v1/users/{name}:", "/v1/users/{name}/password:", "/v1/users/{name}/enable:", "/v1/registrations:", "/v1/bans/{address}:",
		"/v1/records:"} {
		if !strings.Contains(text, want) {
			t.Errorf("the description lacks %q", want)
		}
	}
	if w.Code != 200 || strings.Contains(text, "$schema") {
		t.Errorf("%d: %s", w.Code, text)
	}
}
