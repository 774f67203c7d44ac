package api

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// What the private half answers, what it asks for and what it logs; a password is told once and logged never.
func TestPrivate(t *testing.T) {
	const secret = "hunter2hunter2"
	for _, c := range []struct {
		request, body string
		status        int
		answer, asked string
		logged        string // of the control log; empty: nothing
	}{
		{"GET /v1/users", "", 200, `{"users":[{"name":"ann@example.com","enabled":true,"algorithms":["SHA-256","MD5"],"created":"2026-01-02T03:04:05Z"}]}`, "users", ""},
		{"POST /v1/users", `{"name":"carl","password":"` + secret + `"}`, 201, `{"name":"carl@example.com"}`, "add carl " + secret, "action=add user=carl@example.com"},
		{"POST /v1/users", `{"name":"carl"}`, 201, `{"name":"carl@example.com","password":"made-for-you"}`, "add carl ", "action=add user=carl@example.com"},
		{"PUT /v1/users/ann/password", `{"password":"` + secret + `"}`, 200, `{"name":"ann"}`, "password ann " + secret, "action=password user=ann"},
		{"PUT /v1/users/ann/password", `{}`, 200, `{"name":"ann","password":"made-anew"}`, "password ann ", "action=password user=ann"},
		{"DELETE /v1/users/ann@example.com", "", 204, "", "remove ann@example.com", "action=remove user=ann@example.com"},
		{"DELETE /v1/users/a%2Fb", "", 204, "", "remove a/b", "action=remove user=a/b"},
		{"POST /v1/users/ann/enable", "", 204, "", "enable ann true", "action=enable user=ann"},
		{"POST /v1/users/ann/disable", "", 204, "", "enable ann false", "action=disable user=ann"},
		{"GET /v1/registrations", "", 200, `{"registrations":[{"user":"ann@example.com","contact":"sip:ann@192.0.2.7:5060","transport":"UDP",` +
			`"source":"192.0.2.7:5060","user_agent":"phone/1","since":"2026-01-02T03:04:05Z","expires":"2026-01-02T04:04:05Z"}]}`, "registrations  1000", ""},
		{"GET /v1/registrations?user=ann&limit=7", "", 200, "", "registrations ann 7", ""},
		{"GET /v1/bans", "", 200, `{"bans":[{"address":"203.0.113.9","reason":"password","times":2,"until":"2026-01-02T04:04:05Z"},` +
			`{"address":"2001:db8::/64","user":"ann@example.com","reason":"pin","times":1,"until":"2026-01-02T03:04:05Z"}]}`, "bans", ""},
		{"DELETE /v1/bans/203.0.113.9", "", 204, "", "lift 203.0.113.9", "action=lift ban=203.0.113.9"},
		{"DELETE /v1/bans/2001:db8::%2F64", "", 204, "", "lift 2001:db8::/64", "action=lift ban=2001:db8::/64"},
		{"GET /v1/records", "", 200, `{"records":[{"id":"leg1","call_id":"c1","room":"tea","kind":"room","direction":"in","user":"ann@example.com",` +
			`"uri":"sip:ann@example.com","display":"","source":"","transport":"","codec":"PCMU","encryption":"","started":"2026-01-02T03:04:05Z",` +
			`"answered":"2026-01-02T03:04:06Z","ended":"2026-01-02T03:05:05Z","seconds":59,"received":0,"sent":0,"lost":0,"late":0,` +
			`"jitter_ms":0,"delay_ms":0,"rtt_ms":0,"remote_lost":0,"mos":4.3,"code":200,"reason":"bye","ended_by":"caller"}],"next":"5.leg1"}`,
			"records {Since:0001-01-01 00:00:00 +0000 UTC Until:0001-01-01 00:00:00 +0000 UTC User: Room: After: Limit:100}", ""},
		{"GET /v1/records?since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00%2B01:00&user=ann&room=tea&after=leg9&limit=5", "", 200, "",
			"records {Since:2026-01-01 00:00:00 +0000 UTC Until:2026-01-02 00:00:00 +0100 +0100 User:ann Room:tea After:leg9 Limit:5}", ""},
	} {
		h := newHouse()
		method, path, _ := strings.Cut(c.request, " ")
		w := h.send(t, loopback, method, path, c.body)
		if got := strings.TrimSpace(w.Body.String()); w.Code != c.status || c.answer != "" && got != c.answer || w.Code == 204 && got != "" {
			t.Errorf("%s: %d %s", c.request, w.Code, got)
		}
		if !slices.Equal(h.office.asked, []string{c.asked}) {
			t.Errorf("%s: asked %q, want %q", c.request, h.office.asked, c.asked)
		}
		if said := h.log.String(); c.logged == "" && said != "" || !strings.Contains(said, c.logged) || strings.Contains(said, secret) || strings.Contains(said, "made-") {
			t.Errorf("%s: logged %q", c.request, said)
		}
		if strings.Contains(w.Body.String(), `"password":`) && w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: a password may be kept by caches: %v", c.request, w.Header())
		}
	}
}

// Each refusal is a problem document that says what to do, and repeats no password.
func TestPrivateProblems(t *testing.T) {
	const secret = "hunter2hunter2"
	long := strings.Repeat(secret, 20)
	for _, c := range []struct {
		request, body string
		status        int
		detail        string
	}{
		{"DELETE /v1/users/zoe", "", 404, `no user "zoe" here; GET /v1/users lists those there are`},
		{"PUT /v1/users/zoe/password", `{}`, 404, `no user "zoe"`},
		{"POST /v1/users/zoe/enable", "", 404, `no user "zoe"`},
		{"POST /v1/users", `{"name":"ann","password":"` + secret + `"}`, 409, `there is a user "ann" already; to change the password: PUT /v1/users/ann/password`},
		{"POST /v1/users", `{"name":"a b","password":"` + secret + `"}`, 422, `the name of a user "a b" cannot be: blanks are not dialled`},
		{"POST /v1/users", `{"name":"","password":"` + secret + `"}`, 422, "body.name: expected length >= 1"},
		{"POST /v1/users", `{"password":"` + secret + `"}`, 422, "expected required property name to be present"},
		{"POST /v1/users", `{"name":"carl","password":"` + long + `"}`, 422, "body.password: expected length <= 200"},
		{"POST /v1/users", `{"name":"carl","admin":"` + secret + `"}`, 422, "body.admin: unexpected property"},
		{"POST /v1/users", `{"name":"carl","password":["` + secret + `"]}`, 422, "body.password: expected string"},
		{"POST /v1/users", `{"name":"carl","password":"` + secret, 400, "unexpected end of JSON input"},
		{"POST /v1/users", "", 400, "request body is required"},
		{"POST /v1/users", `{"name":"carl","password":"` + strings.Repeat("x", maxBody) + `"}`, 413, "too large"},
		{"DELETE /v1/bans/192.0.2.1", "", 404, `"192.0.2.1" is not banned; GET /v1/bans lists who is`},
		{"GET /v1/records?since=yesterday", "", 422, "query.since: "},
		{"GET /v1/records?limit=0", "", 422, "query.limit: expected number >= 1"},
		{"GET /v1/records?limit=5000", "", 422, "query.limit: expected number <= 1000"},
		{"GET /v1/records?after=nobody", "", 422, `after "nobody" cannot be: there is no such page`},
		{"GET /v1/registrations?limit=x", "", 422, "query.limit: "},
		{"PATCH /v1/users/ann", "", 405, "this path takes DELETE"},
		{"DELETE /v1/users", "", 405, "this path takes GET, POST"},
		{"POST /v1/users/ann/password", "", 405, "this path takes PUT"},
	} {
		h := newHouse()
		method, path, _ := strings.Cut(c.request, " ")
		w := h.send(t, loopback, method, path, c.body)
		var p struct {
			Title, Detail string
			Status        int
			Errors        []any
		}
		err := json.Unmarshal(w.Body.Bytes(), &p)
		if w.Code != c.status || p.Status != c.status || p.Title != http.StatusText(c.status) || !strings.Contains(p.Detail, c.detail) || len(p.Errors) > 0 ||
			w.Header().Get("Content-Type") != "application/problem+json" || err != nil {
			t.Errorf("%s %.60s: %d %v %s", c.request, c.body, w.Code, w.Header(), w.Body)
		}
		if all := w.Body.String() + h.log.String(); strings.Contains(all, secret) {
			t.Errorf("%s: a password shows: %s", c.request, all)
		}
		if len(h.office.asked) > 0 && c.status != 404 {
			t.Errorf("%s: done all the same: %q", c.request, h.office.asked)
		}
	}
}

// private are one request for each part that may be missing.
var private = []string{"GET /v1/users", "POST /v1/users", "PUT /v1/users/ann/password", "DELETE /v1/users/ann", "POST /v1/users/ann/enable",
	"GET /v1/registrations", "GET /v1/bans", "DELETE /v1/bans/203.0.113.9", "GET /v1/records"}

func (h *house) askPrivate(t *testing.T, request string) (status int, body string) {
	t.Helper()
	method, path, _ := strings.Cut(request, " ")
	body = ""
	if strings.HasSuffix(path, "/users") && method == "POST" || method == "PUT" {
		body = `{"name":"carl"}`
		if method == "PUT" {
			body = `{}`
		}
	}
	w := h.send(t, loopback, method, path, body)
	return w.Code, w.Body.String()
}

// A server without a part says which setting it lacks.
func TestPrivateParts(t *testing.T) {
	h := newHouse()
	h.api = New(Config{
		Version: "test", Conferences: h.fake, Metrics: func() Metrics { return h.count },
		Healthy: func() error { return nil }, Ready: func() error { return nil }, Token: func() string { return "" },
		Hosts: func() []string { return nil }, Log: slog.New(slog.DiscardHandler),
	})
	for _, request := range private {
		if status, body := h.askPrivate(t, request); status != 501 || !strings.Contains(body, "see the setting") {
			t.Errorf("%s: %d %s", request, status, body)
		}
	}
}

// What went wrong inside is for the log; what takes too long is broken off.
func TestPrivateFailures(t *testing.T) {
	for _, request := range private {
		h := newHouse()
		h.office.fail = errors.New("disk on fire")
		status, body := h.askPrivate(t, request)
		if status != 500 || strings.Contains(body, "fire") || !strings.Contains(h.log.String(), "disk on fire") || strings.Contains(h.log.String(), "control over HTTP") {
			t.Errorf("%s: %d %s, logged %q", request, status, body, h.log)
		}
		synctest.Test(t, func(t *testing.T) {
			h := newHouse()
			h.office.hang = true
			if status, body := h.askPrivate(t, request); status != 504 || !strings.Contains(body, "no answer within 5s") {
				t.Errorf("%s: %d %s", request, status, body)
			}
		})
	}
}

// A page of another site can neither remove nor make a user.
func TestPrivateOtherSites(t *testing.T) {
	for _, request := range private {
		if strings.HasPrefix(request, "GET") {
			continue
		}
		h := newHouse()
		method, path, _ := strings.Cut(request, " ")
		if w := h.send(t, loopback, method, path, `{}`, "Sec-Fetch-Site: cross-site"); w.Code != 403 || len(h.office.asked) > 0 {
			t.Errorf("%s: %d %s, asked %q", request, w.Code, w.Body, h.office.asked)
		}
	}
}
