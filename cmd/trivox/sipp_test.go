package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trivox/media/codec"
)

// sipp makes so many calls to a room by a scenario of testdata/sipp; none may fail.
func sipp(t *testing.T, s *server, scenario, room string, calls, rate int) {
	t.Helper()
	program := needs(t, "sipp", "sip-tester")
	file, err := filepath.Abs(filepath.Join("testdata", "sipp", scenario+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tone.ul"), mulaw(t, sine(440, 0.1), time.Second), 0o600); err != nil {
		t.Fatal(err)
	}
	low := reserve(t, 20)
	cmd := exec.Command(program, "-sf", file, "-s", room, "-i", "127.0.0.1", "-p", fmt.Sprint(low), "-mp", fmt.Sprint(low+2),
		"-m", fmt.Sprint(calls), "-r", fmt.Sprint(rate), "-nostdin", "-trace_err", "-timeout", "60", "-timeout_error",
		s.sip().String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=dumb")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("sipp %s: %v\n%s\n%s", scenario, err, tail(string(out)), errorsOf(dir))
	}
}

// errorsOf is what SIPp wrote about calls that failed.
func errorsOf(dir string) string {
	var b strings.Builder
	files, _ := filepath.Glob(filepath.Join(dir, "*errors*.log"))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		b.WriteString(string(text[:min(len(text), 4000)]))
	}
	return b.String()
}

// tail is the last screen of SIPp.
func tail(out string) string { return out[max(0, len(out)-3000):] }

// mulaw is a sound as a file of PCMU.
func mulaw(t *testing.T, what sound, d time.Duration) []byte {
	t.Helper()
	e, err := codec.PCMU.NewEncoder(codec.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	const n = 160
	var out []byte
	payload := make([]byte, codec.MaxPayload)
	for at := 0; at < samples(d, 8000); at += n {
		size, err := e.Encode(payload, what.pcm(at, n, 8000))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, payload[:size]...)
	}
	return out
}

// Two hundred calls by each of four scenarios at once: none fails, and nothing is left of them.
func TestCallsOfSIPp(t *testing.T) {
	s := serve(t, "[rtp]\nquarantine = \"0s\"\n")
	const calls = 200
	t.Run("calls", func(t *testing.T) {
		for _, scenario := range []string{"plain", "late", "hold", "cancel"} {
			t.Run(scenario, func(t *testing.T) {
				t.Parallel()
				sipp(t, s, scenario, scenario, calls, 25)
			})
		}
	})
	s.becomes("no call is left", func() bool {
		return s.metric("trivox_legs") == 0 && s.metric("trivox_conferences") == 0 && s.metric("trivox_rtp_port_pairs_in_use") == 0
	})
	spoke := 0
	for _, scenario := range []string{"plain", "late", "hold"} {
		ended := s.await(calls, "the ends of "+scenario, func(e event) bool { return e.is("call ended") && e["conference"] == scenario })
		for _, e := range ended {
			if e["by"] != "caller" || e["codec"] != "PCMU" {
				t.Errorf("%s: a call ended as %v", scenario, e)
			}
			if scenario == "plain" && e["received"].(float64) >= 10 {
				spoke++
			}
		}
	}
	if spoke < calls/2 { // on a busy machine SIPp begins late with the sound of the first
		t.Errorf("sound came from %d of %d plain calls", spoke, calls)
	}
}

// Keys by INFO are events in the log, one each, and nobody hears them.
func TestKeysByInfo(t *testing.T) {
	t.Parallel()
	s := serve(t, quiet)
	talker := dial(t, s, "tea", line{say: sine(440, 0.1)})
	listener := dial(t, s, "tea", line{})
	listener.skip(2 * time.Second)
	from := listener.count()
	sipp(t, s, "keys", "tea", 1, 1)
	s.await(4, "key presses", func(e event) bool { return e.is("dtmf") })
	listener.skip(time.Second)
	unheard(t, listener.decode(from, listener.count()), 0.1)
	pressed(t, s, "1*7#")
	talker.hangUp()
}
