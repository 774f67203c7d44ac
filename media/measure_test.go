package media

import (
	"math"
	"strconv"
	"testing"
	"time"

	"trivox/media/codec"
)

// An amplitude of 65535 is an RMS of full scale; a sine of peak A has A/sqrt 2.
func TestMeasureSine(t *testing.T) {
	for _, c := range codec.All() {
		for _, peak := range []float64{100, 1000, 10000, 30000} {
			l := newLeg(t, c, codec.Settings{}, sine(440, c.SampleRate, peak))
			var got uint16
			var samples int
			for range 20 {
				n, err := l.e.Encode(l.payload, tone(l.sound, l.n*l.p.slot, l.p.slot))
				if err != nil {
					t.Fatal(err)
				}
				pkt := Packet{Payload: l.payload[:n], Level: -1}
				l.p.Measure(&pkt)
				l.n++
				got, samples = pkt.Amplitude, pkt.Samples
			}
			want := peak / math.Sqrt2 * 2
			if math.Abs(20*math.Log10(float64(got)/want)) > 1 {
				t.Errorf("%s: sine of peak %.0f measured as %d, want %.0f", c.Name, peak, got, want)
			}
			if samples != c.ClockRate/50 {
				t.Errorf("%s: %d RTP clock units in 20 ms, want %d", c.Name, samples, c.ClockRate/50)
			}
		}
	}
}

func TestMeasureRefusesGarbage(t *testing.T) {
	l := newLeg(t, codec.Opus, codec.Settings{}, sine(440, 48000, 1000))
	for _, payload := range [][]byte{nil, {0xff}, {0x03, 0xff, 0xff}} {
		pkt := Packet{Payload: payload, Level: 0}
		if l.p.Measure(&pkt); pkt.Amplitude != 0 || pkt.Samples != 0 {
			t.Errorf("payload %x: amplitude %d, %d samples", payload, pkt.Amplitude, pkt.Samples)
		}
	}
	pkt := Packet{PT: staticNoise, Payload: []byte{10}, Level: -1}
	if l.p.Measure(&pkt); pkt.Amplitude != 0 || pkt.Samples != 960 {
		t.Errorf("comfort noise: amplitude %d, %d samples", pkt.Amplitude, pkt.Samples)
	}
}

// RFC 6464: 0 is full scale, 127 is silence; in between 6 dB halve.
func TestLevelsAreAmplitudes(t *testing.T) {
	for level, want := range map[int]uint16{0: 65535, 6: 32845, 20: 6554, 60: 66, 127: 0} {
		if got := amplitudes[level]; got != want {
			t.Errorf("-%d dBov is amplitude %d, want %d", level, got, want)
		}
	}
}

// A stated level is believed until what is heard of the sender says otherwise
// (DESIGN 3, RT-9).
func TestClaimedLevelIsChecked(t *testing.T) {
	tests := []struct {
		name  string
		peak  float64
		level int8
		liar  bool
	}{
		{"true", 10000, 13, false},
		{"5 dB too loud", 10000, 8, false},
		{"10 dB too loud", 10000, 3, true},
		{"too soft", 10000, 40, false},
		{"silence stated as full scale", 0, 0, true},
		{"silence stated as silence", 0, 127, false},
	}
	for _, test := range tests {
		l := newLeg(t, codec.Opus, codec.Settings{}, sine(440, 48000, test.peak))
		for i := range 40 {
			if i == 30 && l.p.meter.liar != test.liar {
				t.Errorf("%s: believed %v, want %v", test.name, !l.p.meter.liar, !test.liar)
			}
			l.step(true, func(p *Packet) { p.Level = test.level })
		}
		pkt := Packet{Payload: l.payload[:1], Level: test.level}
		if decoded := l.p.meter.decoder != nil; decoded != test.liar {
			t.Errorf("%s: decoded to measure: %v, want %v", test.name, decoded, test.liar)
		}
		l.p.Reset()
		if l.p.Measure(&pkt); l.p.meter.liar {
			t.Errorf("%s: another source is not believed", test.name)
		}
	}
}

func TestPlayoutAllocatesNothing(t *testing.T) {
	for _, c := range codec.All() {
		l := newLeg(t, c, codec.Settings{}, sine(440, c.SampleRate, 10000))
		n, err := l.e.Encode(l.payload, tone(l.sound, 0, l.p.slot))
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		run := func() {
			now := time.Duration(i) * slotTime
			pkt := Packet{Seq: uint16(i), Timestamp: uint32(i * l.p.slot / l.p.ratio), Payload: l.payload[:n], Arrival: now, Level: -1}
			if i%37 != 0 { // with a loss now and then
				l.p.Measure(&pkt)
				l.p.Push(now, pkt)
			}
			l.p.Tick(now + 5*time.Millisecond)
			if i%100 < 60 {
				l.p.Read(l.pcm)
			}
			i++
		}
		for range 250 {
			run()
		}
		if a := testing.AllocsPerRun(1000, run); a != 0 {
			t.Errorf("%s: %v allocations a slot, want 0", c.Name, a)
		}
	}
}

// One slot of a leg: what arrives is measured and kept, and it ticks; heard,
// it is decoded too.
func BenchmarkSlot(b *testing.B) {
	for _, c := range codec.All() {
		for _, mode := range []string{"unheard", "unheard, level stated", "heard", "tick alone"} {
			b.Run(c.Name+"/"+mode, func(b *testing.B) {
				l := newLeg(b, c, codec.Settings{}, sine(440, c.SampleRate, 10000))
				n, err := l.e.Encode(l.payload, tone(l.sound, 0, l.p.slot))
				if err != nil {
					b.Fatal(err)
				}
				level := int8(-1)
				if mode == "unheard, level stated" {
					level = 13
				}
				for i := 0; b.Loop(); i++ {
					now := time.Duration(i) * slotTime
					if mode != "tick alone" {
						pkt := Packet{Seq: uint16(i), Timestamp: uint32(i * l.p.slot / l.p.ratio), Payload: l.payload[:n], Arrival: now, Level: level}
						l.p.Measure(&pkt)
						l.p.Push(now, pkt)
					}
					l.p.Tick(now + 5*time.Millisecond)
					if mode == "heard" {
						l.p.Read(l.pcm)
					}
				}
			})
		}
	}
}

// A leg that becomes heard: its decoder is led through twelve packets.
func BenchmarkFirstSlotHeard(b *testing.B) {
	for _, c := range codec.All() {
		b.Run(c.Name, func(b *testing.B) {
			l := newLeg(b, c, codec.Settings{}, sine(440, c.SampleRate, 10000))
			for range 20 {
				l.step(true, nil)
			}
			for b.Loop() {
				l.p.warm, l.p.ticked = false, true
				l.p.Read(l.pcm)
			}
		})
	}
}

// A join in sound that has to be searched.
func BenchmarkStretch(b *testing.B) {
	for _, rate := range []int{8000, 16000, 48000} {
		line := tone(sine(440, rate, 10000), 0, rate/10)
		s := newStretch(rate, 1)
		b.Run(strconv.Itoa(rate), func(b *testing.B) {
			for b.Loop() {
				s.best(line, rate/50, s.most, 1, s.most)
			}
		})
	}
}
