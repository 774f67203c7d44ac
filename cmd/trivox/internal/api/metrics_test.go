package api

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func sample() Metrics {
	return Metrics{
		Conferences: 2, Legs: 7, LegsWaiting: 3, PINsWrong: 11, PINLockouts: 12, Rekeys: map[string]uint64{"asked": 13, "same key": 14}, RTPPortsInUse: 8, RTPPortsFree: 4992,
		Requests:        map[string]uint64{"INVITE": 9, "FOO": 1, "BAR": 2},
		Responses:       map[int]uint64{200: 8, 486: 1},
		SIPDropped:      map[string]uint64{"unreadable": 3},
		CallsEnded:      map[string]uint64{"caller": 2},
		PacketsReceived: 1000, PacketsSent: 2000,
		PacketsDropped: map[string]uint64{"unknown payload": 5},
		EventsDropped:  4,
		TickLateness: Histogram{
			Bounds: []time.Duration{time.Millisecond, 5 * time.Millisecond},
			Counts: []uint64{90, 9, 1}, Sum: 150 * time.Millisecond,
		},
		TickOverruns: 6,
		Connections:  11, Dialogs: 14, Handshakes: map[string]uint64{"done": 12, "failed": 13},
		CertificateExpiry: map[string]time.Duration{"a.pem": -time.Hour},
		StoreChanges:      70, StoreCommits: 11, StoreFailed: 12, StoreRefused: 13,
		Registrations: map[string]int{"UDP": 11}, Bans: 12, BansMade: 13,
		Auth: map[string]uint64{"wrong": 14}, Registers: map[string]uint64{"accepted": 15}, Limited: map[string]uint64{"rate": 16},
		RecordsWritten: map[string]uint64{"database": 17}, RecordsFailed: map[string]uint64{"file": 18},
	}
}

func TestMetrics(t *testing.T) {
	h := newHouse()
	w := h.ask(t, loopback, "GET", "/metrics")
	text := w.Body.String()
	for _, want := range []string{
		"trivox_conferences 2\n", "trivox_legs 7\n", "trivox_legs_waiting 3\n", "trivox_pins_wrong_total 11\n", "trivox_pin_lockouts_total 12\n",
		`trivox_srtp_rekeys_total{result="asked"} 13`, `trivox_srtp_rekeys_total{result="same key"} 14`,
		"trivox_rtp_port_pairs_in_use 8\n", "trivox_rtp_port_pairs_free 4992\n",
		`trivox_sip_requests_total{method="INVITE"} 9` + "\n", `trivox_sip_requests_total{method="other"} 3` + "\n",
		`trivox_sip_responses_total{code="200"} 8` + "\n", `trivox_sip_responses_total{code="486"} 1` + "\n",
		`trivox_sip_dropped_total{reason="unreadable"} 3` + "\n", `trivox_calls_ended_total{by="caller"} 2` + "\n",
		"trivox_rtp_packets_received_total 1000\n", "trivox_rtp_packets_sent_total 2000\n",
		`trivox_rtp_packets_dropped_total{reason="unknown payload"} 5` + "\n", "trivox_conference_events_dropped_total 4\n",
		`trivox_tick_lateness_seconds_bucket{le="0.001"} 90` + "\n", `trivox_tick_lateness_seconds_bucket{le="0.005"} 99` + "\n",
		`trivox_tick_lateness_seconds_bucket{le="+Inf"} 100` + "\n", "trivox_tick_lateness_seconds_sum 0.15\n",
		"trivox_tick_lateness_seconds_count 100\n", "trivox_tick_overruns_total 6\n",
		`trivox_registrations{transport="UDP"} 11` + "\n", "trivox_bans 12\n", "trivox_bans_total 13\n",
		`trivox_sip_auth_total{result="wrong"} 14` + "\n", `trivox_sip_registers_total{result="accepted"} 15` + "\n",
		`trivox_sip_limited_total{limit="rate"} 16` + "\n", `trivox_cdr_written_total{to="database"} 17` + "\n",
		`trivox_cdr_failed_total{to="file"} 18` + "\n",
		"trivox_sip_connections 11\n", "trivox_sip_dialogs 14\n", `trivox_sip_tls_handshakes_total{result="failed"} 13` + "\n",
		`trivox_tls_certificate_expiry_seconds{file="a.pem"} -3600` + "\n",
		"trivox_store_changes_total 70\n", "trivox_store_commits_total 11\n", "trivox_store_failed_total 12\n", "trivox_store_refused_total 13\n",
		`version="test"} 1` + "\n", "process_open_fds ", "go_goroutines ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q", want)
		}
	}
	if w.Code != 200 || strings.Contains(text, "FOO") {
		t.Errorf("%d: a stranger's method is a label:\n%s", w.Code, text)
	}
}

// A server that has just started has nothing to tell, and tells it.
func TestMetricsOfNothing(t *testing.T) {
	h := newHouse()
	h.count = Metrics{}
	if w := h.ask(t, loopback, "GET", "/metrics"); w.Code != 200 || !strings.Contains(w.Body.String(), "trivox_tick_lateness_seconds_count 0\n") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The manual explains every metric of ours.
func TestManualHasEveryMetric(t *testing.T) {
	manual, err := os.ReadFile("../../../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	text := newHouse().ask(t, loopback, "GET", "/metrics").Body.String()
	names := regexp.MustCompile(`(?m)^# TYPE (trivox_\w+) `).FindAllStringSubmatch(text, -1)
	if len(names) < 15 {
		t.Fatalf("only %d metrics", len(names))
	}
	for _, name := range names {
		if !strings.Contains(string(manual), "| `"+name[1]) {
			t.Errorf("docs/operate.md has no row for %s", name[1])
		}
	}
}
