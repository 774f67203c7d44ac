package traffic

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"
	"time"

	"trivox/cmd/trivox/internal/usage"
)

// mostFailures bounds the kinds of failures that are told apart.
const mostFailures = 20

// result is what became of what was begun. docs/load.md says what each figure means.
type result struct {
	Begun      int            `json:"begun"`
	Done       int            `json:"done"`
	Failed     int            `json:"failed"`
	Failures   map[string]int `json:"failures,omitempty"`
	Skipped    int            `json:"skipped"`
	Challenged int            `json:"challenged"`
	Repeated   int            `json:"repeated"`
	Unsent     int            `json:"unsent"`
	Dropped    int            `json:"ended_by_server"`

	took  latencies // of what was done: REGISTER, or BYE
	setUp latencies // INVITE to 200
}

func (r *result) fail(why string, n int) {
	r.Failed += n
	if _, known := r.Failures[why]; !known && len(r.Failures) >= mostFailures {
		why = "others"
	}
	r.Failures[why] += n
}

func (r *result) merge(o *result) {
	r.Begun, r.Done, r.Skipped = r.Begun+o.Begun, r.Done+o.Done, r.Skipped+o.Skipped
	r.Challenged, r.Repeated = r.Challenged+o.Challenged, r.Repeated+o.Repeated
	r.Unsent, r.Dropped = r.Unsent+o.Unsent, r.Dropped+o.Dropped
	for why, n := range o.Failures {
		r.fail(why, n)
	}
	r.took.merge(&o.took)
	r.setUp.merge(&o.setUp)
}

// spread is latencies as they are reported, in milliseconds.
type spread struct {
	Median float64 `json:"median"`
	P99    float64 `json:"p99"`
	P999   float64 `json:"p999"`
	Worst  float64 `json:"worst"`
}

func (l *latencies) spread() *spread {
	if l.n == 0 {
		return nil
	}
	return &spread{ms(l.quantile(0.5)), ms(l.quantile(0.99)), ms(l.quantile(0.999)), ms(l.worst)}
}

func ms(d time.Duration) float64 { return math.Round(float64(d)/float64(time.Millisecond)*1000) / 1000 }

// report is the result of a run.
type report struct {
	Kind      string  `json:"kind"`
	URI       string  `json:"uri"`
	Asked     float64 `json:"rate_asked"` // 0: as fast as it goes
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"done_per_second"`
	result

	Register *spread `json:"register_ms,omitempty"`
	Invite   *spread `json:"invite_ms,omitempty"`
	Bye      *spread `json:"bye_ms,omitempty"`

	ServerCPU float64 `json:"server_cpu_us,omitempty"` // for each that was done
	ServerRSS int64   `json:"server_rss_bytes,omitempty"`
	OwnCPU    float64 `json:"load_cpu_us"`
	OwnLate   *spread `json:"load_late_ms,omitempty"`

	own latencies // how late this load began what was due
}

// count makes figures of what was counted.
func (r *report) count(c Common, before, after [2]usage.Usage, elapsed time.Duration) {
	r.PerSecond = float64(r.Done) / r.Seconds
	r.Invite, r.OwnLate = r.setUp.spread(), r.own.spread()
	if r.Invite != nil {
		r.Bye = r.took.spread()
	} else {
		r.Register = r.took.spread()
	}
	if r.Done == 0 {
		return
	}
	each := func(i int) float64 {
		return math.Round(10*float64((after[i].CPU-before[i].CPU).Microseconds())/float64(r.Done)) / 10
	}
	r.OwnCPU = each(1)
	if c.ServerPID != 0 {
		r.ServerCPU, r.ServerRSS = each(0), after[0].RSS
	}
}

// good reports whether something was done and nothing failed.
func (r *report) good() bool { return r.Done > 0 && r.Failed == 0 && r.Dropped == 0 }

func (r *report) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	asked := "as fast as it goes"
	if r.Asked > 0 {
		asked = fmt.Sprintf("%.0f a second asked", r.Asked)
	}
	line("load", "%s %s, %s, %.1f s", r.Kind, r.URI, asked, r.Seconds)
	line("done", "%.1f a second: %d begun, %d done, %d failed, %d skipped", r.PerSecond, r.Begun, r.Done, r.Failed, r.Skipped)
	for _, l := range []struct {
		name string
		*spread
	}{{"REGISTER to 200", r.Register}, {"INVITE to 200", r.Invite}, {"BYE to 200", r.Bye}} {
		if l.spread != nil {
			line(l.name, "%.2f ms median, %.2f ms p99, %.2f ms p99.9, %.1f ms worst", l.Median, l.P99, l.P999, l.Worst)
		}
	}
	line("on the way", "%d challenged, %d repeated, %d not sent, %d ended by the server", r.Challenged, r.Repeated, r.Unsent, r.Dropped)
	if r.ServerRSS > 0 {
		line("server", "%.0f us of CPU for each, %.1f MB of memory", r.ServerCPU, float64(r.ServerRSS)/1e6)
	}
	line("this load", "%.0f us of CPU for each", r.OwnCPU)
	_ = t.Flush()
	for _, why := range slices.Sorted(maps.Keys(r.Failures)) {
		fmt.Fprintf(w, "failed: %d times: %s\n", r.Failures[why], why)
	}
	if r.OwnLate != nil && r.OwnLate.P99 > 10 {
		fmt.Fprintf(w, "warning: this machine is too busy: the load itself was %.1f ms late (p99); do not blame the server for what took long\n", r.OwnLate.P99)
	}
}
