package jitter

import "time"

// Stats is what a leg's report tells of its buffer.
type Stats struct {
	Received   uint64 // packets pushed
	Played     uint64 // packets released
	Late       uint64 // came after their time
	Lost       uint64 // gaps in the numbering less the late ones
	Duplicates uint64
	Refused    uint64 // too long, without length, or fitting nothing
	Dropped    uint64 // given up to bound the delay
	Resets     uint64 // new sources and jumps

	Concealed time.Duration // sound that was missing
	Shrunk    time.Duration // sound left out to lessen the delay
	Grown     time.Duration // sound put in to increase it

	Delay    time.Duration // from arrival to playing, running mean
	MaxDelay time.Duration // greatest of all
	Margin   time.Duration // how long after its undelayed arrival a packet may be played
	Jitter   time.Duration // interarrival jitter (RFC 3550, A.8)
	Drift    float64       // sender's clock against ours, parts per million
	Waiting  int           // packets held and not yet played
}

// counters are the figures as they are kept.
type counters struct {
	Received, Played, Late, Missing, Duplicates, Refused, Dropped, Resets uint64
	Concealed, Shrunk, Grown                                              uint64 // units

	delay, maxDelay time.Duration
	jitter, transit time.Duration
}

// released counts a packet that was played that long after its arrival, after
// a gap of so many numbers.
func (c *counters) released(delay time.Duration, gap int64) {
	if c.Played == 0 {
		c.delay = delay
	}
	c.Played++
	c.Missing += uint64(gap)
	c.delay += (delay - c.delay) / 64
	c.maxDelay = max(c.maxDelay, delay)
}

// Stats is the present state and the counts since New.
func (b *Buffer) Stats() Stats {
	c := &b.stats
	s := Stats{
		Received: c.Received, Played: c.Played, Late: c.Late, Duplicates: c.Duplicates,
		Refused: c.Refused, Dropped: c.Dropped, Resets: c.Resets,
		Concealed: b.duration(int64(c.Concealed)),
		Shrunk:    b.duration(int64(c.Shrunk)), Grown: b.duration(int64(c.Grown)),
		Delay: c.delay, MaxDelay: c.maxDelay, Margin: b.margin, Jitter: c.jitter,
		Drift: b.clock.drift(),
	}
	if c.Missing > c.Late {
		s.Lost = c.Missing - c.Late
	}
	for r := b.first(); r != nil; r = b.after(r.seq) {
		s.Waiting++
	}
	return s
}
