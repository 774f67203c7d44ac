package load

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"

	"trivox/media"
	"trivox/sip/sdp"
)

// sink keeps what is sent.
type sink struct {
	packets [][]byte
	keep    bool
}

func (*sink) Sweep([]*media.Socket, func(int, []byte, netip.AddrPort, time.Duration)) {}
func (*sink) Flush()                                                                  {}
func (s *sink) Send(_ *media.Socket, b []byte, _ netip.AddrPort) error {
	if s.keep {
		s.packets = append(s.packets, append([]byte(nil), b...))
	}
	return nil
}

func testLeg(p plan, l *loop, ext uint8) *leg {
	g := &leg{sound: l, ssrc: 77, seq: 65530, ts: 0xffffff00, at: len(l.payloads) - 3}
	g.agree(sdp.Media{Codec: sdp.Codec{ClockRate: p.codec.ClockRate}, SendPT: 96, RecvPT: 97, AlsoRecvPT: []uint8{98}, LevelExt: ext})
	g.in.spread = new(spread)
	g.reserve(p)
	return g
}

func TestWhatIsSent(t *testing.T) {
	p := soundPlan(t, "PCMU")
	s, err := makeSounds(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, ext := range []uint8{0, 5} {
		l := testLeg(p, s.talk[0], ext)
		io := &sink{keep: true}
		buf := make([]byte, 1500)
		for i := range 10 {
			l.send(io, buf, time.Duration(i)*slot, window{from: 2 * slot, to: 9 * slot})
		}
		if l.sent != 7 || l.begun != -time.Duration(len(s.talk[0].payloads)-3)*slot {
			t.Errorf("%d in the window, begun %v", l.sent, l.begun)
		}
		for i, b := range io.packets {
			var got rtp.Packet
			if err := got.Unmarshal(b); err != nil {
				t.Fatal(err)
			}
			seq, ts := uint16(65530), uint32(0xffffff00)
			if got.SequenceNumber != seq+uint16(i) || got.Timestamp != ts+uint32(i)*160 || got.SSRC != 77 || got.PayloadType != 96 || got.Marker != (i == 0) || len(got.Payload) != 160 {
				t.Errorf("packet %d: %+v", i, got.Header)
			}
			at := (len(s.talk[0].payloads) - 3 + i) % len(s.talk[0].payloads)
			if e := got.GetExtension(5); ext == 0 && got.Extension || ext != 0 && (len(e) != 1 || e[0] != s.talk[0].levels[at]) {
				t.Errorf("packet %d: extension %v %x", i, got.Extension, e)
			}
		}
	}
}

// What is received is counted within the window and by payload type.
func TestWhatCounts(t *testing.T) {
	p := soundPlan(t, "PCMU")
	s, err := makeSounds(p)
	if err != nil {
		t.Fatal(err)
	}
	l := testLeg(p, s.noise, 0)
	w := window{from: slot * 10, to: slot * 60, keep: time.Second / 2}
	packet := func(i int, pt uint8) []byte {
		b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: pt, SequenceNumber: uint16(i), Timestamp: uint32(i * 160), CSRC: []uint32{1, 2}}, Payload: make([]byte, 160)}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for i := range 70 {
		at := time.Duration(i) * slot
		l.receive(packet(i, 97), at, w)
		if i == 20 {
			l.receive(packet(i, 97), at, w) // twice
			l.receive(packet(i, 13), at, w) // noise
			l.receive([]byte{0x80, 200, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, at, w)
			l.receive([]byte{1, 2, 3}, at, w)
		}
	}
	in := &l.in
	if in.sequence.received != 50 || in.sequence.duplicates != 1 || in.other != 1 || in.before != 20 || in.sequence.lost() != 0 {
		t.Errorf("%+v other %d outside %d", in.sequence, in.other, in.before)
	}
	if len(in.capture) != 25 || len(in.capture[0].payload) != 160 {
		t.Errorf("%d packets kept", len(in.capture))
	}
	if !l.receive(packet(59, 98), 59*slot+1, window{}) {
		t.Error("another number of the same codec is not taken")
	}
}

func TestNothingIsAllocated(t *testing.T) {
	p := soundPlan(t, "PCMU")
	s, err := makeSounds(p)
	if err != nil {
		t.Fatal(err)
	}
	l := testLeg(p, s.noise, 5)
	io, buf := &sink{}, make([]byte, 1500)
	w := window{to: time.Hour, keep: time.Hour}
	b, _ := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 97}, Payload: make([]byte, 160)}).Marshal()
	i := 0
	if n := testing.AllocsPerRun(2000, func() {
		i++
		b[2], b[3] = byte(i>>8), byte(i)
		l.send(io, buf, time.Duration(i)*slot, w)
		l.receive(b, time.Duration(i)*slot, w)
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func FuzzPayload(f *testing.F) {
	f.Add([]byte{0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9})
	f.Add([]byte{0xb1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 9, 9, 2, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 12 {
			return
		}
		got := payload(b)
		var want rtp.Packet
		if want.Unmarshal(b) == nil && b[0]>>6 == 2 && b[0]&0x20 == 0 && string(got) != string(want.Payload) {
			t.Errorf("%x: %x, want %x", b, got, want.Payload)
		}
	})
}
