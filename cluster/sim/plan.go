package sim

// PlanRow is what servers of one capacity can hold (P 7).
type PlanRow struct {
	C       int // audio streams that one server can handle in a packet time
	NMax    int // floors
	Domains int // d, equation 8
	Clients int // m, equation 6: with one server a domain

	Slaves       int // u, equation 10: slave servers under each master
	ClientsPaper int // d u C, as the paper has it: the master sends F to the phones itself
	ClientsSlave int // d u (C - N_max): F comes to the phones by their slave, which receives it (DESIGN 6)
}

// Plan computes a row of the paper's table 1 and the capacities with two levels
// of servers. Numbers are rounded half up. It returns zeros beside c and nMax
// where nothing can be planned: no floor, or a capacity below 1.
func Plan(c, nMax int) PlanRow {
	row := PlanRow{C: c, NMax: nMax}
	if c < 1 || nMax < 1 {
		return row
	}
	d := (c + 2*nMax) / (2 * nMax) // (c+nMax)/(2*nMax), rounded half up
	row.Domains = d
	row.Clients = max(d*Local(c, nMax, d), 0)
	row.Slaves = max(c-nMax*(d-1), 0) / nMax
	row.ClientsPaper = d * row.Slaves * c
	row.ClientsSlave = d * row.Slaves * max(c-nMax, 0)
	return row
}

// Local returns how many clients a server of capacity c can have among d
// domains: c - nMax (d-1), inequality 5 of P 7.1. Below 0 there are too many
// domains even without clients.
func Local(c, nMax, d int) int { return c - nMax*(d-1) }

// Table1 returns the capacities of the paper's table 1.
func Table1() []int { return []int{50, 100, 150, 200, 250, 300, 350, 400, 450, 500} }
