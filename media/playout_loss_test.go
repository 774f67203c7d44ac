package media

import (
	"math"
	"testing"
	"time"

	"trivox/media/codec"
	"trivox/media/jitter"
)

const slotTime = 20 * time.Millisecond

// leg is a speaker whose packets a test sends one by one, one slot apart.
type leg struct {
	t       testing.TB
	p       *Playout
	e       codec.Encoder
	sound   func(int) int16
	n       int // packets encoded
	now     time.Duration
	payload []byte
	pcm     []int16
}

func newLeg(t testing.TB, c codec.Codec, s codec.Settings, sound func(int) int16) *leg {
	t.Helper()
	p, err := NewPlayout(c, c.ClockRate, jitter.Config{FirstMargin: 2 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.NewEncoder(s)
	if err != nil {
		t.Fatal(err)
	}
	return &leg{t: t, p: p, e: e, sound: sound, payload: make([]byte, codec.MaxPayload), pcm: make([]int16, p.slot)}
}

// step advances a slot; send says whether the packet arrives. It returns what
// is heard.
func (l *leg) step(send bool, change func(*Packet)) []int16 {
	l.t.Helper()
	n, err := l.e.Encode(l.payload, tone(l.sound, l.n*l.p.slot, l.p.slot))
	if err != nil {
		l.t.Fatal(err)
	}
	pkt := Packet{Seq: uint16(l.n), Timestamp: uint32(l.n * l.p.slot / l.p.ratio), Payload: l.payload[:n], Arrival: l.now, Level: -1}
	if change != nil {
		change(&pkt)
	}
	l.n++
	if send {
		l.p.Measure(&pkt)
		l.p.Push(l.now, pkt)
	}
	l.now += slotTime
	l.p.Tick(l.now)
	if got := l.p.Read(l.pcm); got != len(l.pcm) {
		l.t.Fatalf("Read gave %d samples, want %d", got, len(l.pcm))
	}
	return l.pcm
}

func level(pcm []int16) float64 {
	return 10 * math.Log10(max(float64(sumSquares(pcm))/float64(len(pcm)), 1e-3)/(32768*32768))
}

// One packet lost: something like it is heard. Many lost: it fades and then is
// silent, without a buzz; and is back at once.
func TestLossFadesAndComesBack(t *testing.T) {
	for _, c := range codec.All() {
		l := newLeg(t, c, codec.Settings{}, sine(300, c.SampleRate, 8000))
		for range 50 {
			l.step(true, nil)
		}
		loud := level(l.step(true, nil))
		if got := level(l.step(false, nil)); got < loud-12 {
			t.Errorf("%s: the first lost packet is heard at %.1f dB, the sound was %.1f", c.Name, got, loud)
		}
		var last float64
		for range 14 {
			last = level(l.step(false, nil))
		}
		if last > -70 {
			t.Errorf("%s: after 300 ms of loss there is still %.1f dB", c.Name, last)
		}
		for range 3 {
			last = level(l.step(true, nil))
		}
		if last < loud-3 {
			t.Errorf("%s: after the loss it is heard at %.1f dB, before at %.1f", c.Name, last, loud)
		}
		if s := l.p.Stats(); s.Concealed < 100*time.Millisecond || s.Concealed > 400*time.Millisecond {
			t.Errorf("%s: %v concealed", c.Name, s.Concealed)
		}
	}
}

// SIP RT-6: numbers that go on over a gap in time are silence, and no loss.
func TestSilenceIsNoLoss(t *testing.T) {
	for _, c := range codec.All() {
		l := newLeg(t, c, codec.Settings{}, sine(300, c.SampleRate, 8000))
		for range 50 {
			l.step(true, nil)
		}
		gap := 25
		for range gap {
			l.step(false, nil)
		}
		for range 10 {
			l.step(true, func(p *Packet) { p.Seq -= uint16(gap) })
		}
		if s := l.p.Stats(); s.Lost != 0 || s.Late != 0 {
			t.Errorf("%s: %d lost, %d late", c.Name, s.Lost, s.Late)
		}
		if got := level(l.pcm); got < -18 {
			t.Errorf("%s: after the silence it is heard at %.1f dB", c.Name, got)
		}
	}
}

// SIP RT-7: a comfort-noise packet is noise at the level it names, until sound
// comes again.
func TestComfortNoise(t *testing.T) {
	l := newLeg(t, codec.PCMU, codec.Settings{}, sine(300, 8000, 8000))
	for range 50 {
		l.step(true, nil)
	}
	l.step(true, func(p *Packet) { p.PT, p.Payload = staticNoise, []byte{50} })
	for range 20 {
		l.step(false, nil)
	}
	if got := level(l.pcm); got < -54 || got > -46 {
		t.Errorf("noise of -50 dBov is heard at %.1f dB", got)
	}
	for range 5 {
		l.step(true, func(p *Packet) { p.Seq -= 20 })
	}
	if got := level(l.pcm); got < -18 {
		t.Errorf("after the noise the sound is heard at %.1f dB", got)
	}
	if s := l.p.Stats(); s.Lost != 0 {
		t.Errorf("%d packets called lost", s.Lost)
	}
}

// A packet that comes in time but after the next one, and one that comes twice.
func TestReorderedIsHeardInOrder(t *testing.T) {
	p := linearPlayout(t, 8000)
	sound := sine(440, 8000, 10000)
	var heard []int16
	pcm := make([]int16, 160)
	for i := range 200 {
		now := time.Duration(i) * slotTime
		for _, k := range []int{2*i + 1, 2 * i, 2 * i} { // 10 ms packets, in pairs
			payload := make([]byte, 160)
			for j, v := range tone(sound, k*80, 80) {
				payload[2*j], payload[2*j+1] = byte(uint16(v)>>8), byte(v)
			}
			p.Push(now, Packet{Seq: uint16(k), Timestamp: uint32(k * 80), Payload: payload, Arrival: now})
		}
		p.Tick(now + 15*time.Millisecond)
		p.Read(pcm)
		heard = append(heard, pcm...)
	}
	if db, at := worst(heard[1600:], 440, 8000); db > -80 {
		t.Errorf("%.1f dB at sample %d", db, at)
	}
	if s := p.Stats(); s.Duplicates != 200 || s.Lost != 0 {
		t.Errorf("%+v", s)
	}
}

// recovering is a codec whose packets carry the one before.
type recovering struct{ linear }

func (d recovering) Recover(pcm []int16, next []byte) int {
	n, _ := d.Decode(pcm, next)
	for i := range n {
		pcm[i] -= 100
	}
	return n
}

// The copy of a lost frame in the next packet is used when that one is there.
func TestRecoversFromNextPacket(t *testing.T) {
	c := codec.Codec{Name: "test", ClockRate: 8000, SampleRate: 8000}
	p, err := newPlayout(c, recovering{}, 8000, jitter.Config{FirstMargin: 2 * slotTime})
	if err != nil {
		t.Fatal(err)
	}
	pcm, payload := make([]int16, 160), make([]byte, 320)
	for i := range 60 { // as long as the first margin holds, the next packet is there
		now := time.Duration(i) * slotTime
		for j := range 160 {
			payload[2*j], payload[2*j+1] = byte(i*100>>8), byte(i*100)
		}
		if i%10 != 5 {
			p.Push(now, Packet{Seq: uint16(i), Timestamp: uint32(i * 160), Payload: payload, Arrival: now})
		}
		p.Tick(now)
		p.Read(pcm)
		if i < 5 {
			continue
		}
		for j, v := range pcm {
			if v != pcm[0] || int(v)%100 != 0 || v == 0 {
				t.Fatalf("slot %d, sample %d: %d", i, j, v)
			}
		}
	}
}
