package media

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// Settings of the sender of events (RFC 4733, 2.5.1).
const (
	endPackets = 3  // the last packet is sent three times
	volume     = 10 // -10 dBm0, as phones send
	maxDialed  = 64
)

// Dialer sends digits as telephone-events, one packet every packet time. While an event lasts no
// sound is sent.
type Dialer struct {
	rate   int
	ptime  time.Duration
	length int // packets from a digit's first to its first end packet
	pause  int // packet times between digits
	digits string
	sent   int // packets of the present digit
	rest   int // packet times of pause left
}

// NewDialer makes the sender: RTP clock in Hz, packet time, how long each digit lasts and the pause
// after it. A digit lasts at least one packet and at most what 16 bits of the clock can say.
func NewDialer(rate int, ptime, length, pause time.Duration) (*Dialer, error) {
	if rate <= 0 || ptime <= 0 || length < ptime || stampUnits(length+ptime, rate) > fullDuration || pause < 0 || length > time.Minute {
		return nil, fmt.Errorf("media: digits of %v in packets of %v at %d Hz: need at least one packet and at most %v",
			length, ptime, rate, time.Duration(fullDuration)*time.Second/time.Duration(max(rate, 1)))
	}
	return &Dialer{rate: rate, ptime: ptime, length: int((length + ptime - 1) / ptime), pause: int((pause + ptime - 1) / ptime)}, nil
}

// Dial adds digits to those that wait, spaces aside. Nothing is added when one of them is no key.
func (d *Dialer) Dial(digits string) error {
	digits = strings.ToUpper(strings.ReplaceAll(digits, " ", ""))
	for _, r := range digits {
		if !strings.ContainsRune(keys, r) {
			return fmt.Errorf("media: %q is no key of a telephone: need 0 to 9, *, # or A to D", r)
		}
	}
	if len(d.digits)+len(digits) > maxDialed {
		return fmt.Errorf("media: %d digits at once: need at most %d", len(d.digits)+len(digits), maxDialed)
	}
	d.digits += digits
	return nil
}

// Idle tells that all digits have been sent, the pause after the last one included.
func (d *Dialer) Idle() bool { return d.digits == "" && d.rest == 0 }

// Next is called once a packet time. While sending is true the packet of this time is payload,
// appended to dst, and no sound: build it with this marker, and with samples as what the timestamp
// advances after it (all packets of one digit have its first one's timestamp).
func (d *Dialer) Next(dst []byte) (payload []byte, marker bool, samples uint32, sending bool) {
	if d.rest > 0 {
		d.rest--
		return dst, false, 0, false
	}
	if d.digits == "" {
		return dst, false, 0, false
	}
	d.sent++
	packets := min(d.sent, d.length)
	flags := byte(volume)
	if d.sent >= d.length {
		flags |= 0x80
	}
	units := stampUnits(time.Duration(packets)*d.ptime, d.rate)
	dst = append(dst, byte(strings.IndexByte(keys, d.digits[0])), flags)
	dst = binary.BigEndian.AppendUint16(dst, uint16(units))
	marker = d.sent == 1
	if d.sent == d.length+endPackets-1 {
		samples = stampUnits(time.Duration(d.sent)*d.ptime, d.rate)
		d.digits, d.sent, d.rest = d.digits[1:], 0, d.pause
	}
	return dst, marker, samples, true
}
