package jitter

import "time"

// delays is the distribution of how much later than expected the packets of a
// leg came, forgetting by halves: it tells the delay that all but a given
// share stay under. Memory is fixed and adding costs a few nanoseconds.
type delays struct {
	bins  [fine + coarse]uint16
	total int
}

const (
	fine       = 128                    // bins of fineWidth from 0
	coarse     = 64                     // bins of coarseWidth above them
	fineWidth  = 250 * time.Microsecond // 32 ms in all
	coarseWide = 4 * time.Millisecond   // 256 ms more
	forgetAt   = 2048                   // packets; then every count is halved
)

// add counts a packet. One earlier than expected counts as in time.
func (d *delays) add(late time.Duration) {
	i := 0
	switch {
	case late <= 0:
	case late < fine*fineWidth:
		i = int(late / fineWidth)
	default:
		i = min(fine+int((late-fine*fineWidth)/coarseWide), fine+coarse-1)
	}
	d.bins[i]++
	d.total++
	if d.total >= forgetAt {
		d.halve()
	}
}

func (d *delays) halve() {
	d.total = 0
	for i := range d.bins {
		d.bins[i] /= 2
		d.total += int(d.bins[i])
	}
}

func (d *delays) reset() { *d = delays{} }

// beyond is the delay that perMille thousandths of the packets went beyond,
// interpolated inside its bin; 0 when nothing was counted.
func (d *delays) beyond(perMille int) time.Duration {
	if d.total == 0 {
		return 0
	}
	left := float64(d.total) * float64(perMille) / 1000
	for i := len(d.bins) - 1; i >= 0; i-- {
		n := float64(d.bins[i])
		if n <= left || n == 0 {
			left -= n
			continue
		}
		from, width := edges(i)
		if i == 0 {
			return 0
		}
		return from + time.Duration((1-left/n)*float64(width))
	}
	return 0
}

func edges(i int) (from, width time.Duration) {
	if i < fine {
		return time.Duration(i) * fineWidth, fineWidth
	}
	return fine*fineWidth + time.Duration(i-fine)*coarseWide, coarseWide
}
