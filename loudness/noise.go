package loudness

import (
	"math"
	"time"
)

const (
	noiseBlock = 4 // slots whose mean is one reading of the noise
	noiseParts = 8 // parts of the window, dropped one at a time
	noiseUnit  = noiseBlock * noiseParts
	noiseKnown = noiseParts / 2 // parts to be heard before the floor counts
)

// follower estimates a leg's noise floor by minimum statistics: speech pauses
// at least once in a few seconds, noise does not, so the quietest moment of
// the latest seconds is the noise. It falls within one block (4 slots) of a
// pause, and rises once a whole window has been louder.
type follower struct {
	block  time.Duration // media time of one reading
	blocks int           // readings in one part

	filled time.Duration // of the present reading
	area   uint64        // amplitude times nanoseconds in filled

	parts   [noiseParts]uint16 // lowest reading of each past part
	oldest  int
	past    int    // parts ever completed, counted up to noiseKnown
	lowest  uint16 // of the present part, meaningful when readings > 0
	reading int    // readings in the present part

	floor uint16
	known bool // enough was heard for the floor to mean something
}

func newFollower(p Params) follower {
	f := follower{block: noiseBlock * p.Slot, blocks: p.NoiseWindow / noiseUnit}
	f.reset()
	return f
}

func (f *follower) reset() {
	*f = follower{block: f.block, blocks: f.blocks}
	for i := range f.parts {
		f.parts[i] = math.MaxUint16 // nothing heard yet
	}
}

// add takes the ungated amplitude x lasting d.
func (f *follower) add(x uint16, d time.Duration) {
	d = min(d, f.block*time.Duration(f.blocks)*(noiseParts+1))
	for d > 0 {
		take := min(d, f.block-f.filled)
		f.area += uint64(x) * uint64(take)
		f.filled += take
		d -= take
		if f.filled == f.block {
			f.read(uint16(f.area / uint64(f.block)))
			f.filled, f.area = 0, 0
		}
	}
}

// read takes one reading.
func (f *follower) read(mean uint16) {
	if f.reading == 0 || mean < f.lowest {
		f.lowest = mean
	}
	f.reading++
	f.floor = f.lowest
	for _, l := range f.parts {
		f.floor = min(f.floor, l)
	}
	if f.known = f.past >= noiseKnown; !f.known {
		f.floor = 0
	}
	if f.reading == f.blocks {
		f.past = min(f.past+1, noiseKnown)
		f.parts[f.oldest] = f.lowest
		f.oldest = next(f.oldest, noiseParts)
		f.reading = 0
	}
}
