package codec

import (
	"testing"

	"github.com/zaf/g711"
)

func TestTablesAgreeWithLibrary(t *testing.T) {
	for i := range 1 << 16 {
		v := int16(uint16(i))
		if got, want := muLaw.code[uint16(v)>>2], g711.EncodeUlawFrame(v); got != want {
			t.Fatalf("mu-law of %d is %#x, want %#x", v, got, want)
		}
		if got, want := aLaw.code[uint16(v)>>2], g711.EncodeAlawFrame(v); got != want {
			t.Fatalf("A-law of %d is %#x, want %#x", v, got, want)
		}
	}
}

func TestEnergyIsThatOfTheSamples(t *testing.T) {
	payload := make([]byte, 259) // not a multiple of anything
	for i := range payload {
		payload[i] = byte(i * 7)
	}
	for _, c := range []Codec{PCMU, PCMA} {
		dec, err := c.NewDecoder()
		if err != nil {
			t.Fatal(err)
		}
		pcm := make([]int16, len(payload))
		if _, err := dec.Decode(pcm, payload); err != nil {
			t.Fatal(err)
		}
		var want uint64
		for _, v := range pcm {
			want += uint64(int64(v) * int64(v))
		}
		got, n := dec.(Energizer).Energy(payload)
		if got != want || n != len(pcm) {
			t.Errorf("%s: energy %d of %d samples, want %d of %d", c.Name, got, n, want, len(pcm))
		}
	}
}
