package jitter

import (
	"fmt"
	"time"
)

// Config says how one leg's buffer behaves. Its zero fields mean the value of
// Default; ClockRate has no default.
type Config struct {
	ClockRate     int           // RTP clock of the payload, in hertz
	Slot          time.Duration // one Pop plays this much
	FirstMargin   time.Duration // least margin while the leg's jitter is unknown
	MinMargin     time.Duration // least margin ever (DESIGN 3)
	MaxMargin     time.Duration // greatest margin, whatever the jitter
	MaxDelay      time.Duration // sound waiting beyond this is thrown away at once
	Concealment   time.Duration // a gap longer than this is silence
	LatePerMille  int           // share of packets that the margin gives up, in 1/1000
	PayloadLimit  int           // longer payloads are refused, in bytes
	LongestPacket time.Duration // a longer packet is refused
}

// Default is what a telephone conference wants: 99.5 % of the packets in time,
// at least 2 ms (DESIGN 3).
func Default() Config {
	return Config{
		Slot:          20 * time.Millisecond,
		FirstMargin:   10 * time.Millisecond,
		MinMargin:     2 * time.Millisecond,
		MaxMargin:     240 * time.Millisecond,
		MaxDelay:      320 * time.Millisecond,
		Concealment:   120 * time.Millisecond,
		LatePerMille:  5,
		PayloadLimit:  1500,
		LongestPacket: 120 * time.Millisecond,
	}
}

// fill puts the default in every zero field.
func (c Config) fill() Config {
	d := Default()
	durations := []struct{ field, value *time.Duration }{
		{&c.Slot, &d.Slot},
		{&c.FirstMargin, &d.FirstMargin},
		{&c.MinMargin, &d.MinMargin},
		{&c.MaxMargin, &d.MaxMargin},
		{&c.MaxDelay, &d.MaxDelay},
		{&c.Concealment, &d.Concealment},
		{&c.LongestPacket, &d.LongestPacket},
	}
	for _, x := range durations {
		if *x.field == 0 {
			*x.field = *x.value
		}
	}
	if c.LatePerMille == 0 {
		c.LatePerMille = d.LatePerMille
	}
	if c.PayloadLimit == 0 {
		c.PayloadLimit = d.PayloadLimit
	}
	return c
}

// Check says which setting cannot be used.
func (c Config) Check() error {
	c = c.fill()
	switch {
	case c.ClockRate < 1000 || c.ClockRate > 192000:
		return fmt.Errorf("jitter: clock rate %d Hz: need 1000 to 192000", c.ClockRate)
	case c.Slot < time.Millisecond || c.Slot > 120*time.Millisecond:
		return fmt.Errorf("jitter: slot %v: need 1 ms to 120 ms", c.Slot)
	case c.MinMargin < 0 || c.FirstMargin < c.MinMargin || c.MaxMargin < c.FirstMargin:
		return fmt.Errorf("jitter: margins %v, %v, %v: need least <= first <= greatest", c.MinMargin, c.FirstMargin, c.MaxMargin)
	case c.MaxDelay < c.MaxMargin+c.Slot:
		return fmt.Errorf("jitter: greatest delay %v: need at least the greatest margin and a slot, %v", c.MaxDelay, c.MaxMargin+c.Slot)
	case c.Concealment < 0:
		return fmt.Errorf("jitter: concealment %v: need a duration of 0 or more", c.Concealment)
	case c.LatePerMille < 1 || c.LatePerMille > 500:
		return fmt.Errorf("jitter: %d late packets in 1000: need 1 to 500", c.LatePerMille)
	case c.PayloadLimit < 1 || c.PayloadLimit > 65507:
		return fmt.Errorf("jitter: payloads of at most %d bytes: need 1 to 65507", c.PayloadLimit)
	case c.LongestPacket < c.Slot/8 || c.LongestPacket > time.Second:
		return fmt.Errorf("jitter: packets of at most %v: need an eighth of a slot to 1 s", c.LongestPacket)
	}
	return nil
}
