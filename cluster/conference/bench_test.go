package conference

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"trivox/media"
	"trivox/media/codec"
)

// BenchmarkTick is one slot of a conference in which everybody sends and three talk, sockets apart.
func BenchmarkTick(b *testing.B) {
	for _, c := range []codec.Codec{codec.PCMU, codec.Opus} {
		for _, legs := range []int{4, 10, 100, 1000} {
			b.Run(fmt.Sprintf("%s/%d", c.Name, legs), func(b *testing.B) {
				h := newHall(b, nil)
				for i := range legs {
					a := 0.001
					if i < 3 {
						a = 0.1
					}
					h.dial("tea", c, 20*time.Millisecond, sine(tones[i%len(tones)], a, c.SampleRate))
				}
				io := newLoop(h)
				h.worker.io = io
				h.drain()
				for b.Loop() {
					h.now += Slot
					h.worker.tick(h.now, 0)
					io.slot++
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(legs), "ns/leg")
			})
		}
	}
}

// loop is an IO without a network: the phones' recorded payloads come round and round.
type loop struct {
	payloads [][][]byte // of each socket in the order of the conference's lines
	addrs    []netip.AddrPort
	pts      []uint8
	units    []uint32
	slot     uint32
	now      func() time.Duration
	b        [1500]byte
}

func newLoop(h *hall) *loop {
	l := &loop{now: func() time.Duration { return h.now }}
	for _, p := range h.phones {
		var recorded [][]byte
		for range 100 {
			p.next = h.now
			p.speak(h.now)
			recorded = append(recorded, p.outbox[0].b[12:])
			p.outbox = p.outbox[:0]
		}
		l.payloads = append(l.payloads, recorded)
		l.addrs = append(l.addrs, p.addr)
		l.pts = append(l.pts, p.pt)
		l.units = append(l.units, uint32(p.codec.ClockRate/50))
	}
	return l
}

func (l *loop) Sweep(socks []*media.Socket, each func(int, []byte, netip.AddrPort, time.Duration)) {
	for i := range socks {
		b := l.b[:12]
		b[0], b[1] = 0x80, l.pts[i]
		binary.BigEndian.PutUint16(b[2:], uint16(l.slot))
		binary.BigEndian.PutUint32(b[4:], l.slot*l.units[i])
		binary.BigEndian.PutUint32(b[8:], uint32(i))
		n := copy(l.b[12:], l.payloads[i][l.slot%100])
		each(i, l.b[:12+n], l.addrs[i], l.now()-3*time.Millisecond)
	}
}

func (l *loop) Send(*media.Socket, []byte, netip.AddrPort) error { return nil }

func (l *loop) Flush() {}
