package codec

import (
	"math/rand/v2"
	"testing"

	"github.com/gotranspile/g722"
)

// Joining the bands ourselves changes nothing but what wrapped.
func TestG722AgreesWithLibrary(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	d, lib := newG722Decoder(), g722.NewDecoder(g722.Rate64000, 0)
	ours, theirs := make([]int16, 320), make([]int16, 320)
	e := newG722Encoder()
	payload := make([]byte, 160)
	pcm := speech(g722Rate, 2, 1)
	wrapped, same := 0, 0
	for i := 0; i+320 <= len(pcm); i += 320 {
		if _, err := e.Encode(payload, pcm[i:i+320]); err != nil {
			t.Fatal(err)
		}
		if i > len(pcm)/2 { // loud garbage, too
			for k := range payload {
				payload[k] = byte(rng.Uint32())
			}
		}
		if _, err := d.Decode(ours, payload); err != nil {
			t.Fatal(err)
		}
		lib.Decode(theirs, payload)
		for k, v := range ours {
			switch {
			case v == theirs[k]:
				same++
			case v == 32767 && theirs[k] < 0 || v == -32768 && theirs[k] >= 0:
				wrapped++
			default:
				t.Fatalf("sample %d: %d, the library says %d", i+k, v, theirs[k])
			}
		}
	}
	if same < len(pcm)/2 {
		t.Errorf("only %d samples of %d the same", same, len(pcm))
	}
	t.Logf("%d the same, %d that wrap in the library", same, wrapped)
}
