package media

import (
	"fmt"
	"time"

	"trivox/media/codec"
	"trivox/media/jitter"
)

// Playout turns the packets of one leg into sound, slot by slot: a jitter
// buffer, a decoder, concealment and stretching. A leg that nobody hears is
// not decoded; when it is heard again, a decoder with a memory is first led
// through the packets kept, output thrown away (DESIGN 3).
//
// Once a slot: Push what has arrived, Tick, and, when the leg is heard, Read.
// Nothing on this way allocates. A Playout is owned by one goroutine.
type Playout struct {
	codec   codec.Codec
	decoder codec.Decoder
	buffer  *jitter.Buffer
	meter   meter

	ratio   int // samples for each RTP clock unit
	slot    int // samples
	now     time.Duration
	present jitter.Slot
	ticked  bool // the present slot can be read
	read    bool // the present slot was read
	warm    bool // the slot before it was read
	leading bool // the decoder is being led through packets kept

	line      []int16 // decoded sound: what was played, then what will be
	from, end int     // of what will be played
	stretch   stretch
	joined    int // slots since sound that is not quiet was shortened
	kept      [keptPackets]*Packet

	noiseTypes [2]uint64 // payload types of comfort noise, one bit each
	noise      *codec.ComfortNoise
	noisy      bool // the sender has told the level of his noise
	silent     int  // samples of silence so far, 0 in sound
}

const (
	joinSlots   = 8  // sound that is not quiet is shortened at most once in so many
	keptPackets = 12 // a cold Opus decoder is wrong for about ten (DESIGN 3)
	staticNoise = 13 // payload type of CN (RFC 3551, 6)
	lineTime    = 320 * time.Millisecond
	fadeTime    = 10 * time.Millisecond // from the last sound to silence
)

// NewPlayout is for one leg that sends this codec with this RTP clock. The
// error says what cannot be had.
func NewPlayout(c codec.Codec, clockRate int, cfg jitter.Config) (*Playout, error) {
	decoder, err := c.NewDecoder()
	if err != nil {
		return nil, fmt.Errorf("media: playout of %s: %w", c.Name, err)
	}
	return newPlayout(c, decoder, clockRate, cfg)
}

func newPlayout(c codec.Codec, decoder codec.Decoder, clockRate int, cfg jitter.Config) (*Playout, error) {
	cfg.ClockRate = clockRate
	buffer, err := jitter.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("media: playout of %s: %w", c.Name, err)
	}
	if c.SampleRate%clockRate != 0 {
		return nil, fmt.Errorf("media: playout of %s: RTP clock %d Hz does not divide %d Hz", c.Name, clockRate, c.SampleRate)
	}
	slot, most := cfg.Slot, cfg.MaxDelay
	if slot == 0 {
		slot = jitter.Default().Slot
	}
	p := &Playout{
		codec: c, decoder: decoder, buffer: buffer,
		ratio:   c.SampleRate / clockRate,
		slot:    samplesIn(slot, c.SampleRate),
		line:    make([]int16, samplesIn(max(lineTime, most)+2*slot, c.SampleRate)),
		stretch: newStretch(c.SampleRate, c.SampleRate/clockRate),
		noise:   codec.NewComfortNoise(1),
	}
	p.meter = newMeter(c, decoder)
	p.SetNoise(staticNoise)
	return p, nil
}

func samplesIn(d time.Duration, rate int) int { return int(d * time.Duration(rate) / time.Second) }

// SetNoise makes a payload type comfort noise (RFC 3389); 13 always is (RT-7).
func (p *Playout) SetNoise(pt uint8) { p.noiseTypes[pt>>6&1] |= 1 << (pt & 63) }

func (p *Playout) isNoise(pt uint8) bool { return p.noiseTypes[pt>>6&1]>>(pt&63)&1 != 0 }

// Push takes a packet of sound or comfort noise and copies its payload. Its
// Samples are filled in when they are 0.
func (p *Playout) Push(now time.Duration, pkt Packet) {
	if pkt.Samples == 0 {
		pkt.Samples = p.samples(&pkt)
	}
	p.buffer.Push(now, pkt)
}

// Skip takes a packet of the same source that is no sound, such as a telephone
// event: its number is then not missing (RFC 4733, 2.2).
func (p *Playout) Skip(pkt Packet) { p.buffer.Skip(pkt.Seq) }

// samples is how many RTP clock units the packet lasts, 0 when it is invalid.
// What a comfort-noise packet stands for ends with the next packet.
func (p *Playout) samples(pkt *Packet) int {
	if p.isNoise(pkt.PT) {
		return p.slot / p.ratio
	}
	return p.decoder.Samples(pkt.Payload) / p.ratio
}

// Reset begins anew with another source (SIP RT-3: a new SSRC).
func (p *Playout) Reset() {
	p.buffer.Reset()
	p.meter.reset()
	p.noisy = false
	p.ticked, p.read, p.warm = false, false, false
}

// Tick advances by one slot, heard or not.
func (p *Playout) Tick(now time.Duration) {
	p.now = now
	p.warm = p.read
	p.read = false
	p.present = p.buffer.Pop(now, p.warm)
	p.ticked = true
}

// Slot is what begins in the present slot: what goes to those who get packets
// instead of sound. It is valid until the next Push or Tick.
func (p *Playout) Slot() jitter.Slot { return p.present }

// Read writes the sound of the present slot, one slot at the codec's
// SampleRate, and returns its length. It returns 0 when pcm is shorter, or
// when there was no Tick since the last Read.
func (p *Playout) Read(pcm []int16) int {
	if !p.ticked || len(pcm) < p.slot {
		return 0
	}
	p.ticked = false
	p.read = true
	if !p.warm {
		p.warmUp()
	}
	units := p.present.Left
	for i := range p.present.Items {
		p.play(&p.present.Items[i])
		units += p.present.Items[i].Units
	}
	p.align(units * p.ratio)
	if p.warm && p.present.Excess != 0 {
		p.adjust(p.present.Excess * p.ratio)
	}
	copy(pcm[:p.slot], p.line[p.from:])
	p.from += p.slot
	return p.slot
}

// warmUp leads the decoder through the packets before the present slot. One
// without a memory needs only what is still to be played and the sound before it.
func (p *Playout) warmUp() {
	p.decoder.Reset()
	p.from, p.end = 0, 0
	p.silent = 0
	p.leading = true
	kept := p.kept[:p.buffer.Before(p.kept[:])]
	if !p.codec.Stateful && len(kept) > 2 {
		kept = kept[len(kept)-2:]
	}
	for _, pkt := range kept {
		if pkt == nil {
			p.conceal(p.slot, nil)
		} else {
			p.sound(pkt, 0, pkt.Samples*p.ratio)
		}
		p.from = p.end
	}
	clear(p.kept[:])
	p.leading = false
}

// align makes what is to be played that long, whatever happened before.
func (p *Playout) align(length int) {
	length = min(length, len(p.line))
	if missing := length - p.end; missing > 0 {
		copy(p.line[missing:], p.line[:p.end])
		clear(p.line[:missing])
		p.end += missing
	}
	p.from = p.end - length
}

// adjust leaves out about so many samples, or puts them in when negative,
// where it is not heard.
func (p *Playout) adjust(excess int) {
	if p.end-p.from < p.stretch.join {
		return
	}
	var to int
	if excess > 0 {
		if excess < p.stretch.least {
			return
		}
		worth := excess >= p.slot*3/4 // for less, wait for a quiet place
		p.stretch.hurry = max(0, excess/p.slot-2)
		quiet := p.stretch.quiet(p.line, p.from, p.from)
		if p.joined++; !quiet && (!worth || p.joined < joinSlots) {
			return
		}
		excess = min(excess, p.stretch.most)
		for _, item := range p.buffer.More(p.now, excess/p.ratio) {
			p.play(&item)
		}
		to = p.stretch.shorten(p.line[:p.end], p.from, min(excess, p.end-p.from-p.slot), worth)
		if !quiet && to != p.from {
			p.joined = 0
		}
	} else {
		to = p.stretch.lengthen(p.line[:p.end], p.from, -excess)
	}
	if to != p.from {
		p.buffer.Shift((to - p.from) / p.ratio)
		p.from = to
	}
}

// Stats is what the leg's report tells of its playout.
func (p *Playout) Stats() jitter.Stats { return p.buffer.Stats() }
