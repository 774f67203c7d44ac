package media

import (
	"trivox/media/codec"
	"trivox/media/jitter"
)

// play puts an item at the end of the line.
func (p *Playout) play(item *jitter.Item) {
	n := item.Units * p.ratio
	switch item.Kind {
	case jitter.Sound:
		if item.Cut && p.silent == 0 && !p.codec.Stateful { // what is concealed is blended into what comes; a memory blends by itself
			p.decoder.Conceal(p.room(p.ratio)[:p.ratio])
		}
		p.sound(item.Packet, item.Skip*p.ratio, n)
	case jitter.Lost:
		p.conceal(n, item.Next)
	case jitter.Silence:
		p.silence(n)
	}
}

// room makes place for n samples and returns it. What was played is kept as
// far as stretching may go back.
func (p *Playout) room(n int) []int16 {
	if p.end+n > len(p.line) {
		old := max(0, p.from-p.stretch.most)
		copy(p.line, p.line[old:p.end])
		p.from -= old
		p.end -= old
	}
	return p.line[p.end:min(p.end+n, len(p.line))]
}

// sound decodes a packet, leaves skip samples out and puts n on the line.
func (p *Playout) sound(pkt *Packet, skip, n int) {
	if p.isNoise(pkt.PT) {
		p.setNoise(pkt.Payload)
		p.silence(n)
		return
	}
	pcm := p.room(skip + n)
	got, err := p.decoder.Decode(pcm, pkt.Payload)
	if err != nil || got <= skip {
		p.conceal(n, nil)
		return
	}
	clear(pcm[got:])
	if !p.leading {
		p.meter.check(pkt, pcm)
	}
	p.end += copy(pcm, pcm[skip:])
	p.silent = 0
}

// conceal puts n samples on the line for what was lost, from the copy in the
// next packet when it has one, else made up.
func (p *Playout) conceal(n int, next *Packet) {
	pcm := p.room(n)
	p.end += len(pcm)
	if p.silent > 0 { // nothing to go on from
		p.hush(pcm)
		return
	}
	if next != nil && !p.isNoise(next.PT) && p.decoder.Recover(pcm, next.Payload) == len(pcm) {
		return
	}
	p.decoder.Conceal(pcm)
}

// silence puts n samples on the line in which the sender sent nothing: the
// last sound fades, then there is the noise he described, or nothing.
func (p *Playout) silence(n int) {
	pcm := p.room(n)
	p.end += len(pcm)
	fade := samplesIn(fadeTime, p.codec.SampleRate)
	if p.silent >= fade || p.end == len(pcm) {
		p.hush(pcm)
		return
	}
	tail := pcm[:min(len(pcm), fade-p.silent)]
	p.decoder.Conceal(tail)
	for i := range tail {
		tail[i] = int16(int(tail[i]) * (fade - p.silent - i) / fade)
	}
	p.silent += len(tail)
	p.hush(pcm[len(tail):])
}

// hush fills pcm with the sender's noise, or nothing.
func (p *Playout) hush(pcm []int16) {
	p.silent += len(pcm)
	if p.noisy {
		p.noise.Read(pcm)
		return
	}
	clear(pcm)
}

func (p *Playout) setNoise(payload []byte) {
	level, ok := codec.NoiseLevel(payload)
	if !ok {
		level = codec.DefaultNoise
	}
	p.noise.SetLevel(level)
	p.noisy = true
}
