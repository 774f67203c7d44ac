package main

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/phone"
	"trivox/media/codec"
)

// token of the servers that have one.
const token = "0123456789abcdef0123"

// door is a way to control a server: it tells whether the action was taken.
type door func(s *server, token, verb, participant string) bool

// byHTTP posts.
func byHTTP(s *server, token, verb, participant string) bool {
	s.t.Helper()
	path := "/v1/conferences/tea/" + verb
	if participant != "" {
		path = action("tea", participant, verb)
	}
	status, body := s.ask(http.MethodPost, path, token)
	switch status {
	case http.StatusNoContent:
		return true
	case http.StatusUnauthorized, http.StatusForbidden:
		return false
	}
	s.t.Fatalf("%s: %d %s", path, status, body)
	return false
}

// byCtl runs `trivox ctl`.
func byCtl(s *server, token, verb, participant string) bool {
	s.t.Helper()
	args := []string{"ctl", "--http", s.web(), verb, "tea"}
	if participant != "" {
		args = append(args, participant)
	}
	cmd := command(s.t, args...)
	cmd.Env = append(cmd.Env, "TRIVOX_TOKEN="+token)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return true
	}
	var failed *exec.ExitError
	if !errors.As(err, &failed) || !strings.Contains(string(out), "token") {
		s.t.Fatalf("trivox ctl %s: %v\n%s", verb, err, out)
	}
	return false
}

// Mute, unmute, lock, unlock, kick and end do what they say, by HTTP and by trivox ctl; where a token is set, with it
// alone.
func TestControl(t *testing.T) {
	t.Parallel()
	doors := map[string]door{"HTTP": byHTTP, "ctl": byCtl}
	for name, d := range doors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, quiet)
			control(s, func(verb, participant string) {
				t.Helper()
				if !d(s, "", verb, participant) {
					t.Fatalf("%s was refused where no token is set", verb)
				}
			})
		})
		t.Run(name+" with a token", func(t *testing.T) {
			t.Parallel()
			s := serve(t, quiet+"[http]\ntoken = \""+token+"\"\n")
			control(s, func(verb, participant string) {
				t.Helper()
				for _, wrong := range []string{"", "0123456789abcdef0124"} {
					if d(s, wrong, verb, participant) {
						t.Errorf("%s was taken with the token %q", verb, wrong)
					}
				}
				if !d(s, token, verb, participant) {
					t.Fatalf("%s was refused with the right token", verb)
				}
			})
			if n := len(s.controls()); n != 6 {
				t.Errorf("the log tells of %d actions over HTTP, want 6", n)
			}
		})
	}
}

// controls are the log's lines of what was done over HTTP.
func (s *server) controls() []event {
	found, _ := s.events(func(e event) bool { return e.is("control over HTTP") })
	return found
}

// control goes through every action.
func control(s *server, do func(verb, participant string)) {
	t := s.t
	t.Helper()
	talker := dial(t, s, "tea", line{user: "talker", say: sine(440, 0.1)})
	listener := dial(t, s, "tea", line{user: "listener"})
	listener.skip(time.Second)
	hears := func(want bool) {
		t.Helper()
		listener.skip(500 * time.Millisecond)
		if got := listener.level(440, 500*time.Millisecond); (got > 0.03) != want || !want && got > 0.001 {
			t.Errorf("the talker is heard at %.4f, want him heard: %v", got, want)
		}
	}
	hears(true)
	who := s.participant("tea", "talker").ID
	do("mute", who)
	if !s.participant("tea", "talker").Muted {
		t.Error("the roster does not say that he is muted")
	}
	hears(false)
	do("unmute", who)
	hears(true)

	do("lock", "")
	if code := enters(s); code != 403 {
		t.Errorf("a caller at a locked room got %d, want 403", code)
	}
	if !s.show("tea").Locked {
		t.Error("the API does not say that the room is locked")
	}
	do("unlock", "")
	if code := enters(s); code != 200 {
		t.Errorf("a caller after the room was unlocked got %d", code)
	}

	do("kick", who)
	gone(talker, "a moderator")
	hears(false)
	do("end", "")
	gone(listener, "a moderator")
	s.becomes("the room is gone", func() bool {
		status, _ := s.ask(http.MethodGet, "/v1/conferences/tea", "")
		return status == http.StatusNotFound
	})
}

// gone waits for the server's BYE, which must say why.
func gone(p *telephone, why string) {
	p.t.Helper()
	p.hungUp()
	if e := p.dialog.End(); !e.ByPeer || !strings.Contains(e.Text, why) {
		p.t.Errorf("the call ended with %+v, want a reason with %q", e, why)
	}
}

// enters calls the room tea and hangs up; it gives the SIP answer.
func enters(s *server) int {
	s.t.Helper()
	local := netip.MustParseAddr("127.0.0.1")
	agent := openAgent(s.t, line{local: local})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	d, err := agent.Dial(ctx, phone.Call{URI: s.room("tea"), Offer: offer(localPort(bind(s.t, local)), codec.PCMU, 1, "sendrecv")})
	var refused *phone.Failure
	switch {
	case errors.As(err, &refused):
		return refused.Code
	case err != nil:
		s.t.Fatal(err)
	}
	if err := d.Bye(ctx, ""); err != nil {
		s.t.Error(err)
	}
	return 200
}

// A server that anybody could reach does not start before it is said who may call.
func TestRefusesToBeOpen(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"serve", "--sip", "0.0.0.0:0"},
		{"serve", "--sip", "[::]:0"},
		{"serve", "--sip", "udp/0.0.0.0:0"},
	} {
		cmd := command(t, append(args, "--http", "127.0.0.1:0")...)
		cmd.WaitDelay = patience
		ended := time.AfterFunc(patience, func() { _ = cmd.Process.Signal(os.Kill) })
		out, err := cmd.CombinedOutput()
		ended.Stop()
		var failed *exec.ExitError
		if !errors.As(err, &failed) || failed.ExitCode() <= 0 || !strings.Contains(string(out), "--allow") {
			t.Errorf("trivox %s ended with %v and said\n%s\nwant it to fail and to name --allow", strings.Join(args, " "), err, out)
		}
	}
	// With networks it starts.
	serve(t, "", "--sip", "0.0.0.0:0", "--allow", "192.0.2.0/24")
}
