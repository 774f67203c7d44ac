package media

import (
	"math"

	"trivox/media/codec"
)

// meter tells how loud a packet is when it arrives, before anything decides
// whether it is heard:
//
//   - from a table, where the codec has one (G.711);
//   - from the level the sender states (RFC 6464), as long as what is heard of
//     him agrees with it;
//   - else by decoding, with a decoder that does nothing else.
//
// The decoder that plays cannot be the one that measures: packets are measured
// as they come and played in order, later, with concealment between. Measuring
// costs a decoding of every packet either way; the second decoder adds one of
// those packets that are heard, at most N_max legs in a conference.
type meter struct {
	codec   codec.Codec
	energy  codec.Energizer
	decoder codec.Decoder // made when the first packet needs it
	pcm     []int16

	claims        int     // packets compared
	claimed, real float64 // sums of squared amplitudes
	liar          bool
}

const (
	claimPackets = 16  // compared at a time (DESIGN 3)
	claimLimit   = 4.0 // the claim may be twice the sound, 6 dB, in amplitude
	claimFloor   = 66  // amplitude, -60 dBov: a claim this low is believed
)

// amplitudes of the levels of RFC 6464, 0 to -127 dBov.
var amplitudes = func() (a [128]uint16) {
	for i := range a {
		a[i] = uint16(math.Round(65535 * math.Pow(10, -float64(i)/20)))
	}
	return a
}()

func newMeter(c codec.Codec, d codec.Decoder) meter {
	e, _ := d.(codec.Energizer)
	return meter{codec: c, energy: e}
}

// Measure fills in Samples and Amplitude of a packet that has arrived. Packets
// are measured once each, in the order of their arrival. It allocates at the
// first packet that has to be decoded for it.
func (p *Playout) Measure(pkt *Packet) {
	pkt.Samples = p.samples(pkt)
	pkt.Amplitude = 0
	if pkt.Samples == 0 || p.isNoise(pkt.PT) {
		return
	}
	pkt.Amplitude = p.meter.amplitude(pkt)
}

func (m *meter) amplitude(pkt *Packet) uint16 {
	if m.energy != nil {
		return rms(m.energy.Energy(pkt.Payload))
	}
	if pkt.Level >= 0 && !m.liar {
		return amplitudes[pkt.Level]
	}
	if m.decoder == nil {
		d, err := m.codec.NewDecoder()
		if err != nil {
			return 0
		}
		m.decoder = d
		m.pcm = make([]int16, samplesIn(codec.MaxPacketTime, m.codec.SampleRate))
	}
	n, err := m.decoder.Decode(m.pcm, pkt.Payload)
	if err != nil {
		return 0
	}
	return rms(sumSquares(m.pcm[:n]), n)
}

// check compares what a sender states with what he is heard to say. The
// decoder has been led through the packets kept, so all of it counts. One who
// states more than he says is decoded from then on.
func (m *meter) check(pkt *Packet, pcm []int16) {
	if m.energy != nil || pkt.Level < 0 || m.liar {
		return
	}
	x, y := float64(amplitudes[pkt.Level]), float64(rms(sumSquares(pcm), len(pcm)))
	m.claimed += x * x
	m.real += y * y
	if m.claims++; m.claims < claimPackets {
		return
	}
	m.liar = m.claimed > claimLimit*m.real+claimPackets*claimFloor*claimFloor
	m.claims, m.claimed, m.real = 0, 0, 0
}

// reset forgets the source.
func (m *meter) reset() {
	m.claims, m.claimed, m.real, m.liar = 0, 0, 0, false
	if m.decoder != nil {
		m.decoder.Reset()
	}
}

func sumSquares(pcm []int16) (sum uint64) {
	for _, v := range pcm {
		sum += uint64(int64(v) * int64(v))
	}
	return sum
}

// rms is the amplitude of n samples: 65535 is full scale.
func rms(sum uint64, n int) uint16 {
	if n <= 0 {
		return 0
	}
	return uint16(min(65535, math.Sqrt(4*float64(sum)/float64(n))))
}
