package sim

import (
	"fmt"
	"time"

	"github.com/alecthomas/kong"

	"trivox/cluster/exchange"
	"trivox/cluster/sim"
)

// WANCommand is `trivox sim wan`.
type WANCommand struct {
	Domains       int           `short:"D" default:"10" help:"Domains."`
	Clients       int           `short:"M" default:"200" help:"Participants, spread evenly over the domains."`
	Speakers      int           `default:"24" help:"So many of them ever have the turn; 0: all."`
	Interruptions float64       `default:"4" help:"Interruptions a minute."`
	Tables        int           `default:"1" help:"Conversations that go on at once."`
	Crowd         int           `default:"0" help:"In place of conversations by turns, so many who talk and pause regardless of each other."`
	NMax          int           `name:"nmax" default:"3" help:"Floors: how many are heard at once."`
	Policy        []string      `default:"full,pessimistic,optimistic" help:"Policies to compare."`
	Successor     float64       `default:"0.375" help:"Share of LNT from which the optimistic policy sends a stream; 1 is the paper."`
	DelayMin      time.Duration `default:"20ms" help:"Least one-way delay between two domains."`
	DelayMax      time.Duration `default:"80ms" help:"Greatest one-way delay between two domains."`
	Jitter        time.Duration `default:"2ms" help:"Mean of what a packet is late beside that."`
	Loss          float64       `default:"0" help:"Packets lost on the way, %."`
	Length        time.Duration `default:"1m" help:"Length of the conversation."`
	Payload       int           `default:"160" help:"Bytes of sound in a packet."`
	Seed          uint64        `default:"1" help:"Seed of all that is drawn by chance."`
	Figure        string        `enum:"domains,delay" default:"domains" help:"What --plot draws: packets a slot by the number of domains up to --domains, or domains with another F by the delay up to --delay-max (${enum})."`
	files         `embed:""`
}

// config is the command line as the simulator takes it.
func (c WANCommand) config() (sim.WANConfig, error) {
	w := sim.DefaultWAN()
	w.Domains, w.Clients, w.NMax, w.Length, w.Payload, w.Seed = c.Domains, c.Clients, c.NMax, c.Length, c.Payload, c.Seed
	w.Talk.Speakers, w.Talk.Interruptions, w.Talk.Tables, w.Talk.Crowd = c.Speakers, c.Interruptions, c.Tables, c.Crowd
	w.Network.DelayMin, w.Network.DelayMax = min(c.DelayMin, c.DelayMax), c.DelayMax
	w.Network.Jitter, w.Network.Loss = c.Jitter, c.Loss/100
	w.Successor = int(c.Successor*exchange.Whole + 0.5)
	w.Policies = nil
	for _, name := range c.Policy {
		p, err := exchange.ParsePolicy(name)
		if err != nil {
			return w, err
		}
		w.Policies = append(w.Policies, p)
	}
	return w, w.Check()
}

// Run plays the conference under each policy.
func (c WANCommand) Run(k *kong.Context) error {
	w, err := c.config()
	if err != nil {
		return err
	}
	r := sim.RunWAN(w, progress(k.Stderr, "wan"))
	fmt.Fprintf(k.Stdout, "%d domains, %d participants, %d floors, %v to %v one way, jitter %v, %g %% lost, seed %d.\n",
		w.Domains, w.Clients, w.NMax, w.Network.DelayMin, w.Network.DelayMax, w.Network.Jitter, c.Loss, w.Seed)
	var all [][]string
	for _, part := range []struct {
		about string
		rows  [][]string
	}{
		{`Packets a slot, all domains together, by unicast and by multicast, and kilobits by unicast. steady: N_max talkers, all others
fainter but never silent; bound: the closed form for that. equal: everybody as loud as everybody else.`, steadyRows(r)},
		{fmt.Sprintf(`A conversation of %v. most: packets in one slot. headers: those of silent streams, of the multicast ones. %% of slots in which F
was not the same everywhere (differ), nor the active ones in it (apart), of domains times slots whose F was not the best (off),
of speech not heard (lost), of that which one server would have let through (best), of the first 200 ms of talkspurts (onset).`, w.Length), talkRows(r)},
		{`Most packets in one slot, by unicast: all domains start at once; one after the other, not told and told the LNT. All laugh: packets a
slot in the five seconds before and after, the most, and for how many slots more than twice as many as before. After an outage of
10 s that parted the domains into halves, and after a crash of the domain that holds the floor: the most, and agree, slots from the
repair until F is the same everywhere. ghost: slots until nobody hears the dead domain; -1 is never.`, troubleRows(r)},
		{`One change with all else steady: slots until all domains hear the best, and how many kept to the bound.`, changeRows(r)},
	} {
		fmt.Fprintf(k.Stdout, "\n%s\n\n", part.about)
		if err := table(k.Stdout, part.rows); err != nil {
			return err
		}
		if all != nil {
			all = append(all, nil)
		}
		all = append(all, part.rows...)
	}
	var drawing chart
	if c.Plot != "" {
		drawing = wanChart(c.Figure, w, progress(k.Stderr, "plot"))
	}
	return c.write(all, drawing)
}

func steadyRows(r sim.WANResult) [][]string {
	rows := [][]string{{"policy", "steady", "bound", "kbit", "multicast", "bound", "equal", "multicast"}}
	between := func(low, high int) string {
		if low == high {
			return fmt.Sprint(low)
		}
		return fmt.Sprintf("%d to %d", low, high)
	}
	for i := range r.Policies {
		p := &r.Policies[i]
		s, e, b := &p.Steady, &p.Equal, p.Bounds
		rows = append(rows, []string{p.Policy.String(), tenth(s.PerSlot(s.Unicast)), between(b.UnicastLeast, b.UnicastMost),
			tenth(s.PerSlot(s.UnicastBits) / 1000), tenth(s.PerSlot(s.Multicast)), between(b.MulticastLeast, b.MulticastMost),
			tenth(e.PerSlot(e.Unicast)), tenth(e.PerSlot(e.Multicast))})
	}
	return rows
}

func talkRows(r sim.WANResult) [][]string {
	rows := [][]string{{"policy", "packets", "most", "kbit", "multicast", "headers", "differ", "apart", "off", "lost", "best", "onset"}}
	for i := range r.Policies {
		p := &r.Policies[i]
		t := &p.Talk
		rows = append(rows, []string{p.Policy.String(), tenth(t.PerSlot(t.Unicast)), fmt.Sprint(t.UnicastMost),
			tenth(t.PerSlot(t.UnicastBits) / 1000), fmt.Sprintf("%.2f", t.PerSlot(t.Multicast)), fmt.Sprintf("%.2f", t.PerSlot(t.Headers)),
			percent(t.DifferShare()), percent(t.ApartShare()), percent(t.OffShare()),
			hundredth(t.Lost()), hundredth(t.BestLost()), hundredth(t.OnsetLost())})
	}
	return rows
}

func troubleRows(r sim.WANResult) [][]string {
	rows := [][]string{{"policy", "start", "untold", "told", "before", "mean", "laugh", "slots", "outage", "agree", "crash", "ghost", "agree"}}
	for _, p := range r.Policies {
		rows = append(rows, []string{p.Policy.String(), fmt.Sprint(p.Start.AtOnce), fmt.Sprint(p.Start.Untold), fmt.Sprint(p.Start.Told),
			tenth(p.Laugh.Before), tenth(p.Laugh.Mean), fmt.Sprint(p.Laugh.Most), fmt.Sprint(p.Laugh.Slots),
			fmt.Sprint(p.Outage.Most), fmt.Sprint(p.Outage.Slots),
			fmt.Sprint(p.Crash.Most), fmt.Sprint(p.Crash.Ghost), fmt.Sprint(p.Crash.Return)})
	}
	return rows
}

func changeRows(r sim.WANResult) [][]string {
	rows := [][]string{{"policy", "change", "median", "most", "bound", "within", "of"}}
	for _, p := range r.Policies {
		for _, c := range p.Changes {
			rows = append(rows, []string{p.Policy.String(), c.Kind, fmt.Sprint(c.Median), fmt.Sprint(c.Most), fmt.Sprint(c.Bound),
				fmt.Sprint(c.Within), fmt.Sprint(c.Count)})
		}
	}
	return rows
}

func tenth(v float64) string { return fmt.Sprintf("%.1f", v) }

func hundredth(share float64) string { return fmt.Sprintf("%.2f", 100*share) }
