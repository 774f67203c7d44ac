package load

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"time"

	"trivox/media"
	"trivox/sip/sdp"
)

const (
	slots           = 20  // times within a slot at which callers send, 1 ms apart
	capturedPayload = 160 // bytes reserved for each packet kept
)

// leg is one caller. Between its start and the engine's end, only the engine
// touches it, ended excepted.
type leg struct {
	number     int // from 0
	conference int // from 0
	talks      bool
	sound      *loop
	at         int // next packet of the loop
	socket     *media.Socket

	remote    netip.AddrPort
	sendPT    uint8
	recvPT    uint8
	alsoPT    []uint8
	levelExt  uint8
	clockRate int
	ssrc      uint32
	seq       uint16
	ts        uint32
	started   bool
	sent      uint64                    // within the window
	unsent    uint64                    // within the window
	begun     time.Duration             // when packet 0 of the loop would have been sent; see delay
	ended     atomic.Bool               // by the server: stop sending
	changed   atomic.Pointer[sdp.Media] // by a re-INVITE: to be taken over

	in reception
}

// reception is what a leg has received within the window.
type reception struct {
	sequence sequence
	schedule schedule
	jitter   jitter
	spread   *spread // of the engine
	other    int     // packets that are not of the codec agreed on
	before   int     // packets before the window
	capture  []captured
	slab     []byte
}

// agree sets what the answer says.
func (l *leg) agree(m sdp.Media) {
	l.remote = m.Remote
	l.sendPT, l.recvPT, l.alsoPT = m.SendPT, m.RecvPT, m.AlsoRecvPT
	l.levelExt = m.LevelExt
	l.clockRate = m.Codec.ClockRate
}

// reserve takes the memory that the measurement needs, before it begins.
func (l *leg) reserve(p plan) {
	n := int(p.keep()/slot) * 5 / 4
	l.in.capture = make([]captured, 0, n)
	l.in.slab = make([]byte, 0, n*capturedPayload)
	l.in.schedule.points = make([]point, 0, min(blockSize, p.Seconds*50*5/4))
}

// send sends the next packet, due at the time given.
func (l *leg) send(io media.IO, buf []byte, due time.Duration, w window) {
	if l.ended.Load() {
		return
	}
	if l.changed.Load() != nil {
		l.agree(*l.changed.Swap(nil))
	}
	p := l.sound.payloads[l.at]
	n := 12
	buf[0] = 0x80
	buf[1] = l.sendPT
	if !l.started {
		l.started = true
		buf[1] |= 0x80 // RFC 3551, 4.1: the first packet of a talkspurt
		l.begun = due - time.Duration(l.at)*slot
	}
	binary.BigEndian.PutUint16(buf[2:], l.seq)
	binary.BigEndian.PutUint32(buf[4:], l.ts)
	binary.BigEndian.PutUint32(buf[8:], l.ssrc)
	if l.levelExt != 0 { // RFC 8285, 4.2: one-byte header
		buf[0] |= 0x10
		copy(buf[12:], []byte{0xbe, 0xde, 0, 1, l.levelExt << 4, l.sound.levels[l.at], 0, 0})
		n = 20
	}
	n += copy(buf[n:], p)
	switch err := io.Send(l.socket, buf[:n], l.remote); {
	case !w.holds(due):
	case err != nil:
		l.unsent++
	default:
		l.sent++
	}
	l.seq++
	l.ts += uint32(l.clockRate / 50)
	if l.at++; l.at == len(l.sound.payloads) {
		l.at = 0
	}
}

// receive takes one packet. It reports whether it counts as received.
func (l *leg) receive(b []byte, arrival time.Duration, w window) bool {
	if len(b) < 12 || b[0]>>6 != 2 || b[1] >= 192 && b[1] <= 223 { // RTCP: RFC 5761, 4
		return false
	}
	if pt := b[1] & 0x7f; pt != l.recvPT && !has(l.alsoPT, pt) {
		l.in.other++
		return false
	}
	if !w.holds(arrival) {
		l.in.before++
		return true
	}
	if !l.in.sequence.add(binary.BigEndian.Uint16(b[2:])) {
		return false
	}
	ts := binary.BigEndian.Uint32(b[4:])
	l.in.schedule.add(ts, l.clockRate, arrival, l.in.spread)
	l.in.jitter.add(ts, l.clockRate, arrival)
	if arrival >= w.to-w.keep {
		l.in.keep(b, ts, arrival)
	}
	return true
}

func has(list []uint8, pt uint8) bool {
	for _, x := range list {
		if x == pt {
			return true
		}
	}
	return false
}

// keep copies the payload, as long as there is room.
func (r *reception) keep(b []byte, ts uint32, arrival time.Duration) {
	p := payload(b)
	if len(r.capture) == cap(r.capture) || len(r.slab)+len(p) > cap(r.slab) {
		return
	}
	from := len(r.slab)
	r.slab = append(r.slab, p...)
	r.capture = append(r.capture, captured{arrival: arrival, ts: ts, payload: r.slab[from:len(r.slab):len(r.slab)]})
}

// payload cuts off header, CSRCs, extension and padding (RFC 3550, 5.1); nil
// when they do not fit.
func payload(b []byte) []byte {
	n := 12 + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 {
		if len(b) < n+4 {
			return nil
		}
		n += 4 + 4*int(binary.BigEndian.Uint16(b[n+2:]))
	}
	end := len(b)
	if b[0]&0x20 != 0 {
		end -= int(b[end-1])
	}
	if n > end {
		return nil
	}
	return b[n:end]
}

// window is when to measure; the zero value is never.
type window struct {
	from, to time.Duration
	keep     time.Duration // how much sound before its end to keep
}

func (w window) holds(t time.Duration) bool { return t >= w.from && t < w.to }
