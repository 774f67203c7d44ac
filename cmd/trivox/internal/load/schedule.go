package load

import "time"

const (
	lateAfter = 5 * time.Millisecond
	blockSize = 1000 // packets fitted together: 20 s
	// newStream is a step of the timestamps against arrival that starts a new
	// fit: a server may re-base its clock when it switches sources.
	newStream = time.Second
)

// spread counts how far packets came from their schedule, in steps of 0.1 ms
// of lateness; the first step holds the early ones.
type spread struct {
	counts [1001]uint32
	late   int
	worst  time.Duration
}

func (s *spread) add(d time.Duration) {
	s.counts[max(0, min(len(s.counts)-1, int(d/(100*time.Microsecond))))]++
	if d > lateAfter {
		s.late++
	}
	s.worst = max(s.worst, d)
}

func (s *spread) merge(o *spread) {
	for i, n := range o.counts {
		s.counts[i] += n
	}
	s.late += o.late
	s.worst = max(s.worst, o.worst)
}

// quantile is the lateness that a share of the packets does not exceed.
func (s *spread) quantile(q float64) time.Duration {
	total := uint64(0)
	for _, n := range s.counts {
		total += uint64(n)
	}
	want, sum := uint64(q*float64(total)), uint64(0)
	for i, n := range s.counts {
		if sum += uint64(n); sum > want {
			return time.Duration(i) * 100 * time.Microsecond
		}
	}
	return 0
}

// point is one packet: its time by the RTP timestamp and how much later than
// that it came, both against the first of the block.
type point struct {
	media, behind time.Duration
}

// schedule fits the times at which a leg's packets should come, block by
// block, and counts the late ones. It takes no more memory for a longer run.
type schedule struct {
	points  []point // of the present block
	started bool
	ts0     uint32
	at0     time.Duration
}

// add takes one packet. out gets the counts of a block that is complete.
func (s *schedule) add(ts uint32, clockRate int, arrival time.Duration, out *spread) {
	if !s.started {
		s.started, s.ts0, s.at0 = true, ts, arrival
	}
	media := time.Duration(int64(int32(ts-s.ts0)) * int64(time.Second) / int64(clockRate))
	behind := arrival - s.at0 - media
	if n := len(s.points); n > 0 {
		if step := behind - s.points[n-1].behind; step > newStream || step < -newStream {
			s.flush(out)
			s.started, s.ts0, s.at0 = true, ts, arrival
			media, behind = 0, 0
		}
	}
	s.points = append(s.points, point{media, behind})
	if len(s.points) >= blockSize {
		s.flush(out)
	}
}

// flush fits what is there and counts it.
func (s *schedule) flush(out *spread) {
	at, slope := fit(s.points)
	for _, p := range s.points {
		out.add(p.behind - line(at, slope, p.media))
	}
	s.points = s.points[:0]
	s.started = false
}

func line(at, slope float64, media time.Duration) time.Duration {
	return time.Duration(at + slope*float64(media))
}

// fit is the straight line through the packets by least squares, fitted again
// without those that are late or early by more than lateAfter: the slope is
// the drift of the server's clock against ours.
func fit(points []point) (at, slope float64) {
	at, slope, _ = leastSquares(points, func(point) bool { return true })
	near := func(p point) bool {
		d := p.behind - line(at, slope, p.media)
		return d <= lateAfter && d >= -lateAfter
	}
	if a, s, n := leastSquares(points, near); n > len(points)/2 {
		return a, s
	}
	return at, slope
}

func leastSquares(points []point, use func(point) bool) (at, slope float64, n int) {
	var sx, sy, sxx, sxy float64
	for _, p := range points {
		if use(p) {
			x, y := float64(p.media), float64(p.behind)
			sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
			n++
		}
	}
	if n == 0 {
		return 0, 0, 0
	}
	f := float64(n)
	if d := f*sxx - sx*sx; n > 10 && d > 0 {
		slope = (f*sxy - sx*sy) / d
	}
	return (sy - slope*sx) / f, slope, n
}

// sequence counts packets by their sequence numbers (RFC 3550, A.1, A.3).
type sequence struct {
	started              bool
	highest              uint16
	seen                 uint64 // bit i: highest-i has come
	expected, received   int
	duplicates, restarts int
}

const mostDropout = 3000 // RFC 3550, A.1

// add reports whether the packet is a new one.
func (s *sequence) add(seq uint16) bool {
	if !s.started {
		*s = sequence{started: true, highest: seq, seen: 1, expected: 1, received: 1}
		return true
	}
	switch ahead := int(int16(seq - s.highest)); {
	case ahead > 0 && ahead < mostDropout:
		s.seen = s.seen<<min(ahead, 64) | 1
		s.highest = seq
		s.expected += ahead
	case ahead <= 0 && ahead > -64:
		bit := uint64(1) << -ahead
		if s.seen&bit != 0 {
			s.duplicates++
			return false
		}
		s.seen |= bit
	default: // another stream: count from here
		s.restarts++
		s.seen, s.highest = 1, seq
		s.expected++
	}
	s.received++
	return true
}

// lost is how many numbers never came.
func (s *sequence) lost() int { return max(0, s.expected-s.received) }

// jitter is the interarrival jitter of RFC 3550, 6.4.1.
type jitter struct {
	started bool
	last    time.Duration // transit
	value   float64       // ns
}

func (j *jitter) add(ts uint32, clockRate int, arrival time.Duration) {
	transit := arrival - time.Duration(int64(ts)*int64(time.Second)/int64(clockRate))
	if j.started {
		d := float64(transit - j.last)
		if d < 0 {
			d = -d
		}
		if d < float64(newStream) {
			j.value += (d - j.value) / 16
		}
	}
	j.started, j.last = true, transit
}
