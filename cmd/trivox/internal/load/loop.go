package load

import (
	"fmt"
	"math"

	"trivox/media/codec"
	"trivox/mixer"
)

const (
	referenceRate = 8000 // Hz at which delay is measured
	perSlot       = referenceRate / 50
	voices        = 8 // different talkers made; more share them
)

// loop is sound encoded once and sent for ever.
type loop struct {
	payloads [][]byte
	levels   []byte  // RFC 6464: V bit and -dBov, one a packet
	pcm      []int16 // at referenceRate, perSlot samples a packet; nil for noise
	lag      int     // of encoding and decoding against pcm, in samples of pcm
}

// sounds are the loops of one run.
type sounds struct {
	talk  []*loop
	noise *loop
}

func makeSounds(p plan) (sounds, error) {
	var s sounds
	for i := range min(max(p.Talkers, 1), voices) {
		// Lengths differ, so that talkers do not repeat in step.
		packets := 300 + 7*i
		if p.Pauses {
			packets *= 4
		}
		raw := speech(p.Seed+uint64(i), packets*speechRate/50, p.Pauses)
		l, err := encode(p, raw)
		if err != nil {
			return s, err
		}
		if l.pcm, err = convert(raw, speechRate, referenceRate); err != nil {
			return s, err
		}
		if l.lag, err = l.ownLag(p.codec); err != nil {
			return s, err
		}
		s.talk = append(s.talk, l)
	}
	raw := make([]int16, 200*speechRate/50)
	codec.NewComfortNoise(p.Seed).Read(raw)
	var err error
	s.noise, err = encode(p, raw)
	return s, err
}

// encode makes the packets of a loop, of 20 ms each.
func encode(p plan, raw []int16) (*loop, error) {
	pcm, err := convert(raw, speechRate, p.codec.SampleRate)
	if err != nil {
		return nil, err
	}
	enc, err := p.codec.NewEncoder(codec.Settings{Bitrate: p.Bitrate, Complexity: 5})
	if err != nil {
		return nil, fmt.Errorf("load: --codec %s: %w", p.codec.Name, err)
	}
	n := p.codec.SampleRate / 50
	l := &loop{}
	buf := make([]byte, codec.MaxPayload)
	for at := 0; at+n <= len(pcm); at += n {
		size, err := enc.Encode(buf, pcm[at:at+n])
		if err != nil {
			return nil, fmt.Errorf("load: encoding %s: %w", p.codec.Name, err)
		}
		l.payloads = append(l.payloads, append([]byte(nil), buf[:size]...))
		l.levels = append(l.levels, levelByte(pcm[at:at+n]))
	}
	return l, nil
}

// levelByte is the level of RFC 6464, 3: 0 to 127 -dBov, and the V bit from
// -50 dBov on.
func levelByte(pcm []int16) byte {
	db := decibels(pcm)
	b := byte(max(0, min(127, math.Round(-db))))
	if db > -50 {
		b |= 0x80
	}
	return b
}

// decibels is the RMS in dBov, -127 for silence.
func decibels(pcm []int16) float64 {
	sum := 0.0
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	if sum == 0 || len(pcm) == 0 {
		return -127
	}
	return max(-127, 10*math.Log10(sum/float64(len(pcm))/(32768*32768)))
}

// convert changes the sample rate of a whole piece.
func convert(pcm []int16, from, to int) ([]int16, error) {
	r, err := mixer.NewResampler(from, to)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	out := make([]int16, len(pcm)/from*to+len(pcm)%from*to/from)
	chunk := from / 50
	at := 0
	for i := 0; i+chunk <= len(pcm); i += chunk {
		at += r.Process(out[at:], pcm[i:i+chunk])
	}
	return out[:at], nil
}
