package jitter

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const ms = time.Millisecond

func newBuffer(t testing.TB, c Config) *Buffer {
	t.Helper()
	if c.ClockRate == 0 {
		c.ClockRate = 8000
	}
	b, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// journal is what a run of play gave.
type journal struct {
	played  []int // packets in the order released
	at      []time.Duration
	lost    int // units concealed
	silence int // units of silence after the first sound and before the last
	pending int
	skipped int // units of packets left out at their beginning
}

func journey(t *testing.T, b *Buffer, packets []sent, heard func(int) bool) (j journal) {
	t.Helper()
	left := 0
	play(b, packets, heard, func(slot int, now time.Duration, s Slot) {
		units := s.Left
		for _, item := range s.Items {
			units += item.Units
			if item.Units <= 0 {
				t.Fatalf("slot %d: item of %d units", slot, item.Units)
			}
			switch item.Kind {
			case Sound:
				p := item.Packet
				if p.Arrival > now {
					t.Fatalf("slot %d: packet %d played before it arrived", slot, p.Seq)
				}
				j.played = append(j.played, index(p))
				j.at = append(j.at, now)
				j.silence += j.pending
				j.pending = 0
				j.skipped += item.Skip
			case Lost:
				j.lost += item.Units
			case Silence:
				if len(j.played) > 0 {
					j.pending += item.Units
				}
			}
		}
		if heard != nil && s.Left != left {
			t.Fatalf("slot %d: %d units left, the slot before left %d", slot, s.Left, left)
		}
		if left = units - int(b.slot); left < 0 {
			t.Fatalf("slot %d: %d units short of a slot", slot, -left)
		}
	})
	return j
}

// index is the number that network.run wrote into the payload.
func index(p *Packet) int {
	return int(p.Payload[0]) | int(p.Payload[1])<<8 | int(p.Payload[2])<<16
}

func upTo(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func always(int) bool { return true }

// Every sender here loses nothing: all packets must be played once, in order.
func TestNothingIsLost(t *testing.T) {
	tests := []struct {
		name    string
		n       network
		lost    int // units that may be concealed before the end
		silence int // least units of silence within
		start   int // packets that may be missed before the path is known
	}{
		{name: "steady, with both numbers wrapping", n: network{}},
		{name: "2 ms of jitter", n: network{delay: normal(2 * ms)}},
		{name: "30 ms packets in 20 ms slots", n: network{ptime: 30 * ms}},
		{name: "60 ms packets", n: network{ptime: 60 * ms}},
		{name: "120 ms packets", n: network{ptime: 120 * ms}},
		{name: "10 ms packets", n: network{ptime: 10 * ms}},
		{name: "48 kHz", n: network{rate: 48000}},
		{name: "two packets every 40 ms", n: network{delay: func(_ *rand.Rand, i int) time.Duration {
			return time.Duration(1-i%2) * 20 * ms
		}}, lost: 320},
		{name: "ten packets at once", n: network{delay: func(_ *rand.Rand, i int) time.Duration {
			return time.Duration(9-i%10) * 20 * ms
		}}, lost: 3200, start: 20},
		{name: "pairs in the wrong order", n: network{delay: func(_ *rand.Rand, i int) time.Duration {
			return time.Duration(1-i%2) * 22 * ms
		}}, lost: 320},
		{name: "silence between talkspurts (SIP RT-6)", n: network{change: func(i int, p *Packet, at *time.Duration) {
			p.Timestamp += uint32(i / 100 * 8000)
			*at += time.Duration(i/100) * time.Second
		}}, lost: 9 * 960, silence: 9 * 6000},
		{name: "a hold, then the timestamp goes on where it stopped (SIP RT-6)", n: network{change: func(i int, p *Packet, at *time.Duration) {
			if i >= 500 {
				*at += 30 * time.Second
			}
		}}, lost: 960, silence: 29 * 8000},
		{name: "a hold, then an older timestamp", n: network{change: func(i int, p *Packet, at *time.Duration) {
			if i >= 500 {
				*at += 30 * time.Second
				p.Timestamp -= 5 * 8000
			}
		}}, lost: 960, silence: 29 * 8000},
		{name: "the sequence number jumps (SIP RT-3)", n: network{change: func(i int, p *Packet, at *time.Duration) {
			if i >= 500 {
				p.Seq += 20000
				p.Timestamp += 123456789
			}
		}}, lost: 960},
		{name: "the timestamp alone jumps ahead", n: network{change: func(i int, p *Packet, at *time.Duration) {
			if i >= 500 {
				p.Timestamp += 800000
			}
		}}, lost: 960},
		{name: "the packet time changes", n: network{change: func(i int, p *Packet, at *time.Duration) {
			times := [...]int{20, 10, 30, 40, 60, 120}
			start, k := 0, i
			for s := 0; ; s++ { // a hundred packets of each in turn
				length := times[s%len(times)]
				if k < 100 {
					start += k * length
					p.Timestamp = uint32(77 + 8*start)
					p.Samples = 8 * length
					*at = time.Duration(start+length) * ms
					return
				}
				k -= 100
				start += 100 * length
			}
		}}, lost: 2400},
		{name: "timestamps counted carelessly", n: network{change: func(i int, p *Packet, _ *time.Duration) {
			p.Timestamp += uint32(i % 3)
		}}},
	}
	for _, test := range tests {
		for _, phase := range []time.Duration{0, 3 * ms, 7 * ms, 19 * ms} {
			test.n.packets, test.n.seed, test.n.phase = 1000, 5, phase
			b := newBuffer(t, Config{ClockRate: max(test.n.rate, 8000)})
			j := journey(t, b, test.n.run(), nil)
			if missed := 1000 - len(j.played); missed > test.start || !inOrder(j.played, test.start, 1000) {
				t.Errorf("%s, phase %v: played %d packets, first wrong %d; %+v", test.name, phase, len(j.played), firstWrong(j.played), b.Stats())
			}
			end := int(b.units(b.c.Concealment)) // after the last packet
			if j.lost > test.lost+end {
				t.Errorf("%s, phase %v: %d units concealed, want at most %d", test.name, phase, j.lost-end, test.lost)
			}
			if j.silence < test.silence {
				t.Errorf("%s, phase %v: %d units of silence, want at least %d", test.name, phase, j.silence, test.silence)
			}
			if s := b.Stats(); s.Lost != 0 {
				t.Errorf("%s, phase %v: %d packets called lost, none was", test.name, phase, s.Lost)
			}
		}
	}
}

// inOrder tells whether all packets from start on were played, each once and
// in order.
func inOrder(played []int, start, all int) bool {
	n := all - start
	return len(played) >= n && slices.Equal(played[len(played)-n:], upTo(all)[start:]) && slices.IsSorted(played)
}

func firstWrong(played []int) int {
	for i, p := range played {
		if p != i {
			return i
		}
	}
	return len(played)
}

func TestCounts(t *testing.T) {
	tests := []struct {
		name string
		n    network
		want func(s Stats) bool
	}{
		{"every tenth packet lost", network{lose: func(_ *rand.Rand, i int) bool { return i%10 == 5 }},
			func(s Stats) bool { return s.Lost == 100 && s.Late == 0 && s.Played == 900 && s.Received == 900 }},
		{"every packet twice", network{double: func(_ *rand.Rand, i int) (bool, time.Duration) { return true, 3 * ms }},
			func(s Stats) bool { return s.Duplicates == 1000 && s.Late == 0 && s.Lost == 0 && s.Played == 1000 }},
		{"every fiftieth packet 300 ms late", network{delay: func(_ *rand.Rand, i int) time.Duration {
			if i > 100 && i%250 == 0 {
				return 300 * ms
			}
			return 0
		}}, func(s Stats) bool { return s.Late == 3 && s.Lost == 0 && s.Played == 997 }},
		{"packets without length", network{change: func(i int, p *Packet, _ *time.Duration) {
			if i%2 == 1 {
				p.Samples = 0
			}
		}}, func(s Stats) bool { return s.Refused == 500 && s.Played == 500 }},
		{"payloads longer than any packet", network{change: func(i int, p *Packet, _ *time.Duration) {
			if i%2 == 1 {
				p.Payload = make([]byte, 1501)
			}
		}}, func(s Stats) bool { return s.Refused == 500 && s.Played == 500 }},
		{"a single packet from elsewhere", network{change: func(i int, p *Packet, _ *time.Duration) {
			if i == 500 {
				p.Seq, p.Timestamp = p.Seq+30000, 4711
			}
		}}, func(s Stats) bool { return s.Resets == 0 && s.Played == 999 && s.Lost == 1 }},
	}
	for _, test := range tests {
		test.n.packets = 1000
		b := newBuffer(t, Config{})
		play(b, test.n.run(), nil, nil)
		if s := b.Stats(); !test.want(s) {
			t.Errorf("%s: %+v", test.name, s)
		}
	}
}

// SIP RT-3: a new SSRC is a new source; nothing of it is muted.
func TestResetStartsAtOnce(t *testing.T) {
	b := newBuffer(t, Config{})
	play(b, network{packets: 500, seed: 1}.run(), nil, nil)
	b.Reset()
	after := network{packets: 500, seed: 2, change: func(_ int, p *Packet, _ *time.Duration) {
		p.Seq, p.Timestamp = p.Seq+12345, p.Timestamp-99999
	}}
	j := journey(t, b, after.run(), nil)
	if !slices.Equal(j.played, upTo(500)) {
		t.Errorf("played %d of 500 packets of the new source", len(j.played))
	}
	if first := j.at[0]; first > time.Second+20*ms+30*ms {
		t.Errorf("the first packet came at 1.02 s and was played at %v", first)
	}
	if s := b.Stats(); s.Resets != 1 || s.Received != 1000 {
		t.Errorf("after one new source: %+v", s)
	}
}

// The path becomes 150 ms longer: playing goes on after the few packets that
// prove it, not after a model has slowly moved.
func TestPathGetsLonger(t *testing.T) {
	n := network{packets: 1000, delay: func(_ *rand.Rand, i int) time.Duration {
		if i >= 500 {
			return 150 * ms
		}
		return 0
	}}
	b := newBuffer(t, Config{})
	j := journey(t, b, n.run(), always)
	if missing := 1000 - len(j.played); missing > lateRun {
		t.Errorf("%d packets not played, want at most %d", missing, lateRun)
	}
	if s := b.Stats(); s.Delay > 40*ms {
		t.Errorf("delay %v after the path has settled, want at most 40 ms", s.Delay)
	}
}

// The path becomes 150 ms shorter: what nobody hears is left out.
func TestPathGetsShorter(t *testing.T) {
	n := network{packets: 1500, delay: func(_ *rand.Rand, i int) time.Duration {
		if i < 500 {
			return 150 * ms
		}
		return 0
	}}
	b := newBuffer(t, Config{})
	play(b, n.run(), nil, nil)
	if s := b.Stats(); s.Delay > 40*ms || s.Late > 0 {
		t.Errorf("after the path has settled: %+v", s)
	}
}

func TestConfigCheck(t *testing.T) {
	if err := (Config{ClockRate: 8000}).Check(); err != nil {
		t.Errorf("the default is refused: %v", err)
	}
	bad := []Config{
		{},
		{ClockRate: 999},
		{ClockRate: 8000, Slot: time.Second},
		{ClockRate: 8000, MinMargin: 20 * ms},
		{ClockRate: 8000, MaxMargin: time.Second},
		{ClockRate: 8000, Concealment: -1},
		{ClockRate: 8000, LatePerMille: 501},
		{ClockRate: 8000, PayloadLimit: -1},
		{ClockRate: 8000, LongestPacket: 2 * time.Second},
	}
	for _, c := range bad {
		if _, err := New(c); err == nil {
			t.Errorf("New(%+v) gave no error", c)
		}
	}
}

// RFC 4733, 2.2: an event's packets take numbers of the same row, all with the
// timestamp of its begin. They are not lost sound, and nothing is made up for them.
func TestEventsAreNotLost(t *testing.T) {
	const from, to = 200, 211 // of these numbers, eight slots and three repeats of the end
	n := network{packets: 600, change: func(i int, p *Packet, at *time.Duration) {
		switch {
		case i >= to: // the repeats of the end take no media time
			p.Timestamp -= 3 * 160
			*at -= 60 * ms
		case i >= to-3:
			*at = (to - 3) * 20 * ms
		}
	}}
	b := newBuffer(t, Config{})
	packets := n.run()
	var concealed, silent, played int
	i := 0
	for slot := range 700 {
		now := time.Duration(slot) * 20 * ms
		for i < len(packets) && packets[i].Arrival <= now {
			if k := packets[i].index; k >= from && k < to {
				b.Skip(packets[i].Seq)
			} else {
				b.Push(now, packets[i].Packet)
			}
			i++
		}
		for _, item := range b.Pop(now, true).Items {
			switch {
			case item.Kind == Sound:
				played++
			case item.Kind == Lost && played < 600-(to-from):
				concealed += item.Units
			case item.Kind == Silence && played > 0 && played < 600-(to-from):
				silent += item.Units
			}
		}
	}
	if s := b.Stats(); s.Lost != 0 || s.Late != 0 || played != 600-(to-from) {
		t.Errorf("played %d: %+v", played, s)
	}
	if concealed > 160 || silent < 7*160-160 || silent > 9*160 {
		t.Errorf("%d units concealed, %d silent; want next to none, and 8 slots", concealed, silent)
	}
}
