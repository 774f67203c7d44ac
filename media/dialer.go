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
	// A key that was held longer is passed on as if held so long: meanwhile there is no sound.
	longestSent = 3 * time.Second
)

// Dialer sends digits as telephone-events, one packet every packet time. While an event lasts no
// sound is sent.
type Dialer struct {
	rate   int
	ptime  time.Duration
	length int // packets from a digit's first to its first end packet, at least
	pause  int // packet times between digits
	queue  [maxDialed]dialed
	queued int
	sent   int // packets of the present digit
	rest   int // packet times of pause left
	lost   uint64
}

// dialed is a digit that waits to be sent, or is being sent.
type dialed struct {
	event  byte
	length int // packets from its first to its first end packet
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
	if d.queued+len(digits) > maxDialed {
		return fmt.Errorf("media: %d digits at once: need at most %d", d.queued+len(digits), maxDialed)
	}
	for i := range len(digits) {
		d.Press(Digit{Key: digits[i]})
	}
	return nil
}

// Press adds a digit to those that wait, which lasts as long as it was pressed, but no shorter than what NewDialer was
// told and no longer than longestSent. It reports false, and counts it, when it cannot be sent: 64 wait, or it is no key.
func (d *Dialer) Press(digit Digit) bool {
	event := strings.IndexByte(keys, digit.Key)
	if event < 0 || d.queued == maxDialed {
		d.lost++
		return false
	}
	longest := min(longestSent, time.Duration(fullDuration)*time.Second/time.Duration(d.rate))
	length := max(d.length, int((min(digit.Duration, longest)+d.ptime-1)/d.ptime))
	for length > d.length && stampUnits(time.Duration(length)*d.ptime, d.rate) > fullDuration {
		length--
	}
	d.queue[d.queued] = dialed{event: byte(event), length: length}
	d.queued++
	return true
}

// Lost counts the digits that Press did not take.
func (d *Dialer) Lost() uint64 { return d.lost }

// Idle tells that all digits have been sent, the pause after the last one included.
func (d *Dialer) Idle() bool { return d.queued == 0 && d.rest == 0 }

// Next is called once a packet time. While sending is true the packet of this time is payload,
// appended to dst, and no sound: build it with this marker, and with samples as what the timestamp
// advances after it (all packets of one digit have its first one's timestamp).
func (d *Dialer) Next(dst []byte) (payload []byte, marker bool, samples uint32, sending bool) {
	if d.rest > 0 {
		d.rest--
		return dst, false, 0, false
	}
	if d.queued == 0 {
		return dst, false, 0, false
	}
	d.sent++
	present := d.queue[0]
	packets := min(d.sent, present.length)
	flags := byte(volume)
	if d.sent >= present.length {
		flags |= 0x80
	}
	units := stampUnits(time.Duration(packets)*d.ptime, d.rate)
	dst = append(dst, present.event, flags)
	dst = binary.BigEndian.AppendUint16(dst, uint16(units))
	marker = d.sent == 1
	if d.sent == present.length+endPackets-1 {
		samples = stampUnits(time.Duration(d.sent)*d.ptime, d.rate)
		copy(d.queue[:], d.queue[1:d.queued])
		d.queued--
		d.sent, d.rest = 0, d.pause
	}
	return dst, marker, samples, true
}
