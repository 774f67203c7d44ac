package sim

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"
)

// files are where an experiment writes beside standard output.
type files struct {
	CSV  string `name:"csv" placeholder:"FILE" help:"Write the numbers to this file as comma-separated values."`
	Plot string `placeholder:"FILE" help:"Draw them into this file, SVG."`
}

// write writes the files that were asked for. rows has the heading first.
func (f files) write(rows [][]string, drawing chart) error {
	if f.CSV != "" {
		var b bytes.Buffer
		if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
			return fmt.Errorf("sim: --csv %s: %w", f.CSV, err)
		}
		if err := os.WriteFile(f.CSV, b.Bytes(), 0o666); err != nil {
			return fmt.Errorf("sim: --csv: %w", err)
		}
	}
	if f.Plot != "" {
		if err := os.WriteFile(f.Plot, drawing.svg(), 0o666); err != nil {
			return fmt.Errorf("sim: --plot: %w", err)
		}
	}
	return nil
}

// table prints rows in columns, the first row being the heading.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range rows {
		for _, cell := range row {
			fmt.Fprintf(t, "%s\t", cell)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// progress returns a function that says on w how far a run is, at most five times
// a second, and nil when w is no terminal.
func progress(w io.Writer, what string) func(done, total int) {
	f, ok := w.(*os.File)
	if !ok {
		return nil
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	began := time.Now()
	last := began
	return func(done, total int) {
		now := time.Now()
		if done < total && now.Sub(last) < 200*time.Millisecond {
			return
		}
		last = now
		fmt.Fprintf(w, "\r%s: %3d %%, %.0f s", what, 100*done/max(total, 1), now.Sub(began).Seconds())
		if done >= total {
			fmt.Fprint(w, "\r\x1b[K") // the table takes its place
		}
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }

func percent(share float64) string { return fmt.Sprintf("%.1f", 100*share) }
