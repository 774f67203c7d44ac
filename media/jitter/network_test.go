package jitter

import (
	"math"
	"math/rand/v2"
	"sort"
	"time"
)

// sent is a packet on its way.
type sent struct {
	Packet
	index int
}

// network describes one leg's sender and path.
type network struct {
	seed    uint64
	packets int
	rate    int
	ptime   time.Duration
	drift   float64                                         // sender's clock, parts per million fast
	phase   time.Duration                                   // of the sender against the slots
	delay   func(r *rand.Rand, i int) time.Duration         // of packet i
	lose    func(r *rand.Rand, i int) bool                  // packet i never arrives
	change  func(i int, p *Packet, sentAt *time.Duration)   // makes packet i different
	double  func(r *rand.Rand, i int) (bool, time.Duration) // packet i arrives again
}

// run makes the packets of a network in order of arrival.
func (n network) run() []sent {
	r := rand.New(rand.NewPCG(n.seed, 1))
	if n.rate == 0 {
		n.rate = 8000
	}
	if n.ptime == 0 {
		n.ptime = 20 * time.Millisecond
	}
	units := int(n.ptime * time.Duration(n.rate) / time.Second)
	out := make([]sent, 0, n.packets)
	for i := range n.packets {
		at := time.Duration(float64(i+1) * float64(n.ptime) / (1 + n.drift/1e6))
		p := sent{index: i}
		p.Seq = uint16(65000 + i)
		p.Timestamp = uint32(math.MaxUint32 - 3000 + i*units)
		p.Samples = units
		p.Level = -1
		p.Payload = []byte{byte(i), byte(i >> 8), byte(i >> 16), 1}
		if n.change != nil {
			n.change(i, &p.Packet, &at)
		}
		var d time.Duration
		if n.delay != nil {
			d = n.delay(r, i)
		}
		p.Arrival = time.Second + n.phase + at + max(d, 0)
		if n.lose == nil || !n.lose(r, i) {
			out = append(out, p)
		}
		if n.double != nil {
			if again, later := n.double(r, i); again {
				p.Arrival += later
				out = append(out, p)
			}
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Arrival < out[j].Arrival })
	return out
}

// normal is jitter with a normal distribution around 5 deviations.
func normal(deviation time.Duration) func(*rand.Rand, int) time.Duration {
	return func(r *rand.Rand, _ int) time.Duration {
		return 5*deviation + time.Duration(r.NormFloat64()*float64(deviation))
	}
}

// play pushes the packets and pops slots until all have passed, and calls see
// after each Pop.
func play(b *Buffer, packets []sent, heard func(slot int) bool, see func(slot int, now time.Duration, s Slot)) {
	i := 0
	end := packets[len(packets)-1].Arrival + time.Second
	for slot := 0; ; slot++ {
		now := time.Duration(slot) * b.c.Slot
		if now > end {
			return
		}
		for i < len(packets) && packets[i].Arrival <= now {
			b.Push(now, packets[i].Packet)
			i++
		}
		s := b.Pop(now, heard != nil && heard(slot))
		if see != nil {
			see(slot, now, s)
		}
	}
}
