package codec

import (
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"github.com/hraban/opus"
)

func FuzzOpusPacket(f *testing.F) {
	f.Add([]byte{0xfc})
	f.Add([]byte{0x7b, 0x83, 1, 2, 3, 4, 5})
	f.Add([]byte{0x7b, 0x43, 255, 3, 4, 5})
	f.Add([]byte{0x0a, 253, 200, 0})
	e, err := Opus.NewEncoder(voice)
	if err != nil {
		f.Fatal(err)
	}
	pcm, b := speech(opusRate, 0.1, 1), make([]byte, MaxPayload)
	for ; len(pcm) >= 960; pcm = pcm[960:] {
		n, err := e.Encode(b, pcm[:960])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append([]byte(nil), b[:n]...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4000 {
			return
		}
		compareOpusPacket(t, b)
	})
}

// compareOpusPacket checks our reading of the headers against libopus: the
// packets it refuses as corrupt, and the length of the others.
func compareOpusPacket(t *testing.T, b []byte) {
	dec, err := opus.NewDecoder(opusRate, 1)
	if err != nil {
		t.Fatal(err)
	}
	d := &opusDecoder{}
	want := 0
	if len(b) > 0 {
		if n, err := dec.Decode(b, make([]int16, opusMax)); err == nil {
			want = n
		}
	}
	if got := d.Samples(b); got != want {
		t.Fatalf("Samples(%x) = %d, libopus gives %d", b, got, want)
	}
}

func TestOpusPacketAgreesWithLibopus(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 5000 {
		b := make([]byte, 1+rng.IntN(40))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		if rng.IntN(2) == 0 { // mostly plausible code 3 packets
			b[0] |= 3
			if len(b) > 1 {
				b[1] &= 0xc7
			}
		}
		compareOpusPacket(t, b)
	}
}

// The frame lost before a packet comes back from that packet's copy, nearer
// than a guess, and sound without FEC says that it has none.
func TestOpusRecover(t *testing.T) {
	s := Settings{Bitrate: 32000, Complexity: 5, FEC: true, LossPercent: 20}
	p := newPair(t, Opus)
	enc, err := Opus.NewEncoder(s)
	if err != nil {
		t.Fatal(err)
	}
	p.enc = enc
	packets := p.packets(speech(opusRate, 6, 11))
	clean, guess := newPair(t, Opus), newPair(t, Opus)
	pcm, made := make([]int16, 960), make([]int16, 960)
	var recovered, concealed float64
	n, none := 0, 0
	for i, b := range packets {
		want := clean.decode(b)
		if i%10 != 9 || i+1 == len(packets) {
			p.decode(b)
			guess.decode(b)
			continue
		}
		guess.dec.Conceal(made)
		switch k := p.dec.Recover(pcm, packets[i+1]); k {
		case 960:
			n++
			recovered += lsd(want, pcm, opusRate)
			concealed += lsd(want, made, opusRate)
		case 0:
			none++
			p.dec.Conceal(pcm)
		default:
			t.Fatalf("Recover = %d", k)
		}
	}
	t.Logf("%d recovered, %d without a copy: distance %.1f dB, concealed %.1f dB", n, none, recovered/float64(n), concealed/float64(n))
	if n < 10 || recovered > 0.9*concealed {
		t.Errorf("%d recovered at %.1f dB, concealed %.1f dB", n, recovered/float64(n), concealed/float64(n))
	}
	plain, err := Opus.NewEncoder(Settings{Bitrate: 32000, Complexity: 5})
	if err != nil {
		t.Fatal(err)
	}
	p.enc = plain
	for i, b := range p.packets(speech(opusRate, 1, 12)) {
		if k := p.dec.Recover(pcm, b); k != 0 {
			t.Fatalf("packet %d without FEC: Recover = %d", i, k)
		}
	}
}

// What makes a byte copy a copy: the state does not point into itself.
func TestOpusStateHoldsNoPointerToItself(t *testing.T) {
	p := newPair(t, Opus)
	for _, b := range p.packets(speech(opusRate, 2, 13)) {
		p.decode(b)
	}
	p.dec.Conceal(make([]int16, 960))
	for name, mem := range map[string][]byte{"encoder": p.enc.(*opusEncoder).state, "decoder": p.dec.(*opusDecoder).state} {
		from := uintptr(unsafe.Pointer(&mem[0]))
		words := unsafe.Slice((*uintptr)(unsafe.Pointer(&mem[0])), len(mem)/int(unsafe.Sizeof(from)))
		for i, w := range words {
			if w >= from && w < from+uintptr(len(mem)) {
				t.Errorf("%s: word %d points to offset %d of its own", name, i, w-from)
			}
		}
		t.Logf("%s: %d bytes", name, len(mem))
	}
}

// The copy holds while libopus changes between its modes (SILK, hybrid, CELT).
func TestOpusCopyAcrossModes(t *testing.T) {
	for _, rate := range []int{8000, 16000, 32000, 96000} {
		s := Settings{Bitrate: rate, Complexity: 5}
		a, err := newOpusEncoder(Settings{Bitrate: rate, Complexity: 5, PTime: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		b, err := newOpusEncoder(a.settings)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(uint64(rate), 1))
		pcm := speech(opusRate, 2, uint64(s.Bitrate))
		for i := range pcm[:opusRate/2] { // music, to libopus
			pcm[i] = int16(rng.NormFloat64() * 3000)
		}
		x, y := make([]byte, MaxPayload), make([]byte, MaxPayload)
		for i := 0; i+960 <= len(pcm); i += 960 {
			if err := b.CopyFrom(a); err != nil {
				t.Fatal(err)
			}
			n, err := a.Encode(x, pcm[i:i+960])
			if err != nil {
				t.Fatal(err)
			}
			m, err := b.Encode(y, pcm[i:i+960])
			if err != nil || string(x[:n]) != string(y[:m]) {
				t.Fatalf("%d bit/s, frame %d: %x and %x (%v)", rate, i/960, x[:n], y[:m], err)
			}
		}
	}
}

func TestOpusSettings(t *testing.T) {
	for _, s := range []Settings{
		{Bitrate: 100}, {Complexity: 11}, {Complexity: -1}, {LossPercent: 101},
		{PTime: 30 * time.Millisecond}, {PTime: -time.Millisecond}, {PTime: time.Second},
	} {
		if _, err := Opus.NewEncoder(s); err == nil {
			t.Errorf("%+v: no error", s)
		}
	}
}
