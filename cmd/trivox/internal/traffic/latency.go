package traffic

import (
	"math"
	"time"
)

// latencies counts how long things took: by 20 us up to a second, by 1 ms up to 32 s, which is as long as a transaction
// lasts.
type latencies struct {
	fine   [50_000]uint32
	coarse [32_000]uint32
	n      uint64
	worst  time.Duration
}

const (
	fineStep   = 20 * time.Microsecond
	coarseStep = time.Millisecond
)

func (l *latencies) add(d time.Duration) {
	l.n++
	l.worst = max(l.worst, d)
	if i := int(d / fineStep); i >= 0 && i < len(l.fine) {
		l.fine[i]++
		return
	}
	l.coarse[min(max(int(d/coarseStep), 0), len(l.coarse)-1)]++
}

// quantile is what a share of them did not exceed, to the end of its step.
func (l *latencies) quantile(q float64) time.Duration {
	want := uint64(math.Ceil(q * float64(l.n)))
	var sum uint64
	for i, n := range l.fine {
		if sum += uint64(n); sum >= want && n > 0 {
			return min(time.Duration(i+1)*fineStep, l.worst)
		}
	}
	for i, n := range l.coarse[:len(l.coarse)-1] {
		if sum += uint64(n); sum >= want && n > 0 {
			return min(time.Duration(i+1)*coarseStep, l.worst)
		}
	}
	return l.worst
}

func (l *latencies) merge(o *latencies) {
	for i, n := range o.fine {
		l.fine[i] += n
	}
	for i, n := range o.coarse {
		l.coarse[i] += n
	}
	l.n += o.n
	l.worst = max(l.worst, o.worst)
}
