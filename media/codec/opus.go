package codec

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hraban/opus"
)

const (
	opusRate    = 48000
	opusMax     = 5760 // samples of 120 ms
	opusQuantum = 120  // samples of 2.5 ms: libopus makes multiples of it
)

// opusPacketTimes are what one call of the encoder can make (opus_encode).
var opusPacketTimes = [...]time.Duration{
	2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 40 * time.Millisecond,
	60 * time.Millisecond, 80 * time.Millisecond, 100 * time.Millisecond, 120 * time.Millisecond,
}

// opusEncoder is libopus for voice, mono (RFC 6716, RFC 7587).
type opusEncoder struct {
	enc      *opus.Encoder
	state    []byte // aliases enc's memory
	initial  []byte // state as it was made
	settings Settings
}

func newOpusEncoder(s Settings) (*opusEncoder, error) {
	if s.Bitrate == 0 {
		s.Bitrate = 32000
	}
	if err := s.checkOpus(); err != nil {
		return nil, err
	}
	enc, err := opus.NewEncoder(opusRate, 1, opus.AppVoIP)
	if err != nil {
		return nil, fmt.Errorf("codec: opus: new encoder: %w", err)
	}
	for _, set := range []error{
		enc.SetBitrate(s.Bitrate),
		enc.SetComplexity(s.Complexity),
		enc.SetInBandFEC(s.FEC),
		enc.SetPacketLossPerc(s.LossPercent),
	} {
		if set != nil {
			return nil, fmt.Errorf("codec: opus: %+v: %w", s, set)
		}
	}
	state, err := opusState(enc)
	if err != nil {
		return nil, err
	}
	return &opusEncoder{enc: enc, state: state, initial: bytes.Clone(state), settings: s}, nil
}

func (s Settings) checkOpus() error {
	switch {
	case s.Bitrate < 6000 || s.Bitrate > 510000:
		return fmt.Errorf("codec: opus: bit rate %d: need 6000 to 510000 bit/s", s.Bitrate)
	case s.Complexity < 0 || s.Complexity > 10:
		return fmt.Errorf("codec: opus: complexity %d: need 0 to 10", s.Complexity)
	case s.LossPercent < 0 || s.LossPercent > 100:
		return fmt.Errorf("codec: opus: loss %d: need 0 to 100 percent", s.LossPercent)
	}
	if slices.Contains(opusPacketTimes[:], s.PTime) {
		return nil
	}
	return fmt.Errorf("codec: opus: packet time %v: need 2.5, 5, 10, 20, 40, 60, 80, 100 or 120 ms", s.PTime)
}

func (e *opusEncoder) Encode(dst []byte, pcm []int16) (int, error) {
	if len(pcm) == 0 || len(pcm) > opusMax {
		return 0, errNoPCM
	}
	if len(dst) == 0 {
		return 0, errShortDst
	}
	return e.enc.Encode(pcm, dst[:len(dst):len(dst)]) // the library looks at cap
}

func (e *opusEncoder) CopyFrom(src Encoder) error {
	s, ok := src.(*opusEncoder)
	if !ok || s.settings != e.settings || len(s.state) != len(e.state) {
		return errOtherKind
	}
	copy(e.state, s.state)
	return nil
}

// Reset is not OPUS_RESET_STATE, which leaves a state that encodes otherwise
// than a new one.
func (e *opusEncoder) Reset() { copy(e.state, e.initial) }

type opusDecoder struct {
	dec   *opus.Decoder
	state []byte // aliases dec's memory
	step  [opusQuantum]int16
}

// opusDecoderState is the state of a decoder that has heard nothing.
var opusDecoderState = sync.OnceValues(func() ([]byte, error) {
	dec, err := opus.NewDecoder(opusRate, 1)
	if err != nil {
		return nil, fmt.Errorf("codec: opus: new decoder: %w", err)
	}
	return opusState(dec)
})

func newOpusDecoder() (*opusDecoder, error) {
	dec, err := opus.NewDecoder(opusRate, 1)
	if err != nil {
		return nil, fmt.Errorf("codec: opus: new decoder: %w", err)
	}
	state, err := opusState(dec)
	if err != nil {
		return nil, err
	}
	return &opusDecoder{dec: dec, state: state}, nil
}

func (d *opusDecoder) Decode(pcm []int16, payload []byte) (int, error) {
	n := d.Samples(payload)
	if n == 0 {
		return 0, errPayload
	}
	if len(pcm) < n {
		return 0, errShortPCM
	}
	return d.dec.Decode(payload, pcm[:n:n]) // the library looks at cap
}

func (d *opusDecoder) Recover(pcm []int16, next []byte) int {
	p, ok := parseOpus(next)
	n := min(len(pcm), opusMax) / opusQuantum * opusQuantum
	if !ok || !p.hasLBRR() || n < p.frameSamples() {
		return 0
	}
	if err := d.dec.DecodeFEC(next, pcm[:n:n]); err != nil {
		return 0
	}
	return n
}

// Conceal asks libopus, which thinks in steps of 2.5 ms; the end of a last
// step that pcm has no room for is dropped.
func (d *opusDecoder) Conceal(pcm []int16) int {
	rest := pcm
	for len(rest) >= opusQuantum {
		n := min(len(rest), opusMax) / opusQuantum * opusQuantum
		d.plc(rest[:n:n])
		rest = rest[n:]
	}
	if len(rest) > 0 {
		d.plc(d.step[:])
		copy(rest, d.step[:])
	}
	return len(pcm)
}

func (d *opusDecoder) plc(pcm []int16) {
	if err := d.dec.DecodePLC(pcm); err != nil {
		clear(pcm)
	}
}

func (d *opusDecoder) Samples(payload []byte) int {
	p, ok := parseOpus(payload)
	if !ok {
		return 0
	}
	return p.frames * p.frameSamples()
}

func (d *opusDecoder) Reset() {
	fresh, err := opusDecoderState()
	if err != nil || len(fresh) != len(d.state) {
		panic("codec: opus: a decoder was made, but not a second one: " + fmt.Sprint(err))
	}
	copy(d.state, fresh)
}
