package media

import (
	"math/rand/v2"
	"testing"
	"time"

	"trivox/media/codec"
	"trivox/media/jitter"
)

// Packets of any length fall into slots of 20 ms without a seam.
func TestToneInAnyPacketTime(t *testing.T) {
	for _, ptime := range []time.Duration{10, 20, 30, 40, 50, 60, 80, 120} {
		for _, phase := range []time.Duration{0, 7, 13} {
			p := linearPlayout(t, 8000)
			s := speaker{rate: 8000, ptime: ptime * time.Millisecond, phase: phase * time.Millisecond, sound: sine(440, 8000, 10000)}
			out := s.talk(t, p, 3000, nil)
			if db, at := worst(out[10*8000:], 440, 8000); db > -80 {
				t.Errorf("packets of %d ms, phase %d ms: %.1f dB at %.2f s", ptime, phase, db, 10+float64(at)/8000)
			}
			if st := p.Stats(); st.Concealed > 0 || st.Late > 0 {
				t.Errorf("packets of %d ms, phase %d ms: %+v", ptime, phase, st)
			}
		}
	}
}

// Jitter is not heard but where a packet came too late: no more windows than
// that are disturbed.
func TestToneThroughJitter(t *testing.T) {
	for _, jitter := range []time.Duration{1, 3, 5, 10} {
		p := linearPlayout(t, 8000)
		s := speaker{rate: 8000, ptime: 20 * time.Millisecond, jitter: jitter * time.Millisecond, sound: sine(440, 8000, 10000), seed: 21, drift: 50}
		out := s.talk(t, p, 15_000, nil)
		disturbed := 0
		for i := 5 * 8000; i+160 <= len(out); i += 160 {
			if db, _ := residue(out[i:i+160], 440, 8000); db > -30 {
				disturbed++
			}
		}
		st := p.Stats()
		t.Logf("jitter %d ms: %d of %d windows disturbed, %d late, %v grown, %v shrunk, delay %v", jitter, disturbed, len(out)/160, st.Late, st.Grown, st.Shrunk, st.Delay)
		if disturbed > 2*int(st.Late)+2 || float64(st.Late) > 0.005*float64(st.Received) {
			t.Errorf("jitter %d ms: %d windows disturbed, %+v", jitter, disturbed, st)
		}
	}
}

// Whatever arrives, whoever listens: every slot is whole and nothing breaks.
func TestPlayoutSurvivesAnything(t *testing.T) {
	for seed := range uint64(24) {
		c := codec.All()[seed%4]
		r := rand.New(rand.NewPCG(seed, 5))
		p, err := NewPlayout(c, c.ClockRate, jitter.Config{})
		if err != nil {
			t.Fatal(err)
		}
		e, err := c.NewEncoder(codec.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		good, pcm := make([]byte, codec.MaxPayload), make([]int16, p.slot)
		n, err := e.Encode(good, tone(sine(440, c.SampleRate, 9000), 0, p.slot))
		if err != nil {
			t.Fatal(err)
		}
		garbage := make([]byte, 300)
		var seq uint16
		var ts uint32
		for slot := range 1500 {
			now := time.Duration(slot) * slotTime
			for range r.IntN(3) {
				pkt := Packet{Payload: good[:n], Level: int8(r.IntN(128))}
				switch r.IntN(20) {
				case 0:
					seq += uint16(r.IntN(1 << 16))
				case 1:
					ts += r.Uint32()
				case 2:
					for i := range garbage {
						garbage[i] = byte(r.Uint32())
					}
					pkt.Payload = garbage[:r.IntN(len(garbage))]
				case 3:
					pkt.PT = staticNoise
				case 4:
					p.Reset()
				case 5:
					pkt.Level = -1
				}
				seq += uint16(r.IntN(3))
				ts += uint32(r.IntN(2) * p.slot / p.ratio)
				pkt.Seq, pkt.Timestamp = seq, ts
				pkt.Arrival = now - time.Duration(r.IntN(30))*time.Millisecond
				p.Measure(&pkt)
				p.Push(now, pkt)
			}
			if r.IntN(50) != 0 { // an overrun skips a slot
				p.Tick(now)
			}
			if slot/50%3 != 0 {
				if got := p.Read(pcm); got != 0 && got != len(pcm) {
					t.Fatalf("seed %d, slot %d: %d samples", seed, slot, got)
				}
			}
			if p.from < 0 || p.end < p.from || p.end > len(p.line) {
				t.Fatalf("seed %d, slot %d: line of %d from %d to %d", seed, slot, len(p.line), p.from, p.end)
			}
		}
	}
}

func TestReadNeedsATickAndRoom(t *testing.T) {
	p := linearPlayout(t, 8000)
	pcm := make([]int16, 160)
	if got := p.Read(pcm); got != 0 {
		t.Errorf("Read before the first Tick gave %d samples", got)
	}
	p.Tick(0)
	if got := p.Read(pcm[:159]); got != 0 {
		t.Errorf("Read into 159 samples gave %d", got)
	}
	if got := p.Read(pcm); got != 160 {
		t.Errorf("Read gave %d samples, want 160", got)
	}
	if got := p.Read(pcm); got != 0 {
		t.Errorf("Read for the second time gave %d samples", got)
	}
}

func TestNewPlayoutRefuses(t *testing.T) {
	for _, test := range []struct {
		codec codec.Codec
		clock int
	}{
		{codec.Codec{Name: "none", SampleRate: 8000}, 8000},
		{codec.PCMU, 0},
		{codec.PCMU, 48000},
	} {
		if _, err := NewPlayout(test.codec, test.clock, jitter.Config{}); err == nil {
			t.Errorf("%s with a clock of %d Hz: no error", test.codec.Name, test.clock)
		}
	}
}

// Slots and delays other than the usual.
func TestToneInOtherSlots(t *testing.T) {
	for _, cfg := range []jitter.Config{
		{Slot: 10 * time.Millisecond},
		{Slot: 40 * time.Millisecond},
		{MaxDelay: 2 * time.Second, MaxMargin: time.Second, FirstMargin: 500 * time.Millisecond},
	} {
		cfg.PayloadLimit = 1920
		p, err := newPlayout(codec.Codec{Name: "L16", ClockRate: 8000, SampleRate: 8000}, linear{}, 8000, cfg)
		if err != nil {
			t.Fatal(err)
		}
		s := speaker{rate: 8000, ptime: 20 * time.Millisecond, sound: sine(440, 8000, 10000), slot: cfg.Slot, drift: 300}
		out := s.talk(t, p, 3000, func(slot int) bool { return slot > 800 })
		if db, at := worst(out[1000*p.slot:], 440, 8000); db > -35 {
			t.Errorf("%+v: %.1f dB at sample %d", cfg, db, at)
		}
	}
}
