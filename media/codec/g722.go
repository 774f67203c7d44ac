package codec

import (
	"reflect"
	"unsafe"

	"github.com/gotranspile/g722"
)

const (
	g722Rate   = 16000
	g722Octets = g722Rate / 2 * int(MaxPacketTime/1e6) / 1000 // in the longest packet
)

// g722Encoder is ITU-T G.722 at 64 kbit/s: an octet for two samples.
type g722Encoder struct{ enc g722.Encoder }

func newG722Encoder() *g722Encoder {
	e := &g722Encoder{}
	e.Reset()
	return e
}

func (e *g722Encoder) Encode(dst []byte, pcm []int16) (int, error) {
	n := len(pcm) / 2
	if n == 0 || n > g722Octets || len(pcm)%2 != 0 {
		return 0, errNoPCM
	}
	if len(dst) < n {
		return 0, errShortDst
	}
	return e.enc.Encode(dst[:n], pcm), nil
}

// CopyFrom is an assignment: the library's encoder holds no references.
func (e *g722Encoder) CopyFrom(src Encoder) error {
	s, ok := src.(*g722Encoder)
	if !ok {
		return errOtherKind
	}
	e.enc = s.enc
	return nil
}

func (e *g722Encoder) Reset() { e.enc = *g722.NewEncoder(g722.Rate64000, 0) }

// g722Decoder leaves the two sub-bands to the library and joins them itself:
// the library's own join cuts sums to 16 bits, so that an overdriven voice
// turns from +32767 to -32768 (the ITU's reference saturates there).
type g722Decoder struct {
	dec g722.Decoder
	x   [24]int32 // the receive filter's line: sums and differences of the bands, in turns
	plc concealer
}

func newG722Decoder() *g722Decoder {
	d := &g722Decoder{plc: newConcealer(g722Rate)}
	d.Reset()
	return d
}

func (d *g722Decoder) Decode(pcm []int16, payload []byte) (int, error) {
	n := d.Samples(payload)
	if n == 0 {
		return 0, errPayload
	}
	if len(pcm) < n {
		return 0, errShortPCM
	}
	pcm = pcm[:n]
	d.dec.Decode(pcm, payload)
	d.join(pcm)
	d.plc.good(pcm)
	return n, nil
}

// qmf is one half of the quadrature mirror filter; the other is its reverse
// (ITU-T G.722, table 4).
var qmf = [12]int32{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}

// join turns pairs of low and high band, each doubled, into two samples.
func (d *g722Decoder) join(pcm []int16) {
	x := &d.x
	for k := 0; k+1 < len(pcm); k += 2 {
		low, high := int32(pcm[k])>>1, int32(pcm[k+1])>>1
		copy(x[:22], x[2:])
		x[22], x[23] = low+high, low-high
		var odd, even int32
		for i, q := range &qmf {
			even += x[2*i] * q
			odd += x[2*i+1] * qmf[11-i]
		}
		pcm[k], pcm[k+1] = saturate(odd>>11), saturate(even>>11)
	}
}

func (d *g722Decoder) Recover([]int16, []byte) int { return 0 }

func (d *g722Decoder) Conceal(pcm []int16) int {
	d.plc.conceal(pcm)
	return len(pcm)
}

func (d *g722Decoder) Samples(payload []byte) int {
	if len(payload) > g722Octets {
		return 0
	}
	return 2 * len(payload)
}

func (d *g722Decoder) Reset() {
	d.dec = g722Bands
	d.x = [24]int32{}
	d.plc.reset()
}

// g722Bands is a fresh decoder that gives the two bands instead of sound: the
// library's mode for the ITU's test sequences, which it does not export. It is
// filled once before main; the library's version is pinned.
var g722Bands = func() g722.Decoder {
	dec := g722.NewDecoder(g722.Rate64000, 0)
	mode := reflect.ValueOf(dec).Elem().FieldByName("ituTestMode")
	if mode.Kind() != reflect.Bool {
		panic("codec: this version of gotranspile/g722 has no ituTestMode: pin the one in go.mod")
	}
	*(*bool)(unsafe.Pointer(mode.UnsafeAddr())) = true
	return *dec
}()
