package load

import (
	"fmt"
	"math"
	"time"

	"trivox/media/codec"
)

const (
	warmUp = 12 // packets decoded before what is heard counts: a cold Opus decoder is wrong
	// longestDelay bounds the search for a talker's sound.
	longestDelay = 400 * time.Millisecond
	// clearPeak is the least correlation that counts as a talker found. Three
	// equal talkers give 0.58 each.
	clearPeak = 0.3
)

// captured is one packet kept to be listened to after the run.
type captured struct {
	arrival time.Duration
	ts      uint32
	payload []byte
}

// heard is what a leg heard in the end: sound at referenceRate from a time on.
type heard struct {
	pcm   []int16
	start time.Duration // when the content of pcm[0] arrived
	db    float64       // RMS in dBov, -127 for silence
}

// listen decodes captured packets, in the order of arrival. Lost ones leave
// a gap of zeros.
func listen(c codec.Codec, list []captured) (heard, error) {
	h := heard{db: -127}
	dec, err := c.NewDecoder()
	if err != nil {
		return h, fmt.Errorf("load: decoding %s: %w", c.Name, err)
	}
	if len(list) <= warmUp {
		return h, nil
	}
	first := list[warmUp].ts
	buf := make([]int16, c.SampleRate*int(codec.MaxPacketTime/time.Millisecond)/1000)
	var pcm []int16
	var arrivals []time.Duration
	for i, p := range list {
		n, err := dec.Decode(buf, p.payload)
		if err != nil || i < warmUp {
			continue
		}
		at := int(int64(int32(p.ts-first)) * int64(c.SampleRate) / int64(c.ClockRate))
		if at < 0 || at > len(pcm)+c.SampleRate {
			continue // an older packet, or a jump of the server's clock
		}
		for len(pcm) < at+n {
			pcm = append(pcm, 0)
		}
		copy(pcm[at:], buf[:n])
		arrivals = append(arrivals, p.arrival-time.Duration(at)*time.Second/time.Duration(c.SampleRate))
	}
	if len(arrivals) == 0 {
		return h, nil
	}
	h.start = median(arrivals)
	h.db = decibels(pcm)
	h.pcm, err = convert(pcm, c.SampleRate, referenceRate)
	return h, err
}

// ownLag is how much later the loop's sound is after encoding and decoding
// alone, in samples at referenceRate: the loop-back run that is taken off.
func (l *loop) ownLag(c codec.Codec) (int, error) {
	var list []captured
	for i := range 60 {
		list = append(list, captured{ts: uint32(i * c.ClockRate / 50), payload: l.payloads[i]})
	}
	h, err := listen(c, list)
	if err != nil {
		return 0, err
	}
	lag, peak := l.correlate(h.pcm, warmUp*perSlot)
	if peak < clearPeak {
		return 0, fmt.Errorf("load: %s: the test sound is not found again after decoding (correlation %.2f)", c.Name, peak)
	}
	return lag, nil
}

// delay is how long the sound of a talker takes, from the sending of a packet
// to the arrival of the one with the same content. begun is when packet 0 of
// the loop would have been sent. ok is false when the talker is not heard.
func (l *loop) delay(h heard, begun time.Duration) (d time.Duration, ok bool) {
	at := int((h.start - begun) * referenceRate / time.Second)
	lag, peak := l.correlate(h.pcm, at)
	if peak < clearPeak {
		return 0, false
	}
	return time.Duration(lag-l.lag) * time.Second / referenceRate, true
}

// correlate finds by how many samples x is behind the loop, when x[0] is
// compared with sample at of the loop at lag 0.
func (l *loop) correlate(x []int16, at int) (lag int, peak float64) {
	n := len(x)
	if n < referenceRate/5 || len(l.pcm) == 0 {
		return 0, 0
	}
	most := int(longestDelay * referenceRate / time.Second)
	least := -most / 20
	ref := make([]float64, n+most-least)
	for i := range ref {
		j := (at - most + i) % len(l.pcm)
		if j < 0 {
			j += len(l.pcm)
		}
		ref[i] = float64(l.pcm[j])
	}
	y := make([]float64, n)
	energy := 0.0
	for i, s := range x {
		y[i] = float64(s)
		energy += y[i] * y[i]
	}
	refEnergy := 0.0
	for _, r := range ref[:n] {
		refEnergy += r * r
	}
	for shift, c := range products(ref, y) { // lag = most - shift
		if c /= math.Sqrt(energy*refEnergy + 1); c > peak {
			lag, peak = most-shift, c
		}
		if shift+n < len(ref) {
			refEnergy += ref[shift+n]*ref[shift+n] - ref[shift]*ref[shift]
		}
	}
	return lag, peak
}
