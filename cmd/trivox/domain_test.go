package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/api"
	"trivox/cmd/trivox/internal/wav"
	"trivox/media/codec"
)

// password is that of every user of the tests.
const password = "a-secret-of-tests"

// domain is a server with a domain of its own, example.test, whose users are in a database of the test's.
type domain struct {
	*server
	authority string // file of its certificate
	text      string // of its settings
	args      []string
}

// serveDomain starts one that listens by UDP, TCP and TLS on loopback. The settings are TOML tables, and lines before them
// for the top. With --sip among the arguments it listens there alone.
func serveDomain(t *testing.T, top, tables string, args ...string) *domain {
	t.Helper()
	dir := t.TempDir()
	run(t, "cert", "example.test", "127.0.0.1", "--out", dir)
	pem := filepath.Join(dir, "example.test.pem")
	settings := fmt.Sprintf("domains = [\"example.test\"]\ndata = %q\n%s\n[tls]\ncertificates = [\"%s,%s\"]\n%s\n%s",
		filepath.Join(dir, "data"), top, pem, filepath.Join(dir, "example.test-key.pem"), quiet, tables)
	if !slices.Contains(args, "--sip") {
		args = append(args, "--sip", "127.0.0.1:0", "--sip", "tls/127.0.0.1:0")
	}
	return &domain{serve(t, settings, args...), pem, settings, args}
}

// again ends the server, and starts it anew over the same data.
func (d *domain) again() {
	d.t.Helper()
	d.stop()
	d.server = serve(d.t, d.text, d.args...)
}

// run is `trivox ARGS` that must do well.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := trivox(t, args...)
	if err != nil {
		t.Fatalf("trivox %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// user adds one with the password of the tests.
func (d *domain) user(name string, algorithms ...string) {
	d.t.Helper()
	file := filepath.Join(d.t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	args := []string{"user", "add", name, "--config", d.settings, "--password-file", file}
	for _, a := range algorithms {
		args = append(args, "--algorithm", a)
	}
	run(d.t, args...)
}

// phone starts a softphone with the account of a user, registered.
func (d *domain) phone(f softphone) *baresip {
	d.t.Helper()
	f.domain, f.password, f.authority = "example.test", password, d.authority
	if f.transport == "" {
		f.transport = "udp"
	}
	f.server = d.address("sip", f.transport, false)
	if f.codec.Name == "" {
		f.codec = codec.PCMU
	}
	f.length = 2 * time.Minute
	before := d.registrations(f.name)
	p := startSoftphone(d.t, f)
	d.becomes(f.name+" is registered", func() bool { return d.registrations(f.name) > before })
	return p
}

// registrations is how many phones of a user are registered.
func (d *domain) registrations(name string) int {
	d.t.Helper()
	status, body := d.ask(http.MethodGet, "/v1/registrations", "")
	if status != http.StatusOK {
		d.t.Fatalf("registrations: %d %s", status, body)
	}
	return strings.Count(body, `"user":"`+name+`@example.test"`)
}

// closed waits until its call has ended.
func (p *baresip) closed() {
	p.t.Helper()
	p.await("the end of its call", func(e map[string]any) bool { return e["type"] == "CALL_CLOSED" })
}

// refused waits until its call is refused with that code.
func (p *baresip) refused(code string) {
	p.t.Helper()
	p.await("a refusal", func(e map[string]any) bool {
		if e["type"] == "CALL_ESTABLISHED" || e["type"] == "CALL_CLOSED" && !strings.HasPrefix(fmt.Sprint(e["param"]), code) {
			p.t.Errorf("%v: %v, want %s", e["type"], e["param"], code)
		}
		return e["type"] == "CALL_CLOSED"
	})
}

// established waits until a call is up.
func (p *baresip) established() {
	p.t.Helper()
	p.await("an established call", func(e map[string]any) bool { return e["type"] == "CALL_ESTABLISHED" })
}

// recordings are what it heard of each call so far, the oldest first.
func (p *baresip) recordings() [][]int16 {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "dump-*-dec.wav"))
	if err != nil {
		p.t.Fatal(err)
	}
	when := func(file string) time.Time {
		st, err := os.Stat(file)
		if err != nil {
			p.t.Fatal(err)
		}
		return st.ModTime()
	}
	slices.SortFunc(files, func(a, b string) int { return when(a).Compare(when(b)) })
	var out [][]int16
	for _, f := range files {
		s, err := wav.Read(f)
		if err != nil {
			p.t.Fatal(err)
		}
		out = append(out, s.PCM)
	}
	return out
}

// hears checks that a recording holds tones at about their level near its end, and others not at all.
func hears(t *testing.T, who string, pcm []int16, tones []float64, silent ...float64) {
	t.Helper()
	if len(pcm) < 12000 {
		t.Errorf("%s recorded only %d samples", who, len(pcm))
		return
	}
	pcm = pcm[max(0, len(pcm)-14000) : len(pcm)-4000] // at the very end the others may have gone already
	for _, hertz := range tones {
		if got := strength(pcm, 8000, hertz); got < 0.05 {
			t.Errorf("%s hears %.0f Hz at %.4f, want 0.1", who, hertz, got)
		}
	}
	for _, hertz := range silent {
		if got := level(pcm, 8000, hertz); got > 0.003 {
			t.Errorf("%s hears %.0f Hz at %.4f, want nothing of it", who, hertz, got)
		}
	}
}

// Phones register by UDP, TCP and TLS, call each other and hang up from either side, and meet in a room, with encrypted
// sound over TLS; a phone that does not encrypt is there beside them.
func TestPhonesOfADomain(t *testing.T) {
	t.Parallel()
	for transport, encryption := range map[string]string{"udp": "", "tcp": "", "tls": "srtp-mand"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			d := serveDomain(t, "", "")
			for _, name := range []string{"anna", "boris", "clara"} {
				d.user(name, "MD5") // all that baresip 1.0 knows
			}
			const annas, boriss, claras = 440.0, 830.0, 1290.0
			anna := d.phone(softphone{name: "anna", transport: transport, encryption: encryption, say: sine(annas, 0.1)})
			boris := d.phone(softphone{name: "boris", transport: transport, encryption: encryption, say: sine(boriss, 0.1)})
			clara := d.phone(softphone{name: "clara", say: sine(claras, 0.1)})

			for last, first := range map[*baresip]*baresip{boris: anna, anna: boris} { // the caller hangs up, or who was called
				boris.dial("sip:anna@example.test")
				anna.established()
				sent := d.metric("trivox_rtp_packets_sent_total")
				d.becomes("3 s of sound have gone to both", func() bool { return d.metric("trivox_rtp_packets_sent_total") > sent+300 })
				last.command("hangup", "")
				first.closed()
				d.becomes("nobody is left", func() bool { return d.metric("trivox_legs") == 0 })
			}
			for _, p := range []*baresip{anna, boris, clara} {
				p.dial("sip:tea@example.test")
			}
			d.becomes("4 s of sound have come from each", func() bool {
				people := d.show("tea").Participants
				return len(people) == 3 && !slices.ContainsFunc(people, func(p api.Participant) bool { return p.PacketsReceived < 200 })
			})
			for name, secret := range map[string]bool{"anna": encryption != "", "boris": encryption != "", "clara": false} {
				p := d.participant("tea", name)
				if (p.Encryption != "") != secret || p.User != name+"@example.test" {
					t.Errorf("%s is %q and encrypted by %q", name, p.User, p.Encryption)
				}
			}
			quitAll(anna, boris, clara)
			for name, p := range map[string]*baresip{"anna": anna, "boris": boris, "clara": clara} {
				heard := p.recordings()
				switch want := map[string]int{"clara": 1}[name]; {
				case want == 0 && len(heard) != 3, want == 1 && len(heard) != 1:
					t.Errorf("%s recorded %d calls", name, len(heard))
					continue
				}
				tones := map[string]float64{"anna": annas, "boris": boriss, "clara": claras}
				own := tones[name]
				delete(tones, name)
				var others []float64
				for _, hertz := range tones {
					others = append(others, hertz)
				}
				hears(t, name+" in the room", heard[len(heard)-1], others, own)
				for i, pcm := range heard[:len(heard)-1] {
					hears(t, fmt.Sprintf("%s in call %d", name, i+1), pcm, []float64{map[string]float64{"anna": boriss, "boris": annas}[name]}, own, claras)
				}
			}
		})
	}
}
