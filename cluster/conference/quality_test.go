package conference

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"trivox/media/codec"
	"trivox/mixer"
)

// recording is a voice of examples/speech at that rate.
func recording(t testing.TB, name string, rate int) []int16 {
	t.Helper()
	b, err := os.ReadFile("../../examples/speech/" + name + ".wav")
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, (len(b)-44)/2/320*320)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[44+2*i:]))
	}
	r, err := mixer.NewResampler(16000, rate)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]int16, len(pcm)*rate/16000)
	r.Process(out, pcm)
	return out
}

// playing plays a recording over and over, gain times as loud.
func playing(pcm []int16, gain float64) func(int) float64 {
	return func(i int) float64 { return gain * float64(pcm[i%len(pcm)]) / 32768 }
}

// gapless leaves out the pauses of a recording.
func gapless(pcm []int16, rate int) (out []int16) {
	n := rate / 50
	for ; len(pcm) >= n; pcm = pcm[n:] {
		if dBov(pcm[:n]) > -34 {
			out = append(out, pcm[:n]...)
		}
	}
	return out
}

// dBov is how loud pcm is.
func dBov(pcm []int16) float64 {
	var e float64
	for _, v := range pcm {
		e += float64(v) * float64(v)
	}
	return 10 * math.Log10(max(e/float64(max(len(pcm), 1)), 1e-2)/32768/32768)
}

// noise is white, of that RMS in dBov.
func noise(db float64, seed uint64) func(int) float64 {
	r := rand.New(rand.NewPCG(seed, 5))
	a := math.Pow(10, db/20)
	return func(int) float64 { return max(-1, min(1, a*r.NormFloat64())) }
}

// spectralDistance of two frames in dB: the log-spectral distance, up to 4 kHz, with a floor near the step of a
// telephone line's noise.
func spectralDistance(a, b []int16, rate int) float64 {
	bins := len(a) * 4000 / rate
	x, y := spectrum(a, bins), spectrum(b, bins)
	var sum float64
	for i := range x {
		sum += (x[i] - y[i]) * (x[i] - y[i])
	}
	return math.Sqrt(sum / float64(bins))
}

func spectrum(pcm []int16, bins int) []float64 {
	n := len(pcm)
	db := make([]float64, bins)
	for k := range db {
		var re, im float64
		for i, v := range pcm {
			w := 2 * math.Pi * float64(k*i%n) / float64(n)
			h := float64(v) * (0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(n)))
			re, im = re+h*math.Cos(w), im+h*math.Sin(w)
		}
		p := math.Hypot(re, im) / float64(n) * 2
		db[k] = 10 * math.Log10(p*p+36)
	}
	return db
}

// bend is the greatest second difference in pcm: what a click is made of.
func bend(pcm []int16) (most float64) {
	for i := 2; i < len(pcm); i++ {
		most = max(most, math.Abs(float64(pcm[i])-2*float64(pcm[i-1])+float64(pcm[i-2])))
	}
	return most
}

// codecs whose legs are judged.
var qualityCodecs = []codec.Codec{codec.PCMU, codec.G722, codec.Opus}

const ms = time.Millisecond
