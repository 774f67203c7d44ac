package ctl

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"trivox/cmd/trivox/internal/api"
)

const token = "0123456789abcdef-secret"

// house has the conferences "tea" with one participant, "a/b c", and "..", empty.
type house struct {
	asked []string
	empty bool // of what records_test.go lists
}

func (h *house) do(what, name, participant string) error {
	h.asked = append(h.asked, strings.TrimSpace(what+" "+name+" "+participant))
	if name != "tea" && name != ".." {
		return api.ErrNoConference
	}
	if participant != "" && participant != "a/b c" {
		return api.ErrNoParticipant
	}
	return nil
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (h *house) List(context.Context) ([]api.Summary, error) {
	return []api.Summary{
		{Name: "..", URI: "sip:..@example.com"},
		{Name: "tea", URI: "sip:tea@example.com", Participants: 1, Waiting: 2, Locked: true, Started: start},
	}, nil
}

func (h *house) Show(_ context.Context, name string) (api.Conference, error) {
	if err := h.do("show", name, ""); err != nil {
		return api.Conference{}, err
	}
	c := api.Conference{Name: name, URI: "sip:tea@example.com", Started: start}
	if name == "tea" {
		c.Participants = []api.Participant{{ID: "a/b c", URI: "sip:ann@example.com", Display: "Ann \x1b[2J\x07", Codec: "opus", Lambda: 900, InF: true,
			Held: true, Muted: true, PacketsReceived: 50, PacketsSent: 49, LossPercent: 2.04, JitterMS: 1.5, DelayMS: 20, Joined: start, Media: "192.0.2.7:40000"}}
	}
	return c, nil
}

func (h *house) Mute(_ context.Context, name, participant string, on bool) error {
	if on {
		return h.do("mute", name, participant)
	}
	return h.do("unmute", name, participant)
}
func (h *house) Kick(_ context.Context, name, participant string) error {
	return h.do("kick", name, participant)
}
func (h *house) Admit(_ context.Context, name, participant string) error {
	return h.do("admit", name, participant)
}
func (h *house) Lock(_ context.Context, name string, on bool) error {
	if on {
		return h.do("lock", name, "")
	}
	return h.do("unlock", name, "")
}
func (h *house) End(_ context.Context, name string) error { return h.do("end", name, "") }

// server is the real API, on loopback, over a house.
func server(t *testing.T, set string) (*house, string) {
	h := &house{}
	a := api.New(api.Config{
		Version: "test", Conferences: h, Users: h, Registrations: h, Bans: h, Records: h, Metrics: func() api.Metrics { return api.Metrics{} },
		Healthy: func() error { return nil }, Ready: func() error { return nil },
		Token: func() string { return set }, Hosts: func() []string { return nil }, Log: slog.New(slog.DiscardHandler),
	})
	s := httptest.NewServer(a.Server(netip.MustParseAddrPort("127.0.0.1:8080")).Handler)
	t.Cleanup(s.Close)
	return h, s.URL
}

// run is `trivox ctl ARGS`: what it prints, and the exit code.
func run(t *testing.T, args ...string) (string, int) {
	t.Helper()
	return runWith(t, "", args...)
}

// runWith is run with something on standard input.
func runWith(t *testing.T, stdin string, args ...string) (string, int) {
	t.Helper()
	var cli struct {
		Ctl Command `cmd:""`
	}
	cli.Ctl.stdin = strings.NewReader(stdin)
	var out strings.Builder
	parser, err := kong.New(&cli, kong.Name("trivox"), kong.Writers(&out, &out))
	if err != nil {
		t.Fatal(err)
	}
	k, err := parser.Parse(append([]string{"ctl"}, args...))
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	if err = k.Run(); err == nil {
		return out.String(), 0
	}
	code := ExitFailed
	if coder := (interface{ ExitCode() int })(nil); errors.As(err, &coder) {
		code = coder.ExitCode()
	}
	return out.String() + err.Error() + "\n", code
}

func TestTables(t *testing.T) {
	_, at := server(t, "")
	out, code := run(t, "--http", at, "list")
	want := "NAME  URI                  PEOPLE  WAITING  LOCKED  SINCE\n" +
		"..    sip:..@example.com   0       0        -       -\n" +
		"tea   sip:tea@example.com  1       2        yes     2026-01-02 03:04:05Z\n"
	if out != want || code != 0 {
		t.Errorf("list: exit %d\n%s\nwant\n%s", code, out, want)
	}
	out, code = run(t, "--http", at, "show", "tea")
	want = "tea (sip:tea@example.com): 1 in it since 2026-01-02 03:04:05Z\n" +
		"ID     WHO        URI                  CODEC  ENCRYPTION  HEARD  LAMBDA  STATE       RECEIVED  SENT  LOSS  JITTER  DELAY  MEDIA            SINCE\n" +
		"a/b c  Ann ?[2J?  sip:ann@example.com  opus   -           yes    900     muted,held  50        49    2.0%  1.5 ms  20 ms  192.0.2.7:40000  2026-01-02 03:04:05Z\n"
	if out != want || code != 0 {
		t.Errorf("show: exit %d\n%s\nwant\n%s", code, out, want)
	}
	out, code = run(t, "--http", at, "--json", "show", "tea")
	if !strings.HasPrefix(out, `{"name":"tea",`) || code != 0 {
		t.Errorf("show --json: exit %d\n%s", code, out)
	}
}

// Who is in the lobby is shown as such, and not counted as one inside.
func TestLobbyIsShown(t *testing.T) {
	for _, c := range []struct {
		p    api.Participant
		want string
	}{
		{api.Participant{Lobby: true, Role: "participant"}, "lobby"}, {api.Participant{Role: "moderator", Held: true}, "moderator,held"},
		{api.Participant{Role: "participant"}, "-"},
	} {
		if got := state(c.p); got != c.want {
			t.Errorf("%+v is shown as %q, want %q", c.p, got, c.want)
		}
	}
	conf := api.Conference{Locked: true, Participants: []api.Participant{{Lobby: true}, {}, {Lobby: true}}}
	if got := crowd(conf); got != "1 in it, 2 in its lobby" {
		t.Errorf("shown as %q", got)
	}
}

func TestVerbs(t *testing.T) {
	h, at := server(t, "")
	for _, c := range []struct{ args, asked, out string }{
		{"mute tea LEG", "mute tea a/b c", "muted a/b c in tea\n"},
		{"unmute tea LEG", "unmute tea a/b c", "unmuted a/b c in tea\n"},
		{"admit tea LEG", "admit tea a/b c", "admitted a/b c to tea\n"},
		{"kick tea LEG", "kick tea a/b c", "kicked a/b c out of tea\n"},
		{"lock tea", "lock tea", "locked tea\n"},
		{"unlock ..", "unlock ..", "unlocked ..\n"},
		{"end tea", "end tea", "ended tea\n"},
		{"end tea --json", "end tea", ""}, // flags may stand after the verb
	} {
		h.asked = nil
		args := strings.Fields(c.args)
		for i := range args {
			args[i] = strings.Replace(args[i], "LEG", "a/b c", 1)
		}
		// An address without scheme is one too.
		out, code := run(t, append([]string{"--http", strings.TrimPrefix(at, "http://")}, args...)...)
		if out != c.out || code != 0 || !slices.Equal(h.asked, []string{c.asked}) {
			t.Errorf("%s: exit %d, %q, asked %q", c.args, code, out, h.asked)
		}
	}
}

func TestErrors(t *testing.T) {
	_, open := server(t, "")
	guarded, at := server(t, token)
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the token followed a redirect")
		}
	}))
	defer elsewhere.Close()
	moved := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer moved.Close()
	garbage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("hello")) }))
	defer garbage.Close()

	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no such conference", []string{"--http", open, "show", "none"}, ExitNotFound, `no conference "none" here`},
		{"no such participant", []string{"--http", open, "kick", "tea", "x"}, ExitNotFound, `no participant "x" in conference "tea"`},
		{"no token", []string{"--http", at, "end", "tea"}, ExitRefused, "the server wants a token: set TRIVOX_TOKEN"},
		{"wrong token", []string{"--http", at, "--token", "wrong", "end", "tea"}, ExitRefused, "the server refuses this token"},
		{"right token", []string{"--http", at, "--token", token, "end", "tea"}, 0, "ended tea"},
		{"nobody there", []string{"--http", closed.URL, "list"}, ExitUnreachable, "Is the server running?"},
		{"another server", []string{"--http", other.URL, "list"}, ExitUnreachable, "does not speak as trivox does: it answered 404"},
		{"a redirect", []string{"--http", moved.URL, "--token", token, "list"}, ExitUnreachable, "it answered 307"},
		{"garbage", []string{"--http", garbage.URL, "list"}, ExitUnreachable, "does not speak as trivox does"},
		{"no address", []string{"--http", "ftp://x", "list"}, ExitFailed, `--http "ftp://x": need an address such as "http://127.0.0.1:8080"`},
	} {
		out, code := run(t, c.args...)
		if code != c.code || !strings.Contains(out, c.want) || strings.Contains(out, token) {
			t.Errorf("%s: exit %d, want %d: %s", c.name, code, c.code, out)
		}
	}
	if !slices.Equal(guarded.asked, []string{"end tea"}) {
		t.Errorf("without the right token, this was done: %q", guarded.asked)
	}
}

// The token comes from the environment too.
func TestTokenFromTheEnvironment(t *testing.T) {
	h, at := server(t, token)
	t.Setenv("TRIVOX_TOKEN", token)
	if out, code := run(t, "--http", at, "lock", "tea"); code != 0 || !slices.Equal(h.asked, []string{"lock tea"}) {
		t.Errorf("exit %d: %s", code, out)
	}
}
