package sip

import (
	"context"
	"strconv"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// TX-7: BYE comes while a re-INVITE is worked on: 487 for the INVITE, 200 for the BYE.
func TestByeDuringReinvite(t *testing.T) {
	rooms := newRooms()
	release := rooms.hold()
	rooms.enter = func(_ context.Context, _ Call, l *fakeLeg) error {
		n := 0
		l.answer = func([]byte) ([]byte, error) {
			if n++; n == 2 {
				release.wait()
			}
			return []byte(answerSDP), nil
		}
		return nil
	}
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.call()
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	p.request("INVITE", offerSDP)
	leg.want(t, "answer")
	reinvite, branch := p.seq, p.branch
	p.request("BYE", "")
	eventually(t, func() bool { return s.byeQueued(p) })
	release.open()
	var codes = map[sipgo.RequestMethod]int{}
	for len(codes) < 2 {
		if r, ok := p.next().(*sipgo.Response); ok && r.StatusCode != 100 {
			codes[r.CSeq().MethodName] = r.StatusCode
		}
	}
	if codes[sipgo.INVITE] != 487 || codes[sipgo.BYE] != 200 {
		t.Errorf("%v", codes)
	}
	p.branch = branch
	p.raw("ACK", reinvite, "")
	leg.want(t, "end")
}

// byeQueued says that the BYE of p's dialog has arrived.
func (s *Server) byeQueued(p *phone) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, d := range s.dialogs {
		if id.callID == p.callID {
			return d.peerBye.Load()
		}
	}
	return false
}

// TX-7: a re-INVITE before the ACK of the first 200 is served when its offer has been answered
// (RFC 5407, 3.1.4), and gets 491 when our offer is still open.
func TestReinviteBeforeAck(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.invite()
	p.request("INVITE", offerSDP)
	p.response("INVITE", 200)
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed", "answer")
	p.ack(1, "") // late: no 2xx waits for it any more
	p.ack(2, "")
	p.request("BYE", "")
	p.response("BYE", 200)
	leg.want(t, "end")
	if n := s.Snapshot(); n.Dialogs != 0 {
		t.Errorf("%+v", n)
	}

	p = newPhone(t, "udp", addr)
	p.request("INVITE", "")
	res := p.response("INVITE", 200)
	p.toTag, _ = res.To().Params.Get("tag")
	p.request("INVITE", offerSDP)
	p.refusedACK(p.response("INVITE", 491))
	p.request("UPDATE", offerSDP)
	p.response("UPDATE", 491)
	p.ack(1, offerSDP)
	rooms.leg(t).want(t, "offer", "setanswer", "confirmed")
}

// A second re-INVITE while the first is worked on gets 500 with Retry-After. RFC 3261, 14.2 (UA-4)
func TestReinviteOverlapping(t *testing.T) {
	rooms := newRooms()
	release := rooms.hold()
	rooms.enter = func(_ context.Context, _ Call, l *fakeLeg) error {
		n := 0
		l.answer = func([]byte) ([]byte, error) {
			if n++; n == 2 {
				release.wait()
			}
			return []byte(answerSDP), nil
		}
		return nil
	}
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.call()
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	p.request("INVITE", offerSDP)
	leg.want(t, "answer")
	p.request("INVITE", offerSDP)
	eventually(t, func() bool { return s.Snapshot().ServerTransactions == 2 })
	release.open()
	res := p.response("INVITE", 200)
	p.branch--
	bad := p.branch + 1
	refused := p.response("INVITE", 500)
	if after, err := strconv.Atoi(header(refused, "retry-after")); err != nil || after < 0 || after > 10 {
		t.Errorf("Retry-After %q", header(refused, "retry-after"))
	}
	p.branch = bad
	p.refusedACK(refused)
	p.ack(int(res.CSeq().SeqNo), "")
	p.request("BYE", "")
	p.response("BYE", 200)
}

// What is refused leaves the session as it was. (UA-5)
func TestReinviteRefused(t *testing.T) {
	rooms := newRooms()
	rooms.enter = func(_ context.Context, _ Call, l *fakeLeg) error {
		n := 0
		l.answer = func([]byte) ([]byte, error) {
			if n++; n == 2 {
				return nil, &Refusal{Code: 488, Warning: "304 no codec in common"}
			}
			return []byte(answerSDP), nil
		}
		return nil
	}
	_, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.call()
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	p.request("INVITE", offerSDP)
	res := p.response("INVITE", 488)
	if got := header(res, "warning"); got != `304 trivox "no codec in common"` {
		t.Errorf("Warning %s", got)
	}
	p.refusedACK(res)
	leg.want(t, "answer")
	p.request("INVITE", offerSDP)
	p.response("INVITE", 200)
	p.ack(p.seq, "")
	leg.want(t, "answer")
	p.request("BYE", "")
	p.response("BYE", 200)
	leg.want(t, "end")
}

// An offerless re-INVITE gets our offer; its answer comes in the ACK (OA-4, Q2).
func TestReinviteWithoutOffer(t *testing.T) {
	rooms := newRooms()
	_, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.call()
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	p.request("INVITE", "")
	if res := p.response("INVITE", 200); string(res.Body()) != answerSDP {
		t.Errorf("body %q", res.Body())
	}
	p.ack(p.seq, offerSDP)
	leg.want(t, "offer", "setanswer")
}

// UPDATE with an offer is answered, without one it only refreshes. RFC 3311, 5.2
func TestUpdate(t *testing.T) {
	rooms := newRooms()
	_, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.call()
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	p.request("UPDATE", offerSDP)
	if res := p.response("UPDATE", 200); string(res.Body()) != answerSDP {
		t.Errorf("body %q", res.Body())
	}
	leg.want(t, "answer")
	p.request("UPDATE", "")
	if res := p.response("UPDATE", 200); len(res.Body()) != 0 {
		t.Errorf("body %q", res.Body())
	}
	if len(leg.events) != 0 {
		t.Errorf("the leg was told of a refresh")
	}
}

// Requests that go back in CSeq are refused, gaps are not. RFC 3261, 12.2.2 (UA-3)
func TestCSeqInDialog(t *testing.T) {
	_, addr := startServer(t, "udp", Config{Rooms: newRooms()})
	p := newPhone(t, "udp", addr)
	p.call()
	p.seq = 100
	p.request("OPTIONS", "")
	p.response("OPTIONS", 200)
	p.seq = 50
	p.request("OPTIONS", "")
	p.response("OPTIONS", 500)
	p.seq = 101
	p.request("BYE", "")
	p.response("BYE", 200)
}

// TX-7: CANCEL against a re-INVITE: the session goes back to what was agreed before. (UA-5)
func TestReinviteCancelled(t *testing.T) {
	rooms := newRooms()
	release := rooms.hold()
	offers := make(chan string, 8)
	rooms.enter = func(_ context.Context, _ Call, l *fakeLeg) error {
		n := 0
		l.answer = func(offer []byte) ([]byte, error) {
			offers <- string(offer)
			if n++; n == 2 {
				release.wait()
			}
			return []byte(answerSDP), nil
		}
		return nil
	}
	_, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.call()
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	p.request("INVITE", offerSDP+"a=sendonly\r\n")
	leg.want(t, "answer")
	p.raw("CANCEL", p.seq, "")
	p.response("CANCEL", 200)
	p.refusedACK(p.response("INVITE", 487))
	release.open()
	leg.want(t, "answer")
	for _, want := range []string{offerSDP, offerSDP + "a=sendonly\r\n", offerSDP} {
		if got := <-offers; got != want {
			t.Errorf("offer %q, want %q", got, want)
		}
	}
	p.request("BYE", "")
	p.response("BYE", 200)
	leg.want(t, "end")
}

// What a body may not be, in a dialog, and what an UPDATE cannot be answered with.
func TestContentRefusedInDialog(t *testing.T) {
	rooms := newRooms()
	rooms.enter = func(_ context.Context, _ Call, l *fakeLeg) error {
		n := 0
		l.answer = func([]byte) ([]byte, error) {
			if n++; n > 1 {
				return nil, &Refusal{Code: 488, Warning: "305 no"}
			}
			return []byte(answerSDP), nil
		}
		return nil
	}
	_, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.call()
	for _, tt := range []struct {
		method, body string
		headers      []string
		code         int
	}{
		{"INVITE", "x", []string{"Content-Type: text/plain"}, 415},
		{"UPDATE", "x", []string{"Content-Type: text/plain"}, 415},
		{"INVITE", offerSDP, []string{"Supported: timer", "Session-Expires: 10"}, 422},
		{"UPDATE", "", []string{"Supported: timer", "Session-Expires: 10"}, 422},
		{"UPDATE", offerSDP, nil, 488},
		{"INFO", "5", []string{"Content-Type: application/dtmf-relay"}, 415}, // no ParseInfo given
		{"INVITE", offerSDP, []string{"Require: gruu"}, 420},
		{"REFER", "", nil, 405},
	} {
		p.request(tt.method, tt.body, tt.headers...)
		res := p.response(tt.method, tt.code)
		if tt.method == "INVITE" {
			p.refusedACK(res)
		}
	}
	p.request("BYE", "")
	p.response("BYE", 200)
}
