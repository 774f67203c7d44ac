package main

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"trivox/media/codec"
)

// ear keeps the RTP packets that arrive at a socket.
type ear struct {
	t       testing.TB
	codec   codec.Codec
	skipped func() int // how many slots the server says that it had to skip, so far
	found   int        // packets up to the end of what next has found

	mu      sync.Mutex
	packets []rtp.Packet
	more    chan struct{} // closed at the next packet
}

// hear begins to receive; closing the socket ends it.
func hear(t testing.TB, socket *net.UDPConn, c codec.Codec, skipped func() int) *ear {
	e := &ear{t: t, codec: c, skipped: skipped, more: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 2048)
		for {
			n, _, err := socket.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			e.take(b[:n])
		}
	}()
	t.Cleanup(func() { _ = socket.Close(); <-ended })
	return e
}

func (e *ear) take(b []byte) {
	var p rtp.Packet
	if err := p.Unmarshal(append([]byte(nil), b...)); err != nil {
		e.t.Errorf("not RTP: %v", err)
		return
	}
	if int(p.PayloadType) != e.codec.PayloadType {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.packets = append(e.packets, p)
	close(e.more)
	e.more = make(chan struct{})
}

// count is how many packets came so far.
func (e *ear) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.packets)
}

// await returns when n packets have come in all; they come in their time or not at all.
func (e *ear) await(n int) {
	e.t.Helper()
	give := time.NewTimer(patience + time.Duration(n-e.count())*packetTime)
	defer give.Stop()
	for {
		e.mu.Lock()
		have, more := len(e.packets), e.more
		e.mu.Unlock()
		if have >= n {
			return
		}
		select {
		case <-more:
		case <-give.C:
			e.t.Fatalf("%d packets came, %d were awaited", have, n)
		}
	}
}

// until waits for the first packet of a source and gives its number.
func (e *ear) until(ssrc uint32) int {
	e.t.Helper()
	for seen := 0; ; {
		e.await(seen + 1)
		e.mu.Lock()
		packets := e.packets[seen:]
		e.mu.Unlock()
		for _, p := range packets {
			if p.SSRC == ssrc {
				return seen
			}
			seen++
		}
	}
}

// listen hears from now on for so long. The stream must be one: one SSRC, without a gap in numbers, nor in times but
// for slots that the server says it had to skip because the machine was too busy (never a burst: DESIGN 3).
func (e *ear) listen(d time.Duration) []int16 {
	e.t.Helper()
	from := e.count()
	to := from + int(d/packetTime)
	e.await(to)
	return e.decode(from, to)
}

// judge listens second after second until one is as it should be: fault tells what is wrong with it, or nothing. Sound is
// broken for a moment where a busy machine let a phone speak too late.
func (e *ear) judge(fault func(pcm []int16) string) {
	e.t.Helper()
	for give := time.Now().Add(patience); ; {
		what := fault(e.listen(time.Second))
		if what == "" {
			return
		}
		if time.Now().After(give) {
			e.t.Errorf("of the seconds of %s none is right; the last: %s", patience, what)
			return
		}
	}
}

// skip lets so much sound go by.
func (e *ear) skip(d time.Duration) { e.await(e.count() + int(d/packetTime)) }

// decode gives the sound of packets from (included) to (not included).
func (e *ear) decode(from, to int) []int16 {
	e.t.Helper()
	e.mu.Lock()
	packets := e.packets[:to]
	e.mu.Unlock()
	d, err := e.codec.NewDecoder()
	if err != nil {
		e.t.Fatal(err)
	}
	var out []int16
	pcm := make([]int16, e.codec.SampleRate/8)
	step, skips := samples(packetTime, e.codec.ClockRate), 0
	for i, p := range packets {
		if i > 0 {
			was := packets[i-1]
			ahead := int(int32(p.Timestamp - was.Timestamp))
			skips += max(0, ahead/step-1)
			if p.SSRC != was.SSRC || p.SequenceNumber != was.SequenceNumber+1 || ahead <= 0 || ahead%step != 0 {
				e.t.Errorf("packet %d (SSRC %08x, number %d, time %d) does not follow the one before it (%08x, %d, %d)", i,
					p.SSRC, p.SequenceNumber, p.Timestamp, was.SSRC, was.SequenceNumber, was.Timestamp)
			}
		}
		n, err := d.Decode(pcm, p.Payload)
		if err != nil {
			e.t.Fatalf("packet %d: %v", i, err)
		}
		if i >= from {
			out = append(out, pcm[:n]...)
		}
	}
	if skips > 0 && skips > e.skipped() {
		e.t.Errorf("times jump over %d packets in all, but the server says that it skipped %d slots", skips, e.skipped())
	}
	return out
}

// next waits for a tone of at least that strength, what, in 100 ms of what was heard after those that it found last.
func (e *ear) next(hertz, least float64, what string) {
	e.t.Helper()
	const window = 5
	for give := time.Now().Add(patience); time.Now().Before(give); {
		e.await(e.found + window)
		pcm := e.decode(e.found, e.found+window)
		e.found += window
		if strength(pcm, e.codec.SampleRate, hertz) > least {
			return
		}
	}
	e.t.Fatalf("waited %s for %s, %.0f Hz", patience, what, hertz)
}

// onward lets next look from now on.
func (e *ear) onward() *ear {
	e.found = e.count()
	return e
}

// level is the strength of a frequency in what is heard from now on for so long.
func (e *ear) level(hertz float64, d time.Duration) float64 {
	e.t.Helper()
	return strength(e.listen(d), e.codec.SampleRate, hertz)
}
