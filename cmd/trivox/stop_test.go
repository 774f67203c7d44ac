package main

import (
	"fmt"
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"

	"trivox/media"
	"trivox/media/codec"
)

// A server that is told to stop hangs up, says why, and is gone when all have answered; who calls meanwhile is told when
// to come back (USERS: 503 with Retry-After).
func TestTerminate(t *testing.T) {
	t.Parallel()
	s := serve(t, "[server]\ndrain_timeout = \"1m\"\n")
	var phones []*telephone
	for range 3 {
		phones = append(phones, dial(t, s, "tea", line{say: sine(440, 0.1)}))
	}
	// One who does not answer his BYE at once keeps the server draining.
	w := openWire(t, s, "tea")
	w.call()
	s.ended.Do(func() { s.signal(syscall.SIGTERM) })
	for i, p := range phones {
		p.hungUp()
		if e := p.dialog.End(); !e.ByPeer || e.Text == "" {
			t.Errorf("phone %d was hung up on with %+v, want a Reason that a person can read", i, e)
		}
	}
	refusedBy(t, s, "tea", 503, "try again after")
	if status, _ := s.ask("GET", "/readyz", ""); status != 503 {
		t.Errorf("/readyz while the server stops: %d", status)
	}
	w.hungUp()
	s.over()
}

// Who does not answer his BYE does not keep a server that is told to stop from being gone within 5 s.
func TestTerminateBesideTheDeaf(t *testing.T) {
	t.Parallel()
	s := serve(t, "[server]\ndrain_timeout = \"1s\"\n")
	openWire(t, s, "tea").call()
	at := time.Now()
	s.stop()
	if took := time.Since(at); took < time.Second || took > 5*time.Second {
		t.Errorf("gone after %v with a drain_timeout of 1 s", took)
	}
}

// SIGHUP takes the settings' file again: who is in a call does not notice, who calls later meets the new limits.
func TestReload(t *testing.T) {
	t.Parallel()
	s := serve(t, quiet)
	a := dial(t, s, "tea", line{say: sine(440, 0.1)})
	b := dial(t, s, "tea", line{say: sine(610, 0.1)})
	b.skip(2 * time.Second)
	for try := 1; ; try++ { // whatever else the machine does may be heard once or twice, a reload each time
		from := b.count()
		s.configure(fmt.Sprintf("%smax_participants = 2\nmax_rooms = %d\n[log]\nlevel = \"debug\"\n", quiet, 100+try))
		s.signal(syscall.SIGHUP)
		found := s.await(try, "the reload", func(e event) bool { return e.is("settings reloaded") })
		for _, key := range []string{"log.level", "rooms.max_participants", "rooms.max_rooms"} {
			if changed := found[0].text("changed"); !strings.Contains(changed, key) {
				t.Errorf("the log says that %s changed, want %s in it", changed, key)
			}
		}
		b.skip(time.Second)
		tone := steady{hertz: 440, rate: 8000}
		tone.add(b.decode(from, b.count()))
		if len(tone.faults) == 0 || b.skipped() > 0 || a.voice.late.Load() >= int64(10*time.Millisecond) {
			break
		}
		if try == 3 {
			t.Fatalf("the reload was heard: %.1f %% besides the tone, a jump of %.3f rad, at %v", 100*tone.worst, tone.jump, tone.faults)
		}
	}
	refusedBy(t, s, "tea", 486, "the room is full: 2 are in it")
	// What is logged at debug only.
	s.await(1, "a debug line", func(e event) bool { return e["level"] == "DEBUG" })
	// A file with a fault changes nothing.
	s.configure("[rooms]\nmax_participants = \"many\"\n")
	s.signal(syscall.SIGHUP)
	s.await(1, "that the file is bad", func(e event) bool { return strings.HasPrefix(e.text("msg"), "settings not reloaded") })
	s.expected("settings not reloaded")
	if got := len(s.show("tea").Participants); got != 2 {
		t.Errorf("%d are in the room after a bad reload, want 2", got)
	}
}

// Sound that has arrived when the server is told to stop is heard before it hangs up (USERS 1).
func TestQueuedSoundIsPlayed(t *testing.T) {
	t.Parallel()
	s := serve(t, quiet)
	b := dial(t, s, "tea", line{})
	b.skipped = func() int { return math.MaxInt } // the server that could tell will be gone
	a := dial(t, s, "tea", line{})
	from := a.voice.stop()
	encoder, err := codec.PCMU.NewEncoder(codec.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	// Packets that come five at a time wait in the jitter buffer for up to 80 ms.
	const burst, bursts = 5, 40
	payload, n := make([]byte, codec.MaxPayload), samples(packetTime, codec.PCMU.SampleRate)
	due := media.Now()
	for i := range burst * bursts {
		say := sine(440, 0.1)
		if i >= burst*(bursts-1) {
			say = sine(830, 0.1)
		}
		size, err := encoder.Encode(payload, say.pcm(i*n, n, codec.PCMU.SampleRate))
		if err != nil {
			t.Fatal(err)
		}
		packet := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: from.seq, Timestamp: from.time, SSRC: from.ssrc}, Payload: payload[:size]}
		text, err := packet.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := from.socket.WriteToUDPAddrPort(text, from.to); err != nil {
			t.Fatal(err)
		}
		from.seq, from.time = from.seq+1, from.time+uint32(n)
		if i%burst == burst-1 && i < burst*bursts-1 {
			due += burst * packetTime
			media.SleepUntil(due)
		}
	}
	at := time.Now()
	s.ended.Do(func() { s.signal(syscall.SIGTERM) })
	b.hungUp()
	took := time.Since(at)
	s.over()
	// What the test now sends to the ear comes behind all that the server has sent.
	const last = 1
	text, err := (&rtp.Packet{Header: rtp.Header{Version: 2, SSRC: last}, Payload: payload[:1]}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.socket.WriteToUDPAddrPort(text, localPort(b.socket)); err != nil {
		t.Fatal(err)
	}
	pcm, heard := b.decode(0, b.until(last)), 0
	for ; len(pcm) >= n; pcm = pcm[n:] {
		if level(pcm[:n], codec.PCMU.SampleRate, 830) > 0.03 {
			heard++
		}
	}
	t.Logf("%d packets of %d that were queued were heard, the BYE came after %v", heard, burst, took.Round(time.Millisecond))
	if heard < burst-1 {
		t.Errorf("%d packets of %d that were queued were heard", heard, burst)
	}
}
