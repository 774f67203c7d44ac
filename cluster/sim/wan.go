package sim

import (
	"fmt"
	"time"

	"trivox/cluster/exchange"
	"trivox/loudness"
)

// WANConfig is a conference of many domains. Start from [DefaultWAN].
type WANConfig struct {
	Domains  int
	Clients  int // participants, spread evenly over the domains
	NMax     int // floors
	Policies []exchange.Policy
	// Successor is the optimistic policy's share of LNT from which a stream
	// counts, in 1/256 (exchange.Params).
	Successor int
	Network   Network
	Talk      Talk          // its Participants is Clients
	Length    time.Duration // of the talk
	Payload   int           // bytes of sound in a packet
	Loudness  loudness.Params
	Seed      uint64
}

// DefaultWAN is a lively meeting of ten domains with G.711.
func DefaultWAN() WANConfig {
	t := DefaultTalk(200)
	t.Speakers = 24
	t.Interruptions = 4
	return WANConfig{
		Domains: 10, Clients: 200, NMax: 3,
		Policies:  []exchange.Policy{exchange.Full, exchange.Pessimistic, exchange.Optimistic},
		Successor: exchange.Default().Successor,
		Network:   DefaultNetwork(), Talk: t, Length: time.Minute,
		Payload: 160, Loudness: loudness.Default(), Seed: 1,
	}
}

// Check returns an error that names the first setting that cannot be used.
func (c WANConfig) Check() error {
	switch {
	case c.Domains < 2 || c.Domains > 1000:
		return fmt.Errorf("sim: Domains %d: need 2 to 1000", c.Domains)
	case c.Clients < c.Domains || c.Clients > 1<<20:
		return fmt.Errorf("sim: Clients %d: need one a domain (%d) to %d", c.Clients, c.Domains, 1<<20)
	case c.NMax < 1 || c.NMax > 32:
		return fmt.Errorf("sim: NMax %d: need 1 to 32", c.NMax)
	case len(c.Policies) == 0:
		return fmt.Errorf("sim: Policies: need at least one")
	case c.Successor < 1 || c.Successor > exchange.Whole:
		return fmt.Errorf("sim: Successor %d: need 1 to %d", c.Successor, exchange.Whole)
	case c.Length < time.Second || c.Length > 24*time.Hour:
		return fmt.Errorf("sim: Length %v: need 1s to 24h", c.Length)
	case c.Payload < 1 || c.Payload > 1400:
		return fmt.Errorf("sim: Payload %d: need 1 to 1400 bytes", c.Payload)
	}
	for _, p := range c.Policies {
		if p > exchange.Optimistic {
			return fmt.Errorf("sim: Policies %v: need full, pessimistic or optimistic", p)
		}
	}
	for _, check := range []func() error{c.Network.Check, c.talk().Check, c.Loudness.Check} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// talk is Talk among the clients.
func (c WANConfig) talk() Talk {
	t := c.Talk
	t.Participants = c.Clients
	t.Speakers = min(t.Speakers, c.Clients)
	return t
}

// WANResult is what RunWAN found.
type WANResult struct {
	Config   WANConfig
	Policies []WANPolicy // in the order of Config.Policies
}

// WANPolicy is what one policy makes of the conference.
type WANPolicy struct {
	Policy exchange.Policy

	// Steady: N_max talkers in different domains, all other participants 11 dB or
	// more fainter but never silent, so that every lambda is above 0. Bounds are
	// the closed forms for it.
	Steady Tally
	Bounds Bounds
	// Equal: everybody talks as loud as everybody else, within 1 dB: the worst
	// that can be.
	Equal Tally

	Start   WANStart
	Talk    Tally // Config.Talk for Config.Length
	Laugh   WANLaugh
	Outage  WANOutage
	Crash   WANCrash
	Changes []WANChange
}

// WANStart is the most packets in one slot, by unicast, while the conference of
// Steady begins.
type WANStart struct {
	AtOnce int64 // all domains in the same slot; nobody can tell an LNT
	Slots  int   // slots of that with more than twice the bound
	Untold int64 // one domain every 100 ms, each beginning with LNT = 0
	Told   int64 // the same, each told the LNT when it joins (exchange.Server.Join)
}

// WANLaugh is a joke at which every participant laughs.
type WANLaugh struct {
	Before float64 // packets a slot in the five seconds before, by unicast
	Mean   float64 // the same of the five seconds after
	Most   int64   // most in one slot of these
	Slots  int     // slots of these with more than twice as many as before
}

// WANOutage is a network that parts into two halves for ten seconds.
type WANOutage struct {
	Lost  float64 // share of the speech of the same half not heard meanwhile
	Most  int64   // most packets in one slot of the three seconds after the trunks are back, by unicast
	Slots int     // slots from then until all domains agree on F, -1: not within three seconds
}

// WANCrash is the server of a domain whose participant is the best of all going
// down for five seconds.
type WANCrash struct {
	Ghost  int   // slots until no other domain has one of its streams in F, -1: never
	Slots  int   // slots until the others agree on F, -1: not before it is back
	Most   int64 // most packets in one slot of the three seconds after it is back, by unicast
	Return int   // slots from its return until all agree, -1: not within three seconds
}

// WANChange is one change with all else steady, many times over, among at most
// eight domains.
type WANChange struct {
	Kind   string // "speaks up", "fades", "stops"
	Count  int    // changes that changed who is best
	Median int    // slots until all domains agree on the best
	Most   int
	Bound  int // DESIGN 6: the delay and 2 slots, or twice that
	Within int // how many of Count kept to Bound
}

// RunWAN plays the conference under each policy. progress, unless nil, is told
// how many slots of how many are done. It panics when c.Check() would refuse c.
func RunWAN(c WANConfig, progress func(done, total int)) WANResult {
	if err := c.Check(); err != nil {
		panic(err)
	}
	r := runner{c: c, progress: progress}
	r.total = len(c.Policies) * r.length()
	result := WANResult{Config: c}
	for _, p := range c.Policies {
		result.Policies = append(result.Policies, r.policy(p))
	}
	return result
}

// Bounds are packets a slot in which all domains agree and every participant has
// a number, by the closed forms of DESIGN 11.
type Bounds struct {
	UnicastLeast, UnicastMost     int
	MulticastLeast, MulticastMost int
}

// PolicyBounds returns the closed forms for d domains: full N_max d (d-1),
// pessimistic between d (d-1) and (d+N_max) (d-1), optimistic N_max (d-1) by
// unicast; by multicast the same without the factor d-1.
func PolicyBounds(p exchange.Policy, d, nMax int) Bounds {
	least, most := nMax, nMax
	switch p {
	case exchange.Full:
		least, most = nMax*d, nMax*d
	case exchange.Pessimistic:
		least, most = d, d+nMax
	}
	return Bounds{least * (d - 1), most * (d - 1), least, most}
}
