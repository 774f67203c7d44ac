// Package sim is `trivox sim`: conferences in virtual time. Package cluster/sim computes them; this one reads the
// command line and writes tables, CSV and drawings.
package sim

// Command is `trivox sim` with its experiments. The same seed gives the same bytes.
type Command struct {
	Plan  PlanCommand  `cmd:"" help:"How many domains and clients a server's capacity allows."`
	Floor FloorCommand `cmd:"" help:"One domain: who gets the floor, by the loudness number and by other methods."`
	WAN   WANCommand   `cmd:"" name:"wan" help:"Many domains: what the three policies send, and what it costs in speech."`
}
