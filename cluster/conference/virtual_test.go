package conference

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"trivox/media"
	"trivox/media/codec"
	"trivox/sip/sdp"
)

// hall is a Server whose one worker is driven in virtual time, with a network in memory.
type hall struct {
	t      testing.TB
	server *Server
	worker *worker
	now    time.Duration
	phones []*phone
	srtp   sdp.Policy // of phones to come
	events []Event
	ports  *media.Ports
}

func newHall(t testing.TB, change func(*Config)) *hall {
	t.Helper()
	cfg := Default(1)
	cfg.AloneTone, cfg.JoinTone, cfg.NoiseLevel = false, false, noNoise
	cfg.Rand = rand.New(rand.NewPCG(1, 2))
	if change != nil {
		change(&cfg)
	}
	ports, err := media.NewPorts(20000, 59999, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(cfg, ports)
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{t: t, server: s, now: time.Hour, ports: ports}
	h.worker = newWorker(s, h)
	s.workers = []*worker{h.worker}
	t.Cleanup(func() {
		for _, p := range h.phones {
			p.leg.end(Cause{Text: "test over"})
			h.drain()
		}
		h.drain()
		if n := ports.InUse(); n != 0 {
			t.Errorf("%d port pairs leaked", n)
		}
	})
	return h
}

// slot plays one slot: the phones send, the worker ticks.
func (h *hall) slot() {
	h.now += Slot
	for _, p := range h.phones {
		p.speak(h.now)
	}
	h.drain()
	h.worker.tick(h.now, 0)
	for {
		select {
		case e := <-h.server.events:
			if e.Kind == legTurns {
				e.leg.hear(e.codec)
			}
			h.events = append(h.events, e)
			continue
		default:
		}
		return
	}
}

// drain runs all that waits for the worker.
func (h *hall) drain() {
	for len(h.worker.inbox) > 0 {
		h.worker.drain(h.now)
	}
}

func (h *hall) run(d time.Duration) {
	for range int(d / Slot) {
		h.slot()
	}
}

// Sweep is media.IO's: what the phones have sent.
func (h *hall) Sweep(socks []*media.Socket, each func(int, []byte, netip.AddrPort, time.Duration)) {
	for i, s := range socks {
		for _, p := range h.phones {
			if p.leg.pair.RTP != s {
				continue
			}
			for _, d := range p.arrived(h.now) {
				each(i, d.b, p.addr, d.at)
			}
		}
	}
}

// Send is media.IO's: to the phone of that address.
func (h *hall) Send(_ *media.Socket, b []byte, to netip.AddrPort) error {
	for _, p := range h.phones {
		if p.addr == to {
			p.hear(b)
		}
	}
	return nil
}

// Flush is media.IO's.
func (h *hall) Flush() {}

// phone is a caller: it sends source, and keeps what it hears.
type phone struct {
	t       testing.TB
	leg     *Leg
	addr    netip.AddrPort
	codec   codec.Codec // what it hears
	speaks  codec.Codec
	pt      uint8
	ptime   time.Duration
	encoder codec.Encoder
	decoder codec.Decoder
	source  func(sample int) float64 // -1 to 1, at the codec's rate; nil sends nothing
	at      int                      // samples sent
	seq     uint16
	stamp   uint32
	next    time.Duration
	delay   func() time.Duration // from sending to arriving; below 0: never
	outbox  []datagram

	heard   []int16
	packets int
	lastSeq uint16
	lastTS  uint32
	ssrc    uint32
	hungUp  []Cause
	keys    []datagram // telephone-events that it was sent, with the time of each
	wall    func() time.Duration
	stalls  bool   // the worker is held up: timestamps jump
	cloak   *cloak // nil: it sends in clear
}

type datagram struct {
	b  []byte
	at time.Duration
}

// dial puts a phone into a room.
func (h *hall) dial(room string, c codec.Codec, ptime time.Duration, source func(int) float64) *phone {
	h.t.Helper()
	return h.dialAs(room, c, ptime, source, Request{})
}

// dialAs is dial with more in the request.
func (h *hall) dialAs(room string, c codec.Codec, ptime time.Duration, source func(int) float64, q Request) *phone {
	h.t.Helper()
	p := &phone{
		t: h.t, wall: func() time.Duration { return h.now }, codec: c, speaks: c, pt: uint8(c.PayloadType), ptime: ptime, source: source, next: h.now + Slot,
		addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 1, byte(len(h.phones) % 250)}), 4000+uint16(len(h.phones)/250)),
	}
	var err error
	if p.encoder, err = c.NewEncoder(codec.Settings{PTime: ptime, Bitrate: 32000}); err != nil {
		h.t.Fatal(err)
	}
	if p.decoder, err = c.NewDecoder(); err != nil {
		h.t.Fatal(err)
	}
	q.Conference, q.URI, q.Local = room, fmt.Sprintf("sip:phone%d@test", len(h.phones)), netip.MustParseAddr("127.0.0.1")
	q.SRTP, q.Source, q.HangUp = h.srtp, p.addr.Addr(), func(c Cause) { p.hungUp = append(p.hungUp, c) }
	if p.leg, err = h.server.Enter(context.Background(), q); err != nil {
		h.t.Fatal(err)
	}
	if _, err := p.leg.Answer(p.offer("sendrecv")); err != nil {
		h.t.Fatal(err)
	}
	h.phones = append(h.phones, p)
	return p
}

func (p *phone) offer(direction string) []byte {
	profile, crypto := p.cloak.lines()
	return fmt.Appendf(nil, "v=0\r\no=- 1 %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d %s %d 101\r\n"+
		"a=rtpmap:%d %s/%d/%d\r\na=rtpmap:101 telephone-event/%d\r\na=ptime:%d\r\na=%s\r\n%s",
		p.packets+1, p.addr.Addr(), p.addr.Addr(), p.addr.Port(), profile, p.pt, p.pt, p.codec.Name, p.codec.ClockRate, p.codec.Channels,
		p.codec.ClockRate, p.ptime.Milliseconds(), direction, crypto)
}

// speak sends what is due.
func (p *phone) speak(now time.Duration) {
	n := p.speaks.SampleRate * int(p.ptime) / int(time.Second)
	for ; p.next <= now; p.next += p.ptime {
		pcm := make([]int16, n)
		if p.source == nil {
			p.stamp += uint32(p.speaks.ClockRate * int(p.ptime) / int(time.Second))
			p.at += n
			continue
		}
		for i := range pcm {
			pcm[i] = int16(math.Round(32767 * p.source(p.at)))
			p.at++
		}
		payload := make([]byte, codec.MaxPayload)
		size, err := p.encoder.Encode(payload, pcm)
		if err != nil {
			p.t.Fatal(err)
		}
		p.send(p.pt, payload[:size])
		p.stamp += uint32(p.speaks.ClockRate * int(p.ptime) / int(time.Second))
	}
}

// send puts one RTP packet on the way; it arrives 3 ms before the slot ends, or after delay.
func (p *phone) send(pt uint8, payload []byte) {
	b := make([]byte, 12, 12+len(payload))
	b[0], b[1] = 0x80, pt
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], p.stamp)
	binary.BigEndian.PutUint32(b[8:], 0x1000+uint32(p.addr.Addr().As4()[3]))
	p.seq++
	b = p.cloak.seal(p.t, append(b, payload...))
	at := p.next - 3*time.Millisecond
	if p.delay != nil {
		d := p.delay()
		if d < 0 {
			return
		}
		at += d
	}
	p.outbox = append(p.outbox, datagram{b, at})
}

// arrived takes what has arrived by now from the outbox, in the order of arrival, as many as a sweep takes.
func (p *phone) arrived(now time.Duration) []datagram {
	slices.SortStableFunc(p.outbox, func(a, b datagram) int { return cmp.Compare(a.at, b.at) })
	n := 0
	for n < min(len(p.outbox), media.SweepLimit) && p.outbox[n].at <= now {
		n++
	}
	due := slices.Clone(p.outbox[:n])
	p.outbox = append(p.outbox[:0], p.outbox[n:]...)
	return due
}

// hear takes one packet from the server: the stream has no break whatever happens behind it (SIP.md RT-1).
func (p *phone) hear(b []byte) {
	if media.IsRTCP(b) {
		return
	}
	b = p.cloak.open(p.t, b)
	seq, ts, ssrc := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	if p.packets > 0 {
		if seq != p.lastSeq+1 || ssrc != p.ssrc {
			p.t.Errorf("packet %d has seq %d after %d, ssrc %x after %x", p.packets, seq, p.lastSeq, ssrc, p.ssrc)
		}
		if want := p.lastTS + uint32(p.codec.ClockRate*int(p.ptime)/int(time.Second)); ts != want && !p.stalls && b[1]&0x7f != 101 {
			p.t.Errorf("packet %d has timestamp %d, want %d", p.packets, ts, want)
		}
	}
	if b[1]&0x7f == 101 {
		p.keys = append(p.keys, datagram{slices.Clone(b), p.wall()})
		p.lastSeq = seq
		return
	}
	p.packets++
	p.lastSeq, p.lastTS, p.ssrc = seq, ts, ssrc
	pcm := make([]int16, 48000/1000*120)
	n, err := p.decoder.Decode(pcm, b[12:])
	if err != nil {
		p.t.Errorf("packet %d: %v", p.packets, err)
	}
	p.heard = append(p.heard, pcm[:n]...)
}

// level of a frequency in the last d of what was heard, as the amplitude of a sine of full scale 1.
func (p *phone) level(hertz float64, d time.Duration) float64 {
	n := min(len(p.heard), int(d)*p.codec.SampleRate/int(time.Second))
	return goertzel(p.heard[len(p.heard)-n:], hertz, p.codec.SampleRate)
}

func goertzel(pcm []int16, hertz float64, rate int) float64 {
	var re, im float64
	for i, s := range pcm {
		w := 2 * math.Pi * hertz * float64(i) / float64(rate)
		re += float64(s) * math.Cos(w)
		im += float64(s) * math.Sin(w)
	}
	return 2 * math.Hypot(re, im) / float64(max(len(pcm), 1)) / 32767
}

// sine is a steady tone.
func sine(hertz, amplitude float64, rate int) func(int) float64 {
	return func(i int) float64 { return amplitude * math.Sin(2*math.Pi*hertz*float64(i)/float64(rate)) }
}
