package sim

// input is where sound comes from: a [Conversation], or a script.
type input interface {
	// Next returns the sounds of the next slot, at most one of a participant,
	// valid until the next call.
	Next() []Sound
}

// steady is people who talk without a pause, each at one amplitude: "the case
// without voice activity detection" of P 8.2.
type steady struct {
	x   []uint16 // by participant; 0 is silent
	out []Sound
}

// Next returns the sounds of the next slot.
func (s *steady) Next() []Sound {
	s.out = s.out[:0]
	for i, x := range s.x {
		if x > 0 {
			s.out = append(s.out, Sound{Participant: i, X: x, Kind: Speech})
		}
	}
	return s.out
}
