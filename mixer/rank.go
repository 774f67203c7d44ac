package mixer

import "trivox/loudness"

// Rank is what a stream is chosen by in a slot (DESIGN 6). The zero Rank is
// the lowest of all.
type Rank struct {
	Active bool            // its latest voiced slot is under 10 slots old
	Number loudness.Number // 0 is never chosen
	SSRC   uint32
}

// Above reports whether a ranks strictly above b: active streams first, then
// the higher number, then the lower SSRC, so that servers agree on ties.
func (a Rank) Above(b Rank) bool {
	if a.Active != b.Active {
		return a.Active
	}
	if a.Number != b.Number {
		return a.Number > b.Number
	}
	return a.SSRC < b.SSRC
}

// key is a number that orders ranks as Above does.
func (a Rank) key() uint64 {
	k := uint64(a.Number)<<32 | uint64(^a.SSRC)
	if a.Active {
		k |= 1 << 48
	}
	return k
}
