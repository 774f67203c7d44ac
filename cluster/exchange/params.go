package exchange

import (
	"fmt"
	"time"
)

// Policy says which of its best streams a server sends to the others.
type Policy uint8

const (
	Full        Policy = iota // all of the best N_max (P 6.4, algorithm 1)
	Pessimistic               // those above LNT and one more (P 8.1, algorithm 2)
	Optimistic                // those above LNT and those still in F (P 8.2, algorithm 3)
)

// String returns the policy's name as in a=trivox (DESIGN 8).
func (p Policy) String() string {
	switch p {
	case Full:
		return "full"
	case Pessimistic:
		return "pessimistic"
	case Optimistic:
		return "optimistic"
	}
	return fmt.Sprintf("Policy(%d)", uint8(p))
}

// ParsePolicy returns the policy of that name.
func ParsePolicy(name string) (Policy, error) {
	for _, p := range []Policy{Full, Pessimistic, Optimistic} {
		if p.String() == name {
			return p, nil
		}
	}
	return 0, fmt.Errorf("exchange: policy %q: need full, pessimistic or optimistic", name)
}

// Whole is 1 in the unit of Params.Successor.
const Whole = 256

// Params is what all servers of a conference have in common (DESIGN 8). Start
// from [Default].
type Params struct {
	NMax   int // floors: how many streams are heard at once
	Policy Policy
	Slot   time.Duration

	// Successor is the share of LNT, in 1/256, from which the optimistic
	// policy counts a stream: 256 is the paper; less makes a successor known
	// to the others before his turn comes.
	Successor int

	// PacketTime is the longest packet time agreed on any trunk. A trunk may
	// say otherwise of itself: [Server.Trunk].
	PacketTime time.Duration

	Expiry       int // slots after which an unheard remote stream leaves DB2, packet time and jitter apart
	HeaderExpiry int // the same for a stream that sends headers only, all in all
	HeaderFirst  int // header-only packets in consecutive slots when a stream goes inactive
	HeaderEvery  int // slots between header-only packets after those

	Hold   int // slots for which a joiner trusts the LNT he was told over his own
	Remote int // bound on DB2, in streams
}

// Default returns the parameters of a conference nobody has set anything for.
// Both the policy and the optimistic share of LNT were chosen by what of speech is
// lost (docs/decisions, docs/exchange.md): pessimistic loses hardly more than full,
// also when many talk at once over long ways, where optimistic loses most.
func Default() Params {
	return Params{
		NMax:         3,
		Policy:       Pessimistic,
		Slot:         20 * time.Millisecond,
		Successor:    96, // 0.375
		PacketTime:   20 * time.Millisecond,
		Expiry:       3,
		HeaderExpiry: 15,
		HeaderFirst:  3, // the first and two repeats
		HeaderEvery:  5,
		Hold:         25,
		Remote:       1024,
	}
}

// maxNMax bounds the floors: past a handful nobody understands a word.
const maxNMax = 64

// Check returns an error that names the first parameter that cannot be used
// and says what would do.
func (p Params) Check() error {
	if p.NMax < 1 || p.NMax > maxNMax {
		return fmt.Errorf("exchange: NMax %d: need 1 to %d", p.NMax, maxNMax)
	}
	if p.Policy > Optimistic {
		return fmt.Errorf("exchange: Policy %d: need full, pessimistic or optimistic", p.Policy)
	}
	if p.Slot < time.Millisecond || p.Slot > time.Second {
		return fmt.Errorf("exchange: Slot %v: need 1ms to 1s, e.g. 20ms", p.Slot)
	}
	if p.Successor < 1 || p.Successor > Whole {
		return fmt.Errorf("exchange: Successor %d: need 1 to %d", p.Successor, Whole)
	}
	if p.PacketTime <= 0 || p.PacketTime > time.Second {
		return fmt.Errorf("exchange: PacketTime %v: need up to 1s, e.g. 20ms", p.PacketTime)
	}
	for _, v := range []struct {
		name  string
		value int
	}{
		{"Expiry", p.Expiry}, {"HeaderExpiry", p.HeaderExpiry}, {"HeaderFirst", p.HeaderFirst},
		{"HeaderEvery", p.HeaderEvery}, {"Hold", p.Hold}, {"Remote", p.Remote},
	} {
		if v.value < 1 || v.value > 1<<16 {
			return fmt.Errorf("exchange: %s %d: need 1 to %d", v.name, v.value, 1<<16)
		}
	}
	if p.HeaderEvery >= p.HeaderExpiry {
		return fmt.Errorf("exchange: HeaderEvery %d: need less than HeaderExpiry (%d), or silent streams expire between headers", p.HeaderEvery, p.HeaderExpiry)
	}
	return nil
}
