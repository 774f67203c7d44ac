package main

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/wav"
	"trivox/media/codec"
)

// needs finds a program that tests run. Without it there is nothing proved, so its lack is a failure.
func needs(t testing.TB, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: apt-get install --no-install-recommends %s", name, debian)
	}
	return path
}

// baresip is a softphone of that name: one process with one account, that plays a file and records what it hears.
type baresip struct {
	t       *testing.T
	codec   codec.Codec
	uri     string // where it takes calls
	dir     string
	control net.Conn
	events  chan map[string]any
	quit    func()
	kill    func() // ends it without a word to anybody
}

const baresipConfig = `sip_listen 127.0.0.1:%[1]d
net_interface 127.0.0.1
audio_source aufile,%[2]s/say.wav
audio_player aubridge,x
audio_alert aufile,/dev/null
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
rtp_ports %[3]d-%[4]d
jitter_buffer_delay 2-5
snd_path %[2]s
statmode_default off
ctrl_tcp_listen 127.0.0.1:%[5]d
sip_cafile %[6]s
module_path /usr/lib/baresip/modules
module g711.so
module g722.so
module opus.so
module aufile.so
module sndfile.so
module aubridge.so
module srtp.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
`

// softphone says what a baresip is to be: whose account it has and what it says.
type softphone struct {
	name   string // its user
	codec  codec.Codec
	say    sound
	length time.Duration // it says so for so long at most

	domain     string         // of its account; empty: none, and it does not register
	server     netip.AddrPort // where it registers
	transport  string         // by which, "udp" unless set
	password   string
	encryption string // mediaenc of its account: "srtp", "srtp-mand" or "srtp-mandf"
	authority  string // file of the certificate that it trusts
	manual     bool   // it rings until it is told to answer
}

// account is its line in baresip's file of accounts; port is where it listens.
func (f softphone) account(port int) string {
	host, answer := fmt.Sprintf("127.0.0.1:%d", port), "auto"
	if f.manual {
		answer = "manual"
	}
	more := ";regint=0"
	if f.domain != "" {
		transport := cmp.Or(f.transport, "udp")
		host = f.domain + ";transport=" + transport
		more = fmt.Sprintf(";regint=300;auth_user=%s;auth_pass=%s;outbound=\"sip:%s;transport=%s\"", f.name, f.password, f.server, transport)
	}
	if f.encryption != "" {
		more += ";mediaenc=" + f.encryption
	}
	return fmt.Sprintf("<sip:%s@%s>%s;answermode=%s;audio_codecs=%s/%d/%d\n", f.name, host, more, answer,
		f.codec.Name, f.codec.SampleRate, f.codec.Channels) // it knows G.722 by its real rate
}

// startBaresip starts one that has no account and will say something for so long at most.
func startBaresip(t *testing.T, name string, c codec.Codec, say sound, length time.Duration) *baresip {
	t.Helper()
	return startSoftphone(t, softphone{name: name, codec: c, say: say, length: length})
}

// startSoftphone starts one that takes orders when it returns. If it has an account it registers by itself.
func startSoftphone(t *testing.T, f softphone) *baresip {
	t.Helper()
	program := needs(t, "baresip", "baresip-core")
	p := &baresip{t: t, codec: f.codec, dir: t.TempDir(), events: make(chan map[string]any, 100)}
	low := reserve(t, 60)
	c := f.codec
	p.uri = fmt.Sprintf("sip:%s@127.0.0.1:%d", f.name, low)
	files := map[string]string{
		"config":   fmt.Sprintf(baresipConfig, low, p.dir, low+10, low+59, low+2, f.authority),
		"accounts": f.account(low),
		"contacts": "",
		"say.wav":  string(riff(f.say.pcm(0, samples(f.length, c.SampleRate), c.SampleRate), c.SampleRate, c.Channels)),
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(p.dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.Create(filepath.Join(p.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-f", p.dir, "-t", "300") // it ends of itself should the tests be killed
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.quit = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		err := cmd.Wait()
		_ = log.Close()
		if text, _ := os.ReadFile(log.Name()); t.Failed() || err != nil {
			t.Logf("baresip %s ended with %v and said:\n%s", f.name, err, text)
		}
	})
	p.kill = func() { _ = cmd.Process.Kill(); p.quit() }
	t.Cleanup(p.quit)
	p.connect(low + 2)
	return p
}

// connect opens the control connection as soon as baresip takes it.
func (p *baresip) connect(port int) {
	p.t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for give := time.Now().Add(patience); ; <-again.C {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			p.control = conn
			break
		}
		if time.Now().After(give) {
			p.t.Fatalf("baresip takes no control connection: %v", err)
		}
	}
	p.t.Cleanup(func() { _ = p.control.Close() })
	go func() {
		defer close(p.events)
		for r := bufio.NewReader(p.control); ; {
			m, err := readNetstring(r)
			if err != nil {
				return
			}
			e := map[string]any{}
			if json.Unmarshal(m, &e) == nil {
				p.events <- e
			}
		}
	}()
}

// readNetstring reads LENGTH:BYTES, as ctrl_tcp frames its messages.
func readNetstring(r *bufio.Reader) ([]byte, error) {
	size, err := r.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(size, ":"))
	if err != nil || n < 0 || n > 1<<20 {
		return nil, fmt.Errorf("netstring of length %q", size)
	}
	b := make([]byte, n+1)
	_, err = io.ReadFull(r, b)
	return b[:max(len(b)-1, 0)], err
}

// command gives an order and waits until baresip has taken it.
func (p *baresip) command(verb, params string) {
	p.t.Helper()
	b, err := json.Marshal(map[string]string{"command": verb, "params": params, "token": verb})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.control, "%d:%s,", len(b), b); err != nil {
		p.t.Fatal(err)
	}
	p.await("the answer to "+verb, func(e map[string]any) bool { return e["response"] == true && e["token"] == verb })
}

// await waits for something baresip tells.
func (p *baresip) await(what string, match func(map[string]any) bool) {
	p.t.Helper()
	give := time.NewTimer(patience)
	defer give.Stop()
	for {
		select {
		case e, ok := <-p.events:
			if !ok {
				p.t.Fatalf("baresip has gone before %s", what)
			}
			if match(e) {
				return
			}
		case <-give.C:
			p.t.Fatalf("baresip did not tell of %s within %s", what, patience)
		}
	}
}

// dial calls and returns when the call is up.
func (p *baresip) dial(uri string) {
	p.t.Helper()
	p.command("dial", uri)
	p.await("an established call", func(e map[string]any) bool {
		if e["type"] == "CALL_CLOSED" {
			p.t.Fatalf("the call failed: %v", e["param"])
		}
		return e["type"] == "CALL_ESTABLISHED"
	})
}

// quitAll ends phones at the same moment, so that none records for long what it hears without the others.
func quitAll(phones ...*baresip) {
	var all sync.WaitGroup
	for _, p := range phones {
		all.Go(p.quit)
	}
	all.Wait()
}

// heard ends baresip and gives what it heard of its one call.
func (p *baresip) heard() []int16 {
	p.t.Helper()
	p.quit()
	files, err := filepath.Glob(filepath.Join(p.dir, "dump-*-dec.wav"))
	if err != nil || len(files) != 1 {
		p.t.Fatalf("recordings: %v %v, want one", files, err)
	}
	s, err := wav.Read(files[0])
	if err != nil {
		p.t.Fatal(err)
	}
	if s.Rate != p.codec.SampleRate {
		p.t.Fatalf("baresip recorded at %d Hz, want %d", s.Rate, p.codec.SampleRate)
	}
	return s.PCM
}

// riff is a WAV of 16 bit, all channels alike: baresip wants as many as its codec has.
func riff(pcm []int16, rate, channels int) []byte {
	size := uint32(2 * channels * len(pcm))
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), 36+size)
	b = binary.LittleEndian.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(2*rate*channels))
	b = binary.LittleEndian.AppendUint16(b, uint16(2*channels))
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = binary.LittleEndian.AppendUint32(append(b, "data"...), size)
	for _, v := range pcm {
		for range channels {
			b = binary.LittleEndian.AppendUint16(b, uint16(v))
		}
	}
	return b
}
