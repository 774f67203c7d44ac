package codec

import (
	"testing"
	"time"
)

func TestByName(t *testing.T) {
	for _, c := range All() {
		if got, ok := ByName(c.Name); !ok || got != c {
			t.Errorf("ByName(%q) = %+v, %v", c.Name, got, ok)
		}
	}
	if c, ok := ByName("pcmu"); !ok || c != PCMU {
		t.Errorf("names are compared with case: %+v, %v", c, ok)
	}
	if _, ok := ByName("G729"); ok {
		t.Error("found G729")
	}
	if _, err := (Codec{Name: "G729"}).NewEncoder(Settings{}); err == nil {
		t.Error("made a G729 encoder")
	}
	if _, err := (Codec{Name: "G729"}).NewDecoder(); err == nil {
		t.Error("made a G729 decoder")
	}
}

func TestPacketTime(t *testing.T) {
	ms := time.Millisecond
	for _, tt := range []struct {
		c          Codec
		want, have time.Duration
	}{
		{Opus, 20 * ms, 20 * ms}, {Opus, 30 * ms, 20 * ms}, {Opus, 60 * ms, 60 * ms}, {Opus, time.Second, 120 * ms}, {Opus, 0, 2500 * time.Microsecond},
		{PCMU, 30 * ms, 30 * ms}, {PCMU, time.Second, 120 * ms}, {G722, 10 * ms, 10 * ms}, {PCMA, 0, ms},
	} {
		got := tt.c.PacketTime(tt.want)
		if got != tt.have {
			t.Errorf("%s, %v: %v, want %v", tt.c.Name, tt.want, got, tt.have)
		}
		e, err := tt.c.NewEncoder(Settings{PTime: got})
		if err != nil {
			t.Fatal(err)
		}
		pcm := make([]int16, tt.c.SampleRate*int(got/time.Microsecond)/1e6)
		if _, err := e.Encode(make([]byte, MaxPayload), pcm); err != nil {
			t.Errorf("%s, %v: %v", tt.c.Name, got, err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, c := range All() {
		b.Run(c.Name, func(b *testing.B) {
			e, err := c.NewEncoder(Settings{Bitrate: 32000})
			if err != nil {
				b.Fatal(err)
			}
			pcm, n := speech(c.SampleRate, 4, 1), c.SampleRate/50
			dst := make([]byte, MaxPayload)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := e.Encode(dst, pcm[i%190*n:][:n]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range All() {
		b.Run(c.Name, func(b *testing.B) {
			e, err := c.NewEncoder(Settings{Bitrate: 32000})
			if err != nil {
				b.Fatal(err)
			}
			d, err := c.NewDecoder()
			if err != nil {
				b.Fatal(err)
			}
			n := c.SampleRate / 50
			var packets [][]byte
			for pcm := speech(c.SampleRate, 4, 1); len(pcm) >= n; pcm = pcm[n:] {
				dst := make([]byte, MaxPayload)
				k, err := e.Encode(dst, pcm[:n])
				if err != nil {
					b.Fatal(err)
				}
				packets = append(packets, dst[:k])
			}
			out := make([]int16, n)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := d.Decode(out, packets[i%len(packets)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEnergy(b *testing.B) {
	d, err := PCMU.NewDecoder()
	if err != nil {
		b.Fatal(err)
	}
	payload := make([]byte, 160)
	for b.Loop() {
		d.(Energizer).Energy(payload)
	}
}

func BenchmarkConcealOneFrame(b *testing.B) {
	for _, c := range All() {
		b.Run(c.Name, func(b *testing.B) {
			d, err := c.NewDecoder()
			if err != nil {
				b.Fatal(err)
			}
			e, err := c.NewEncoder(Settings{})
			if err != nil {
				b.Fatal(err)
			}
			n := c.SampleRate / 50
			dst, pcm := make([]byte, MaxPayload), speech(c.SampleRate, 1, 1)[c.SampleRate/2:][:n]
			k, err := e.Encode(dst, pcm)
			if err != nil {
				b.Fatal(err)
			}
			out := make([]int16, n)
			for b.Loop() { // a loss and the packet after it
				d.Conceal(out)
				if _, err := d.Decode(out, dst[:k]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
