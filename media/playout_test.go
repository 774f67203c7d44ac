package media

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"trivox/media/codec"
	"trivox/media/jitter"
)

// linear is 16-bit PCM as a codec: what comes out is what went in, so every
// change is playout's. Lost sound becomes zeros.
type linear struct{}

func (linear) Decode(pcm []int16, payload []byte) (int, error) {
	for i := range len(payload) / 2 {
		pcm[i] = int16(binary.BigEndian.Uint16(payload[2*i:]))
	}
	return len(payload) / 2, nil
}
func (linear) Recover([]int16, []byte) int { return 0 }
func (linear) Conceal(pcm []int16) int     { clear(pcm); return len(pcm) }
func (linear) Samples(payload []byte) int  { return len(payload) / 2 }
func (linear) Reset()                      {}

func linearPlayout(t testing.TB, rate int) *Playout {
	t.Helper()
	p, err := newPlayout(codec.Codec{Name: "L16", ClockRate: rate, SampleRate: rate}, linear{}, rate, jitter.Config{PayloadLimit: 1920})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// speaker sends a sound in packets, by a clock that may be wrong.
type speaker struct {
	rate   int
	ptime  time.Duration
	drift  float64 // parts per million fast
	phase  time.Duration
	jitter time.Duration // standard deviation
	sound  func(sample int) int16
	encode codec.Encoder // nil is linear
	seed   uint64
	slot   time.Duration // 0 is 20 ms
}

// talk plays slots of the speaker's sound and returns what was heard, slot
// after slot; heard says in which slots it is listened to.
func (s speaker) talk(t testing.TB, p *Playout, slots int, heard func(slot int) bool) []int16 {
	t.Helper()
	r := rand.New(rand.NewPCG(s.seed, 7))
	n := samplesIn(s.ptime, s.rate)
	pcm, payload := make([]int16, n), make([]byte, 2*n)
	units := n / p.ratio
	out := make([]int16, 0, slots*p.slot)
	hold := make([]int16, p.slot)
	sent := 0
	var next Packet
	slotTime := slotTime
	if s.slot > 0 {
		slotTime = s.slot
	}
	encode := func() {
		for i := range pcm {
			pcm[i] = s.sound(sent*n + i)
		}
		size := 2 * n
		if s.encode == nil {
			for i, v := range pcm {
				binary.BigEndian.PutUint16(payload[2*i:], uint16(v))
			}
		} else {
			var err error
			if size, err = s.encode.Encode(payload, pcm); err != nil {
				t.Fatal(err)
			}
		}
		at := time.Duration(float64(sent+1) * float64(s.ptime) / (1 + s.drift/1e6))
		late := max(0, 4*s.jitter+time.Duration(r.NormFloat64()*float64(s.jitter)))
		next = Packet{Seq: uint16(sent), Timestamp: uint32(sent * units), Payload: payload[:size],
			Arrival: s.phase + at + late, Level: -1}
		sent++
	}
	encode()
	for slot := range slots {
		now := time.Duration(slot) * slotTime
		for next.Arrival <= now {
			p.Measure(&next)
			p.Push(now, next)
			encode()
		}
		p.Tick(now)
		clear(hold)
		if heard == nil || heard(slot) {
			if got := p.Read(hold); got != p.slot {
				t.Fatalf("slot %d: Read gave %d samples, want %d", slot, got, p.slot)
			}
		}
		out = append(out, hold...)
	}
	return out
}

func sine(hertz float64, rate int, peak float64) func(int) int16 {
	return func(i int) int16 {
		return int16(math.Round(peak * math.Sin(2*math.Pi*hertz*float64(i)/float64(rate))))
	}
}

// residue is what is left of pcm after the best sine of that frequency is
// taken away, as a level below that sine in dB; the sine's amplitude too.
func residue(pcm []int16, hertz float64, rate int) (db, amplitude float64) {
	var ss, cc, sc, xs, xc, xx float64
	turnS, turnC := math.Sincos(2 * math.Pi * hertz / float64(rate))
	s, c := 0.0, 1.0
	for _, v := range pcm {
		s, c = s*turnC+c*turnS, c*turnC-s*turnS
		x := float64(v)
		ss, cc, sc = ss+s*s, cc+c*c, sc+s*c
		xs, xc, xx = xs+x*s, xc+x*c, xx+x*x
	}
	det := ss*cc - sc*sc
	a, b := (xs*cc-xc*sc)/det, (xc*ss-xs*sc)/det
	fitted := a*xs + b*xc
	return 10 * math.Log10(max(xx-fitted, 1e-9)/max(fitted, 1e-9)), math.Hypot(a, b)
}

// worst is the worst residue of all windows of 20 ms, each half over the next.
func worst(pcm []int16, hertz float64, rate int) (db float64, at int) {
	db = -200
	w := rate / 50
	for i := 0; i+w <= len(pcm); i += w / 2 {
		if d, _ := residue(pcm[i:i+w], hertz, rate); d > db {
			db, at = d, i
		}
	}
	return db, at
}
