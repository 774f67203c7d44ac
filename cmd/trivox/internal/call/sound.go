package call

import (
	"math"

	"trivox/cmd/trivox/internal/wav"
	"trivox/media/codec"
)

// source gives what is sent: a file, a tone, or comfort noise.
type source struct {
	rate  int
	file  []int16 // at rate
	at    int
	loop  bool
	step  float64 // radians a sample; 0: no tone
	phase float64
	noise *codec.ComfortNoise
}

// newSource plays a sound at the rate of a codec.
func newSource(p plan, rate int, seed uint64) *source {
	s := &source{rate: rate, loop: p.Loop, file: p.sounds[rate], noise: codec.NewComfortNoise(seed)}
	s.step = 2 * math.Pi * p.Tone / float64(rate)
	return s
}

// moveTo is the source at another rate from the same moment on: a re-INVITE
// changed the codec.
func (s *source) moveTo(p plan, rate int) *source {
	if rate == s.rate {
		return s
	}
	n := newSource(p, rate, 1)
	n.at = min(int(int64(s.at)*int64(rate)/int64(s.rate)), len(n.file))
	n.phase, n.noise = s.phase, s.noise
	return n
}

// read fills pcm.
func (s *source) read(pcm []int16) {
	if s.step > 0 {
		for i := range pcm {
			pcm[i] = int16(math.Round(toneAmplitude * math.Sin(s.phase)))
			if s.phase += s.step; s.phase > math.Pi {
				s.phase -= 2 * math.Pi
			}
		}
		return
	}
	for len(pcm) > 0 {
		if s.at == len(s.file) {
			if s.at == 0 || !s.loop {
				s.noise.Read(pcm)
				return
			}
			s.at = 0
		}
		n := copy(pcm, s.file[s.at:])
		s.at += n
		pcm = pcm[n:]
	}
}

// recorder writes what is heard at the rate of the first codec; sound at
// another rate is brought to it.
type recorder struct {
	w    *wav.Writer
	rate int
	conv *converter
}

func newRecorder(path string, rate int) (*recorder, error) {
	w, err := wav.Create(path, rate)
	if err != nil {
		return nil, err
	}
	return &recorder{w: w, rate: rate}, nil
}

func (r *recorder) write(pcm []int16, rate int) error {
	if rate != r.rate {
		if r.conv == nil || r.conv.from != rate {
			c, err := newConverter(rate, r.rate)
			if err != nil {
				return err
			}
			r.conv = c
		}
		pcm = r.conv.do(pcm)
	}
	return r.w.Write(pcm)
}
