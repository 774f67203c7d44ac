package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// liftSIPp starts SIPp as a phone at a port of 127.0.0.9 that lifts one call and plays back what it hears. scenario "" lets the
// caller hang up. The function that it gives waits for the end of the call, which must be a good one.
func liftSIPp(t *testing.T, port int, scenario string) (over func()) {
	t.Helper()
	program := needs(t, "sipp", "sip-tester")
	what := []string{"-sn", "uas"}
	if scenario != "" {
		file, err := filepath.Abs(filepath.Join("testdata", "sipp", scenario+".xml"))
		if err != nil {
			t.Fatal(err)
		}
		what = []string{"-sf", file}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, append(what, "-i", "127.0.0.9", "-p", fmt.Sprint(port), "-mp", fmt.Sprint(port+2), "-rtp_echo",
		"-m", "1", "-nostdin", "-trace_err", "-timeout", "60", "-timeout_error")...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "TERM=dumb")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over = sync.OnceFunc(func() {
		if err := cmd.Wait(); err != nil {
			t.Errorf("sipp: %v\n%s\n%s", err, tail(out.String()), errorsOf(cmd.Dir))
		}
		cancel()
	})
	t.Cleanup(func() {
		if t.Failed() {
			cancel() // it may wait for a call that never comes
		}
		over()
	})
	return over
}

// A user calls a number behind a gateway that calls.dial names: its sound comes there and back, and either side hangs up. Other numbers
// there, and strangers, get nowhere.
func TestDialOut(t *testing.T) {
	t.Parallel()
	port := reserve(t, 10)
	gateway := fmt.Sprintf("127.0.0.9:%d", port)
	d := serveDomain(t, "", fmt.Sprintf("[calls]\ndial = [\"+49*@%s\"]\n", gateway))
	d.user("anna", "MD5")
	anna := d.phone(softphone{name: "anna", say: sine(440, 0.1)})
	for _, scenario := range []string{"", "lift"} {
		over := liftSIPp(t, port, scenario)
		anna.dial("sip:+4930123@" + gateway)
		if scenario == "" {
			d.await(1, "what SIPp plays back", func(e event) bool {
				return strings.HasPrefix(e.text("msg"), "our own RTP comes back") && e["caller"] == "sip:+4930123@"+gateway
			})
			anna.command("hangup", "")
		} else {
			anna.closed()
		}
		over()
	}
	d.becomes("nobody is left", func() bool { return d.metric("trivox_legs") == 0 })
	for _, dialled := range []string{"0900123", "+43123"} {
		anna.command("dial", "sip:"+dialled+"@"+gateway)
		anna.refused("403")
	}
	stranger := openWire(t, d.server, "tea")
	stranger.uri = "sip:+4930123@" + gateway
	stranger.invite()
	if status, _ := stranger.answer(); status != "401" {
		t.Errorf("a stranger got %s", stranger.said)
	}
	if status, records := d.ask(http.MethodGet, "/v1/records", ""); strings.Count(records, `"uri":"sip:+4930123@`+gateway) != 2 {
		t.Errorf("records do not tell who was called: %d %s", status, records)
	}
}

// gate is a SIP server elsewhere that notes whom it is asked for, once a request, and is always busy.
type gate struct {
	at netip.AddrPort

	mu    sync.Mutex
	asked []string
	known map[string]bool // by Via: a request may be repeated
}

func openGate(t *testing.T, at string) *gate {
	t.Helper()
	socket := bind(t, netip.MustParseAddr(at))
	g := &gate{at: localPort(socket), known: map[string]bool{}}
	go func() {
		for b := make([]byte, 8192); ; {
			n, from, err := socket.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			text := string(b[:n])
			first, _, _ := strings.Cut(text, "\r\n")
			if strings.HasPrefix(first, "ACK") {
				continue
			}
			g.mu.Lock()
			if via := field(text, "Via"); !g.known[via] {
				g.known[via] = true
				g.asked = append(g.asked, strings.TrimSuffix(first, " SIP/2.0"))
			}
			g.mu.Unlock()
			_, _ = socket.WriteToUDPAddrPort(busy(text), from)
		}
	}()
	return g
}

// busy is 486 to a request outside dialogs.
func busy(request string) []byte { return answerTo(request, "486 Busy Here", ";tag=g") }

// was gives what it was asked since the last time.
func (g *gate) was() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := g.asked
	g.asked = nil
	return out
}

// However a URI is written, nobody is called but whom calls.dial names, even by those who may call without a password; a
// refusal is in the log with its rule.
func TestNoOtherWayOut(t *testing.T) {
	t.Parallel()
	gw, victim := openGate(t, "127.0.0.9"), openGate(t, "127.0.0.8")
	s := serve(t, fmt.Sprintf("domains = [\"example.test\"]\nallow = [\"127.0.0.0/8\"]\n[calls]\ndial = [\"+49*@%s\"]\n", gw.at), "--sip", "127.0.0.1:0")
	_, port, _ := net.SplitHostPort(s.sip().String())
	for _, c := range []struct{ uri, status, out string }{
		{"sip:+49301@GW", "486", "sip:+49301@GW"},
		{"sip:%2B49301@GW;user=phone;x=y", "486", "sip:+49301@GW;user=phone"},
		{"sip:+49301@GW;transport=udp", "486", "sip:+49301@GW;transport=udp"},
		{"sip:+49301@GW;transport=tcp", "480", ""}, // allowed, but nobody is there

		{"sip:0900@GW", "403", ""}, {"sip:+4330@GW", "403", ""}, {"sip:anna@VICTIM", "403", ""}, {"sip:+49301@VICTIM", "403", ""},
		{"sip:+49301@127.0.0.9", "403", ""}, {"sip:+49301@127.0.0.9:0", "403", ""},
		{"sip:+49301@GW;maddr=127.0.0.8", "403", ""}, {"sip:+49301@GW?Route=%3Csip:VICTIM%3E", "400", ""},
		{"sip:+49301:secret@GW", "403", ""}, {"sip:+49301%40GW@VICTIM", "403", ""}, {"sip:+49301@VICTIM;x=@GW", "403", ""},
		{"sip:+49301%3Brn=+1900@GW", "403", ""}, {"sip:+49301;phone-context=+1900@GW;user=phone", "403", ""},
		{"sip:%252B49301@GW", "403", ""}, {"sip:+49301%26VICTIM@GW", "403", ""},
		{"tel:+49301", "416", ""}, {"sips:+49301@GW", "480", ""}, {"sip:+49301@elsewhere.invalid", "403", ""}, {"sip:GW", "403", ""},
		{"sip:tea@EXAMPLE.test.", "200", ""}, {"sip:tea@example.test:9", "200", ""}, {"sip:tea@127.0.0.1:" + port, "200", ""},
		{"sip:tea@127.0.0.1:9", "200", ""}, {"sip:tea@localhost", "200", ""}, {"sip:+49301@example.test", "200", ""},
	} {
		named := func(s string) string {
			return strings.NewReplacer("GW", gw.at.String(), "VICTIM", victim.at.String()).Replace(s)
		}
		w := openWire(t, s, "tea")
		w.uri = named(c.uri)
		w.invite()
		if status, _ := w.answer(); status != c.status {
			t.Errorf("%s: %s, want %s", c.uri, w.said, c.status)
		}
		w.send("ACK", map[bool]string{true: "ack", false: "invite"}[c.status == "200"], "")
		if c.status == "200" {
			w.bye()
		}
		want := ""
		if c.out != "" {
			want = "INVITE " + named(c.out)
		}
		if got := strings.Join(gw.was(), "; "); got != want {
			t.Errorf("%s: the gateway was asked %q, want %q", c.uri, got, want)
		}
		if c.status == "403" {
			if !strings.Contains(field(w.said, "Warning"), "call") {
				t.Errorf("%s: %s", c.uri, w.said)
			}
			s.await(1, "the rule", func(e event) bool {
				return e.is("sip: call refused") && e["rule"] == "calls.dial" && e["call"] == w.id
			})
		}
	}
	if got := victim.was(); len(got) > 0 {
		t.Errorf("the victim was asked %q", got)
	}
}

// Where no domain is set every host is this server's, but for those that calls.dial names.
func TestDialOutOfOpenRooms(t *testing.T) {
	t.Parallel()
	gw := openGate(t, "127.0.0.9")
	s := serve(t, fmt.Sprintf("[calls]\ndial = [\"*@%s\"]\n", gw.at), "--sip", "127.0.0.1:0")
	for uri, want := range map[string]string{"sip:tea@elsewhere.example": "200", "sip:tea@" + gw.at.String(): "486", "sip:tea@127.0.0.8:5070": "200"} {
		w := openWire(t, s, "tea")
		w.uri = uri
		w.invite()
		if status, _ := w.answer(); status != want {
			t.Errorf("%s: %s, want %s", uri, w.said, want)
		}
		w.send("ACK", map[bool]string{true: "ack", false: "invite"}[want == "200"], "")
		if want == "200" {
			w.bye()
		}
	}
	if got := gw.was(); len(got) != 1 || got[0] != "INVITE sip:tea@"+gw.at.String() {
		t.Errorf("the gateway was asked %q", got)
	}
}

// A Contact is no way out: elsewhere it is refused, and one of a private network is called where the REGISTER came from.
func TestNoWayOutByContact(t *testing.T) {
	t.Parallel()
	d := serveDomain(t, "", "")
	d.user("anna", "MD5")
	d.user("boris", "MD5")
	boris := d.phone(softphone{name: "boris", say: sine(440, 0.1)})
	victim := openGate(t, "127.0.0.8")
	anna := &registrant{t: t, server: d.server, socket: bind(t, netip.MustParseAddr("127.0.0.1"))}
	for contact, want := range map[string]string{
		"sip:+49900@203.0.113.1": "403", "sip:+49900@203.0.113.1:5070;ob": "403", "sip:+49900@gw.example.com": "403", "sips:+49900@gw.example.com": "403",
		"tel:+49900": "403", "sip:tea@example.test": "403",
	} {
		if status := anna.register("anna", contact); !strings.HasPrefix(status, want) {
			t.Errorf("%s: %s, want %s", contact, status, want)
		}
	}
	if n := d.registrations("anna"); n != 0 {
		t.Fatalf("%d phones of hers are registered", n)
	}
	contact := "sip:anna@" + victim.at.String() // loopback is private to every machine
	if status := anna.register("anna", contact); !strings.HasPrefix(status, "200") {
		t.Fatal(status)
	}
	boris.command("dial", "sip:anna@example.test")
	invite := anna.next("INVITE")
	if !strings.HasPrefix(invite, "INVITE "+contact+" ") {
		t.Errorf("her flow got %s", invite)
	}
	if _, err := anna.socket.WriteToUDPAddrPort(busy(invite), d.sip()); err != nil {
		t.Fatal(err)
	}
	boris.refused("486")
	if got := victim.was(); len(got) > 0 {
		t.Errorf("the victim was asked %q", got)
	}
}
