package load

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

const (
	listenLimit = 500 // legs whose sound is decoded and judged
	delayLimit  = 60  // legs in whose sound a talker is searched
	audible     = -50 // dBov from which a leg hears somebody
)

// report is the result. Times are in milliseconds unless the name says
// otherwise; docs/load.md says what each figure means.
type report struct {
	URI         string  `json:"uri"`
	Codec       string  `json:"codec"`
	Legs        int     `json:"legs"`
	Conferences int     `json:"conferences"`
	Talkers     int     `json:"talkers_per_conference"`
	Seconds     float64 `json:"seconds"`

	Calls   callFigures    `json:"calls"`
	Packets packetFigures  `json:"packets"`
	Late    lateFigures    `json:"late"`
	Jitter  jitterFigures  `json:"jitter_ms"`
	Heard   heardFigures   `json:"heard"`
	Delay   *delayFigures  `json:"delay_ms,omitempty"`
	Server  *serverFigures `json:"server,omitempty"`
	Own     ownFigures     `json:"load"`
}

type callFigures struct {
	Made          int            `json:"made"`
	Failed        int            `json:"failed"`
	Dropped       int            `json:"ended_by_server"`
	NoSound       int            `json:"without_packets"`
	UnansweredBye int            `json:"bye_unanswered"`
	SetupMedian   float64        `json:"setup_ms_median"`
	SetupP99      float64        `json:"setup_ms_p99"`
	Failures      map[string]int `json:"failures,omitempty"`
}

type packetFigures struct {
	Sent       uint64 `json:"sent"`
	Unsent     uint64 `json:"unsent"`
	Expected   int    `json:"expected"`
	Received   int    `json:"received"`
	Lost       int    `json:"lost"`
	Duplicates int    `json:"duplicates"`
	Restarts   int    `json:"restarts"`
	Other      int    `json:"other_payload_types"`
}

type lateFigures struct {
	Packets int     `json:"packets"`
	Share   float64 `json:"share"`
	P99     float64 `json:"ms_p99"`
	P999    float64 `json:"ms_p999"`
	Worst   float64 `json:"ms_worst"`
}

type jitterFigures struct {
	Mean  float64 `json:"mean"`
	Worst float64 `json:"worst"`
}

type heardFigures struct {
	Checked  int     `json:"legs_checked"`
	Hearing  int     `json:"legs_hearing"`
	LevelDB  float64 `json:"dbov_median"`
	Expected bool    `json:"somebody_talks"`
}

type delayFigures struct {
	Legs   int     `json:"legs"`
	Median float64 `json:"median"`
	P99    float64 `json:"p99"`
}

type serverFigures struct {
	CPU    float64 `json:"cpu_us_per_leg_second"`
	Memory float64 `json:"memory_bytes_per_leg"`
	RSS    int64   `json:"rss_bytes"`
}

type ownFigures struct {
	CPU   float64 `json:"cpu_us_per_leg_second"`
	P99   float64 `json:"thread_late_ms_p99"`
	Worst float64 `json:"thread_late_ms_worst"`
}

// report counts everything. The engines have ended.
func (t *test) report() (*report, error) {
	seconds := (t.window.to - t.window.from).Seconds()
	r := &report{URI: t.URI, Codec: t.codec.Name, Legs: t.Legs, Conferences: t.Conferences, Talkers: t.Talkers, Seconds: seconds}
	r.calls(t)
	up := r.Calls.Made - r.Calls.Failed
	r.Packets.Expected = int(math.Round(seconds * 50 * float64(up)))
	r.packets(t)
	var own, spread spread
	for _, e := range t.engines {
		own.merge(&e.own)
		spread.merge(&e.spread)
	}
	r.Late = lateFigures{Packets: spread.late, P99: ms(spread.quantile(0.99)), P999: ms(spread.quantile(0.999)), Worst: ms(spread.worst)}
	if r.Packets.Received > 0 {
		r.Late.Share = float64(spread.late) / float64(r.Packets.Received)
	}
	r.Own.P99, r.Own.Worst = ms(own.quantile(0.99)), ms(own.worst)
	if up > 0 && t.elapsed > 0 {
		legSeconds := float64(up) * t.elapsed.Seconds()
		r.Own.CPU = float64(t.own.Microseconds()) / legSeconds
		if t.ServerPID != 0 {
			r.Server = &serverFigures{
				CPU:    float64(t.cpu.Microseconds()) / legSeconds,
				Memory: float64(t.rss-t.before.rss) / float64(up), RSS: t.rss,
			}
		}
	}
	return r, r.listen(t)
}

func (r *report) calls(t *test) {
	r.Calls = callFigures{Made: len(t.callers), Dropped: t.dropped, UnansweredBye: t.unanswered}
	var setups []time.Duration
	for _, c := range t.callers {
		if c.err != nil {
			r.Calls.Failed++
			if r.Calls.Failures == nil {
				r.Calls.Failures = map[string]int{}
			}
			text := c.err.Error()
			if _, known := r.Calls.Failures[text]; !known && len(r.Calls.Failures) >= 20 {
				text = "others"
			}
			r.Calls.Failures[text]++
			continue
		}
		setups = append(setups, c.setup)
		if c.leg.in.sequence.received == 0 {
			r.Calls.NoSound++
		}
	}
	r.Calls.SetupMedian, r.Calls.SetupP99 = ms(quantile(setups, 0.5)), ms(quantile(setups, 0.99))
}

func (r *report) packets(t *test) {
	legs := 0
	for _, c := range t.callers {
		l := c.leg
		r.Packets.Sent += l.sent
		r.Packets.Unsent += l.unsent
		r.Packets.Received += l.in.sequence.received
		r.Packets.Lost += l.in.sequence.lost()
		r.Packets.Duplicates += l.in.sequence.duplicates
		r.Packets.Restarts += l.in.sequence.restarts
		r.Packets.Other += l.in.other
		if l.in.sequence.received > 0 {
			j := l.in.jitter.value / 1e6
			r.Jitter.Mean += j
			r.Jitter.Worst = max(r.Jitter.Worst, j)
			legs++
		}
	}
	if legs > 0 {
		r.Jitter.Mean /= float64(legs)
	}
}

// listen decodes what some legs heard in the last second, and searches the
// talkers in it.
func (r *report) listen(t *test) error {
	talkers := make([][]*leg, t.Conferences)
	for _, c := range t.callers {
		if c.err == nil && c.leg.talks && c.leg.started {
			talkers[c.leg.conference] = append(talkers[c.leg.conference], c.leg)
		}
	}
	var levels []float64
	var delays []time.Duration
	stride := max(1, len(t.callers)/listenLimit)
	every := max(1, min(len(t.callers), listenLimit)/delayLimit)
	for i := 0; i < len(t.callers); i += stride {
		c := t.callers[i]
		others := slices.DeleteFunc(slices.Clone(talkers[c.leg.conference]), func(l *leg) bool { return l == c.leg })
		if c.err != nil || len(others) == 0 {
			continue
		}
		r.Heard.Expected = true
		r.Heard.Checked++
		h, err := listen(t.codec, c.leg.in.capture)
		if err != nil {
			return err
		}
		levels = append(levels, h.db)
		if h.db <= audible {
			continue
		}
		r.Heard.Hearing++
		if i/stride%every == 0 {
			if d, ok := findTalker(h, others, i); ok {
				delays = append(delays, d)
			}
		}
	}
	slices.Sort(levels)
	if len(levels) > 0 {
		r.Heard.LevelDB = levels[len(levels)/2]
	}
	if len(delays) > 0 {
		r.Delay = &delayFigures{Legs: len(delays), Median: ms(quantile(delays, 0.5)), P99: ms(quantile(delays, 0.99))}
	}
	return nil
}

// findTalker tries the talkers, beginning with another one for each leg.
func findTalker(h heard, talkers []*leg, start int) (time.Duration, bool) {
	for i := range min(len(talkers), 3) {
		l := talkers[(start+i)%len(talkers)]
		if d, ok := l.sound.delay(h, l.begun); ok {
			return d, true
		}
	}
	return 0, false
}

// good reports whether every call got through and got sound.
func (r *report) good() bool {
	return r.Calls.Failed == 0 && r.Calls.Dropped == 0 && r.Calls.NoSound == 0
}

// print writes the table.
func (r *report) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	line("load", "%d legs in %d conferences, %d talkers in each, %s, %.1f s", r.Legs, r.Conferences, r.Talkers, r.Codec, r.Seconds)
	line("calls", "%d made, %d failed, %d ended by the server, %d without packets", r.Calls.Made, r.Calls.Failed, r.Calls.Dropped, r.Calls.NoSound)
	line("set-up", "%.1f ms median, %.1f ms p99, INVITE to 200", r.Calls.SetupMedian, r.Calls.SetupP99)
	line("packets", "%d sent, %d expected, %d received, %d lost", r.Packets.Sent, r.Packets.Expected, r.Packets.Received, r.Packets.Lost)
	line("late", "%d by more than 5 ms (%.3f %%), %.1f ms p99, %.1f ms worst", r.Late.Packets, 100*r.Late.Share, r.Late.P99, r.Late.Worst)
	line("jitter", "%.2f ms mean, %.2f ms worst leg", r.Jitter.Mean, r.Jitter.Worst)
	if r.Heard.Expected {
		line("heard", "%d of %d legs checked hear somebody, %.0f dBov median", r.Heard.Hearing, r.Heard.Checked, r.Heard.LevelDB)
	}
	if r.Delay != nil {
		line("delay", "%.1f ms median, %.1f ms p99, in %d legs", r.Delay.Median, r.Delay.P99, r.Delay.Legs)
	}
	if r.Server != nil {
		line("server", "%.0f us of CPU per leg-second, %.1f KB of memory per leg", r.Server.CPU, r.Server.Memory/1024)
	}
	line("this load", "%.0f us of CPU per leg-second, %.1f ms late p99, %.1f ms worst", r.Own.CPU, r.Own.P99, r.Own.Worst)
	t.Flush()
	for _, text := range slices.Sorted(maps.Keys(r.Calls.Failures)) {
		fmt.Fprintf(w, "failed: %d times: %s\n", r.Calls.Failures[text], text)
	}
	if r.Heard.Expected && r.Heard.Hearing < r.Heard.Checked {
		fmt.Fprintf(w, "warning: %d legs hear nobody though others talk\n", r.Heard.Checked-r.Heard.Hearing)
	}
	if r.Own.P99 > ms(lateAfter)/2 {
		fmt.Fprintf(w, "warning: this machine is too busy: the load itself was %.1f ms late (p99); do not blame the server for its late packets\n", r.Own.P99)
	}
}

// save writes the report as JSON.
func (r *report) save(file string, stdout io.Writer) error {
	if file == "" {
		return nil
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("load: --json: %w", err)
	}
	b = append(b, '\n')
	if file == "-" {
		_, err = stdout.Write(b)
	} else {
		err = os.WriteFile(file, b, 0o644)
	}
	if err != nil {
		return fmt.Errorf("load: --json %q: %w", file, err)
	}
	return nil
}

func ms(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Millisecond)*1000) / 1000
}

// quantile of a list, which it sorts; 0 when it is empty.
func quantile(list []time.Duration, q float64) time.Duration {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[min(len(list)-1, int(q*float64(len(list))))]
}

func median(list []time.Duration) time.Duration { return quantile(slices.Clone(list), 0.5) }
