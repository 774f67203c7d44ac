package conference

import (
	"testing"
	"time"

	"trivox/media/codec"
)

// tones are far enough apart for goertzel, and no multiples of each other.
var tones = [...]float64{440, 610, 830, 1130, 1510}

// hearing checks the level of each tone in what a phone hears, of those that should be heard and of those that should not.
func (p *phone) hearing(t *testing.T, amplitude float64, heard ...float64) {
	t.Helper()
	for _, f := range tones {
		want := 0.0
		for _, h := range heard {
			if h == f {
				want = amplitude
			}
		}
		got := p.level(f, time.Second)
		if want == 0 && got > amplitude/30 {
			t.Errorf("%v hears %v Hz at %.4f, and should not", p.leg.ID(), f, got)
		}
		if want > 0 && (got < want*0.8 || got > want*1.25) {
			t.Errorf("%v hears %v Hz at %.4f, want %.4f", p.leg.ID(), f, got, want)
		}
	}
}

func TestEachHearsTheOthersAndNotHimself(t *testing.T) {
	h := newHall(t, nil)
	codecs := []codec.Codec{codec.PCMU, codec.G722, codec.Opus}
	var phones []*phone
	for i, c := range codecs {
		phones = append(phones, h.dial("tea", c, 20*time.Millisecond, sine(tones[i], amplitude, c.SampleRate)))
	}
	h.run(3 * time.Second)
	phones[0].hearing(t, amplitude, tones[1], tones[2])
	phones[1].hearing(t, amplitude, tones[0], tones[2])
	phones[2].hearing(t, amplitude, tones[0], tones[1])
}
