package conference

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// With 5 % random loss, what is heard of the lost packets is nearer to the original than silence (DESIGN 11), and the
// joins do not click.
func TestLossIsConcealed(t *testing.T) {
	for _, c := range qualityCodecs {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			voice := recording(t, "anna", c.SampleRate)
			run := func(share float64) (heard []int16, lost []int) {
				h := newHall(t, nil)
				speaker := h.dial("tea", c, 20*ms, playing(voice, 1))
				r, n := rand.New(rand.NewPCG(7, 7)), 0
				speaker.delay = func() time.Duration {
					if n++; r.Float64() < share {
						lost = append(lost, n-1)
						return -1
					}
					return 0
				}
				listener := h.dial("tea", c, 20*ms, nil)
				h.run(20 * time.Second)
				return listener.heard, lost
			}
			pure, _ := run(0)
			got, lost := run(0.05)
			n := c.SampleRate / 50
			offset := difference(pure, got, lost, n)
			silent := make([]int16, n)
			var concealed, silence float64
			var bends []float64
			for _, k := range lost {
				a := k*n + offset
				if a < 4*n || a+4*n > len(pure) || dBov(pure[a:a+n]) < -45 {
					continue
				}
				concealed += spectralDistance(pure[a:a+n], got[a:a+n], c.SampleRate)
				silence += spectralDistance(pure[a:a+n], silent, c.SampleRate)
				bends = append(bends, bend(got[a-n:a+2*n])/bend(pure[a-3*n:a+4*n]))
			}
			slices.Sort(bends)
			frames := float64(len(bends))
			most := bends[len(bends)-1]
			t.Logf("of %d packets lost in speech: %.1f dB from the original, silence %.1f dB; second difference at most %.2f of the original's",
				len(bends), concealed/frames, silence/frames, most)
			if len(bends) < 20 || concealed > 0.6*silence || most > 1.5 {
				t.Error("concealment is worse than it was")
			}
		})
	}
}

// difference finds how many samples after its number times n a lost packet is missed.
func difference(pure, got []int16, lost []int, n int) (offset int) {
	most := 0.0
	for o := 0; o < 6*n; o += n / 20 {
		var sum float64
		for _, k := range lost {
			for i := k*n + o; i < (k+1)*n+o && i < len(pure); i++ {
				d := float64(pure[i]) - float64(got[i])
				sum += d * d
			}
		}
		if sum > most {
			most, offset = sum, o
		}
	}
	return offset
}
