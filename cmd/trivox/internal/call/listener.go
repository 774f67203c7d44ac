package call

import (
	"math"
	"time"

	"trivox/media"
	"trivox/media/codec"
	"trivox/media/jitter"
	"trivox/sip/sdp"
)

// listener turns what arrives into sound, slot by slot.
type listener struct {
	media   sdp.Media
	pt      uint8
	codec   codec.Codec
	playout *media.Playout
	digits  *media.Digits
	before  jitter.Stats // of playouts that a change of codec ended
	pcm     []int16
	heard   bool    // some sound has come
	level   float64 // RMS of the latest slot, of full scale
	peak    float64 // largest slot so far
	square  float64 // sum of squares of all slots
	slots   int
}

func newListener(m sdp.Media) (*listener, error) {
	l := &listener{}
	return l, l.agree(m)
}

// agree takes what is agreed on.
func (l *listener) agree(m sdp.Media) error {
	l.media = m
	if m.DTMFRecv >= 0 {
		l.digits = media.NewDigits(m.DTMFRate)
	}
	return l.use(m.RecvPT)
}

// use plays packets of this type from now on.
func (l *listener) use(pt uint8) error {
	c, ok := codecOf(l.media, pt)
	l.pt = pt
	if !ok || c == l.codec && l.playout != nil {
		return nil
	}
	p, err := media.NewPlayout(c, c.ClockRate, jitter.Config{})
	if err != nil {
		return err
	}
	if l.media.CN >= 0 {
		p.SetNoise(uint8(l.media.CN))
	}
	if l.playout != nil {
		l.before = add(l.before, l.playout.Stats())
	}
	l.codec, l.playout = c, p
	l.pcm = make([]int16, samples(c.SampleRate, slot))
	return nil
}

func (l *listener) take(now time.Duration, p media.Packet, v media.Verdict) error {
	if v.NewSource {
		l.playout.Reset()
		if l.digits != nil {
			l.digits.Reset()
		}
	}
	switch v.Kind {
	case media.Event:
		if l.digits != nil {
			l.digits.Receive(now, p.Timestamp, p.Payload)
		}
	case media.Sound:
		l.heard = true
		if p.PT != l.pt {
			if err := l.use(p.PT); err != nil {
				return err
			}
		}
		l.playout.Push(now, p)
	case media.Noise:
		l.playout.Push(now, p)
	}
	return nil
}

// slot plays one slot. The sound is valid until the next call; it is silence
// before the first packet.
func (l *listener) slot(now time.Duration) []int16 {
	l.playout.Tick(now)
	n := l.playout.Read(l.pcm)
	clear(l.pcm[n:])
	var sum float64
	for _, v := range l.pcm {
		sum += float64(v) * float64(v)
	}
	mean := sum / float64(len(l.pcm)) / (32768 * 32768)
	l.level = math.Sqrt(mean)
	l.peak = max(l.peak, l.level)
	l.square += mean
	l.slots++
	return l.pcm
}

func (l *listener) stats() jitter.Stats { return add(l.before, l.playout.Stats()) }

// add keeps the present state of b and sums the counts.
func add(a, b jitter.Stats) jitter.Stats {
	b.Received += a.Received
	b.Played += a.Played
	b.Late += a.Late
	b.Lost += a.Lost
	b.Duplicates += a.Duplicates
	b.Concealed += a.Concealed
	b.MaxDelay = max(a.MaxDelay, b.MaxDelay)
	return b
}
