package codec

import (
	"errors"

	"github.com/zaf/g711"
)

// companding is one law of ITU-T G.711 as tables: 256 values out, 16 Ki codes
// in (neither law looks at the lowest two bits of a sample), and the 256
// squares that tell a payload's energy.
type companding struct {
	pcm    [256]int16
	square [256]uint32
	code   [1 << 14]byte // indexed by uint16(sample) >> 2
}

// Filled once before main and never written again.
var (
	muLaw = newCompanding(g711.DecodeUlawFrame, g711.EncodeUlawFrame)
	aLaw  = newCompanding(g711.DecodeAlawFrame, g711.EncodeAlawFrame)
)

func newCompanding(decode func(uint8) int16, encode func(int16) uint8) (c companding) {
	for i := range c.pcm {
		v := decode(uint8(i))
		c.pcm[i] = v
		c.square[i] = uint32(int32(v) * int32(v))
	}
	for i := range c.code {
		c.code[i] = encode(int16(uint16(i << 2)))
	}
	return c
}

const (
	g711Rate   = 8000
	g711Octets = g711Rate * int(MaxPacketTime/1e6) / 1000 // in the longest packet
)

var (
	errNoPCM     = errors.New("codec: no samples to encode, or more than 120 ms of them")
	errShortDst  = errors.New("codec: destination too short for the packet: give MaxPayload bytes")
	errShortPCM  = errors.New("codec: pcm too short for the packet: give as many samples as Samples says")
	errPayload   = errors.New("codec: payload is not valid for this codec")
	errOtherKind = errors.New("codec: CopyFrom needs an encoder of the same codec and settings")
)

type g711Encoder struct{ law *companding }

func (e *g711Encoder) Encode(dst []byte, pcm []int16) (int, error) {
	if len(pcm) == 0 || len(pcm) > g711Octets {
		return 0, errNoPCM
	}
	if len(dst) < len(pcm) {
		return 0, errShortDst
	}
	code := &e.law.code
	dst = dst[:len(pcm)]
	for i, v := range pcm {
		dst[i] = code[uint16(v)>>2]
	}
	return len(pcm), nil
}

func (e *g711Encoder) CopyFrom(src Encoder) error {
	if s, ok := src.(*g711Encoder); !ok || s.law != e.law {
		return errOtherKind
	}
	return nil
}

func (e *g711Encoder) Reset() {}

type g711Decoder struct {
	law *companding
	plc concealer
}

func newG711Decoder(law *companding) *g711Decoder {
	return &g711Decoder{law: law, plc: newConcealer(g711Rate)}
}

func (d *g711Decoder) Decode(pcm []int16, payload []byte) (int, error) {
	n := d.Samples(payload)
	if n == 0 {
		return 0, errPayload
	}
	if len(pcm) < n {
		return 0, errShortPCM
	}
	pcm = pcm[:n]
	table := &d.law.pcm
	for i, b := range payload {
		pcm[i] = table[b]
	}
	d.plc.good(pcm)
	return n, nil
}

func (d *g711Decoder) Recover([]int16, []byte) int { return 0 }

func (d *g711Decoder) Conceal(pcm []int16) int {
	d.plc.conceal(pcm)
	return len(pcm)
}

func (d *g711Decoder) Samples(payload []byte) int {
	if len(payload) > g711Octets {
		return 0
	}
	return len(payload)
}

func (d *g711Decoder) Reset() { d.plc.reset() }

// Energy implements Energizer.
func (d *g711Decoder) Energy(payload []byte) (sumSquares uint64, n int) {
	table := &d.law.square
	var s0, s1, s2, s3 uint64 // four sums at once: one would wait for itself
	rest := payload
	for ; len(rest) >= 8; rest = rest[8:] {
		s0 += uint64(table[rest[0]]) + uint64(table[rest[4]])
		s1 += uint64(table[rest[1]]) + uint64(table[rest[5]])
		s2 += uint64(table[rest[2]]) + uint64(table[rest[6]])
		s3 += uint64(table[rest[3]]) + uint64(table[rest[7]])
	}
	for _, b := range rest {
		s0 += uint64(table[b])
	}
	return s0 + s1 + s2 + s3, len(payload)
}
