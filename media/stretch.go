package media

// stretch shortens or lengthens sound by a piece that resembles its
// neighbour, so that the join is not heard: the place is where the sound, moved by
// the piece, matches itself best, and the two are blended over the join. For voices
// and tones the piece is then a whole number of periods.
//
// It works in place on a line of samples of which the next to be played is at
// from, and allocates nothing. Lengths are in samples.
type stretch struct {
	join     int // length of what is compared, and of the blend
	tonal    int // length of the blend where the sound hardly changes
	least    int // shortest piece
	most     int // longest piece
	stride   int // looks at each stride-th sample
	unit     int // lags are multiples of it: an RTP clock unit
	weakness int // how often in a row nothing matched
	hurry    int // whole slots of delay too much, but for the first two
}

const (
	stretchJoin  = 80  // in 1/8000 s: 10 ms
	stretchTonal = 160 // 20 ms
	stretchLeast = 20  // 2.5 ms: voices up to 400 Hz
	stretchMost  = 160 // 20 ms: one period of a deep voice, or the best fitting few of a high one
	steady       = 0.99
	asGood       = 0.0005
	goodEnough   = 0.95
	patience     = 0.01 // how much less is good enough after each slot that was not
	urgency      = 0.15 // how much less is good enough for each slot of hurry
	quietPeak    = 164  // sample value: 0.5 % of full scale; below it any join will do
)

func newStretch(rate, unit int) stretch {
	k := rate / 8000
	return stretch{join: stretchJoin * k, tonal: stretchTonal * k, least: stretchLeast * k, most: stretchMost * k, stride: k, unit: unit}
}

// shorten leaves out a piece of at least least and at most limit samples that
// begins at from; where the sound is quiet, a piece of limit samples, and
// elsewhere only when it is worth it. It returns where to play from instead,
// and from itself when no piece matches well or the line is too short.
func (s *stretch) shorten(line []int16, from, limit int, worth bool) int {
	limit = min(limit, s.most, len(line)-from-s.join) / s.unit * s.unit
	if limit < s.least {
		return from
	}
	lag, like := limit, 1.0
	if !s.quiet(line, from, from+limit) {
		if !worth {
			return from
		}
		if lag, like = s.best(line, from, limit, 1, limit); !s.accept(like) {
			return from
		}
	}
	n := s.length(line, from, from+lag)
	for i := n - 1; i >= 0; i-- { // backwards: what is read may lie where is written
		line[from+lag+i] = blend(line[from+i], line[from+lag+i], i, n)
	}
	return from + lag
}

// lengthen plays a piece of at least least samples that ended at from once
// more; where the sound is quiet, one of limit samples. It returns where to
// play from instead.
func (s *stretch) lengthen(line []int16, from, limit int) int {
	most := min(s.most, from) / s.unit * s.unit
	limit = max(min(limit, most)/s.unit*s.unit, s.least)
	if len(line)-from < s.join || most < s.least {
		return from
	}
	lag, like := limit, 1.0
	if !s.quiet(line, from, from-limit) {
		if lag, like = s.best(line, from, most, -1, limit); !s.accept(like) {
			return from
		}
	}
	n := s.length(line, from, from-lag)
	for i := range n {
		line[from-lag+i] = blend(line[from+i], line[from-lag+i], i, n)
	}
	return from - lag
}

// accept takes a match that is good, and after many that are not, or when the
// delay is far too long, a worse one: it must not stay wrong for ever (USERS 3).
func (s *stretch) accept(like float64) bool {
	if like < goodEnough-patience*float64(s.weakness)-urgency*float64(s.hurry) {
		s.weakness++
		return false
	}
	s.weakness = 0
	return true
}

// best is the lag, ahead (way 1) or behind (way -1), where the sound resembles
// the join at from most, and how much: 1 is the same, 0 unlike. Of lags that
// are about as good it is the one nearest to aim.
func (s *stretch) best(line []int16, from, most, way, aim int) (lag int, like float64) {
	for l := s.least; l <= most; l += s.unit {
		v := s.likeness(line, from, from+way*l, s.join)
		if v > like+asGood || v >= like-asGood && max(l-aim, aim-l) < max(lag-aim, aim-lag) {
			lag = l
		}
		like = max(like, v)
	}
	return lag, like
}

// length is how long to blend the sound at a into that at b: as long as
// there is sound when the two are nearly the same, for what is left of a
// difference in phase is then spread most thinly.
func (s *stretch) length(line []int16, a, b int) int {
	if n := min(s.tonal, len(line)-max(a, b)); n > s.join && s.likeness(line, a, b, n) > steady {
		return n
	}
	return s.join
}

// likeness compares n samples at a with those at b: 1 less the energy of their
// difference over the mean of theirs, at least 0. Level counts, as it is heard.
func (s *stretch) likeness(line []int16, a, b, n int) float64 {
	x, y := line[a:a+n], line[b:b+n]
	var differ, both int64
	for i := 0; i < len(x) && i < len(y); i += s.stride {
		p, q := int64(x[i]), int64(y[i])
		differ += (p - q) * (p - q)
		both += p*p + q*q
	}
	if both == 0 {
		return 1
	}
	return max(0, 1-2*float64(differ)/float64(both))
}

// blend is the i-th of n steps from a to b.
func blend(a, b int16, i, n int) int16 {
	w, all := int32(2*i+1), int32(2*n)
	return int16((int32(a)*(all-w) + int32(b)*w) / all)
}

// quiet tells whether the joins at a and at b are so soft that nobody hears
// one become the other.
func (s *stretch) quiet(line []int16, a, b int) bool {
	for i := range s.join {
		if x, y := line[a+i], line[b+i]; x > quietPeak || x < -quietPeak || y > quietPeak || y < -quietPeak {
			return false
		}
	}
	return true
}
