// Package codec turns 16-bit PCM into RTP payloads and back: Opus, G.722 and
// both laws of G.711, each in one file behind one small interface, with
// concealment of lost packets and comfort noise.
//
// PCM is mono at the codec's SampleRate. Encoders and decoders belong to one
// goroutine at a time and allocate nothing once they are made.
package codec

import (
	"fmt"
	"strings"
	"time"
)

// Codec describes one codec. It is a value: copy it, compare it, use it as a
// map key. NewEncoder and NewDecoder look at Name only.
type Codec struct {
	Name        string // encoding name as in a=rtpmap: "opus", "G722", "PCMU", "PCMA"
	ClockRate   int    // RTP clock in Hz; G.722 says 8000 by mistake of RFC 1890 (RFC 3551, 4.5.2)
	SampleRate  int    // Hz of the PCM its encoder takes and its decoder gives
	Channels    int    // as in a=rtpmap: opus always 2 (RFC 7587, 7), else 1; PCM is mono all the same
	PayloadType int    // static number (RFC 3551, 6), or our dynamic one
	Stateful    bool   // the encoder's past changes its next packet
}

// The codecs Trivox speaks.
var (
	Opus = Codec{Name: "opus", ClockRate: 48000, SampleRate: 48000, Channels: 2, PayloadType: 96, Stateful: true}
	G722 = Codec{Name: "G722", ClockRate: 8000, SampleRate: 16000, Channels: 1, PayloadType: 9, Stateful: true}
	PCMU = Codec{Name: "PCMU", ClockRate: 8000, SampleRate: 8000, Channels: 1, PayloadType: 0}
	PCMA = Codec{Name: "PCMA", ClockRate: 8000, SampleRate: 8000, Channels: 1, PayloadType: 8}
)

// All returns every codec, the one we like best first.
func All() []Codec { return []Codec{Opus, G722, PCMU, PCMA} }

// ByName finds a codec by its encoding name, case ignored (RFC 4855, 3).
func ByName(name string) (Codec, bool) {
	for _, c := range All() {
		if strings.EqualFold(c.Name, name) {
			return c, true
		}
	}
	return Codec{}, false
}

// MaxPayload is the longest payload any encoder here writes, in bytes: 120 ms
// of G.711 or G.722, and the largest Opus frame (RFC 6716, 3.2.1) besides.
const MaxPayload = 1275

// MaxPacketTime is the longest packet a decoder takes (RFC 6716, R5; for the
// others it is our bound).
const MaxPacketTime = 120 * time.Millisecond

// Settings of an encoder. The zero value is usable: 20 ms, 32 kbit/s,
// complexity 0, no FEC. All but PTime concern Opus only.
type Settings struct {
	Bitrate     int           // bit/s, 6000 to 510000; 0 means 32000
	Complexity  int           // 0 (cheapest) to 10
	FEC         bool          // put the previous frame into each packet, at low rate
	LossPercent int           // expected loss, 0 to 100; FEC needs more than 0 to act
	PTime       time.Duration // media time of one packet; 0 means 20 ms
}

// Encoder makes one packet of each call's PCM.
type Encoder interface {
	// Encode writes one payload to dst and returns its length. MaxPayload
	// bytes are always enough. pcm is one packet time at SampleRate.
	Encode(dst []byte, pcm []int16) (int, error)
	// CopyFrom makes this encoder go on exactly as src would: the same input
	// gives the same bytes. Both must have been made by the same Codec with
	// the same Settings; src is only read.
	CopyFrom(src Encoder) error
	// Reset forgets the past and keeps the settings.
	Reset()
}

// Decoder makes PCM of payloads, and of their absence.
type Decoder interface {
	// Decode writes the payload's samples to pcm and returns how many: those
	// Samples promises. After an error the decoder can go on; pcm is then
	// undefined and the caller conceals.
	Decode(pcm []int16, payload []byte) (int, error)
	// Recover fills pcm with the frame lost just before next, from the copy
	// that next carries, and returns how many samples it wrote; 0 when there
	// is none. next itself is decoded afterwards as usual.
	Recover(pcm []int16, next []byte) int
	// Conceal fills pcm with a guess at what was lost, softer as the gap
	// grows, and returns len(pcm).
	Conceal(pcm []int16) int
	// Samples says how many samples at SampleRate the payload will give; 0
	// when it is invalid. It looks at no more than lengths and headers.
	Samples(payload []byte) int
	// Reset forgets the past.
	Reset()
}

// Energizer is a Decoder that can tell a payload's energy without decoding it:
// the sum of its squared samples and their number.
type Energizer interface {
	Energy(payload []byte) (sumSquares uint64, n int)
}

// PacketTime is the longest packet time that this codec can be sent with and
// that is no longer than want; its shortest when there is none. Opus makes no
// packet of 30 ms, whatever a peer asks for in a=ptime.
func (c Codec) PacketTime(want time.Duration) time.Duration {
	if c.Name == Opus.Name {
		best := opusPacketTimes[0]
		for _, t := range opusPacketTimes {
			if t <= want {
				best = t
			}
		}
		return best
	}
	return max(time.Millisecond, min(want.Truncate(time.Millisecond), MaxPacketTime))
}

// NewEncoder makes an encoder; the error names the setting it cannot have.
func (c Codec) NewEncoder(s Settings) (Encoder, error) {
	if s.PTime == 0 {
		s.PTime = 20 * time.Millisecond
	}
	if s.PTime < 0 || s.PTime > MaxPacketTime {
		return nil, fmt.Errorf("codec: %s: packet time %v: need more than 0 and at most %v", c.Name, s.PTime, MaxPacketTime)
	}
	switch c.Name {
	case Opus.Name:
		return newOpusEncoder(s)
	case G722.Name:
		return newG722Encoder(), nil
	case PCMU.Name:
		return &g711Encoder{law: &muLaw}, nil
	case PCMA.Name:
		return &g711Encoder{law: &aLaw}, nil
	}
	return nil, unknown(c.Name)
}

// NewDecoder makes a decoder.
func (c Codec) NewDecoder() (Decoder, error) {
	switch c.Name {
	case Opus.Name:
		return newOpusDecoder()
	case G722.Name:
		return newG722Decoder(), nil
	case PCMU.Name:
		return newG711Decoder(&muLaw), nil
	case PCMA.Name:
		return newG711Decoder(&aLaw), nil
	}
	return nil, unknown(c.Name)
}

func unknown(name string) error {
	return fmt.Errorf("codec: %q: not one of opus, G722, PCMU, PCMA", name)
}
