package sim

import (
	"fmt"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"trivox/cluster/sim"
)

// FloorCommand is `trivox sim floor`.
type FloorCommand struct {
	Seed    uint64         `default:"1" help:"Seed of all that is drawn by chance."`
	Trials  int            `default:"400" help:"Trials of each contest."`
	Minutes int            `default:"20" help:"Length of each conversation."`
	NMax    int            `name:"nmax" default:"3" help:"Floors: how many are heard at once."`
	Speech  string         `placeholder:"DIR" help:"Let recorded voices speak, the WAV files of this folder, in place of made-up ones."`
	Search  bool           `help:"Look for better parameters of the loudness number than the defaults, on --seed."`
	Set     map[string]int `placeholder:"NAME=VALUE" help:"Change parameters of the loudness number, e.g. Max=9830;Hang=5."`
	Figure  string         `enum:"interrupters,crowd,trace" default:"interrupters" help:"What --plot draws: how long an equally loud interrupter waits, how many talkspurts are clipped by how many who talk at once, or loudness numbers over time (${enum})."`
	files   `embed:""`
}

// Run runs the experiment, or the search.
func (c FloorCommand) Run(k *kong.Context) error {
	f := sim.DefaultFloor()
	f.Seed, f.Trials, f.Minutes, f.NMax = c.Seed, c.Trials, c.Minutes, c.NMax
	var err error
	if f.Loudness, err = change(f.Loudness, c.Set); err != nil {
		return err
	}
	if f.Speech, err = recordings(c.Speech); err != nil {
		return err
	}
	if err := f.Check(); err != nil {
		return err
	}
	if c.Search {
		return c.search(k, f)
	}
	f.Progress = progress(k.Stderr, "floor")
	r := sim.Floor(f)
	contests, hearings := contestRows(r.Contests), hearingRows(r.Hearings)
	fmt.Fprintf(k.Stdout, "%d floors held by steady speakers, somebody else begins; %d trials, seed %d.\n%s\n\n", f.NMax, f.Trials, f.Seed, contestKey)
	if err := table(k.Stdout, contests); err != nil {
		return err
	}
	fmt.Fprintf(k.Stdout, "\nConversations of %d minutes.\n%s\n\n", f.Minutes, hearingKey)
	if err := table(k.Stdout, hearings); err != nil {
		return err
	}
	var drawing chart
	if c.Plot != "" {
		drawing = floorChart(c.Figure, f, r)
	}
	return c.write(append(append(contests, nil), hearings...), drawing)
}

const contestKey = `equal, +6 dB, -6 dB: seconds until an interrupter so loud is heard, median and 80th percentile; 10 is never. kept: % of his next 2 s
that are heard. burst: % of full-scale bursts of 100 ms that took a speaker's floor; s: the longest hold. gives way: seconds until one
who begins 0.5 s after a speaker stopped is heard, median and maximum. free: the same with a floor that was free. music, hum: % of the
time that music on hold 3 dB over speech, and noise 24 dB under it, has a speaker's floor.`

const hearingKey = `onsets: talkspurts. clipped: % whose first packet is not heard; free: the same of those that found fewer active than floors. lost: seconds
of a clipped one until it is heard, mean and 95th percentile. A minute: cuts, somebody who speaks on loses his floor; changes, a stream
comes on; wrong, a noise has the floor of somebody who speaks. heard: % of speech; most: what so many floors can hear.`

func contestRows(contests []sim.Contest) [][]string {
	rows := [][]string{{"method", "equal", "80 %", "+6 dB", "80 %", "-6 dB", "80 %", "kept", "burst", "s", "gives way", "max", "free", "max", "music", "hum"}}
	for _, c := range contests {
		rows = append(rows, []string{string(c.Method),
			seconds(c.Equal.Percentile(0.5)), seconds(c.Equal.Percentile(0.8)),
			seconds(c.Louder.Percentile(0.5)), seconds(c.Louder.Percentile(0.8)),
			seconds(c.Fainter.Percentile(0.5)), seconds(c.Fainter.Percentile(0.8)), percent(c.Kept),
			percent(c.Burst), seconds(c.BurstHeld),
			seconds(c.GivesWay.Percentile(0.5)), seconds(c.GivesWay.Percentile(1)),
			seconds(c.Free.Percentile(0.5)), seconds(c.Free.Percentile(1)),
			percent(c.Music), percent(c.Hum)})
	}
	return rows
}

func hearingRows(hearings []sim.Hearing) [][]string {
	rows := [][]string{{"conversation", "method", "onsets", "clipped", "free", "lost", "95 %", "cuts", "changes", "wrong", "heard", "most"}}
	for _, h := range hearings {
		rows = append(rows, []string{h.Scene, string(h.Method), strconv.Itoa(h.Onsets), percent(h.Clipped), percent(h.ClippedFree),
			seconds(h.Lost), seconds(h.Lost95), fmt.Sprintf("%.1f", h.Cuts), fmt.Sprintf("%.1f", h.Changes),
			fmt.Sprintf("%.1f", h.Wrong), percent(h.Heard), percent(h.Most)})
	}
	return rows
}

// floorChart draws one figure.
func floorChart(figure string, f sim.FloorConfig, r sim.FloorReport) chart {
	switch figure {
	case "crowd":
		return crowdChart(f)
	case "trace":
		return traceChart(f)
	}
	c := chart{title: "An equally loud interrupter against steady speakers",
		x: axis{label: "seconds since he began", low: 0, high: 3}, y: axis{label: "has a floor", low: 0, high: 1, percent: true}}
	for _, contest := range r.Contests {
		l := line{name: string(contest.Method)}
		for t := time.Duration(0); t <= 3*time.Second; t += sim.Slot {
			l.points = append(l.points, point{t.Seconds(), contest.Equal.Within(t)})
		}
		c.lines = append(c.lines, l)
	}
	return c
}

// crowdChart draws how many talkspurts lose their beginning, by how many people
// talk regardless of each other.
func crowdChart(f sim.FloorConfig) chart {
	c := chart{title: "Talkspurts whose first packet is not heard",
		x: axis{label: "people who talk regardless of each other", low: 2, high: 10}, y: axis{label: "clipped", low: 0, high: 1, percent: true}}
	for _, m := range sim.Methods() {
		l := line{name: string(m)}
		for people := 2; people <= 10; people++ {
			l.points = append(l.points, point{float64(people), sim.Crowd(f, m, people).Clipped})
		}
		c.lines = append(c.lines, l)
	}
	return c
}

// traceChart draws the loudness numbers of a contest, and under the top edge who
// has a floor.
func traceChart(f sim.FloorConfig) chart {
	trace := sim.Trace(f)
	c := chart{title: "Loudness numbers, and who has a floor (bars)", x: axis{label: "seconds"}, y: axis{label: "lambda", room: 0.2}}
	for i, name := range trace.Names {
		l := line{name: name}
		from := -1
		for slot, p := range trace.Slots {
			at := (time.Duration(slot) * sim.Slot).Seconds()
			l.points = append(l.points, point{at, float64(p[i].Number)})
			if p[i].Heard && from < 0 {
				from = slot
			}
			if end := slot == len(trace.Slots)-1; from >= 0 && (end || !p[i].Heard) {
				c.bands = append(c.bands, band{(time.Duration(from) * sim.Slot).Seconds(), at, i, i, name + " has a floor"})
				from = -1
			}
		}
		c.lines = append(c.lines, l)
	}
	return c
}
