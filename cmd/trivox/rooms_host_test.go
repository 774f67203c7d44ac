package main

import (
	"context"
	"errors"
	"testing"

	"trivox/sip"
)

// Where there are rules, a room is entered by those of its own name and domain, whatever host is dialled, and by no other
// host than this server's.
func TestRoomsAtHosts(t *testing.T) {
	r, _ := roomsAlone(t, "domains = [\"one.example\", \"two.example\"]\n"+
		"[[room]]\nmatch = \"tea@one.example\"\njoin = [\"nobody\"]\n"+
		"[[room]]\nmatch = \"cake@TWO.example\"\njoin = [\"nobody\"]\n"+
		"[[room]]\nmatch = \"*\"\n")
	for _, tt := range []struct {
		user, host string
		code       int // 0: he enters
	}{
		{"tea", "one.example", 403}, {"tea", "ONE.example", 403}, {"tea", "127.0.0.1", 403}, {"tea", "two.example", 0},
		{"cake", "two.example", 403}, {"cake", "Two.Example", 403}, {"cake", "one.example", 0}, {"cake", "127.0.0.1", 0},
		{"tea@one.example", "one.example", 0}, // another room, named "tea@one.example@one.example"
		{"tea", "one.example.", 403}, {"tea", "three.example", 404}, {"cake", "192.0.2.1", 404}, {"anything", "", 404},
	} {
		c := callOf("")
		c.User, c.Host = tt.user, tt.host
		leg, err := r.Enter(context.Background(), c)
		got := 0
		var refusal *sip.Refusal
		if errors.As(err, &refusal) {
			got = refusal.Code
		}
		if got != tt.code {
			t.Errorf("%s at %q: %v, want %d", tt.user, tt.host, err, tt.code)
		}
		if leg != nil {
			leg.End(sip.Cause{Code: 200})
		}
		if _, err := r.Known(tt.user, tt.host); tt.code == 404 && !errors.As(err, &refusal) {
			t.Errorf("%s at %q: known, %v", tt.user, tt.host, err)
		}
	}
	for _, l := range r.server.List() {
		t.Errorf("left: %+v", l)
	}
	open, _ := roomsAlone(t, "")
	c := callOf("")
	c.User, c.Host = "tea", "anything.example"
	leg, err := open.Enter(context.Background(), c)
	if err != nil {
		t.Fatalf("without rules: %v", err)
	}
	leg.End(sip.Cause{Code: 200})
}
