package conference

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"trivox/media/codec"
)

// note is a prompt of one tone, as loud as amplitude.
func note(hertz float64, d time.Duration) Prompt {
	p := make(Prompt, int(d)*PromptRate/int(time.Second))
	s := sine(hertz, amplitude, PromptRate)
	for i := range p {
		p[i] = int16(32767 * s(i))
	}
	return p
}

// kinds of the events of a leg, in order, those of digits and changes left out.
func (h *hall) kinds(l *Leg) (out []string) {
	for _, e := range h.events {
		if e.Leg == l.ID() && e.Kind != LegChanged && e.Kind != LegDigit {
			out = append(out, e.Kind.String())
		}
	}
	return out
}

// peak is the greatest sample of what a phone heard from sample n on.
func (p *phone) peak(n int) (most int) {
	for _, v := range p.heard[min(n, len(p.heard)):] {
		most = max(most, int(math.Abs(float64(v))))
	}
	return most
}

func (p *phone) play(t *testing.T, play Play) {
	t.Helper()
	if err := p.leg.Play(play); err != nil {
		t.Fatal(err)
	}
}

// Nobody hears who is in the lobby; he hears his prompt alone; once admitted he is heard at once, and hears.
func TestLobby(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCMU, codec.G722, codec.Opus} {
		for _, ptime := range []time.Duration{20 * ms, 60 * ms} {
			t.Run(fmt.Sprint(c.Name, " ", ptime), func(t *testing.T) {
				h := newHall(t, nil)
				in := h.dial("tea", codec.PCMU, 20*ms, sine(tones[0], amplitude, 8000))
				h.run(time.Second)
				out := h.dialAs("tea", c, ptime, sine(tones[1], amplitude, c.SampleRate), Request{Lobby: true})
				out.play(t, Play{Number: 7, Prompts: []Prompt{note(tones[2], 800*ms), note(tones[3], 1700*ms)}})
				h.run(2 * time.Second)
				in.hearing(t, amplitude)
				out.hearing(t, amplitude, tones[3])
				h.run(2 * time.Second)
				out.hearing(t, amplitude)
				if got := out.level(tones[0], 4*time.Second); got > amplitude/100 {
					t.Errorf("who is outside hears those inside at %.4f", got)
				}
				if st := h.server.State("tea"); st != (State{Open: true, People: 1, Waiting: 1}) {
					t.Errorf("%+v", st)
				}
				if got := h.kinds(out.leg); !slices.Equal(got, []string{"heard", "played"}) || h.numbers() != "7" {
					t.Errorf("events %q, prompts %s", got, h.numbers())
				}
				n := len(in.heard)
				if err := out.leg.Admit(false); err != nil {
					t.Fatal(err)
				}
				h.run(100 * ms)
				if got := in.peak(n); got < 1000 { // of 2,294
					t.Errorf("who was admitted is heard with a peak of %d after 100 ms", got)
				}
				h.run(4 * time.Second) // long enough to be back at the shared encoder
				in.hearing(t, amplitude, tones[1])
				out.hearing(t, amplitude, tones[0])
				out.source = nil
				h.run(10 * time.Second)
				out.hearing(t, amplitude, tones[0])
				in.hearing(t, amplitude)
				if ln := out.leg.line; ln.own.on {
					t.Error("it still has an encoder of its own")
				}
				if err := out.leg.Play(Play{Prompts: []Prompt{note(tones[2], time.Second)}}); !errors.Is(err, errAdmitted) {
					t.Errorf("a prompt for one inside: %v", err)
				}
			})
		}
	}
}

// numbers are those of the prompts that are out.
func (h *hall) numbers() (out string) {
	for _, e := range h.events {
		if e.Kind == LegPlayed {
			out += fmt.Sprint(e.Number)
		}
	}
	return out
}

// A prompt begins with the caller's first packet, or a second after the answer (USERS 1).
func TestPromptWaitsForFirstPacket(t *testing.T) {
	for _, c := range []struct {
		name         string
		first, begin time.Duration
	}{
		{"at once", 0, 20 * ms}, {"after 400 ms", 400 * ms, 420 * ms}, {"never", time.Hour, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHall(t, nil)
			p := h.dialAs("tea", codec.PCMU, 20*ms, nil, Request{Lobby: true})
			p.play(t, Play{Prompts: []Prompt{note(tones[0], time.Second)}})
			h.run(min(c.first, 3*time.Second))
			if c.first < time.Hour {
				p.source = func(int) float64 { return 0 }
			}
			h.run(3 * time.Second)
			at := time.Duration(slices.IndexFunc(p.heard, func(v int16) bool { return v > 500 })) * time.Second / 8000
			if at < c.begin-40*ms || at > c.begin+40*ms {
				t.Errorf("the prompt begins %v after the answer, want %v", at, c.begin)
			}
		})
	}
}

// A digit stops a prompt, softly, unless it is firm; another prompt takes its place.
func TestDigitStopsPrompt(t *testing.T) {
	h := newHall(t, nil)
	p := h.dialAs("tea", codec.PCMU, 20*ms, func(int) float64 { return 0 }, Request{Lobby: true})
	p.play(t, Play{Number: 1, Prompts: []Prompt{note(tones[0], 3*time.Second)}})
	h.run(time.Second)
	p.leg.Digit('5', 100*ms)
	n := len(p.heard)
	h.run(time.Second)
	if got := p.peak(n + 3*160); got > 30 {
		t.Errorf("a prompt that a digit stopped goes on with a peak of %d", got)
	}
	if b := bend(p.heard[n-400:]); b > 2*bend(p.heard[n-2000:n-400]) {
		t.Errorf("it stops with a click of %.0f", b)
	}
	p.play(t, Play{Number: 2, Firm: true, Prompts: []Prompt{note(tones[1], time.Second)}})
	h.run(200 * ms)
	p.leg.Digit('6', 100*ms)
	h.run(600 * ms)
	p.hearing(t, amplitude*0.8, tones[1])
	p.play(t, Play{Number: 3, Prompts: []Prompt{note(tones[2], time.Second)}})
	p.leg.Digit('7', 100*ms) // before any of it was heard
	h.run(100 * ms)
	p.play(t, Play{Number: 4, Prompts: []Prompt{nil, note(tones[3], 500*ms), nil}})
	h.run(time.Second)
	if got := h.numbers(); got != "4" {
		t.Errorf("prompts %q were played to their ends, want 4 alone", got)
	}
	for _, e := range h.events {
		if e.Kind == LegDigit && !e.Private {
			t.Errorf("digit %c of the lobby is for the log", e.Digit)
		}
	}
}

// Who holds in the lobby misses nothing of his prompt; another codec does not disturb it.
func TestPromptOverHoldAndCodec(t *testing.T) {
	h := newHall(t, nil)
	p := h.dialAs("tea", codec.PCMU, 20*ms, func(int) float64 { return 0 }, Request{Lobby: true})
	p.play(t, Play{Number: 1, Prompts: []Prompt{note(tones[0], 3*time.Second)}})
	h.run(500 * ms)
	answer := func(offer []byte) {
		t.Helper()
		if _, err := p.leg.Answer(offer); err != nil {
			t.Fatal(err)
		}
	}
	answer(p.offer("inactive"))
	h.run(4 * time.Second)
	if h.numbers() != "" {
		t.Error("the prompt ran while its hearer was on hold")
	}
	p.stalls = true
	answer(p.offer("sendrecv"))
	h.run(time.Second)
	p.hearing(t, amplitude*0.9, tones[0])
	p.codec, p.speaks, p.pt = codec.G722, codec.G722, 9
	p.encoder, _ = codec.G722.NewEncoder(codec.Settings{PTime: 20 * ms})
	p.decoder, _ = codec.G722.NewDecoder()
	p.heard = nil
	answer(p.offer("sendrecv"))
	h.run(time.Second)
	p.hearing(t, amplitude, tones[0])
	h.run(2 * time.Second)
	if h.numbers() != "1" {
		t.Errorf("prompts %q were played, want 1", h.numbers())
	}
}

// A lobby makes no tone, and no coarser or finer mix; who comes in from it makes the tone.
func TestLobbyDisturbsNobody(t *testing.T) {
	h := newHall(t, func(c *Config) { c.AloneTone, c.JoinTone = true, true })
	in := h.dial("tea", codec.PCMU, 20*ms, func(int) float64 { return 0 })
	h.run(2 * time.Second)
	n := len(in.heard)
	var outside []*phone
	for range 3 {
		outside = append(outside, h.dialAs("tea", codec.Opus, 20*ms, sine(tones[0], 0.5, 48000), Request{Lobby: true}))
		h.run(3 * time.Second)
	}
	if got := in.peak(n); got > 10 {
		t.Errorf("who is inside hears a peak of %d", got)
	}
	if rate := h.worker.conferences[0].rate; rate != 8000 {
		t.Errorf("the mix is at %d Hz", rate)
	}
	outside[0].source = func(int) float64 { return 0 }
	h.run(time.Second)
	if err := outside[0].leg.Admit(false); err != nil {
		t.Fatal(err)
	}
	h.run(time.Second)
	if got := in.level(joinTones[0].hertz, time.Second); got < 0.002 {
		t.Errorf("the tone of who came in is at %.4f", got)
	}
	h.run(3 * time.Second)
	if rate := h.worker.conferences[0].rate; rate != 48000 {
		t.Errorf("the mix is at %d Hz with an Opus leg in it", rate)
	}
}

// Who waits comes in with the host, as far as there is room, in the order of coming.
func TestWaitForHost(t *testing.T) {
	h := newHall(t, nil)
	var waiting []*phone
	for range 3 {
		p := h.dialAs("tea", codec.PCMU, 20*ms, nil, Request{Lobby: true, Most: 3})
		if in, err := p.leg.Wait(); in || err != nil {
			t.Fatalf("in %v, %v", in, err)
		}
		waiting = append(waiting, p)
		h.run(100 * ms)
	}
	typing := h.dialAs("tea", codec.PCMU, 20*ms, nil, Request{Lobby: true, Most: 3})
	h.run(100 * ms)
	if st := h.server.State("tea"); st.Open || st.Waiting != 4 {
		t.Errorf("%+v", st)
	}
	host := h.dialAs("tea", codec.PCMU, 20*ms, nil, Request{Moderator: true, Most: 3})
	h.run(100 * ms)
	if st := h.server.State("tea"); st != (State{Open: true, People: 3, Waiting: 2, Hosts: 1}) {
		t.Errorf("%+v", st)
	}
	for i, p := range waiting {
		if in := slices.Contains(h.kinds(p.leg), "admitted"); in != (i < 2) || in == (len(p.hungUp) > 0) {
			t.Errorf("number %d is in: %v, hung up with %v", i, in, p.hungUp)
		}
	}
	if c := waiting[2].hungUp; len(c) != 1 || c[0].Code != 486 {
		t.Errorf("for whom there was no room: %v", c)
	}
	host.leg.end(Cause{})
	waiting[2].leg.end(Cause{})
	h.run(100 * ms)
	if in, err := typing.leg.Wait(); in || err != nil { // the host has left
		t.Errorf("in %v, %v", in, err)
	}
	if err := waiting[0].leg.Admit(true); err != nil { // and is followed by another
		t.Error(err)
	}
	h.run(100 * ms)
	if got := h.kinds(typing.leg); !slices.Contains(got, "admitted") {
		t.Errorf("no host brought in who waited: %q", got)
	}
	if in, err := typing.leg.Wait(); !in || err != nil {
		t.Errorf("in %v, %v", in, err)
	}
}

// A lock stops those who come in from the lobby, but no moderator, nor whom one lets in.
func TestLockedLobby(t *testing.T) {
	h := newHall(t, nil)
	opens := Opening{Locked: true}
	enter := func(q Request) (*Leg, error) {
		q.Conference, q.Opens, q.Local, q.HangUp = "tea", opens, netip.MustParseAddr("127.0.0.1"), func(Cause) {}
		l, err := h.server.Enter(context.Background(), q)
		if err == nil {
			t.Cleanup(func() { l.End(Cause{}) })
		}
		return l, err
	}
	if _, err := enter(Request{}); !errors.Is(err, ErrLocked) {
		t.Errorf("opening what is locked from the start: %v", err)
	}
	l, err := enter(Request{Lobby: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Admit(false); !errors.Is(err, ErrLocked) || !l.outside() {
		t.Errorf("coming in: %v", err)
	}
	if err := l.Admit(true); err != nil || l.outside() {
		t.Errorf("coming in as a moderator: %v", err)
	}
	if _, err := enter(Request{}); !errors.Is(err, ErrLocked) {
		t.Errorf("entering: %v", err)
	}
	if _, err := enter(Request{Moderator: true}); err != nil {
		t.Errorf("a moderator enters: %v", err)
	}
	if l, err = enter(Request{Lobby: true}); err != nil {
		t.Fatal(err)
	}
	if err := h.server.Admit("tea", l.ID()); err != nil || l.outside() {
		t.Errorf("let in: %v", err)
	}
	if err := h.server.Admit("tea", "nobody"); !errors.Is(err, ErrNoParticipant) {
		t.Errorf("letting nobody in: %v", err)
	}
}

// A lobby has its own limit, and takes no place of those inside (STYLE 16).
func TestLobbyIsBounded(t *testing.T) {
	h := newHall(t, func(c *Config) { c.MaxWaiting, c.MaxParticipants = 2, 2 })
	for range 2 {
		h.dialAs("tea", codec.PCMU, 20*ms, nil, Request{Lobby: true})
	}
	q := request("tea")
	q.Lobby = true
	if _, err := h.server.Enter(context.Background(), q); !errors.Is(err, ErrFull) {
		t.Errorf("a third in the lobby: %v", err)
	}
	for range 2 {
		h.dial("tea", codec.PCMU, 20*ms, nil)
	}
	if _, err := h.server.Enter(context.Background(), request("tea")); !errors.Is(err, ErrFull) {
		t.Errorf("a third inside: %v", err)
	}
	if err := h.phones[0].leg.Admit(false); !errors.Is(err, ErrFull) {
		t.Errorf("one of the lobby when it is full inside: %v", err)
	}
	if st := h.server.Stats(); st.Legs != 4 || st.Waiting != 2 {
		t.Errorf("%+v", st)
	}
	q.Most, q.Lobby = 3, false
	l, err := h.server.Enter(context.Background(), q)
	if err != nil {
		t.Fatalf("with a limit of its own: %v", err)
	}
	l.End(Cause{})
}

// A tick with a lobby allocates nothing, prompts and digits passed on included (STYLE 14).
func TestLobbyAllocatesNothing(t *testing.T) {
	h := newHall(t, func(c *Config) { c.NoiseLevel = 65 })
	private := Opening{Private: true}
	h.dialAs("call", codec.PCMU, 20*ms, nil, Request{Opens: private})
	h.dialAs("call", codec.PCMA, 20*ms, nil, Request{Opens: private})
	for _, c := range []codec.Codec{codec.PCMU, codec.G722, codec.Opus} {
		p := h.dialAs("tea", c, 20*ms, nil, Request{Lobby: true})
		p.play(t, Play{Prompts: []Prompt{note(tones[0], time.Second), note(tones[1], time.Minute)}})
	}
	h.dial("tea", codec.PCMU, 20*ms, nil)
	h.run(2 * time.Second)
	caller := h.worker.conferences[0].lines[0]
	phones := h.phones
	h.phones = nil
	h.worker.io = &replay{}
	n := testing.AllocsPerRun(250, func() {
		h.now += Slot
		h.worker.conferences[0].infoDigit(caller, mediaDigit('5'), h.now)
		h.worker.tick(h.now, 0)
		<-h.server.events
	})
	h.worker.io, h.phones = h, phones
	for _, p := range phones {
		p.stalls = true
	}
	if n > 0 {
		t.Errorf("a tick allocates %v times", n)
	}
}
