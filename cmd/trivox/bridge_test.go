package main

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"

	"trivox/cluster/conference"
	"trivox/cmd/trivox/internal/config"
	"trivox/media"
	"trivox/sip"
	"trivox/sip/sdp"
)

// callOf is one side of a call between two.
func callOf(bridge string) sip.Call {
	return sip.Call{
		User: "ann", Host: "example.com", CallID: "c1", Bridge: bridge, Network: "UDP", Source: netip.MustParseAddrPort("127.0.0.1:5070"),
		Local: netip.MustParseAddr("127.0.0.1"), Caller: sip.Identity{URI: "sip:bob@example.com"}, HangUp: func(sip.Cause) {},
	}
}

// roomsAlone are rooms over a conference server without signalling, by the settings of that text.
func roomsAlone(t *testing.T, settings string) (*rooms, *shelf) {
	t.Helper()
	c, err := config.Parse("f", []byte(settings))
	if err != nil {
		t.Fatal(err)
	}
	ports, err := media.NewPorts(20000, 59999, 0)
	if err != nil {
		t.Fatal(err)
	}
	server, err := conference.NewServer(conference.Default(1), ports)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	log, s := slog.New(slog.DiscardHandler), &shelf{}
	r := &rooms{
		server: server, config: &atomic.Pointer[config.Config]{}, recorder: newRecorder(s, false, log), log: log,
		lobbies: newLobbies(log, nil), srtp: func(sip.Call) sdp.Policy { return sdp.Off },
		ours: func(host string) bool {
			return host == "127.0.0.1" || slices.Contains(c.Domains, plainHost(host))
		},
	}
	r.config.Store(&c)
	return r, s
}

// Both sides of a call between two are in a conference of theirs, whatever rules there are for rooms, and nobody else can
// dial in.
func TestCallBetweenTwo(t *testing.T) {
	r, s := roomsAlone(t, "[[room]]\nmatch = \"*\"\n")
	var legs []sip.Leg
	for range 2 {
		leg, err := r.Enter(context.Background(), callOf("call-1"))
		if err != nil {
			t.Fatal(err)
		}
		legs = append(legs, leg)
	}
	if list := r.server.List(); len(list) != 1 || !list[0].Private || list[0].Participants != 2 {
		t.Errorf("%+v", list)
	}
	stranger := callOf("")
	stranger.User = "call-1"
	var refused *sip.Refusal
	if _, err := r.Enter(context.Background(), stranger); !errors.As(err, &refused) || refused.Code != 404 {
		t.Errorf("a stranger who dials it: %v", err)
	}
	for _, leg := range legs {
		leg.End(sip.Cause{Code: 200, Text: "bye"})
	}
	if len(s.records) != 2 || s.records[0].Kind != "call" || s.records[0].Room != "call-1" {
		t.Errorf("%+v", s.records)
	}
}

// Of a call whose sound goes past this server there is a record, and nothing else: no port, no conference.
func TestDirectCall(t *testing.T) {
	r, s := roomsAlone(t, "")
	for _, answered := range []bool{true, false} {
		c := callOf("call-1")
		c.Direct = true
		leg, err := r.Enter(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := leg.Offer(); err == nil {
			t.Error("it offers")
		}
		if _, err := leg.Answer(nil); err == nil || leg.SetAnswer(nil) == nil {
			t.Error("it answers")
		}
		leg.Digit('1', 0)
		if answered {
			leg.Confirmed()
		}
		if n := r.server.Stats(); n.Legs != 0 || n.Conferences != 0 {
			t.Errorf("%+v", n)
		}
		leg.End(sip.Cause{Code: 200, Text: "bye", ByPeer: true})
		got := s.records[len(s.records)-1]
		if got.ID != leg.ID() || got.Kind != "call" || got.Answered.IsZero() == answered || got.Reason != "bye" || got.EndedBy != "caller" {
			t.Errorf("answered %v: %+v", answered, got)
		}
	}
}
