package sip

import (
	"context"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Who refuses new calls keeps those that are up.
func TestRefuse(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.call()
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	s.Refuse()
	late := newPhone(t, "udp", addr)
	for _, method := range []string{"INVITE", "OPTIONS"} {
		late.request(method, map[bool]string{true: offerSDP}[method == "INVITE"])
		res := late.response(method, 503)
		if header(res, "retry-after") != "10" {
			t.Errorf("%s: Retry-After %q", method, header(res, "retry-after"))
		}
		if method == "INVITE" {
			late.refusedACK(res)
		}
	}
	p.request("INVITE", offerSDP)
	p.response("INVITE", 200)
	p.ack(p.seq, "")
	leg.want(t, "answer")
	p.request("OPTIONS", "")
	p.response("OPTIONS", 200)
	select {
	case m := <-p.in:
		if _, ok := m.(*sipgo.Request); ok { // the 200 to INVITE may come again
			t.Errorf("a call that is up was sent %s", m)
		}
	default:
	}
	p.request("BYE", "")
	p.response("BYE", 200)
	leg.want(t, "end")
}

// DESIGN 10: draining refuses new calls, hangs up the others and waits for their answers.
func TestDrain(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	var phones []*phone
	for range 5 {
		p := newPhone(t, "udp", addr)
		p.call()
		rooms.leg(t).want(t, "answer", "confirmed")
		phones = append(phones, p)
	}
	drained := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		drained <- s.Drain(ctx)
	}()
	for _, p := range phones {
		bye := p.asked("BYE")
		if got := header(bye, "reason"); got != `SIP;cause=503;text="the server is shutting down"` {
			t.Errorf("Reason %s", got)
		}
		late := newPhone(t, "udp", addr)
		late.request("INVITE", offerSDP)
		res := late.response("INVITE", 503)
		if header(res, "retry-after") != "10" {
			t.Errorf("Retry-After %q", header(res, "retry-after"))
		}
		late.refusedACK(res)
		p.reply(bye, 200, "")
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if n := s.Snapshot(); n.Dialogs != 0 {
		t.Errorf("%+v", n)
	}
}

// A caller who never acknowledged and one who does not answer BYE cannot hold up the end.
func TestDrainWithDeafCallers(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	unacked := newPhone(t, "udp", addr)
	unacked.invite()
	deaf := newPhone(t, "udp", addr)
	deaf.call()
	rooms.leg(t)
	rooms.leg(t).want(t, "answer", "confirmed")
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := s.Drain(ctx); err == nil {
		t.Error("drained without answers")
	}
	unacked.asked("BYE") // sent without ACK at half time
	deaf.asked("BYE")
}
