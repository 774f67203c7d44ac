package jitter

import (
	"math/rand/v2"
	"testing"
	"time"
)

// A phone that begins with a burst of what it had in store, in whatever way, is heard without delay two seconds later,
// though nobody leaves out anything of its sound but what is thrown away at the beginning.
func TestBurstAtTheBeginning(t *testing.T) {
	tests := []struct {
		name  string
		delay func(i int) time.Duration
	}{
		{"15 at once, then on", func(i int) time.Duration { return time.Duration(max(0, 14-i)) * 20 * ms }},
		{"15 at once, then a pause", func(i int) time.Duration {
			if i < 15 {
				return time.Duration(15-i) * 20 * ms
			}
			return 300 * ms
		}},
		{"one, then 15 at once", func(i int) time.Duration {
			if i == 0 {
				return 0
			}
			return time.Duration(max(0, 15-i)) * 20 * ms
		}},
		{"ten, then ten more at once", func(i int) time.Duration {
			if i < 10 {
				return 200 * ms
			}
			return time.Duration(max(0, 19-i)) * 20 * ms
		}},
		{"ten, then 15 more at once", func(i int) time.Duration {
			switch {
			case i < 10:
				return 300 * ms
			case i < 25:
				return 200*ms + time.Duration(24-i)*20*ms
			}
			return 0
		}},
	}
	for _, test := range tests {
		n := network{packets: 150, delay: func(_ *rand.Rand, i int) time.Duration { return test.delay(i) }}
		b := newBuffer(t, Config{})
		var last time.Duration // from arrival to playing
		play(b, n.run(), always, func(_ int, now time.Duration, s Slot) {
			for _, item := range s.Items {
				if item.Kind == Sound {
					last = now - item.Packet.Arrival
				}
			}
		})
		if s := b.Stats(); last > 80*ms || s.Margin > 10*ms {
			t.Errorf("%s: a packet is played %v after it came, margin %v; %+v", test.name, last, s.Margin, s)
		}
	}
}

// One time that the path holds ten packets back does not cost delay for long; when it comes again and again, it is
// provided for.
func TestHoldUps(t *testing.T) {
	for _, test := range []struct {
		every int // packets
		least time.Duration
		most  time.Duration
	}{{1000, 0, 30 * ms}, {150, 150 * ms, 190 * ms}} {
		n := network{packets: 1200, delay: func(_ *rand.Rand, i int) time.Duration {
			if k := i % test.every; i > 100 && k >= test.every-10 {
				return time.Duration(test.every-1-k) * 20 * ms
			}
			return 0
		}}
		b := newBuffer(t, Config{})
		play(b, n.run(), nil, nil)
		if s := b.Stats(); s.Margin < test.least || s.Margin > test.most {
			t.Errorf("ten at once every %d packets: margin %v, want %v to %v; %+v", test.every, s.Margin, test.least, test.most, s)
		}
	}
}
