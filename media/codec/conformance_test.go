package codec

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// What every codec must do. A new codec joins All and passes all of this.

type pair struct {
	Codec
	t     *testing.T
	enc   Encoder
	dec   Decoder
	frame int // samples of 20 ms
}

var voice = Settings{Bitrate: 32000, Complexity: 5, FEC: true, LossPercent: 10}

func forEach(t *testing.T, f func(t *testing.T, p pair)) {
	for _, c := range All() {
		t.Run(c.Name, func(t *testing.T) { f(t, newPair(t, c)) })
	}
}

func newPair(t *testing.T, c Codec) pair {
	t.Helper()
	enc, err := c.NewEncoder(voice)
	if err != nil {
		t.Fatal(err)
	}
	dec, err := c.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	return pair{Codec: c, t: t, enc: enc, dec: dec, frame: c.SampleRate / 50}
}

func (p pair) encode(e Encoder, pcm []int16) []byte {
	p.t.Helper()
	dst := make([]byte, MaxPayload)
	n, err := e.Encode(dst, pcm)
	if err != nil {
		p.t.Fatal(err)
	}
	return dst[:n]
}

func (p pair) packets(pcm []int16) (out [][]byte) {
	for ; len(pcm) >= p.frame; pcm = pcm[p.frame:] {
		out = append(out, p.encode(p.enc, pcm[:p.frame]))
	}
	return out
}

func (p pair) decode(payload []byte) []int16 {
	p.t.Helper()
	pcm := make([]int16, p.frame)
	n, err := p.dec.Decode(pcm, payload)
	if err != nil || n != p.frame {
		p.t.Fatalf("Decode: %d samples, %v; want %d", n, err, p.frame)
	}
	return pcm
}

func TestRoundTrip(t *testing.T) {
	// Waveform fidelity in dB: G.711 and G.722 follow the wave, Opus less so.
	least := map[string]float64{"opus": 8, "G722": 20, "PCMU": 33, "PCMA": 33}
	forEach(t, func(t *testing.T, p pair) {
		want := speech(p.SampleRate, 2, 1)
		var got []int16
		for _, b := range p.packets(want) {
			got = append(got, p.decode(b)...)
		}
		db, lag := snr(want, got, p.SampleRate/100)
		t.Logf("%.1f dB at a delay of %.2f ms", db, float64(lag)/float64(p.SampleRate)*1000)
		if db < least[p.Name] {
			t.Errorf("signal to noise %.1f dB, want %.0f", db, least[p.Name])
		}
		if r := rms(got) / rms(want); r < 0.9 || r > 1.1 {
			t.Errorf("level changed by a factor of %.2f", r)
		}
	})
}

func TestSamples(t *testing.T) {
	forEach(t, func(t *testing.T, p pair) {
		if n := p.dec.Samples(nil); n != 0 {
			t.Errorf("Samples(nil) = %d, want 0", n)
		}
		if n := p.dec.Samples(make([]byte, 70000)); n != 0 {
			t.Errorf("Samples of 70000 octets = %d, want 0", n)
		}
		if _, err := p.dec.Decode(make([]int16, p.frame), nil); err == nil {
			t.Error("Decode of nothing: no error")
		}
		for _, ms := range []int{10, 20, 40, 60} {
			e, err := p.NewEncoder(Settings{PTime: time.Duration(ms) * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			want := p.SampleRate * ms / 1000
			b := p.encode(e, make([]int16, want))
			if n := p.dec.Samples(b); n != want {
				t.Errorf("%d ms: Samples = %d, want %d", ms, n, want)
			}
			if n, err := p.dec.Decode(make([]int16, want), b); n != want || err != nil {
				t.Errorf("%d ms: Decode = %d, %v, want %d", ms, n, err, want)
			}
			if _, err := p.dec.Decode(make([]int16, want-1, want), b); err == nil {
				t.Errorf("%d ms: Decode into a short slice with capacity: no error", ms)
			}
		}
	})
}

func TestShortDestination(t *testing.T) {
	forEach(t, func(t *testing.T, p pair) {
		if _, err := p.enc.Encode(nil, make([]int16, p.frame)); err == nil {
			t.Error("no destination: no error")
		}
		if _, err := p.enc.Encode(make([]byte, MaxPayload), nil); err == nil {
			t.Error("no samples: no error")
		}
		if _, err := p.enc.Encode(make([]byte, MaxPayload), make([]int16, p.SampleRate)); err == nil {
			t.Error("a second of samples: no error")
		}
	})
}

func TestGarbage(t *testing.T) {
	forEach(t, func(t *testing.T, p pair) {
		rng := rand.New(rand.NewPCG(2, 2))
		pcm := make([]int16, p.SampleRate/8)
		good := p.packets(speech(p.SampleRate, 0.2, 3))
		for range 3000 {
			b := make([]byte, rng.IntN(200))
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
			if rng.IntN(3) == 0 { // a real packet with one octet wrong
				b = append(b[:0], good[rng.IntN(len(good))]...)
				b[rng.IntN(len(b))] ^= byte(1 + rng.IntN(255))
			}
			want := p.dec.Samples(b)
			if n, err := p.dec.Decode(pcm, b); err == nil && n != want {
				t.Fatalf("Decode = %d, Samples = %d for %x", n, want, b)
			}
			p.dec.Recover(pcm[:p.frame], b)
			p.dec.Conceal(pcm[:rng.IntN(p.frame)])
		}
	})
}

func TestNoAllocations(t *testing.T) {
	forEach(t, func(t *testing.T, p pair) {
		pcm := speech(p.SampleRate, 1, 4)[p.SampleRate/2:][:p.frame]
		dst := make([]byte, MaxPayload)
		out := make([]int16, p.frame)
		other, err := p.NewEncoder(voice)
		if err != nil {
			t.Fatal(err)
		}
		p.dec.Reset()
		n := testing.AllocsPerRun(50, func() {
			k, _ := p.enc.Encode(dst, pcm)
			p.dec.Samples(dst[:k])
			p.dec.Decode(out, dst[:k])
			p.dec.Recover(out, dst[:k])
			p.dec.Conceal(out)
			p.dec.Reset()
			if err := other.CopyFrom(p.enc); err != nil {
				t.Fatal(err)
			}
			p.enc.Reset()
			if e, ok := p.dec.(Energizer); ok {
				e.Energy(dst[:k])
			}
		})
		if n != 0 {
			t.Errorf("%v allocations a packet, want 0", n)
		}
	})
}

// DESIGN 7: a copied encoder goes on bit by bit as the other would, whatever
// it did before, and each goes its own way afterwards.
func TestCopyFrom(t *testing.T) {
	forEach(t, func(t *testing.T, p pair) {
		other, err := p.NewEncoder(voice)
		if err != nil {
			t.Fatal(err)
		}
		shared, own := speech(p.SampleRate, 3, 8), speech(p.SampleRate, 3, 9)
		frames := len(shared) / p.frame
		frame := func(pcm []int16, i int) []int16 { return pcm[i*p.frame:][:p.frame] }
		for i := range frames / 3 {
			p.encode(p.enc, frame(shared, i))
			p.encode(other, frame(own, i)) // a past of its own, to be forgotten
		}
		if err := other.CopyFrom(p.enc); err != nil {
			t.Fatal(err)
		}
		for i := frames / 3; i < 2*frames/3; i++ {
			a, b := p.encode(p.enc, frame(shared, i)), p.encode(other, frame(shared, i))
			if !bytes.Equal(a, b) {
				t.Fatalf("frame %d after the copy: %x and %x", i-frames/3, a, b)
			}
		}
		twin := newPair(t, p.Codec) // the shared stream, never disturbed
		for i := range 2 * frames / 3 {
			p.encode(twin.enc, frame(shared, i))
		}
		parted := false
		for i := 2 * frames / 3; i < frames; i++ {
			a, b := p.encode(p.enc, frame(shared, i)), p.encode(other, frame(own, i))
			parted = parted || !bytes.Equal(a, b)
			if !bytes.Equal(a, p.encode(twin.enc, frame(shared, i))) {
				t.Fatalf("frame %d: the copy's input changed the original's output", i)
			}
		}
		if !parted {
			t.Error("other input gave the same packets")
		}
	})
}

func TestCopyFromRefusesOthers(t *testing.T) {
	var encoders []Encoder
	for _, c := range All() {
		encoders = append(encoders, newPair(t, c).enc)
	}
	slow := voice
	slow.Bitrate = 12000
	e, err := Opus.NewEncoder(slow)
	if err != nil {
		t.Fatal(err)
	}
	encoders = append(encoders, e)
	for i, a := range encoders {
		for k, b := range encoders {
			if err := a.CopyFrom(b); (err == nil) != (i == k) {
				t.Errorf("encoder %d from %d: %v", i, k, err)
			}
		}
	}
}

func TestReset(t *testing.T) {
	forEach(t, func(t *testing.T, p pair) {
		pcm := speech(p.SampleRate, 1, 10)
		first := p.packets(pcm)
		var heard [][]int16
		for _, b := range first {
			heard = append(heard, p.decode(b))
		}
		p.dec.Conceal(make([]int16, p.frame))
		p.enc.Reset()
		p.dec.Reset()
		for i, b := range p.packets(pcm) {
			if !bytes.Equal(b, first[i]) {
				t.Fatalf("packet %d differs after Reset", i)
			}
			if got := p.decode(b); fmt.Sprint(got) != fmt.Sprint(heard[i]) {
				t.Fatalf("sound of packet %d differs after Reset", i)
			}
		}
	})
}

// Full-scale input may be limited; it must never wrap round.
func TestFullScaleNeverWraps(t *testing.T) {
	forEach(t, func(t *testing.T, p pair) {
		for _, hz := range []float64{110, 200, 330} {
			pcm := make([]int16, p.SampleRate)
			for i := range pcm { // a clipped sine, as an overdriven phone sends it
				v := 60000 * math.Sin(2*math.Pi*hz*float64(i)/float64(p.SampleRate))
				pcm[i] = int16(math.Max(-32768, math.Min(32767, v)))
			}
			last := 0.0
			for k, b := range p.packets(pcm) {
				for i, v := range p.decode(b) { // no step of the input is above 15550
					if math.Abs(float64(v)-last) > 40000 {
						t.Fatalf("%v Hz, packet %d, sample %d: %v after %v", hz, k, i, v, last)
					}
					last = float64(v)
				}
			}
		}
	})
}
