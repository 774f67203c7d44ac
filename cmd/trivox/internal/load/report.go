package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
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
