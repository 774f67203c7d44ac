package wav

import "math"

// lobes of the sinc on each side, in samples of the lower rate.
const lobes = 24

// At is the sound at another rate, by a sinc filter with a Blackman window.
// It is for whole files, before they are played: any rates, no delay, not
// fast.
func (s Sound) At(rate int) Sound {
	if rate == s.Rate || rate <= 0 || s.Rate <= 0 || len(s.PCM) == 0 {
		return s
	}
	step := float64(s.Rate) / float64(rate)
	cut := math.Min(1, 1/step) * 0.97 // of the input's Nyquist frequency
	half := lobes / math.Min(1, 1/step)
	out := Sound{Rate: rate, PCM: make([]int16, int(int64(len(s.PCM))*int64(rate)/int64(s.Rate)))}
	phases := rate / gcd(rate, s.Rate) // the filters repeat after so many samples
	filters := make([][]float64, phases)
	for i := range out.PCM {
		phase := i % phases
		at := float64(phase) * step
		first := int(math.Ceil(at - half))
		if filters[phase] == nil {
			filters[phase] = sincs(at-float64(first), cut, half)
		}
		first += i / phases * (s.Rate / (rate / phases))
		sum := 0.0
		for k, c := range filters[phase] {
			if j := first + k; j >= 0 && j < len(s.PCM) {
				sum += c * float64(s.PCM[j])
			}
		}
		out.PCM[i] = int16(math.Round(math.Max(-32768, math.Min(32767, sum))))
	}
	return out
}

// sincs are the weights of the inputs 0, 1, 2... for an output at offset among
// them, half being the reach of the window. They sum to 1.
func sincs(offset, cut, half float64) []float64 {
	h := make([]float64, int(math.Floor(offset+half))+1)
	sum := 0.0
	for k := range h {
		x := float64(k) - offset
		w := x / half
		h[k] = cut * (0.42 + 0.5*math.Cos(math.Pi*w) + 0.08*math.Cos(2*math.Pi*w))
		if x != 0 {
			h[k] *= math.Sin(math.Pi*cut*x) / (math.Pi * cut * x)
		}
		sum += h[k]
	}
	for k := range h {
		h[k] /= sum
	}
	return h
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
