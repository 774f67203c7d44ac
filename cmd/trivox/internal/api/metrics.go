package api

import (
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is a snapshot of what the server counts, the process's own figures apart. Counters count from the start
// of the process. Maps may be nil, and are read only while the request for which they were made lasts.
type Metrics struct {
	Conferences     int
	Legs            int
	RTPPortsInUse   int               // pairs that calls hold, or that are in quarantine
	RTPPortsFree    int               // pairs
	Requests        map[string]uint64 // SIP requests received, by method; methods we do not know are summed as "other"
	Responses       map[int]uint64    // SIP final responses sent to requests outside and inside dialogs, by status code
	SIPDropped      map[string]uint64 // SIP messages that got no answer, by reason
	Authentications map[string]uint64 // requests that need a proof, by what became of it
	Registrations   map[string]uint64 // REGISTERs, by what became of them, challenges apart
	OverRate        uint64            // requests above a rate that were answered 503
	Bans            int               // now
	BansMade        uint64            // so far
	CallsEnded      map[string]uint64 // by who or what ended them: "caller", "server", ...
	PacketsReceived uint64            // RTP
	PacketsSent     uint64            // RTP
	PacketsDropped  map[string]uint64 // RTP and RTCP, by reason
	EventsDropped   uint64            // events to conferences whose inbox was full
	TickLateness    Histogram         // how late the media workers began their slots
	TickOverruns    uint64            // slots skipped because the one before took too long
}

// Histogram counts durations. Counts has one number more than Bounds: Counts[i] are those above Bounds[i-1] and at
// most Bounds[i], the last those above every bound.
type Histogram struct {
	Bounds []time.Duration
	Counts []uint64
	Sum    time.Duration
}

// methods are the label values that requests may have: a stranger must not make new ones.
var methods = []string{"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER", "SUBSCRIBE",
	"NOTIFY", "MESSAGE", "PUBLISH", "REGISTER"}

// collector turns snapshots into metrics at each scrape.
type collector struct {
	source func() Metrics

	conferences, legs, portsInUse, portsFree              *prometheus.Desc
	requests, responses, sipDropped, callsEnded           *prometheus.Desc
	authentications, registrations, overRate, bans, made  *prometheus.Desc
	received, sent, dropped, eventsDropped, late, overrun *prometheus.Desc
}

func newCollector(source func() Metrics) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("trivox_"+name, help, labels, nil)
	}
	return &collector{
		source:          source,
		conferences:     desc("conferences", "Conferences now."),
		legs:            desc("legs", "Calls in conferences now."),
		portsInUse:      desc("rtp_port_pairs_in_use", "RTP/RTCP port pairs held by calls or in quarantine."),
		portsFree:       desc("rtp_port_pairs_free", "RTP/RTCP port pairs that calls may still take."),
		requests:        desc("sip_requests_total", "SIP requests received, by method.", "method"),
		responses:       desc("sip_responses_total", "Final SIP responses sent, by status code.", "code"),
		sipDropped:      desc("sip_dropped_total", "SIP messages that got no answer, by reason.", "reason"),
		authentications: desc("sip_authentications_total", "SIP requests that need a proof of who sends them, by what became of it.", "result"),
		registrations:   desc("sip_registrations_total", "REGISTER requests that were not challenged, by what became of them.", "result"),
		overRate:        desc("sip_over_rate_total", "SIP requests above the rate of their source or user that were answered 503."),
		bans:            desc("sip_bans", "Sources, and users at a source, who are banned now."),
		made:            desc("sip_bans_total", "Bans so far."),
		callsEnded:      desc("calls_ended_total", "Calls that were answered and have ended, by who or what ended them.", "by"),
		received:        desc("rtp_packets_received_total", "RTP packets received."),
		sent:            desc("rtp_packets_sent_total", "RTP packets sent."),
		dropped:         desc("rtp_packets_dropped_total", "RTP and RTCP packets received and not used, by reason.", "reason"),
		eventsDropped:   desc("conference_events_dropped_total", "Events lost because a conference's inbox was full."),
		late:            desc("tick_lateness_seconds", "How late media workers began their slots."),
		overrun:         desc("tick_overruns_total", "Slots skipped because the one before took too long."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.conferences, c.legs, c.portsInUse, c.portsFree, c.requests, c.responses, c.sipDropped,
		c.authentications, c.registrations, c.overRate, c.bans, c.made, c.callsEnded, c.received, c.sent, c.dropped, c.eventsDropped, c.late, c.overrun} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	m := c.source()
	gauge := func(d *prometheus.Desc, v int) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v))
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	byLabel := func(d *prometheus.Desc, counts map[string]uint64) {
		for label, v := range counts {
			counter(d, v, label)
		}
	}
	gauge(c.conferences, m.Conferences)
	gauge(c.legs, m.Legs)
	gauge(c.portsInUse, m.RTPPortsInUse)
	gauge(c.portsFree, m.RTPPortsFree)
	byLabel(c.requests, known(m.Requests))
	for code, v := range m.Responses {
		counter(c.responses, v, strconv.Itoa(code))
	}
	byLabel(c.sipDropped, m.SIPDropped)
	byLabel(c.authentications, m.Authentications)
	byLabel(c.registrations, m.Registrations)
	counter(c.overRate, m.OverRate)
	gauge(c.bans, m.Bans)
	counter(c.made, m.BansMade)
	byLabel(c.callsEnded, m.CallsEnded)
	counter(c.received, m.PacketsReceived)
	counter(c.sent, m.PacketsSent)
	byLabel(c.dropped, m.PacketsDropped)
	counter(c.eventsDropped, m.EventsDropped)
	buckets, count := m.TickLateness.cumulative()
	ch <- prometheus.MustNewConstHistogram(c.late, count, m.TickLateness.Sum.Seconds(), buckets)
	counter(c.overrun, m.TickOverruns)
}

// known gives the counts with methods that are not ours summed as "other".
func known(requests map[string]uint64) map[string]uint64 {
	out := make(map[string]uint64, len(methods))
	for method, v := range requests {
		if !slices.Contains(methods, method) {
			method = "other"
		}
		out[method] += v
	}
	return out
}

// cumulative gives the counts as Prometheus wants them: at most each bound, in seconds, and all.
func (h Histogram) cumulative() (map[float64]uint64, uint64) {
	buckets := make(map[float64]uint64, len(h.Bounds))
	var count uint64
	for i, n := range h.Counts {
		count += n
		if i < len(h.Bounds) {
			buckets[h.Bounds[i].Seconds()] = count
		}
	}
	return buckets, count
}

// metricsHandler answers scrapes, in a registry of its own: no package's global metrics get in.
func metricsHandler(version string, source func() Metrics) http.Handler {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "trivox_build_info", Help: "1, labelled with the version.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()},
	})
	build.Set(1)
	registry.MustRegister(newCollector(source), build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}
