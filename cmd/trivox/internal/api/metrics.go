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
	LegsWaiting     int               // of them, those in a lobby
	RTPPortsInUse   int               // pairs that calls hold, or that are in quarantine
	RTPPortsFree    int               // pairs
	Requests        map[string]uint64 // SIP requests received, by method; methods we do not know are summed as "other"
	Responses       map[int]uint64    // SIP final responses sent to requests outside and inside dialogs, by status code
	SIPDropped      map[string]uint64 // SIP messages that got no answer, by reason
	CallsEnded      map[string]uint64 // by who or what ended them: "caller", "server", ...
	PacketsReceived uint64            // RTP
	PacketsSent     uint64            // RTP
	PacketsDropped  map[string]uint64 // RTP and RTCP, by reason
	Rekeys          map[string]uint64 // callers whose own SRTP key kept them out, by what was done about it
	EventsDropped   uint64            // events to conferences whose inbox was full
	TickLateness    Histogram         // how late the media workers began their slots
	PINsWrong       uint64            // PINs typed that were wrong
	PINLockouts     uint64            // times that a room asked for no PIN any more
	TickOverruns    uint64            // slots skipped because the one before took too long
	Registrations   map[string]int    // bindings that have not expired, by transport
	Auth            map[string]uint64 // proofs asked for by password and given, by what came of it: "challenged", "right", ...
	Registers       map[string]uint64 // REGISTERs by result, "accepted" or "refused"
	Limited         map[string]uint64 // SIP requests above a limit, by its kind
	Bans            int               // sources, and users at sources, who are not served now
	BansMade        uint64            // bans so far
	RecordsWritten  map[string]uint64 // call detail records, by where they went
	RecordsFailed   map[string]uint64 // those that are not there

	Connections       int                      // of SIP, by TCP and TLS
	Dialogs           int                      // of SIP now, those that ring included
	Handshakes        map[string]uint64        // of TLS, by result: "done" or "failed"
	CertificateExpiry map[string]time.Duration // how long each certificate is still good, by its file
	StoreChanges      uint64                   // changes of users, registrations and records that were stored
	StoreCommits      uint64                   // transactions that they took
	StoreFailed       uint64                   // changes that the database did not take
	StoreRefused      uint64                   // changes refused because too many were waiting
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
	received, sent, dropped, eventsDropped, late, overrun *prometheus.Desc
	waiting, pinsWrong, lockouts                          *prometheus.Desc
	registrations, bans, bansMade, written, failed        *prometheus.Desc
	auth, registers, limited, rekeys                      *prometheus.Desc
	connections, dialogs, handshakes, expiry              *prometheus.Desc
	stored, commits, notStored, storeRefused              *prometheus.Desc
}

func newCollector(source func() Metrics) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("trivox_"+name, help, labels, nil)
	}
	return &collector{
		source:        source,
		conferences:   desc("conferences", "Conferences now."),
		legs:          desc("legs", "Calls in conferences now."),
		waiting:       desc("legs_waiting", "Calls in the lobbies of conferences now."),
		pinsWrong:     desc("pins_wrong_total", "PINs typed that were wrong."),
		lockouts:      desc("pin_lockouts_total", "Times that a room asked for no PIN any more, after too many wrong ones."),
		portsInUse:    desc("rtp_port_pairs_in_use", "RTP/RTCP port pairs held by calls or in quarantine."),
		portsFree:     desc("rtp_port_pairs_free", "RTP/RTCP port pairs that calls may still take."),
		requests:      desc("sip_requests_total", "SIP requests received, by method.", "method"),
		responses:     desc("sip_responses_total", "Final SIP responses sent, by status code.", "code"),
		sipDropped:    desc("sip_dropped_total", "SIP messages that got no answer, by reason.", "reason"),
		callsEnded:    desc("calls_ended_total", "Calls that were answered and have ended, by who or what ended them.", "by"),
		received:      desc("rtp_packets_received_total", "RTP packets received."),
		sent:          desc("rtp_packets_sent_total", "RTP packets sent."),
		dropped:       desc("rtp_packets_dropped_total", "RTP and RTCP packets received and not used, by reason.", "reason"),
		rekeys:        desc("srtp_rekeys_total", "Callers of whom nothing could be decrypted any more, by what came of asking for another key.", "result"),
		eventsDropped: desc("conference_events_dropped_total", "Events lost because a conference's inbox was full."),
		late:          desc("tick_lateness_seconds", "How late media workers began their slots."),
		overrun:       desc("tick_overruns_total", "Slots skipped because the one before took too long."),
		registrations: desc("registrations", "Ways to users' phones that are registered now, by transport.", "transport"),
		auth:          desc("sip_auth_total", "Requests by what came of asking for a password.", "result"),
		registers:     desc("sip_registers_total", "REGISTERs by result, challenges apart.", "result"),
		limited:       desc("sip_limited_total", "SIP requests above a limit, by its kind.", "limit"),
		bans:          desc("bans", "Sources, and users at sources, that are banned now."),
		bansMade:      desc("bans_total", "Bans so far."),
		written:       desc("cdr_written_total", "Call detail records written, by where they went.", "to"),
		failed:        desc("cdr_failed_total", "Call detail records that could not be written in time, by where they should have gone.", "to"),
		dialogs:       desc("sip_dialogs", "SIP dialogs now, those that ring included."),
		connections:   desc("sip_connections", "Connections for SIP, by TCP and TLS."),
		handshakes:    desc("sip_tls_handshakes_total", "TLS handshakes, by result.", "result"),
		expiry:        desc("tls_certificate_expiry_seconds", "Seconds until a certificate ends; below 0 it has.", "file"),
		stored:        desc("store_changes_total", "Changes of users, registrations and records that were stored."),
		commits:       desc("store_commits_total", "Transactions that stored them."),
		notStored:     desc("store_failed_total", "Changes that the database did not take."),
		storeRefused:  desc("store_refused_total", "Changes refused because too many were waiting for the database."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.conferences, c.legs, c.portsInUse, c.portsFree, c.requests, c.responses, c.sipDropped,
		c.callsEnded, c.received, c.sent, c.dropped, c.eventsDropped, c.late, c.overrun,
		c.connections, c.dialogs, c.handshakes, c.expiry,
		c.stored, c.commits, c.notStored, c.storeRefused,
		c.registrations, c.bans, c.bansMade, c.written, c.failed, c.auth, c.registers, c.limited,
		c.waiting, c.pinsWrong, c.lockouts, c.rekeys,
	} {
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
	gauge(c.waiting, m.LegsWaiting)
	counter(c.pinsWrong, m.PINsWrong)
	counter(c.lockouts, m.PINLockouts)
	gauge(c.portsInUse, m.RTPPortsInUse)
	gauge(c.portsFree, m.RTPPortsFree)
	byLabel(c.requests, known(m.Requests))
	for code, v := range m.Responses {
		counter(c.responses, v, strconv.Itoa(code))
	}
	byLabel(c.sipDropped, m.SIPDropped)
	byLabel(c.callsEnded, m.CallsEnded)
	counter(c.received, m.PacketsReceived)
	counter(c.sent, m.PacketsSent)
	byLabel(c.dropped, m.PacketsDropped)
	byLabel(c.rekeys, m.Rekeys)
	counter(c.eventsDropped, m.EventsDropped)
	buckets, count := m.TickLateness.cumulative()
	ch <- prometheus.MustNewConstHistogram(c.late, count, m.TickLateness.Sum.Seconds(), buckets)
	counter(c.overrun, m.TickOverruns)
	for transport, v := range m.Registrations {
		ch <- prometheus.MustNewConstMetric(c.registrations, prometheus.GaugeValue, float64(v), transport)
	}
	byLabel(c.auth, m.Auth)
	byLabel(c.registers, m.Registers)
	byLabel(c.limited, m.Limited)
	gauge(c.bans, m.Bans)
	counter(c.bansMade, m.BansMade)
	byLabel(c.written, m.RecordsWritten)
	byLabel(c.failed, m.RecordsFailed)
	gauge(c.connections, m.Connections)
	gauge(c.dialogs, m.Dialogs)
	byLabel(c.handshakes, m.Handshakes)
	for file, left := range m.CertificateExpiry {
		ch <- prometheus.MustNewConstMetric(c.expiry, prometheus.GaugeValue, left.Seconds(), file)
	}
	counter(c.stored, m.StoreChanges)
	counter(c.commits, m.StoreCommits)
	counter(c.notStored, m.StoreFailed)
	counter(c.storeRefused, m.StoreRefused)
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
