package sim

import (
	"fmt"
	"strconv"

	"github.com/alecthomas/kong"

	"trivox/cluster/sim"
)

// PlanCommand is `trivox sim plan`.
type PlanCommand struct {
	Capacity []int  `name:"capacity" short:"C" placeholder:"N" help:"Streams that one server handles in a packet time; several separated by commas. Default: those of the paper's table 1."`
	NMax     int    `name:"nmax" default:"3" help:"Floors: how many are heard at once."`
	Seed     uint64 `default:"1" help:"Has no effect: nothing here is left to chance."`
	files    `embed:""`
}

// Run prints one line for each capacity.
func (c PlanCommand) Run(k *kong.Context) error {
	capacities := c.Capacity
	if len(capacities) == 0 {
		capacities = sim.Table1()
	}
	if c.NMax < 1 || c.NMax > 64 {
		return fmt.Errorf("sim: --nmax %d: need 1 to 64", c.NMax)
	}
	rows := [][]string{{"C", "domains", "clients", "slaves", "two levels (paper)", "two levels"}}
	one, two := line{name: "one server a domain"}, line{name: "with slaves"}
	for _, capacity := range capacities {
		if capacity < 1 || capacity > 1_000_000 {
			return fmt.Errorf("sim: --capacity %d: need 1 to 1000000", capacity)
		}
		p := sim.Plan(capacity, c.NMax)
		rows = append(rows, []string{strconv.Itoa(p.C), strconv.Itoa(p.Domains), strconv.Itoa(p.Clients),
			strconv.Itoa(p.Slaves), strconv.Itoa(p.ClientsPaper), strconv.Itoa(p.ClientsSlave)})
		one.points = append(one.points, point{float64(p.C), float64(p.Clients)})
		two.points = append(two.points, point{float64(p.C), float64(p.ClientsSlave)})
	}
	fmt.Fprintf(k.Stdout, `Domains and clients of one conference with %d floors, by the capacity C of a server (P 7, table 1).
slaves: slave servers under each master. two levels: clients when F reaches them by their slave, as here; (paper): by the master itself.

`, c.NMax)
	if err := table(k.Stdout, rows); err != nil {
		return err
	}
	return c.write(rows, chart{title: fmt.Sprintf("Clients of one conference, %d floors", c.NMax),
		x: axis{label: "capacity of a server, streams"}, y: axis{label: "clients"}, lines: []line{one, two}})
}
