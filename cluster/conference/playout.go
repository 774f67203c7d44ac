package conference

import (
	"context"
	"time"

	"trivox/media"
	"trivox/media/codec"
	"trivox/media/jitter"
	"trivox/sip/sdp"
)

// newPlayout makes what plays a codec's packets.
func newPlayout(k codec.Codec, m sdp.Media) (*media.Playout, error) {
	p, err := media.NewPlayout(k, k.ClockRate, jitter.Config{Slot: Slot})
	if err == nil && m.CN >= 0 {
		p.SetNoise(uint8(m.CN))
	}
	return p, err
}

// payloadType is a number of sound and what it means.
type payloadType struct {
	number uint8
	codec  codec.Codec
}

// payloadTypes are those that a peer may send: of the codec agreed on, and of others that both sides named, to which it
// may change without a word (RFC 3264, 6.1).
func payloadTypes(agreed codec.Codec, m sdp.Media) []payloadType {
	out := []payloadType{{m.RecvPT, agreed}}
	for _, n := range m.AlsoRecvPT {
		out = append(out, payloadType{n, agreed})
	}
	for _, other := range m.AlsoReceive {
		if k, ok := codec.ByName(other.Name); ok {
			out = append(out, payloadType{other.PayloadType, k})
		}
	}
	return out
}

// codecOf is what a payload type means; the session lets no others through.
func (l *line) codecOf(number uint8) codec.Codec {
	for _, t := range l.types {
		if t.number == number {
			return t.codec
		}
	}
	return l.hears
}

// turn asks for a playout of another codec, which takes memory that the worker does not take. What comes until it is
// there is not heard: some tens of milliseconds.
func (c *conference) turn(l *line, k codec.Codec) {
	if l.turning {
		return
	}
	e := c.event(legTurns, l)
	e.leg, e.codec = l.leg, k
	l.turning = c.server.report(e)
}

// hear makes a playout for another codec and gives it to the worker.
func (l *Leg) hear(k codec.Codec) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || l.line == nil {
		return
	}
	p, err := newPlayout(k, *l.agreed)
	if err != nil {
		return // of our own codecs every one can be made
	}
	ln := l.line
	_ = l.room.conf.worker.do(context.Background(), func(time.Duration) { // fails when the worker has ended, and the line with it
		ln.next, ln.nextHears = p, k
	})
}
