package sim

import "testing"

// P 7.1, table 1, every cell.
func TestTable1(t *testing.T) {
	want := map[int][2]int{
		50: {9, 234}, 100: {17, 884}, 150: {26, 1950}, 200: {34, 3434}, 250: {42, 5334},
		300: {51, 7650}, 350: {59, 10384}, 400: {67, 13534}, 450: {76, 17100}, 500: {84, 21084},
	}
	if len(Table1()) != len(want) {
		t.Errorf("table 1 has %d rows, want %d", len(Table1()), len(want))
	}
	for _, c := range Table1() {
		row := Plan(c, 3)
		if got := [2]int{row.Domains, row.Clients}; got != want[c] {
			t.Errorf("C = %d: d, m = %v, the paper has %v", c, got, want[c])
		}
	}
}

// Equations 6, 8 and 10 of P 7 and both capacities of two levels, worked out by hand.
func TestPlanTwoLevels(t *testing.T) {
	for _, want := range []PlanRow{
		// d = 53/6 = 8.83; u = (50-24)/3 = 8.67
		{C: 50, NMax: 3, Domains: 9, Clients: 234, Slaves: 8, ClientsPaper: 3600, ClientsSlave: 3384},
		// d = 303/6 = 50.5, half up; u = (300-150)/3
		{C: 300, NMax: 3, Domains: 51, Clients: 7650, Slaves: 50, ClientsPaper: 765000, ClientsSlave: 757350},
		// d = 503/6 = 83.83; u = (500-249)/3 = 83.67
		{C: 500, NMax: 3, Domains: 84, Clients: 21084, Slaves: 83, ClientsPaper: 3486000, ClientsSlave: 3465084},
		// d = 101/2 = 50.5, half up; m = 5100+51-2601
		{C: 100, NMax: 1, Domains: 51, Clients: 2550, Slaves: 50, ClientsPaper: 255000, ClientsSlave: 252450},
		// d = 105/10 = 10.5, half up; u = (100-50)/5
		{C: 100, NMax: 5, Domains: 11, Clients: 550, Slaves: 10, ClientsPaper: 11000, ClientsSlave: 10450},
		{C: 0, NMax: 3},
		{C: 3, NMax: 0},
	} {
		if got := Plan(want.C, want.NMax); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

// P 7.1: no other number of domains lets more clients in.
func TestPlanIsTheBest(t *testing.T) {
	for c := 1; c <= 600; c++ {
		for nMax := 1; nMax <= 6; nMax++ {
			row := Plan(c, nMax)
			for d := 1; d <= c; d++ {
				if m := d * Local(c, nMax, d); m > row.Clients {
					t.Fatalf("C = %d, N_max = %d: %d domains hold %d clients, Plan says %d with %d",
						c, nMax, d, m, row.Clients, row.Domains)
				}
			}
		}
	}
}
