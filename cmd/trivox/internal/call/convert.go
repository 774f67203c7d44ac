package call

import "trivox/mixer"

// converter brings slots of sound from one rate to another.
type converter struct {
	from, to int
	r        *mixer.Resampler
	out      []int16
}

func newConverter(from, to int) (*converter, error) {
	r, err := mixer.NewResampler(from, to)
	if err != nil {
		return nil, err
	}
	return &converter{from: from, to: to, r: r}, nil
}

// do returns the sound at the other rate, valid until the next call.
func (c *converter) do(pcm []int16) []int16 {
	n := len(pcm) * c.to / c.from
	if cap(c.out) < n {
		c.out = make([]int16, n)
	}
	return c.out[:c.r.Process(c.out[:n], pcm)]
}
