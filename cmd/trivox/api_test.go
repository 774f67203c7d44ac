package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"trivox/cmd/trivox/internal/api"
)

// web is the server's HTTP address.
func (s *server) web() string { return "http://" + s.address("http", "tcp", false).String() }

// ask makes a request and gives its status and body.
func (s *server) ask(method, path, token string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.web()+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// metric is the sum of all values of a metric, whatever its labels.
func (s *server) metric(name string) float64 { return s.labelled(name, "") }

// labelled is the sum of those whose labels contain the text.
func (s *server) labelled(name, label string) float64 {
	s.t.Helper()
	status, body := s.ask(http.MethodGet, "/metrics", "")
	if status != http.StatusOK {
		s.t.Fatalf("/metrics: %d %s", status, body)
	}
	sum, found := 0.0, false
	for l := range strings.Lines(body) {
		at := strings.LastIndexByte(l, ' ') // labels may hold spaces
		if at < 0 {
			continue
		}
		key, value := l[:at], strings.TrimSpace(l[at+1:])
		bare, labels, _ := strings.Cut(key, "{")
		if bare != name || !strings.Contains(labels, label) {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			s.t.Fatalf("/metrics: %q: %v", l, err)
		}
		sum, found = sum+v, true
	}
	if !found && label == "" {
		s.t.Fatalf("/metrics has no %s", name)
	}
	return sum
}

// show is a conference as the API shows it.
func (s *server) show(name string) api.Conference {
	s.t.Helper()
	status, body := s.ask(http.MethodGet, "/v1/conferences/"+name, "")
	if status != http.StatusOK {
		s.t.Fatalf("showing %s: %d %s", name, status, body)
	}
	var c api.Conference
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// participant is the one of that user name.
func (s *server) participant(conference, user string) api.Participant {
	s.t.Helper()
	for _, p := range s.show(conference).Participants {
		if strings.HasPrefix(p.URI, "sip:"+user+"@") {
			return p
		}
	}
	s.t.Fatalf("%s is not in %s", user, conference)
	return api.Participant{}
}

// becomes asks over and over until the answer is yes: for what the server tells only to those who ask.
func (s *server) becomes(what string, yes func() bool) {
	s.t.Helper()
	until(s.t, what, yes)
}

// action is the path of an action on a participant.
func action(conference, participant, verb string) string {
	return fmt.Sprintf("/v1/conferences/%s/participants/%s/%s", conference, participant, verb)
}
