package codec

import (
	"encoding/binary"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"testing"
)

// speech makes d seconds of a speech-like signal: glottal pulses whose pitch
// wanders from 90 to 180 Hz through three moving formants, syllables of about
// 200 ms, and hiss between them. Peaks are near half of full scale.
func speech(rate int, seconds float64, seed uint64) []int16 {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]float64, int(seconds*float64(rate)))
	var phase float64
	var y [3][2]float64
	for i := range out {
		t := float64(i) / float64(rate)
		pitch := 130 + 40*math.Sin(2*math.Pi*0.7*t) + 5*math.Sin(2*math.Pi*5*t)
		phase += pitch / float64(rate)
		x := 0.02 * rng.NormFloat64()
		if phase >= 1 {
			phase--
			x += 3 * 16000 / float64(rate)
		}
		syllable := math.Max(0.05, math.Sin(2*math.Pi*2.5*t))
		x *= syllable
		formants := [3]float64{500 + 200*math.Sin(2*math.Pi*1.1*t), 1500 + 400*math.Sin(2*math.Pi*0.9*t), 2600}
		for k, f := range formants {
			r := math.Exp(-math.Pi * 90 / float64(rate))
			v := x*(1-r) + 2*r*math.Cos(2*math.Pi*f/float64(rate))*y[k][0] - r*r*y[k][1]
			y[k][1], y[k][0] = y[k][0], v
			out[i] += v / float64(k+1)
		}
	}
	peak := 0.0
	for _, v := range out {
		peak = math.Max(peak, math.Abs(v))
	}
	pcm := make([]int16, len(out))
	for i, v := range out {
		pcm[i] = int16(v / peak * 16000)
	}
	return pcm
}

// recorded is speech from a file of 16 kHz, brought to the rate by straight
// lines.
func recorded(t *testing.T, rate int) []int16 {
	t.Helper()
	b, err := os.ReadFile("../../examples/speech/boris.wav")
	if err != nil {
		t.Fatal(err)
	}
	b = b[44:]
	at := func(i int) float64 { return float64(int16(binary.LittleEndian.Uint16(b[2*i:]))) }
	out := make([]int16, (len(b)/2-1)*rate/16000)
	for i := range out {
		x := float64(i) * 16000 / float64(rate)
		k := int(x)
		out[i] = int16(at(k) + (x-float64(k))*(at(k+1)-at(k)))
	}
	return out
}

// snr of got against want in dB at the lag, up to maxLag, and the gain that
// suit best.
func snr(want, got []int16, maxLag int) (best float64, lag int) {
	best = math.Inf(-1)
	for l := 0; l <= maxLag; l++ {
		n := min(len(want), len(got)-l)
		var xx, xy, yy float64
		for i := range n {
			x, y := float64(want[i]), float64(got[i+l])
			xx += x * x
			xy += x * y
			yy += y * y
		}
		if noise := yy - xy*xy/xx; xy > 0 {
			if db := 10 * math.Log10((yy-noise)/noise); db > best {
				best, lag = db, l
			}
		}
	}
	return best, lag
}

// spectrum is the lowest bins of a Hann-windowed frame in dB, with a floor near the step of a
// telephone line's noise (-75 dB of full scale).
func spectrum(pcm []int16, bins int) []float64 {
	n := len(pcm)
	db := make([]float64, bins)
	turn := make([]complex128, n)
	windowed := make([]float64, n)
	for i, v := range pcm {
		turn[i] = cmplx.Rect(1, -2*math.Pi*float64(i)/float64(n))
		windowed[i] = float64(v) * (0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(n)))
	}
	for k := range db {
		var re, im float64
		for i, v := range windowed {
			w := turn[k*i%n]
			re, im = re+v*real(w), im+v*imag(w)
		}
		p := math.Hypot(re, im) / float64(n) * 2
		db[k] = 10 * math.Log10(p*p+36)
	}
	return db
}

// lsd is the log-spectral distance of two frames in dB, up to 4 kHz.
func lsd(a, b []int16, rate int) float64 {
	n := len(a) * 4000 / rate
	x, y := spectrum(a, n), spectrum(b, n)
	var sum float64
	for i := range n {
		sum += (x[i] - y[i]) * (x[i] - y[i])
	}
	return math.Sqrt(sum / float64(n))
}

func rms(pcm []int16) float64 {
	var sum float64
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(pcm)))
}
