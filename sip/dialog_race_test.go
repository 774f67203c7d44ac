package sip

import (
	"context"
	"errors"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// quick lets what takes 32 s take 1.28 s.
func quick() Timers { return Timers{T1: 20 * time.Millisecond, T2: 80 * time.Millisecond} }

// TX-7: CANCEL after the 200 changes nothing.
func TestCancelAfterAnswer(t *testing.T) {
	rooms := newRooms()
	_, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.request("INVITE", offerSDP)
	res := p.response("INVITE", 200)
	for range 2 { // a retransmitted CANCEL gets the same answer (TX-6)
		p.raw("CANCEL", p.seq, "")
		c := p.response("CANCEL", 200)
		if a, b := header(c, "to"), header(res, "to"); a != b {
			t.Errorf("To %s, want %s", a, b)
		}
	}
	p.toTag, _ = res.To().Params.Get("tag")
	p.ack(p.seq, "")
	rooms.leg(t).want(t, "answer", "confirmed")
}

// TX-7: CANCEL against 200, many times over: one of them wins, and the leg always ends.
func TestCancelAgainstAnswer(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms, Timers: quick()})
	outcomes := map[int]int{}
	for range 200 {
		p := newPhone(t, "udp", addr)
		p.request("INVITE", offerSDP)
		p.raw("CANCEL", p.seq, "")
		var invite *sipgo.Response
		cancelled := false
		for invite == nil || !cancelled {
			r, ok := p.next().(*sipgo.Response)
			switch {
			case !ok || r.StatusCode == 100:
			case r.CSeq().MethodName == sipgo.CANCEL:
				cancelled = r.StatusCode == 200
			default:
				invite = r
			}
		}
		outcomes[invite.StatusCode]++
		if invite.StatusCode == 200 {
			p.toTag, _ = invite.To().Params.Get("tag")
			p.ack(p.seq, "")
			p.request("BYE", "")
			p.response("BYE", 200)
		} else {
			p.refusedACK(invite)
		}
	}
	if outcomes[200]+outcomes[487] != 200 {
		t.Errorf("outcomes %v", outcomes)
	}
	eventually(t, func() bool { n := s.Snapshot(); return n.Dialogs == 0 && n.Pending == 0 })
	for len(rooms.legs) > 0 {
		l := <-rooms.legs
		for e := ""; e != "end"; {
			select {
			case e = <-l.events:
			case <-time.After(patience):
				t.Fatal("a leg was not ended")
			}
		}
		if l.ends != 1 {
			t.Fatalf("a leg was ended %d times", l.ends)
		}
	}
}

// TX-7: the ACK is lost. The 200 comes again, doubling, and in the end BYE says why; the leg is gone.
func TestNoAck(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			rooms := newRooms()
			s, addr := startServer(t, network, Config{Rooms: rooms, Timers: quick()})
			p := newPhone(t, network, addr)
			first := p.invite()
			n := 0
			for {
				m := p.next()
				if r, ok := m.(*sipgo.Response); ok {
					n++
					if r.String() != first.String() {
						t.Fatalf("another 200:\n%s\n%s", r, first)
					}
					continue
				}
				bye, _ := m.(*sipgo.Request)
				if got := header(bye, "reason"); got != `SIP;cause=408;text="no ACK for the answer"` {
					t.Errorf("Reason %s", got)
				}
				p.reply(bye, 200, "")
				break
			}
			leg := rooms.leg(t)
			leg.want(t, "answer", "end")
			if leg.cause.Code != 408 || leg.cause.ByPeer {
				t.Errorf("cause %+v", leg.cause)
			}
			// T1 20 ms to T2 80 ms in 1.28 s: at 20, 60, 140, 220 ... 1260 ms, fewer if the machine is slow
			if n < 3 || n > 17 {
				t.Errorf("the 200 came %d times more", n)
			}
			if c := s.Snapshot(); c.AckTimeouts != 1 || int(c.Retransmitted2xx) != n {
				t.Errorf("%+v", c)
			}
			eventually(t, func() bool { return s.Snapshot().Dialogs == 0 })
		})
	}
}

// TX-7: the first 200 is lost (not read); the ACK of the second one ends the repetition.
func TestAnswerLost(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms, Timers: quick()})
	p := newPhone(t, "udp", addr)
	p.request("INVITE", offerSDP)
	p.response("INVITE", 200)
	res := p.response("INVITE", 200)
	p.toTag, _ = res.To().Params.Get("tag")
	p.ack(p.seq, "")
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	p.ack(p.seq, "") // and its retransmission is harmless
	p.request("OPTIONS", "")
	for { // a 200 to INVITE may still be on its way here
		if r, ok := p.next().(*sipgo.Response); ok && r.CSeq().MethodName == sipgo.OPTIONS {
			break
		}
	}
	before := s.Snapshot().Retransmitted2xx
	p.request("OPTIONS", "")
	p.response("OPTIONS", 200)
	if after := s.Snapshot().Retransmitted2xx; after != before || len(leg.events) != 0 {
		t.Errorf("%d repetitions after the ACK, %d events", after-before, len(leg.events))
	}
}

// TX-7: BYE before the ACK ends the call and the repetition.
func TestByeBeforeAck(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms, Timers: quick()})
	p := newPhone(t, "udp", addr)
	p.invite()
	p.request("BYE", "")
	p.response("BYE", 200)
	rooms.leg(t).want(t, "answer", "end")
	if n := s.Snapshot(); n.Dialogs != 0 {
		t.Errorf("%+v", n)
	}
	p.ack(1, "") // late, and of no dialog
	p.request("INFO", "")
	p.response("INFO", 481)
}

// A hang-up of ours before the ACK waits for it, then BYE goes out. RFC 3261, 15
func TestHangUpBeforeAck(t *testing.T) {
	rooms := newRooms()
	_, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.invite()
	leg := rooms.leg(t)
	leg.call.HangUp(Cause{Code: 480, Text: "kicked"})
	leg.want(t, "answer", "end")
	p.request("INFO", "")
	p.response("INFO", 481) // the call has ended for the room
	select {
	case m := <-p.in:
		if r, ok := m.(*sipgo.Request); ok {
			t.Fatalf("%s before the ACK", r.Method)
		}
	default:
	}
	p.ack(1, "")
	bye := p.asked("BYE")
	if got := header(bye, "reason"); got != `SIP;cause=480;text="kicked"` {
		t.Errorf("Reason %s", got)
	}
	p.reply(bye, 200, "")
}

// A hang-up while the room still thinks refuses the INVITE.
func TestHangUpBeforeAnswer(t *testing.T) {
	rooms := newRooms()
	rooms.enter = func(ctx context.Context, c Call, _ *fakeLeg) error {
		c.HangUp(Cause{Code: 486, Text: "the room is locked"})
		return nil
	}
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.request("INVITE", offerSDP)
	res := p.response("INVITE", 486)
	p.refusedACK(res)
	if got := header(res, "warning"); got != `399 trivox "the room is locked"` {
		t.Errorf("Warning %s", got)
	}
	rooms.leg(t).want(t, "answer", "end")
	eventually(t, func() bool { return s.Snapshot().Dialogs == 0 })
}

// TX-7: both hang up at once. Each BYE is answered, the leg ends once.
func TestByeCrossing(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.call()
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	leg.call.HangUp(Cause{Code: 200})
	bye := p.asked("BYE")
	p.request("BYE", "")
	p.response("BYE", 200)
	p.reply(bye, 481, "")
	leg.want(t, "end")
	eventually(t, func() bool { n := s.Snapshot(); return n.Dialogs == 0 && n.ClientTransactions == 0 })
	if leg.ends != 1 {
		t.Errorf("%d ends", leg.ends)
	}
}

// Nobody answers our BYE: it is repeated, then forgotten.
func TestByeUnanswered(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms, Timers: quick()})
	p := newPhone(t, "udp", addr)
	p.call()
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	leg.call.HangUp(Cause{Code: 200})
	p.asked("BYE")
	leg.want(t, "end")
	eventually(t, func() bool { n := s.Snapshot(); return n.Dialogs == 0 && n.ClientTransactions == 0 })
}

// TX-7: a 2xx to our re-INVITE that comes after we hung up is still acknowledged.
func TestAnswerToReinviteAfterBye(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.call("Allow: INVITE, ACK, BYE")
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	s.age(t, p)
	reinvite := p.asked("INVITE")
	leg.call.HangUp(Cause{})
	p.reply(p.asked("BYE"), 200, "")
	leg.want(t, "end")
	eventually(t, func() bool { return s.Snapshot().Dialogs == 0 })
	for range 2 {
		p.reply(reinvite, 200, offerSDP)
		if ack := p.asked("ACK"); ack.CSeq().SeqNo != reinvite.CSeq().SeqNo {
			t.Errorf("%s", ack)
		}
	}
	if len(leg.events) != 0 {
		t.Errorf("the leg was told %q after its end", <-leg.events)
	}
}

// A phone that acknowledges the 2xx with the branch of the INVITE is heard (Q25).
func TestAckWithBranchOfInvite(t *testing.T) {
	rooms := newRooms()
	_, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.invite()
	p.raw("ACK", p.seq, "")
	rooms.leg(t).want(t, "answer", "confirmed")
}

// A hang-up waits for an ACK that never comes: BYE goes out with the reason of the hang-up.
func TestHangUpWithoutAck(t *testing.T) {
	rooms := newRooms()
	_, addr := startServer(t, "udp", Config{Rooms: rooms, Timers: quick()})
	p := newPhone(t, "udp", addr)
	p.invite()
	leg := rooms.leg(t)
	leg.call.HangUp(Cause{Code: 480, Text: "kicked"})
	leg.want(t, "answer", "end")
	bye := p.asked("BYE")
	if got := header(bye, "reason"); got != `SIP;cause=480;text="kicked"` {
		t.Errorf("Reason %s", got)
	}
	p.reply(bye, 200, "")
}

// A room that does not hear the CANCEL gives a leg nobody wants any more: it ends at once.
func TestCancelUnheard(t *testing.T) {
	rooms := newRooms()
	release := rooms.hold()
	rooms.enter = func(context.Context, Call, *fakeLeg) error { release.wait(); return nil }
	_, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.request("INVITE", offerSDP)
	if r, _ := p.next().(*sipgo.Response); r.StatusCode != 100 { // after 200 ms (TX-1)
		t.Errorf("%s", r)
	}
	p.raw("CANCEL", p.seq, "", "Reason: Q.850;cause=26", `Reason: SIP;cause=200;text="Call completed \"elsewhere\""`)
	p.response("CANCEL", 200)
	p.refusedACK(p.response("INVITE", 487))
	release.open()
	leg := rooms.leg(t)
	leg.want(t, "end")
	if leg.cause != (Cause{Code: 487, Text: `Call completed "elsewhere"`, ByPeer: true}) {
		t.Errorf("%+v", leg.cause)
	}
}

// An error of the room that says no code is 500, with its text for a person.
func TestRoomFails(t *testing.T) {
	rooms := newRooms()
	rooms.enter = func(context.Context, Call, *fakeLeg) error { return errors.New("no RTP port is free") }
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.request("INVITE", offerSDP)
	res := p.response("INVITE", 500)
	if got := header(res, "warning"); got != `399 trivox "no RTP port is free"` {
		t.Errorf("Warning %s", got)
	}
	p.refusedACK(res)
	eventually(t, func() bool { n := s.Snapshot(); return n.Dialogs == 0 && n.Pending == 0 })
}

// An offer that cannot be answered is 488 (OA-1), and the leg of the room is given back.
func TestOfferNotAnswered(t *testing.T) {
	rooms := newRooms()
	rooms.enter = func(_ context.Context, _ Call, l *fakeLeg) error {
		l.answer = func([]byte) ([]byte, error) { return nil, errors.New("no audio in it") }
		return nil
	}
	_, addr := startServer(t, "tcp", Config{Rooms: rooms})
	p := newPhone(t, "tcp", addr)
	p.request("INVITE", offerSDP)
	p.refusedACK(p.response("INVITE", 488))
	rooms.leg(t).want(t, "answer", "end")
}
