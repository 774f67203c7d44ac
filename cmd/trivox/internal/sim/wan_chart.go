package sim

import (
	"time"

	"trivox/cluster/sim"
)

// wanChart draws one figure; it runs the conference again for each of its points.
func wanChart(figure string, w sim.WANConfig, progress func(done, total int)) chart {
	c := chart{title: "Packets a slot between the domains of a conversation", x: axis{label: "domains"},
		y: axis{label: "packets a slot, by unicast"}}
	if figure == "delay" {
		c = chart{title: "Domains whose F is not the best of all", x: axis{label: "greatest one-way delay, ms"},
			y: axis{label: "domains times slots", percent: true}}
	}
	for _, p := range w.Policies {
		c.lines = append(c.lines, line{name: p.String()})
	}
	runs := wanRuns(figure, w)
	for i, run := range runs {
		r := sim.RunWAN(run, nil)
		for k := range r.Policies {
			t := &r.Policies[k].Talk
			at := point{float64(run.Domains), t.PerSlot(t.Unicast)}
			if figure == "delay" {
				at = point{float64(run.Network.DelayMax) / float64(time.Millisecond), t.OffShare()}
			}
			c.lines[k].points = append(c.lines[k].points, at)
		}
		if progress != nil {
			progress(i+1, len(runs))
		}
	}
	return c
}

// wanRuns are the conferences of a figure's points: eight from the smallest number
// of domains, or the shortest delay, to what w has.
func wanRuns(figure string, w sim.WANConfig) []sim.WANConfig {
	const points = 8
	var runs []sim.WANConfig
	for i := range points + 1 {
		run := w
		if figure == "delay" {
			run.Network.DelayMax = w.Network.DelayMax * time.Duration(i) / points
			run.Network.DelayMin = min(w.Network.DelayMin, run.Network.DelayMax)
		} else {
			run.Domains = max(2+(w.Domains-2)*i/points, 2)
			run.Clients = max(w.Clients*run.Domains/w.Domains, run.Domains)
			if i > 0 && run.Domains == runs[len(runs)-1].Domains {
				continue
			}
		}
		runs = append(runs, run)
	}
	return runs
}
