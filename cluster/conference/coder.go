package conference

import (
	"fmt"
	"time"

	"trivox/media/codec"
	"trivox/mixer"
)

// format is what packets look like: legs of one format share an encoder (DESIGN 7, "encoding group").
type format struct {
	codec codec.Codec
	ptime time.Duration
	set   codec.Settings
}

// samples in one packet, at the codec's sample rate.
func (f format) samples() int {
	return int(int64(f.codec.SampleRate) * int64(f.ptime) / int64(time.Second))
}

// clock units in one packet.
func (f format) units() uint32 {
	return uint32(int64(f.codec.ClockRate) * int64(f.ptime) / int64(time.Second))
}

// slotUnits is how far the RTP timestamp goes in a slot.
func (f format) slotUnits() uint32 {
	return uint32(int64(f.codec.ClockRate) * int64(Slot) / int64(time.Second))
}

// coder turns one variant of the mix into packets of one format: resampled, cut into packet times, encoded.
type coder struct {
	format  format
	down    *mixer.Resampler // rate of the mix to rate of the codec
	encoder codec.Encoder
	pcm     []int16 // not yet sent, at the codec's rate
}

// newCoder makes a coder for a mix of the given rate.
func newCoder(f format, rate int) (*coder, error) {
	down, err := mixer.NewResampler(rate, f.codec.SampleRate)
	if err != nil {
		return nil, fmt.Errorf("conference: %w", err)
	}
	e, err := f.codec.NewEncoder(f.set)
	if err != nil {
		return nil, fmt.Errorf("conference: %w", err)
	}
	slot := f.codec.SampleRate / int(time.Second/Slot)
	return &coder{format: f, down: down, encoder: e, pcm: make([]int16, 0, f.samples()+slot)}, nil
}

// copyFrom makes k go on exactly as o would.
func (k *coder) copyFrom(o *coder) error {
	k.down.CopyFrom(o.down)
	k.pcm = append(k.pcm[:0], o.pcm...)
	return k.encoder.CopyFrom(o.encoder)
}

// keepTime makes a coder that has heard nothing end its packets with o's.
func (k *coder) keepTime(o *coder) {
	k.pcm = k.pcm[:len(o.pcm)]
	clear(k.pcm)
}

// feed takes one slot of a variant at the rate of the mix.
func (k *coder) feed(mixed []int16) {
	n := len(k.pcm)
	k.pcm = k.pcm[:cap(k.pcm)]
	k.pcm = k.pcm[:n+k.down.Process(k.pcm[n:], mixed)]
}

// take takes one slot at the rate of the codec, of a line that hears no mix.
func (k *coder) take(pcm []int16) { k.pcm = append(k.pcm, pcm...) }

// ready tells that a packet time is there.
func (k *coder) ready() bool { return len(k.pcm) >= k.format.samples() }

// next encodes one packet time into dst and returns the packet's size, 0 when the codec fails.
func (k *coder) next(dst []byte) int {
	n := k.format.samples()
	size, err := k.encoder.Encode(dst, k.pcm[:n])
	k.pcm = k.pcm[:copy(k.pcm, k.pcm[n:])]
	if err != nil {
		return 0
	}
	return size
}

// atEdge tells that no half packet waits: the moment when coders can change places.
func (k *coder) atEdge() bool { return len(k.pcm) == 0 }

// tune fits the coder to another rate of the mix.
func (k *coder) tune(rate int) { k.down = mustResampler(rate, k.format.codec.SampleRate) }

// packetsMost is how many packets a slot can give: two of 10 ms, and one more at the edges.
const packetsMost = 3

// group is the legs of one format (DESIGN 7, "encoding group"): what all of them hear is encoded once.
type group struct {
	coder     *coder
	legs      int // that have the format
	packets   [packetsMost][]byte
	count     int   // packets of this slot
	lingering int   // lines that no longer play and still have a coder of their own
	oldest    *line // of them
}

func newGroup(f format, rate int) (*group, error) {
	k, err := newCoder(f, rate)
	if err != nil {
		return nil, err
	}
	g := &group{coder: k}
	for i := range g.packets {
		g.packets[i] = make([]byte, 0, codec.MaxPayload)
	}
	return g, nil
}

// encode makes the packets of this slot. One that cannot be encoded is empty.
func (g *group) encode(mixed []int16) {
	g.coder.feed(mixed)
	for g.count = 0; g.count < packetsMost && g.coder.ready(); g.count++ {
		b := g.packets[g.count]
		g.packets[g.count] = b[:g.coder.next(b[:cap(b)])]
	}
}

// ownMix is a line's mix without itself, and the coder that follows on from the shared one (DESIGN 7).
type ownMix struct {
	on      bool
	limiter *mixer.Limiter
	coder   *coder
	idle    int  // slots since the line last played
	last    bool // its next packet is coded afresh, and its last
}
