package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trivox/cmd/trivox/internal/api"
)

// bye ends the call of a wire, and reports whether it was answered.
func (w *wire) bye() {
	w.t.Helper()
	w.send("BYE", "bye", "")
	for status, method := w.answer(); ; status, method = w.answer() {
		if method != "BYE" {
			continue // the 200 to INVITE again
		}
		if status != "200" {
			w.t.Errorf("BYE got %s", status)
		}
		return
	}
}

// hungUp waits for the server's BYE and answers it.
func (w *wire) hungUp() {
	w.t.Helper()
	bye := nextMessage(w.t, w.socket, "BYE ")
	if _, err := w.socket.WriteToUDPAddrPort(answerTo(bye, "200 OK", ""), w.server.sip()); err != nil {
		w.t.Fatal(err)
	}
}

// call makes a call by hand, up to the ACK.
func (w *wire) call() {
	w.t.Helper()
	w.invite()
	if status, method := w.answer(); status != "200" || method != "INVITE" {
		w.t.Fatalf("%s got %s", method, status)
	}
	w.send("ACK", "ack", "")
}

// Who reads the 200 to his BYE finds the record of his call, in the API, in the file and by trivox ctl.
func TestRecordOfACall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "calls.jsonl")
	s := serve(t, "data = \""+dir+"\"\n[cdr]\nfile = \""+file+"\"\n")
	w := openWire(t, s, "tea")
	w.call()
	w.bye()
	status, body := s.ask(http.MethodGet, "/v1/records?room=tea", "")
	var list struct{ Records []api.Record }
	if err := json.Unmarshal([]byte(body), &list); err != nil || status != http.StatusOK || len(list.Records) != 1 {
		t.Fatalf("%d %v %s", status, err, body)
	}
	r := list.Records[0]
	if r.CallID != w.id || r.Room != "tea" || r.Kind != "room" || r.Direction != "in" || r.URI != "sip:wire@127.0.0.1" || r.Transport != "UDP" ||
		r.Source != localPort(w.socket).String() || r.Codec != "PCMU" || r.EndedBy != "caller" || r.Code != 200 || r.Answered == nil || r.User != "" || r.Encryption != "" {
		t.Errorf("%+v", r)
	}
	lines, err := os.ReadFile(file)
	if err != nil || strings.Count(string(lines), "\n") != 1 || !strings.Contains(body, strings.TrimSpace(string(lines))) {
		t.Errorf("the file has %q, %v; want what is in %s", lines, err, body)
	}
	out, err := command(t, "ctl", "cdr", "--http", s.web(), "--since", "1h").CombinedOutput()
	if err != nil || !strings.Contains(string(out), r.ID) || !strings.Contains(string(out), "PCMU") {
		t.Errorf("trivox ctl cdr: %v\n%s", err, out)
	}
	if s.labelled("trivox_cdr_written_total", `to="database"`) != 1 || s.labelled("trivox_cdr_written_total", `to="file"`) != 1 || s.metric("trivox_cdr_failed_total") != 0 {
		t.Error("the metrics count other records than one in each place")
	}
	if found := s.await(1, "the end of the call", func(e event) bool { return e.is("call ended") }); len(found) != 1 {
		t.Errorf("%d calls ended in the log", len(found))
	}
}
