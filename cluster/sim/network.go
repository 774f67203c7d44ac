package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"trivox/loudness"
)

// Network is what lies between the domains, and how their clocks go.
type Network struct {
	// One way from domain to domain: each pair has a delay of its own, drawn
	// evenly between these, the same both ways.
	DelayMin, DelayMax time.Duration
	Jitter             time.Duration // mean of what is added to each packet, exponential
	Loss               float64       // share of packets lost, independently

	Aligned bool    // all slots begin at once; else each domain's clock has a phase of its own
	Drift   float64 // each clock is wrong by up to so many parts in a million

	// Notice is how long a trunk is dead before both sides give it up, and how
	// long after the network is mended, or the other side is back, it is rebuilt.
	Notice time.Duration
}

// DefaultNetwork is a wide area of 20 to 80 ms one way with some jitter.
func DefaultNetwork() Network {
	return Network{
		DelayMin: 20 * time.Millisecond, DelayMax: 80 * time.Millisecond, Jitter: 2 * time.Millisecond,
		Drift: 50, Notice: time.Second,
	}
}

// Check returns an error that names the first setting that cannot be used.
func (n Network) Check() error {
	switch {
	case n.DelayMin < 0 || n.DelayMax < n.DelayMin || n.DelayMax > time.Second:
		return fmt.Errorf("sim: DelayMin %v, DelayMax %v: need 0 <= DelayMin <= DelayMax <= 1s", n.DelayMin, n.DelayMax)
	case n.Jitter < 0 || n.Jitter > 100*time.Millisecond:
		return fmt.Errorf("sim: Jitter %v: need 0 to 100ms", n.Jitter)
	case !(n.Loss >= 0 && n.Loss <= 1):
		return fmt.Errorf("sim: Loss %v: need 0 to 1", n.Loss)
	case !(n.Drift >= 0 && n.Drift <= 1000):
		return fmt.Errorf("sim: Drift %v: need 0 to 1000 parts in a million", n.Drift)
	case n.Notice < Slot || n.Notice > 5*time.Second:
		return fmt.Errorf("sim: Notice %v: need %v to 5s", n.Notice, Slot)
	}
	return nil
}

// trunkJitter is what a trunk tells the exchange of its jitter: 99.3 % of packets
// are less late than this.
func (n Network) trunkJitter() time.Duration { return 5 * n.Jitter }

// drain is how many slots it takes until all packets have arrived.
func (n Network) drain() int { return int((n.DelayMax+10*n.Jitter)/Slot) + 2 }

// Packet sizes on the wire, without the layers under IP: IPv4 and UDP (28), RTP
// (12), and the header extensions of RFC 8285 with the loudness number (1+3) and
// the level of RFC 6464 (1+1), padded (4+8).
const (
	headerBytes = 28 + 12 + 12
	redBytes    = 9 // RFC 2198: two more blocks of 4 and a last of 1
)

// packetBits is the size of one packet. resume: it carries the two before it.
func packetBits(payload int, headerOnly, resume bool) int64 {
	switch {
	case headerOnly:
		return 8 * headerBytes
	case resume:
		return 8 * int64(headerBytes+redBytes+3*payload)
	}
	return 8 * int64(headerBytes+payload)
}

// setting is a conference of many domains, and the world that it is in.
type setting struct {
	domains   int
	nmax      int
	payload   int // bytes a packet
	successor int // exchange.Params
	loudness  loudness.Params
	network   Network
	seed      uint64
}

// path returns the delays between the domains, [from*n+to].
func (s setting) paths(r *rand.Rand) []time.Duration {
	all := make([]time.Duration, s.domains*s.domains)
	for a := range s.domains {
		for b := range a {
			d := s.network.DelayMin + time.Duration(r.Int64N(int64(s.network.DelayMax-s.network.DelayMin)+1))
			all[a*s.domains+b], all[b*s.domains+a] = d, d
		}
	}
	return all
}
