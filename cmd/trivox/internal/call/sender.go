package call

import (
	"time"

	"trivox/media"
	"trivox/media/codec"
	"trivox/sip/sdp"
)

const (
	slot        = 20 * time.Millisecond
	digitLength = 100 * time.Millisecond
	digitPause  = 100 * time.Millisecond
)

// sender makes the packets of what is agreed on.
type sender struct {
	codec   codec.Codec
	media   sdp.Media
	enc     codec.Encoder
	source  *source
	pcm     []int16 // one packet time
	kept    int     // samples of pcm that wait for the rest of their packet
	slotPCM []int16
	dialer  *media.Dialer
	payload []byte
	packet  []byte
}

func newSender(p plan, m sdp.Media, old *sender) (*sender, error) {
	c, ok := codec.ByName(m.Codec.Name)
	if !ok {
		c = codec.PCMU
	}
	m.PTime = c.PacketTime(m.PTime)
	settings := codec.Settings{Complexity: p.Complexity, FEC: true, LossPercent: 5, PTime: m.PTime}
	if rate := m.Codec.Opus().MaxAverageBitrate; rate > 0 && c == codec.Opus {
		settings.Bitrate = max(6000, min(rate, 32000))
	}
	enc, err := c.NewEncoder(settings)
	if err != nil {
		return nil, err
	}
	s := &sender{codec: c, media: m, enc: enc, payload: make([]byte, 0, codec.MaxPayload), packet: make([]byte, 0, datagram)}
	s.slotPCM = make([]int16, samples(c.SampleRate, slot))
	s.pcm = make([]int16, samples(c.SampleRate, m.PTime))
	if m.DTMFSend >= 0 {
		if s.dialer, err = media.NewDialer(m.DTMFRate, m.PTime, max(digitLength, m.PTime), digitPause); err != nil {
			return nil, err
		}
	}
	if old != nil {
		s.source = old.source.moveTo(p, c.SampleRate)
		return s, nil
	}
	s.source = newSource(p, c.SampleRate, uint64(time.Now().UnixNano()))
	return s, nil
}

func samples(rate int, d time.Duration) int { return rate * int(d/time.Microsecond) / 1e6 }

// slot takes one slot of sound and gives each packet that is full to send,
// valid until it returns.
func (s *sender) slot(session *media.Session, send func([]byte)) error {
	s.source.read(s.slotPCM)
	for in := s.slotPCM; len(in) > 0; {
		n := copy(s.pcm[s.kept:], in)
		in, s.kept = in[n:], s.kept+n
		if s.kept < len(s.pcm) {
			return nil
		}
		s.kept = 0
		if err := s.one(session, send); err != nil {
			return err
		}
	}
	return nil
}

// skip lets a slot pass that came too late to be sent.
func (s *sender) skip(session *media.Session) {
	s.source.read(s.slotPCM)
	session.Skip(uint32(samples(s.media.Codec.ClockRate, slot)))
}

// one sends the packet of this packet time: sound, or a digit being dialled.
func (s *sender) one(session *media.Session, send func([]byte)) error {
	units := uint32(samples(s.media.Codec.ClockRate, s.media.PTime))
	n, err := s.enc.Encode(s.payload[:cap(s.payload)], s.pcm) // a digit's sound too: the encoder goes on
	if err != nil {
		return err
	}
	if s.dialer != nil {
		event, marker, advance, sending := s.dialer.Next(s.payload[n:n])
		if sending {
			s.packet = session.Build(s.packet[:0], uint8(s.media.DTMFSend), advance, marker, event)
			send(s.packet)
			return nil
		}
	}
	if !s.media.Direction.Sends() {
		session.Skip(units)
		return nil
	}
	s.packet = session.Build(s.packet[:0], s.media.SendPT, units, false, s.payload[:n])
	send(s.packet)
	return nil
}
