package call

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"trivox/cmd/trivox/internal/wav"
	"trivox/media/codec"
	"trivox/sip/sdp"
)

func t0() context.Context { return context.Background() }

type result struct {
	code     int
	out, err string
}

func (o Options) try(t *testing.T) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if o.Complexity == 0 {
		o.Complexity = 1
	}
	var stdout, stderr bytes.Buffer
	code := o.Run(ctx, &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

func (r result) want(t *testing.T, code int, parts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	for _, p := range parts {
		if !strings.Contains(r.out+r.err, p) {
			t.Errorf("no %q in the output", p)
		}
	}
	if t.Failed() {
		t.Logf("stdout:\n%s\nstderr:\n%s", r.out, r.err)
	}
}

// likeness of a recording with what was played: the median, over quarter
// seconds that are not silent, of the highest normalised correlation with lags
// up to half a second. Each has a lag of its own: playout may stretch.
func likeness(played, heard []int16, rate int) float64 {
	var all []float64
	size := rate / 4
	for at := 0; at+size+rate/2 <= min(len(played), len(heard)); at += size {
		best, energy := 0.0, 0.0
		for l := range rate / 2 {
			var xy, xx, yy float64
			for i := at; i < at+size; i += 2 {
				x, y := float64(played[i]), float64(heard[i+l])
				xy, xx, yy = xy+x*y, xx+x*x, yy+y*y
			}
			best, energy = math.Max(best, xy/math.Sqrt(xx*yy+1)), xx
		}
		if energy > float64(size)/2*1e4 {
			all = append(all, best)
		}
	}
	slices.Sort(all)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)/2]
}

func TestHearsWhatItPlays(t *testing.T) {
	t.Parallel()
	speech, err := wav.Read("../../../../examples/speech/anna.wav")
	if err != nil {
		t.Fatal(err)
	}
	speech.PCM = speech.PCM[:2*speech.Rate]
	file := filepath.Join(t.TempDir(), "in.wav")
	if err := wav.Write(file, speech); err != nil {
		t.Fatal(err)
	}
	for _, c := range codec.All() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			e := startEcho(t, codec.All()...)
			var got float64
			var lasted time.Duration
			for range 3 { // a machine that stands still for a second leaves a hole in one call, but not in each
				record := filepath.Join(t.TempDir(), "heard.wav")
				Options{URI: "sip:echo@" + e.uri, Play: file, Record: record, Codec: strings.ToLower(c.Name), Seconds: 2.2}.try(t).
					want(t, Heard, "answered: "+c.Name, "heard ", "recorded ", "hung up after ")
				heard, err := wav.Read(record)
				if err != nil {
					t.Fatal(err)
				}
				if heard.Rate != c.SampleRate {
					t.Errorf("recorded at %d Hz, want %d", heard.Rate, c.SampleRate)
				}
				got, lasted = likeness(speech.At(8000).PCM, heard.At(8000).PCM, 8000), heard.Duration()
				t.Logf("correlation %.3f in %v", got, lasted)
				if got >= 0.8 && lasted >= 2*time.Second { // a slow machine hangs up late
					return
				}
			}
			t.Errorf("what was heard correlates with what was played by %.2f, want 0.8, in %v of 2.2 s", got, lasted)
		})
	}
}

func TestExitCodes(t *testing.T) {
	e := startEcho(t, codec.All()...)
	for name, tt := range map[string]struct {
		o     Options
		code  int
		parts []string
	}{
		"busy":      {Options{URI: "sip:busy@" + e.uri}, Failed, []string{"486 Busy Here"}},
		"deaf":      {Options{URI: "sip:deaf@" + e.uri, Seconds: 0.3}, Failed, []string{"heard nothing", "firewall"}},
		"no one":    {Options{URI: "sip:tea@127.0.0.1:1", Transport: "tcp"}, Failed, []string{"cannot reach"}},
		"silent":    {Options{URI: "sip:tea@127.0.0.1:1", Wait: 0.2}, Failed, []string{"no answer", "is a server listening there?"}},
		"hung up":   {Options{URI: "sip:bye@" + e.uri, Seconds: 20}, Heard, []string{"they hung up"}},
		"uri":       {Options{URI: "tea"}, Usage, []string{"sip:tea@127.0.0.1"}},
		"codec":     {Options{URI: "sip:a@b", Codec: "G729"}, Usage, []string{"--codec G729", "PCMU"}},
		"play":      {Options{URI: "sip:a@b", Play: "none.wav"}, Usage, []string{"none.wav"}},
		"both":      {Options{URI: "sip:a@b", Play: "a.wav", Tone: 440}, Usage, []string{"--tone"}},
		"tone":      {Options{URI: "sip:a@b", Tone: 1e6}, Usage, []string{"--tone"}},
		"loop":      {Options{URI: "sip:a@b", Loop: true}, Usage, []string{"--loop"}},
		"dtmf":      {Options{URI: "sip:a@b", DTMF: "1x"}, Usage, []string{"--dtmf 1x"}},
		"seconds":   {Options{URI: "sip:a@b", Seconds: math.NaN()}, Usage, []string{"--seconds"}},
		"transport": {Options{URI: "sip:a@b;transport=sctp"}, Usage, []string{"--transport sctp"}},
		"srtp":      {Options{URI: "sip:a@b", SRTP: "on"}, Usage, []string{`--srtp "on": need off, offered or required`}},
		"in clear":  {Options{URI: "sip:echo@" + e.uri, SRTP: "required"}, Failed, []string{"488"}},
		"local":     {Options{URI: "sip:a@b", Local: "here"}, Usage, []string{"--local here"}},
		"record":    {Options{URI: "sip:echo@" + e.uri, Record: "/nowhere/a.wav"}, Failed, []string{"--record"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.o.try(t).want(t, tt.code, tt.parts...)
		})
	}
}

// Whoever gives up while it rings there leaves no phone that goes on ringing.
func TestGivenUpWhileItRings(t *testing.T) {
	t.Parallel()
	e := startEcho(t, codec.All()...)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	go func() {
		<-e.rings
		cancel()
	}()
	var stdout, stderr bytes.Buffer
	if code := (Options{URI: "sip:ring@" + e.uri, Complexity: 1}).Run(ctx, &stdout, &stderr); code != Failed || !strings.Contains(stderr.String(), "given up before an answer") {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	select {
	case <-e.cancels:
	default:
		t.Error("no CANCEL was sent")
	}
}

// SE-1: --srtp encrypts where the other side does; "required" hears nobody who does not.
func TestEncryptedCall(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ours  string
		peer  sdp.Policy
		parts []string
		code  int
	}{
		{"required", sdp.Offered, []string{"encrypted by AEAD_AES_128_GCM"}, Heard},
		{"offered", sdp.Offered, []string{"encrypted by AEAD_AES_128_GCM"}, Heard},
		{"offered", sdp.Off, []string{"not encrypted"}, Heard},
		{"off", sdp.Offered, []string{"not encrypted"}, Heard},
		{"off", sdp.Required, []string{"488"}, Failed},
	} {
		t.Run(fmt.Sprint(tt.ours, " calls ", tt.peer), func(t *testing.T) {
			t.Parallel()
			e := startSecureEcho(t, tt.peer, codec.All()...)
			r := Options{URI: "sip:echo@" + e.uri, Tone: 440, SRTP: tt.ours, Seconds: 1}.try(t)
			r.want(t, tt.code, tt.parts...)
			if strings.Contains(r.out, "authenticated") {
				t.Error(r.out)
			}
		})
	}
}

func TestToneIsHeard(t *testing.T) {
	t.Parallel()
	e := startEcho(t, codec.All()...)
	record := filepath.Join(t.TempDir(), "heard.wav")
	Options{URI: "sip:echo@" + e.uri, Tone: 440, Record: record, Codec: "PCMA", Seconds: 1.5}.try(t).want(t, Heard)
	heard, err := wav.Read(record)
	if err != nil {
		t.Fatal(err)
	}
	best := 0.0
	for pcm := range slices.Chunk(heard.PCM[heard.Rate/4:], heard.Rate/4) { // past the start; where we were late it slips
		var re, im, all float64
		for i, v := range pcm {
			s, c := math.Sincos(2 * math.Pi * 440 * float64(i) / float64(heard.Rate))
			re, im, all = re+float64(v)*c, im+float64(v)*s, all+float64(v)*float64(v)
		}
		best = max(best, 2*(re*re+im*im)/float64(len(pcm))/all)
	}
	if best < 0.99 {
		t.Errorf("%.3f of the sound is the tone", best)
	}
}

func TestDigitsAreSent(t *testing.T) {
	t.Parallel()
	e := startEcho(t, codec.All()...)
	Options{URI: "sip:echo@" + e.uri, DTMF: "12#", Codec: "PCMU", Seconds: 2.5}.try(t).want(t, Heard, "pressing 12#")
	e.mu.Lock()
	defer e.mu.Unlock()
	if string(e.events) != "12#" {
		t.Errorf("they heard %q", e.events)
	}
	if e.byes != 1 {
		t.Errorf("%d BYE", e.byes)
	}
}

// A call that the owner breaks off ends with BYE and counts as a call.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	e := startEcho(t, codec.All()...)
	ctx, cancel := context.WithCancel(context.Background())
	var stdout, stderr bytes.Buffer
	done := make(chan int, 1)
	go func() { done <- Options{URI: "sip:echo@" + e.uri, Codec: "PCMU", Wait: 10}.Run(ctx, &stdout, &stderr) }()
	<-e.calls
	time.AfterFunc(300*time.Millisecond, cancel)
	if code := <-done; code != Heard || !strings.Contains(stdout.String(), "hung up after ") {
		t.Errorf("exit code %d\n%s%s", code, stdout.String(), stderr.String())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byes != 1 {
		t.Errorf("%d BYE", e.byes)
	}
}

// A re-INVITE that moves the call to another codec is followed.
func TestReinviteChangesCodec(t *testing.T) {
	t.Parallel()
	e := startEcho(t, codec.PCMU)
	record := filepath.Join(t.TempDir(), "heard.wav")
	done := make(chan result, 1)
	go func() { done <- Options{URI: "sip:echo@" + e.uri, Record: record, Tone: 500, Seconds: 2}.try(t) }()
	d := <-e.calls
	req := sip.NewRequest(sip.INVITE, d.InviteRequest.Contact().Address)
	body := strings.NewReplacer("PCMU/8000", "G722/8000", " 0", " 9", ":0 ", ":9 ").Replace(string(d.InviteResponse.Body()))
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	req.SetBody([]byte(body))
	res, err := d.Do(t0(), req)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("re-INVITE: %v, %v\n%s", res, err, body)
	}
	if err := d.WriteRequest(sip.NewRequest(sip.ACK, d.InviteRequest.Contact().Address)); err != nil {
		t.Fatal(err)
	}
	r := <-done
	r.want(t, Heard, "changed: G722")
}
