package media

// stretch shortens or lengthens sound by a piece that resembles its
// neighbour, so that the join is not heard: the place is where the sound, moved by
// the piece, matches itself best, and the two are blended over the join. For voices
// and tones the piece is then a whole number of periods.
//
// It works in place on a line of samples of which the next to be played is at
// from, and allocates nothing. Lengths are in samples.
type stretch struct {
	join     int // length of the blend and of what is compared
	least    int // shortest piece
	most     int // longest piece
	stride   int // first looks at each stride-th lag and sample
	unit     int // lags are multiples of it: an RTP clock unit
	weakness int // how often in a row nothing matched well enough
}

const (
	stretchJoin  = 80  // in 1/8000 s: 10 ms
	stretchLeast = 20  // 2.5 ms: voices up to 400 Hz
	stretchMost  = 120 // 15 ms: voices down to 66 Hz
	quietPeak    = 164 // sample value: 0.5 % of full scale; below it any join will do
)

func newStretch(rate, unit int) stretch {
	k := rate / 8000
	return stretch{join: stretchJoin * k, least: stretchLeast * k, most: stretchMost * k, stride: k, unit: unit}
}

// shorten leaves out a piece of at least least and at most limit samples that
// begins at from. It returns where to play from instead, and from itself when
// no piece matches well or the line is too short.
func (s *stretch) shorten(line []int16, from, limit int) int {
	limit = min(limit, s.most, len(line)-from-s.join) / s.unit * s.unit
	if limit < s.least {
		return from
	}
	now := line[from : from+s.join]
	lag, like := s.best(line, from, limit, 1)
	if quiet(now) && quiet(line[from+limit:from+limit+s.join]) {
		lag, like = limit, 1
	}
	if !s.accept(like) {
		return from
	}
	for i := s.join - 1; i >= 0; i-- { // backwards: what is read may lie where is written
		line[from+lag+i] = s.blend(line[from+i], line[from+lag+i], i)
	}
	return from + lag
}

// lengthen plays a piece of at least least and about limit samples that
// ended at from once more. It returns where to play from instead.
func (s *stretch) lengthen(line []int16, from, limit int) int {
	if len(line)-from < s.join || from < s.least {
		return from
	}
	limit = min(max(limit, s.most), from) / s.unit * s.unit
	lag, like := s.best(line, from, limit, -1)
	if quiet(line[from:from+s.join]) && quiet(line[from-limit:from-limit+s.join]) {
		lag, like = limit, 1
	}
	if !s.accept(like) {
		return from
	}
	for i := range s.join {
		line[from-lag+i] = s.blend(line[from+i], line[from-lag+i], i)
	}
	return from - lag
}

// accept takes a match that is good, and after many that are not, a worse one:
// the delay must not stay wrong for ever.
func (s *stretch) accept(like float64) bool {
	if like < 0.95-0.02*float64(s.weakness) {
		s.weakness++
		return false
	}
	s.weakness = 0
	return true
}

// best is the lag, ahead (way 1) or behind (way -1), where the sound resembles
// the join at from most, and how much: 1 is the same, 0 unlike.
func (s *stretch) best(line []int16, from, limit, way int) (lag int, like float64) {
	lag = s.least
	for l := s.least; l <= limit; l += s.stride {
		if v := s.likeness(line, from, from+way*l, s.stride); v > like {
			lag, like = l, v
		}
	}
	if s.stride == s.unit {
		return lag, like
	}
	coarse := lag
	like = 0
	for l := max(s.least, coarse-s.stride+s.unit); l < coarse+s.stride && l <= limit; l += s.unit {
		if v := s.likeness(line, from, from+way*l, 1); v > like {
			lag, like = l, v
		}
	}
	return lag, like
}

// likeness compares the join at a with that at b: 1 less the energy of their
// difference over the mean of theirs, at least 0. Level counts, as it is heard.
func (s *stretch) likeness(line []int16, a, b, stride int) float64 {
	x, y := line[a:a+s.join], line[b:b+s.join]
	var differ, both int64
	for i := 0; i < len(x) && i < len(y); i += stride {
		p, q := int64(x[i]), int64(y[i])
		differ += (p - q) * (p - q)
		both += p*p + q*q
	}
	if both == 0 {
		return 1
	}
	return max(0, 1-2*float64(differ)/float64(both))
}

// blend is the i-th of join steps from a to b.
func (s *stretch) blend(a, b int16, i int) int16 {
	w, all := int32(2*i+1), int32(2*s.join)
	return int16((int32(a)*(all-w) + int32(b)*w) / all)
}

func quiet(pcm []int16) bool {
	for _, v := range pcm {
		if v > quietPeak || v < -quietPeak {
			return false
		}
	}
	return true
}
