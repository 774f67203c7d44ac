package ctl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/api"
)

// The house has one user, ann, with a phone, a ban and two records. It is empty for the user "nobody".

func (h *house) note(what ...any) error {
	h.asked = append(h.asked, strings.TrimSpace(fmt.Sprint(what...)))
	return nil
}

func (h *house) Users(context.Context) ([]api.User, error) {
	if h.empty {
		return nil, nil
	}
	return []api.User{
		{Name: "ann@example.com", Enabled: true, Algorithms: []string{"SHA-256", "MD5"}, Created: start},
		{Name: "bob@example.com"},
	}, h.note("users")
}

func (h *house) AddUser(_ context.Context, name, password string) (api.User, string, error) {
	made := ""
	if password == "" {
		made = "made\x1b-1"
	}
	if name == "ann" {
		return api.User{}, "", api.ErrUserExists
	}
	return api.User{Name: name + "@example.com"}, made, h.note("add ", name, " ", password)
}

func (h *house) known(name string) error {
	if name != "ann" && name != "a/b" {
		return api.ErrNoUser
	}
	return nil
}

func (h *house) RemoveUser(_ context.Context, name string) error {
	return errors.Join(h.known(name), h.note("remove ", name))
}

func (h *house) SetPassword(_ context.Context, name, password string) (string, error) {
	made := ""
	if password == "" {
		made = "made-2"
	}
	return made, errors.Join(h.known(name), h.note("password ", name, " ", password))
}

func (h *house) EnableUser(_ context.Context, name string, on bool) error {
	return errors.Join(h.known(name), h.note("enable ", name, " ", on))
}

func (h *house) Registrations(_ context.Context, user string, limit int) ([]api.Registration, error) {
	if h.empty {
		return nil, nil
	}
	return []api.Registration{{User: "ann@example.com", Contact: "sip:ann@192.0.2.7:5060;x=\x1b", Transport: "UDP", Source: "192.0.2.7:5060",
		UserAgent: "phone/1", Since: start, Expires: start.Add(time.Hour)}}, h.note("registrations ", user, " ", limit)
}

func (h *house) Bans(context.Context) ([]api.Ban, error) {
	if h.empty {
		return nil, nil
	}
	return []api.Ban{{Address: "203.0.113.9", Reason: "password", Times: 2, Until: start.Add(time.Hour)},
		{Address: "2001:db8::/64", User: "ann@example.com", Reason: "pin", Times: 1, Until: start}}, h.note("bans")
}

func (h *house) Lift(_ context.Context, address string) error {
	if address != "203.0.113.9" && address != "2001:db8::/64" {
		return api.ErrNoBan
	}
	return h.note("lift ", address)
}

func (h *house) Records(_ context.Context, q api.RecordQuery) ([]api.Record, string, error) {
	if h.empty {
		return nil, "", nil
	}
	answered := start.Add(time.Second)
	return []api.Record{
		{ID: "l2", Room: "tea", User: "ann@example.com", URI: "sip:x@y", Codec: "PCMU", Encryption: "AEAD_AES_128_GCM", Answered: &answered,
			Ended: start.Add(61 * time.Second), Seconds: 60.2, Received: 990, Lost: 10, Late: 5, JitterMS: 1.25, MOS: 4.26, EndedBy: "caller", Code: 200,
			Reason: "the caller hung up"},
		{ID: "l1", Room: "tea", URI: "sip:bob@example.com", Ended: start, EndedBy: "server", Code: 486, Reason: "full"},
	}, "7.l1", h.note("records since=", short(q.Since), " until=", short(q.Until), " user=", q.User, " room=", q.Room, " after=", q.After, " limit=", q.Limit)
}

func short(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func TestPrivateTables(t *testing.T) {
	h, at := server(t, "")
	for _, c := range []struct{ args, asked, want, none string }{
		{"users", "users", "NAME             ENABLED  ALGORITHMS   CREATED\n" +
			"ann@example.com  yes      SHA-256,MD5  2026-01-02 03:04:05Z\n" +
			"bob@example.com  -        -            -\n", "no users\n"},
		{"registrations --user ann --limit 5", "registrations ann 5", "USER             CONTACT                     BY   SOURCE          PHONE    SINCE                 EXPIRES\n" +
			"ann@example.com  sip:ann@192.0.2.7:5060;x=?  UDP  192.0.2.7:5060  phone/1  2026-01-02 03:04:05Z  2026-01-02 04:04:05Z\n", "no registrations\n"},
		{"bans", "bans", "ADDRESS        USER             REASON    TIMES  UNTIL\n" +
			"203.0.113.9    -                password  2      2026-01-02 04:04:05Z\n" +
			"2001:db8::/64  ann@example.com  pin       1      2026-01-02 03:04:05Z\n", "no bans\n"},
		{"cdr --since 2026-01-01 --until 2026-01-02T00:00:00+01:00 --user ann --room tea --after l3 --limit 7",
			"records since=2026-01-01T00:00:00Z until=2026-01-01T23:00:00Z user=ann room=tea after=l3 limit=7",
			"ENDED                 ROOM  WHO                  LENGTH  CODEC  ENCRYPTION        LOSS  JITTER  MOS  BY      REASON              ID\n" +
				"2026-01-02 03:05:06Z  tea   ann@example.com      1m0s    PCMU   AEAD_AES_128_GCM  1.5%  1.2 ms  4.3  caller  the caller hung up  l2\n" +
				"2026-01-02 03:04:05Z  tea   sip:bob@example.com  -       -      -                 0.0%  0.0 ms  -    server  full                l1\n" +
				"more: --after 7.l1\n", "no records\n"},
	} {
		h.asked, h.empty = nil, false
		args := append([]string{"--http", at}, strings.Fields(c.args)...)
		out, code := run(t, args...)
		if out != c.want || code != 0 || !slices.Equal(h.asked, []string{c.asked}) {
			t.Errorf("%s: exit %d, asked %q\n%s\nwant\n%s", c.args, code, h.asked, out, c.want)
		}
		if out, code := run(t, append(args, "--json")...); code != 0 || !strings.HasPrefix(out, `{"`) {
			t.Errorf("%s --json: exit %d\n%s", c.args, code, out)
		}
		h.empty = true
		if out, code := run(t, args...); code != 0 || out != c.none {
			t.Errorf("%s, none: exit %d\n%s", c.args, code, out)
		}
	}
}

func TestPrivateVerbs(t *testing.T) {
	h, at := server(t, "")
	for _, c := range []struct{ args, stdin, asked, out string }{
		{"users add carl", "", "add carl", "added carl@example.com; password: made?-1\n"},
		{"users add carl --stdin", "hunter2\nrest", "add carl hunter2", "added carl@example.com\n"},
		{"users passwd ann", "", "password ann", "changed the password of ann; password: made-2\n"},
		{"users passwd a/b --stdin", "hunter2", "password a/b hunter2", "changed the password of a/b\n"},
		{"users remove a/b", "", "remove a/b", "removed a/b\n"},
		{"users enable ann", "", "enable ann true", "enabled ann\n"},
		{"users disable ann", "", "enable ann false", "disabled ann\n"},
		{"users disable ann --json", "", "enable ann false", ""},
		{"users list", "", "users", "NAME  "},
		{"bans lift 203.0.113.9", "", "lift 203.0.113.9", "lifted the ban of 203.0.113.9\n"},
		{"bans lift 2001:db8::/64", "", "lift 2001:db8::/64", "lifted the ban of 2001:db8::/64\n"},
		{"bans list", "", "bans", "ADDRESS  "},
	} {
		h.asked = nil
		out, code := runWith(t, c.stdin, append([]string{"--http", at}, strings.Fields(c.args)...)...)
		if !strings.HasPrefix(out, c.out) || c.out == "" && out != "" || code != 0 || !slices.Equal(h.asked, []string{c.asked}) {
			t.Errorf("%s: exit %d, %q, asked %q", c.args, code, out, h.asked)
		}
	}
}

func TestPrivateErrors(t *testing.T) {
	_, at := server(t, "")
	_, guarded := server(t, token)
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"users remove zoe", ExitNotFound, `no user "zoe" here`},
		{"users add ann", ExitFailed, `409: there is a user "ann" already`},
		{"users add carl --stdin", ExitFailed, "--stdin: the first line is empty"},
		{"bans lift 192.0.2.1", ExitNotFound, `"192.0.2.1" is not banned`},
		{"cdr --since yesterday", ExitFailed, `--since "yesterday": need how long ago, such as "24h"`},
		{"cdr --limit 5000", ExitFailed, "422: "},
	} {
		if out, code := run(t, append([]string{"--http", at}, strings.Fields(c.args)...)...); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit %d: %s", c.args, code, out)
		}
	}
	for _, args := range []string{"users", "registrations", "bans", "cdr"} {
		if out, code := run(t, "--http", guarded, args); code != ExitRefused || !strings.Contains(out, "the server wants a token") {
			t.Errorf("%s without a token: exit %d: %s", args, code, out)
		}
		if out, code := run(t, "--http", guarded, "--token", token, args); code != 0 {
			t.Errorf("%s with a token: exit %d: %s", args, code, out)
		}
	}
}

func TestWhen(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for s, want := range map[string]string{
		"24h": "2026-03-03T05:06:07Z", "90m": "2026-03-04T03:36:07Z", "2026-01-31": "2026-01-31T00:00:00Z",
		"2026-01-31T09:30:00+02:00": "2026-01-31T07:30:00Z", "2026-01-31 09:30:00Z": "2026-01-31T09:30:00Z", "": "", "31.1.2026": "", "1d": "",
	} {
		got, err := when(s, now)
		if short(got) != want || (err != nil) != (want == "") {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
}
