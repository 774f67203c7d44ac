package sip

import (
	"strings"
	"testing"
)

// Who repeats a request over UDP gets the same answer, for 64*T1; then nothing is left of it.
// RFC 3261, 17.2.2 (Timer J)
func TestRepeatedRequest(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms, Timers: quick()})
	p := newPhone(t, "udp", addr)
	p.call()
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	p.request("BYE", "")
	first := p.response("BYE", 200)
	for range 3 {
		p.raw("BYE", p.seq, "")
		if again := p.response("BYE", 200); again.String() != first.String() {
			t.Fatalf("another answer:\n%s\n%s", again, first)
		}
	}
	leg.want(t, "end")
	p.toTag = "unknown"
	p.request("BYE", "")
	p.response("BYE", 481)
	if n := s.Snapshot(); n.Finished != 3 || n.ServerTransactions != 0 { // INVITE, BYE, BYE
		t.Errorf("%+v", n)
	}
	eventually(t, func() bool { return s.Snapshot().Finished == 0 })
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.merged) != 0 || len(s.expiries) != 0 || s.sweeper != nil {
		t.Errorf("left: %d merged, %d expiries, sweeper %v", len(s.merged), len(s.expiries), s.sweeper)
	}
}

// A refusal is repeated until its ACK, and the ACK ends it.
func TestRefusalAcknowledged(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms, Timers: quick()})
	p := newPhone(t, "udp", addr)
	p.user = "nobody"
	p.request("INVITE", offerSDP)
	res := p.response("INVITE", 404)
	p.raw("INVITE", p.seq, offerSDP)
	if again := p.response("INVITE", 404); again.String() != res.String() {
		t.Errorf("another answer:\n%s\n%s", again, res)
	}
	if n := s.Snapshot(); n.ServerTransactions != 1 {
		t.Errorf("%+v", n)
	}
	p.refusedACK(res)
	p.refusedACK(res)
	eventually(t, func() bool { n := s.Snapshot(); return n.ServerTransactions == 0 && n.Finished == 0 })
}

// Strangers can fill neither what is open nor what is remembered; calls that are up go on.
func TestTransactionsAreBounded(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms, Limits: Limits{Open: 3, Finished: 5}})
	p := newPhone(t, "udp", addr)
	p.call()
	stranger := newPhone(t, "udp", addr)
	stranger.user = "nobody"
	for i := range 5 {
		stranger.callID = "stranger" + string(rune('a'+i))
		stranger.request("INVITE", offerSDP) // never acknowledged
		if i < 3 {
			stranger.response("INVITE", 404)
		} else if res := stranger.response("INVITE", 503); header(res, "retry-after") == "" {
			t.Error("no Retry-After")
		}
	}
	for range 20 {
		p.request("OPTIONS", "")
		p.response("OPTIONS", 200)
	}
	n := s.Snapshot()
	if n.ServerTransactions != 3 || n.Finished != 5 || n.Limited != 2+1+20-5 {
		t.Errorf("%+v", n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.finished) != len(s.expiries) || len(s.merged) != 3 {
		t.Errorf("%d finished, %d expiries, %d merged", len(s.finished), len(s.expiries), len(s.merged))
	}
}

// What is remembered has a size, too: an answer repeats the Via fields of its request, however long.
func TestFinishedBytesAreBounded(t *testing.T) {
	const most = 20000
	s, addr := startServer(t, "udp", Config{Rooms: newRooms(), Limits: Limits{FinishedBytes: most}})
	p := newPhone(t, "udp", addr)
	for range 20 {
		p.request("OPTIONS", "", "Via: SIP/2.0/UDP below.example.com;branch=z9hG4bK"+strings.Repeat("x", 3000))
		p.response("OPTIONS", 200)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	held := 0
	for key, f := range s.finished {
		held += f.size(key)
	}
	if held != s.held || held > most || len(s.finished) < 4 || len(s.finished) != len(s.expiries) || len(s.merged) != len(s.finished) {
		t.Errorf("%d bytes of %d, %d finished, %d expiries, %d merged", held, s.held, len(s.finished), len(s.expiries), len(s.merged))
	}
}
