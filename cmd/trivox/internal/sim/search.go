package sim

import (
	"fmt"
	"strconv"

	"github.com/alecthomas/kong"

	"trivox/cluster/sim"
)

// search looks for better parameters and prints the best beside the defaults.
func (c FloorCommand) search(k *kong.Context, f sim.FloorConfig) error {
	s := sim.DefaultSearch()
	trials, minutes := s.Trials, s.Minutes
	s.FloorConfig = f
	s.Trials, s.Minutes = min(f.Trials, trials), min(f.Minutes, minutes)
	s.Progress = progress(k.Stderr, "search")
	r := sim.SearchFloor(s)
	rows := searchRows(r)
	fmt.Fprintf(k.Stdout, `%d sets of parameters, seed %d. Points, fewer are better. loss: of each conversation the speech that was not heard though
there were floors enough, in %%, a tenth of the %% of talkspurts clipped and of the cuts and wrong takeovers a minute, in the mean.
missed: one for each %% by which a contest misses a figure, which is a fifth tighter than it need be, with bursts of 120 ms.
held out: the same on another seed, with twice the length, without such a margin.

`, r.Tried, c.Seed)
	if err := table(k.Stdout, rows); err != nil {
		return err
	}
	l := line{name: "candidates"}
	for _, b := range append([]sim.Candidate{r.Start}, r.Best...) {
		l.points = append(l.points, point{b.Trained.Points(), b.Held.Points()})
	}
	return c.write(rows, chart{title: "The best candidates and the start", x: axis{label: "points, trained"},
		y: axis{label: "points, held out"}, lines: []line{l}})
}

func searchRows(r sim.SearchReport) [][]string {
	heading := []string{"", "loss", "missed", "held out", "missed"}
	for _, p := range parameters() {
		heading = append(heading, p.name)
	}
	rows := [][]string{heading, candidateRow("start", r.Start)}
	for i, b := range r.Best {
		rows = append(rows, candidateRow(strconv.Itoa(i+1), b))
	}
	return rows
}

func candidateRow(name string, c sim.Candidate) []string {
	row := []string{name}
	for _, points := range []float64{c.Trained.Loss, c.Trained.Missed, c.Held.Loss, c.Held.Missed} {
		row = append(row, fmt.Sprintf("%.2f", points))
	}
	for _, p := range parameters() {
		row = append(row, strconv.Itoa(p.get(c.Params)))
	}
	return row
}
