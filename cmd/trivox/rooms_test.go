package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/lobby"
	"trivox/cmd/trivox/internal/phone"
	"trivox/cmd/trivox/internal/prompts"
	"trivox/media/codec"
)

// rulesOfRooms are those of the tests below. Prompts are tones, so that they can be told from each other.
const rulesOfRooms = quiet + `
prompts = "%s"

[[room]]
match = "pin"
pin = "271828182845"
moderator_pin = "314159265358"

[[room]]
match = "host"
moderator_pin = "314159265358"
before_host = "wait"
after_host = "end"

[[room]]
match = "early"
moderate = ["network:10.0.0.0/8"]
before_host = "refuse"

[[room]]
match = "locked"
moderate = ["users"]
locked = true

[[room]]
match = "small-*"
max_participants = 1

[[room]]
match = "shut"
join = ["users"]

[[room]]
match = "brief"
lifetime = "2s"

[[room]]
match = "tea"
`

// notes are the tones that stand for the prompts.
var notes = map[lobby.Prompt]float64{
	lobby.EnterPIN: 400, lobby.EnterOrHash: 500, lobby.WrongPIN: 600, lobby.WaitHost: 700, lobby.NotOpen: 800, lobby.Locked: 900,
	lobby.Full: 1000, lobby.Goodbye: 1100,
}

// tones makes a folder of prompts of 0.6 s.
func tones(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "en"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, hertz := range notes {
		pcm := sine(hertz, 0.1).pcm(0, 8000*6/10, 8000)
		if err := os.WriteFile(filepath.Join(dir, "en", string(name)+".wav"), riff(pcm, 8000, 1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func serveRooms(t *testing.T) *server {
	t.Helper()
	return serve(t, fmt.Sprintf(rulesOfRooms, tones(t)))
}

// hears waits for a prompt, after what it waited for last: it may be out already when it is asked for.
func (p *telephone) hears(what lobby.Prompt) {
	p.t.Helper()
	p.next(notes[what], 0.05, string(what))
}

// press sends keys by INFO; the server must not hang up meanwhile.
func (p *telephone) press(keys string) {
	p.t.Helper()
	for _, k := range keys {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := p.dialog.Info(ctx, "application/dtmf-relay", fmt.Appendf(nil, "Signal=%c\r\nDuration=100\r\n", k))
		cancel()
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

// hungUp waits for the BYE.
func (p *telephone) hungUp() {
	p.t.Helper()
	select {
	case <-p.dialog.Done():
	case <-time.After(patience):
		p.t.Fatal("no BYE came")
	}
}

// hungUpWith waits for the BYE, and judges its Reason.
func (p *telephone) hungUpWith(code int, text string) {
	p.t.Helper()
	p.hungUp()
	if e := p.dialog.End(); !e.ByPeer || e.Code != code || !strings.Contains(e.Text, text) {
		p.t.Errorf("hung up with %+v, want %d and %q", e, code, text)
	}
}

// refusedBy calls a room that is to refuse, and judges its answer.
func refusedBy(t *testing.T, s *server, room string, code int, text string) {
	t.Helper()
	a := openAgent(t, line{local: netip.MustParseAddr("127.0.0.1"), transport: "udp"})
	socket := bind(t, netip.MustParseAddr("127.0.0.1"))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := a.Dial(ctx, phone.Call{URI: s.room(room), Offer: offer(localPort(socket), codec.PCMU, 1, "sendrecv")})
	var refused *phone.Failure
	if !errors.As(err, &refused) || refused.Code != code || !strings.Contains(refused.Text, text) {
		t.Errorf("calling %s: %v, want %d and %q", room, err, code, text)
	}
}

// Each refusal has its answer, says why in words, and stands in the log with the rule that refused.
func TestRefusalsOfRooms(t *testing.T) {
	t.Parallel()
	s := serveRooms(t)
	dial(t, s, "small-1", line{})
	for _, c := range []struct {
		room string
		code int
		text string
		rule string
	}{
		{"none", 404, "there is no such room here", "no [[room]] matches"},
		{"shut", 403, "you may not enter this room", `room "shut": join`},
		{"locked", 403, "the room is locked", `room "locked": locked`},
		{"early", 480, "the host is not there yet", `room "early": before_host`},
		{"early", 480, "try again after 60 s", `room "early": before_host`},
		{"small-1", 486, "the room is full: 1 are in it", `room "small-*": max_participants`},
	} {
		refusedBy(t, s, c.room, c.code, c.text)
		s.await(1, "the refusal of "+c.room, func(e event) bool { return e.is("sip: call refused") && e.text("rule") == c.rule })
	}
	dial(t, s, "small-2", line{})
	dial(t, s, "brief", line{}).hungUpWith(200, "this conference ends after 2s")
}

// The right PIN lets a caller in, who is heard only then; the other PIN makes a moderator; three wrong ones end the call.
// No PIN is in the log. They have 12 digits here: the log has many numbers of its own, times to the nanosecond among them.
func TestPIN(t *testing.T) {
	t.Parallel()
	s := serveRooms(t)
	host := dial(t, s, "pin", line{user: "host"})
	host.hears(lobby.EnterPIN)
	host.press("314159265358#")
	s.becomes("the host is in", func() bool { return !s.participant("pin", "host").Lobby })
	guest := dial(t, s, "pin", line{user: "guest", say: sine(440, 0.1)})
	guest.hears(lobby.EnterPIN)
	if got := host.level(440, 500*time.Millisecond); got > 0.001 {
		t.Errorf("the guest is heard at %.4f before his PIN", got)
	}
	if p := s.participant("pin", "guest"); !p.Lobby || p.Role != "participant" {
		t.Errorf("%+v", p)
	}
	guest.press("9999#")
	guest.hears(lobby.WrongPIN)
	guest.hears(lobby.EnterPIN)
	guest.press("27*271828182845#")
	s.await(2, "two to be let in", func(e event) bool { return e.is("let in by PIN") })
	host.onward().next(440, 0.03, "the guest, after his PIN")
	if a, b := s.participant("pin", "host"), s.participant("pin", "guest"); a.Role != "moderator" || b.Role != "participant" || b.Lobby {
		t.Errorf("%+v\n%+v", a, b)
	}
	stranger := dial(t, s, "pin", line{user: "stranger"})
	stranger.press("111111111111#2222#333333333333#")
	stranger.hears(lobby.WrongPIN)
	stranger.hears(lobby.Goodbye)
	stranger.hungUpWith(403, "three wrong PINs")
	if n := s.metric("trivox_pins_wrong_total"); n != 4 {
		t.Errorf("%v wrong PINs were counted, want 4", n)
	}
	for _, pin := range []string{"271828182845", "314159265358", "111111111111", "333333333333", `"digit"`} {
		if strings.Contains(s.everything(), pin) {
			t.Errorf("%s is in the log", pin)
		}
	}
}

// everything is the log as it was written.
func (s *server) everything() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("%q %q", s.lines, s.other)
}

// Twenty wrong PINs, in however many calls, shut the room to PINs (USERS 24).
func TestPINLockout(t *testing.T) {
	t.Parallel()
	s := serveRooms(t)
	for range 6 {
		p := dial(t, s, "pin", line{})
		p.press("0#0#0#")
		p.hungUpWith(403, "three wrong PINs")
	}
	last := dial(t, s, "pin", line{})
	last.press("0#0#271828182845#")
	last.hungUpWith(403, "too many wrong PINs")
	refusedBy(t, s, "pin", 480, "too many wrong PINs were typed for this room")
	if n := s.metric("trivox_pin_lockouts_total"); n != 1 {
		t.Errorf("%v lock-outs were counted", n)
	}
}

// Who comes before the host waits, hears so, and comes in with him; when the host leaves it ends. One who waits can be
// let in over HTTP too.
func TestWaitForHost(t *testing.T) {
	t.Parallel()
	s := serveRooms(t)
	guest := dial(t, s, "host", line{user: "guest"})
	guest.hears(lobby.EnterOrHash)
	guest.press("#")
	guest.hears(lobby.WaitHost)
	other := dial(t, s, "host", line{user: "other", say: sine(440, 0.1)})
	other.press("#")
	other.hears(lobby.WaitHost)
	if got := guest.level(440, 300*time.Millisecond); got > 0.001 {
		t.Errorf("who waits hears another who does at %.4f", got)
	}
	if !posts(s, "host", s.participant("host", "other").ID, "admit") {
		t.Error("not admitted over HTTP")
	}
	if out, err := command(t, "ctl", "--http", s.web(), "list").CombinedOutput(); err != nil || !strings.Contains(string(out), "host  sip:host@") {
		t.Errorf("%v %s", err, out)
	}
	host := dial(t, s, "host", line{user: "boss"})
	host.hears(lobby.EnterOrHash)
	host.press("314159265358#")
	s.becomes("all are in", func() bool {
		for _, p := range s.show("host").Participants {
			if p.Lobby {
				return false
			}
		}
		return true
	})
	guest.onward().next(440, 0.03, "the other one, who was let in too")
	host.hangUp()
	guest.hungUpWith(200, "the conference ended when its host left")
	other.hungUpWith(200, "the conference ended when its host left")
}

// posts takes an action on a participant, and reports that it was done.
func posts(s *server, conference, participant, verb string) bool {
	s.t.Helper()
	status, _ := s.ask("POST", action(conference, participant, verb), "")
	return status == 204
}

// A softphone types a PIN by RFC 4733 into the prompts that are built in, in German.
func TestPINByBaresip(t *testing.T) {
	t.Parallel()
	s := serve(t, quiet+"[[room]]\nmatch = \"pin\"\npin = \"2718\"\nlanguage = \"de\"\n[[room]]\nmatch = \"*\"\n")
	listener := dial(t, s, "pin", line{user: "listener"})
	listener.press("2718#")
	s.await(1, "the listener to be let in", func(e event) bool { return e.is("let in by PIN") })
	p := startBaresip(t, "typist", codec.PCMU, sine(440, 0.1), time.Minute)
	p.dial(s.room("pin"))
	s.becomes("3 s of sound have come", func() bool { return s.participant("pin", "typist").PacketsReceived > 150 })
	if got := listener.level(440, 300*time.Millisecond); got > 0.001 {
		t.Errorf("heard at %.4f before the PIN", got)
	}
	p.command("sndcode", "0000#")
	s.await(1, "a wrong PIN", func(e event) bool { return e.is("wrong PIN") })
	p.command("sndcode", "2718#")
	s.await(2, "the typist to be let in", func(e event) bool { return e.is("let in by PIN") })
	listener.onward().next(440, 0.03, "the typist, after his PIN")
	unheard(t, listener.listen(500*time.Millisecond), 0.1)
	said := p.heard()
	var names []string
	for _, name := range lobby.Prompts() {
		names = append(names, string(name))
	}
	set, err := prompts.Load("", names, 8000)
	if err != nil {
		t.Fatal(err)
	}
	const piece = 4000 // its jitter buffer may slip anywhere
	best := 0.0
	for from := range 3 {
		prompt := set.Get("de", string(lobby.EnterPIN))[from*piece:]
		_, like, _ := find(said[:min(len(said), 2*8000+(from+1)*piece)], prompt[:piece])
		best = max(best, like)
	}
	if best < 0.8 {
		t.Errorf("the beginning of the German prompt is like what was heard to begin with by %.2f", best)
	}
}

// A language without prompts is found at the start, and a reload to one changes nothing.
func TestLanguageWithoutPrompts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trivox.toml")
	if err := os.WriteFile(path, []byte("[[room]]\nmatch = \"*\"\nlanguage = \"fr\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := command(t, "serve", "--config", path, "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), `room "*": language "fr": there are no prompts in it, only in de, en`) {
		t.Errorf("%v\n%s", err, out)
	}
}
