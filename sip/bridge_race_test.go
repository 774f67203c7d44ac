package sip

import (
	"context"
	"errors"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// TX-7: the phone hangs up while the caller has not acknowledged: BYE waits for his ACK.
func TestBridgeCalleeHangsUpBeforeAck(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	b.take(b.rung(), bobSDP)
	res := a.response("INVITE", 200)
	a.toTag, _ = res.To().Params.Get("tag")
	b.request("BYE", "")
	b.response("BYE", 200)
	legA, legB := o.rooms.leg(t), o.rooms.leg(t)
	legA.want(t, "answer", "end")
	a.ack(a.seq, "")
	a.reply(a.asked("BYE"), 200, "")
	legB.want(t, "offer", "setanswer", "confirmed", "end")
	o.quiet(legA, legB)
}

// TX-7: the caller hangs up before his ACK, or never sends it and is gone.
func TestBridgeCallerNeverAcknowledges(t *testing.T) {
	for _, bye := range []bool{true, false} {
		o := openOffice(t, "udp", false, Config{Timers: quick()})
		a, b := o.caller(), o.phone(1000)
		a.request("INVITE", offerSDP)
		b.take(b.rung(), bobSDP)
		res := a.response("INVITE", 200)
		a.toTag, _ = res.To().Params.Get("tag")
		if bye {
			a.request("BYE", "")
		} else {
			a.reply(a.asked("BYE"), 200, "")
		}
		got := b.asked("BYE")
		if want := map[bool]string{true: `SIP;cause=200;text="the caller hung up"`, false: `SIP;cause=408;text="no ACK for the answer"`}[bye]; header(got, "reason") != want {
			t.Errorf("Reason %s", header(got, "reason"))
		}
		b.reply(got, 200, "")
		legA, legB := o.rooms.leg(t), o.rooms.leg(t)
		legA.want(t, "answer", "end")
		legB.want(t, "offer", "setanswer", "confirmed", "end")
		o.quiet(legA, legB)
	}
}

// TX-7: both hang up at once.
func TestBridgeByesCross(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, b := o.caller(), o.phone(1000)
	legA, legB := o.connect(a, b)
	a.request("BYE", "")
	b.request("BYE", "")
	a.response("BYE", 200)
	b.response("BYE", 200)
	for _, p := range []*phone{a, b} {
		select {
		case m := <-p.in:
			if r, ok := m.(*sipgo.Request); ok {
				p.reply(r, 200, "")
			}
		default:
		}
	}
	legA.want(t, "end")
	legB.want(t, "end")
	o.quiet(legA, legB)
}

// TX-7: CANCEL against the answer of the phone, many times over: both legs end once, nothing is left.
func TestBridgeCancelAgainstAnswer(t *testing.T) {
	o := openOffice(t, "udp", false, Config{Timers: quick()})
	b := o.phone(1000)
	outcomes := map[int]int{}
	for range 60 {
		a := o.caller()
		a.request("INVITE", offerSDP)
		invite := b.rung()
		b.reply(invite, 200, bobSDP, "Contact: "+b.contact)
		a.raw("CANCEL", a.seq, "")
		var res *sipgo.Response
		for res == nil {
			if r, ok := a.next().(*sipgo.Response); ok && r.StatusCode != 100 && r.CSeq().MethodName == sipgo.INVITE {
				res = r
			}
		}
		outcomes[res.StatusCode]++
		if res.StatusCode == 200 {
			a.toTag, _ = res.To().Params.Get("tag")
			a.ack(a.seq, "")
			a.request("BYE", "")
		} else {
			a.refusedACK(res)
		}
		b.reply(b.asked("BYE"), 200, "")
		legA, legB := o.rooms.leg(t), o.rooms.leg(t)
		o.quiet(legA, legB)
	}
	if outcomes[200]+outcomes[487] != 60 {
		t.Errorf("%v", outcomes)
	}
}

// The caller ends a call that rings by BYE: a dialog exists since the 180. RFC 3261, 15
func TestBridgeEarlyBye(t *testing.T) {
	o := openOffice(t, "udp", true, Config{})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	invite := b.rung()
	b.reply(invite, 180, "")
	res := a.response("INVITE", 180)
	a.toTag, _ = res.To().Params.Get("tag")
	for _, method := range []string{"UPDATE", "INFO"} { // there is no session yet
		a.request(method, offerSDP)
		a.response(method, 500)
	}
	a.request("OPTIONS", "")
	a.response("OPTIONS", 200)
	a.request("BYE", "")
	codes := map[sipgo.RequestMethod]int{}
	for len(codes) < 2 {
		if r, ok := a.next().(*sipgo.Response); ok && r.StatusCode != 100 {
			codes[r.CSeq().MethodName] = r.StatusCode
		}
	}
	if codes[sipgo.INVITE] != 487 || codes[sipgo.BYE] != 200 {
		t.Errorf("%v", codes)
	}
	a.branch = 1
	a.raw("ACK", 1, "")
	b.reply(b.asked("CANCEL"), 200, "")
	b.reply(invite, 487, "")
	legA, legB := o.rooms.leg(t), o.rooms.leg(t)
	legA.want(t, "end")
	legB.want(t, "end")
	o.quiet(legA, legB)
}

// What the phone sends before its 2xx has been dealt with waits for it, and is refused when there is none.
func TestBridgeRequestOvertakesAnswer(t *testing.T) {
	o := openOffice(t, "udp", false, Config{Limits: Limits{Queue: 2}})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	invite := b.rung()
	b.request("OPTIONS", "")
	b.request("INFO", "")
	b.request("INFO", "")
	b.response("INFO", 503) // no more than the queue holds
	b.take(invite, bobSDP)
	a.answered()
	a.request("BYE", "")
	a.response("BYE", 200)
	b.reply(b.asked("BYE"), 200, "")
	o.quiet(o.rooms.leg(t), o.rooms.leg(t))

	a = o.caller()
	a.request("INVITE", offerSDP)
	invite = b.rung()
	b.request("OPTIONS", "")
	eventually(t, func() bool { return o.server.Snapshot().ServerTransactions == 2 })
	b.reply(invite, 486, "")
	b.response("OPTIONS", 481)
	a.refusedACK(a.response("INVITE", 486))
	o.quiet(o.rooms.leg(t), o.rooms.leg(t))
}

// A BYE of another phone behind the same INVITE ends nothing, though it comes before the 2xx: later offers are served.
func TestBridgeByeOfAnother(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	b := o.phone(1000)
	a := o.caller()
	a.request("INVITE", offerSDP)
	req := b.rung()
	legA, legB := o.rooms.leg(t), o.rooms.leg(t)
	mine := b.fromTag
	b.fromTag = "another"
	b.request("BYE", "")
	b.fromTag = mine
	b.request("OPTIONS", "") // the server has both when the 2xx comes
	b.take(req, bobSDP)
	b.response("OPTIONS", 200)
	a.answered()
	legA.want(t, "answer", "confirmed")
	legB.want(t, "offer", "setanswer", "confirmed")
	b.request("INVITE", bobSDP)
	b.answered()
	legB.want(t, "answer")
	a.request("BYE", "")
	a.response("BYE", 200)
	b.reply(b.asked("BYE"), 200, "")
	o.quiet(legA, legB)
}

// An answer that cannot be used: that phone gets ACK and BYE, the next is called; when there is none the caller gets 488.
func TestBridgeAnswerUnusable(t *testing.T) {
	for _, body := range []string{"", "v=0 bad"} {
		o := openOffice(t, "udp", false, Config{})
		a, b, c := o.caller(), o.phone(1000), o.phone(500)
		a.request("INVITE", offerSDP)
		for _, p := range []*phone{b, c} {
			p.take(p.rung(), body)
			bye := p.asked("BYE")
			p.reply(bye, 200, "")
		}
		a.refusedACK(a.response("INVITE", 488))
		o.quiet(o.rooms.leg(t), o.rooms.leg(t), o.rooms.leg(t))
	}
}

// The caller's offer cannot be answered when the phone has: 488 for him, BYE for the phone.
func TestBridgeOfferUnusable(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	o.rooms.enter = func(_ context.Context, c Call, l *fakeLeg) error {
		l.answer = func([]byte) ([]byte, error) { return nil, errors.New("no audio in it") }
		return nil
	}
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	b.take(b.rung(), bobSDP)
	a.refusedACK(a.response("INVITE", 488))
	b.reply(b.asked("BYE"), 200, "")
	o.quiet(o.rooms.leg(t), o.rooms.leg(t))
}

// ringsAgain takes a second call on a phone that has one, and lets it ring; what p sends belongs to the first one still.
func (p *phone) ringsAgain() *sipgo.Request {
	p.t.Helper()
	req := p.asked("INVITE")
	req.To().Params.Add("tag", "again")
	p.reply(req, 180, "")
	return req
}

// An offer that comes before the caller's ACK waits for it: phones lock a codec right after they have answered (Q12).
func TestBridgeOfferBeforeAck(t *testing.T) {
	o := openOffice(t, "udp", true, Config{Timers: quick()})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	b.take(b.rung(), bobSDP)
	a.response("INVITE", 200)
	b.request("INVITE", bobSDP+"locked")
	eventually(t, func() bool { return o.server.Snapshot().ServerTransactions == 1 })
	res := a.response("INVITE", 200) // again
	a.toTag, _ = res.To().Params.Get("tag")
	a.ack(a.seq, "")
	req := a.asked("INVITE")
	a.reply(req, 200, offerSDP)
	b.response("INVITE", 200)
	b.ack(b.seq, "")
	o.hangUp(a, b)

	a.callID, a.toTag = a.callID+"2", ""
	a.request("INVITE", offerSDP)
	b.take(b.rung(), bobSDP)
	res = a.response("INVITE", 200)
	a.toTag, _ = res.To().Params.Get("tag")
	b.request("INVITE", bobSDP+"locked")
	for refused := false; !refused; { // he never acknowledges: 504 for that, or 487 for the end of the call
		if r, ok := b.next().(*sipgo.Response); ok && r.StatusCode > 100 {
			if refused = true; r.StatusCode != 504 && r.StatusCode != 487 {
				t.Errorf("%s", r)
			}
			b.refusedACK(r)
		}
	}
	a.reply(a.asked("BYE"), 200, "")
	b.reply(b.asked("BYE"), 200, "")
	o.quiet()
}

// How many phones of one user are called, and how many dialogs there may be, is bounded.
func TestBridgeLimits(t *testing.T) {
	o := openOffice(t, "udp", false, Config{Limits: Limits{Branches: 2}})
	a := o.caller()
	phones := []*phone{o.phone(1000), o.phone(900), o.phone(800)}
	a.request("INVITE", offerSDP)
	for _, p := range phones[:2] {
		p.reply(p.rung(), 486, "")
	}
	a.refusedACK(a.response("INVITE", 486))
	o.quiet()
	if n := o.server.Snapshot(); n.Called != 2 || n.Limited != 1 {
		t.Errorf("%+v", n)
	}

	o = openOffice(t, "udp", false, Config{Limits: Limits{Dialogs: 1}})
	a = o.caller()
	o.phone(1000)
	a.request("INVITE", offerSDP)
	a.refusedACK(a.response("INVITE", 480))
	o.quiet(o.rooms.leg(t))
	if n := o.server.Snapshot(); n.Limited != 1 {
		t.Errorf("%+v", n)
	}
}

// A call that has gone round ends. (UA-11)
func TestBridgeMaxForwards(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	o.phone(1000)
	a := o.caller()
	a.write("INVITE sip:bob@" + a.server.String() + " SIP/2.0\r\nVia: SIP/2.0/UDP " + a.conn.LocalAddr().String() + ";branch=z9hG4bKmf;rport\r\n" +
		"From: <sip:a@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: mf\r\nCSeq: 1 INVITE\r\nMax-Forwards: 0\r\n" +
		"Contact: " + a.contact + "\r\nContent-Length: 0\r\n\r\n")
	a.response("INVITE", 483)
	eventually(t, func() bool { return o.server.Snapshot().Dialogs == 0 })
}

// It keeps telling the caller that it rings. (TX-1)
func TestBridgeRingsAgain(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	invite := b.rung()
	b.reply(invite, 180, "")
	res := a.response("INVITE", 180)
	b.reply(invite, 180, "") // says nothing new
	a.toTag, _ = res.To().Params.Get("tag")
	o.server.inDialog(t, a, func(d *dialog) { d.bridge.tell(180) }) // the minute is over
	if again := a.response("INVITE", 180); again.String() != res.String() {
		t.Errorf("%s", again)
	}
	a.toTag = ""
	a.raw("INVITE", a.seq, offerSDP) // who repeats his INVITE hears it too
	a.response("INVITE", 180)
	b.take(invite, bobSDP)
	a.answered()
	o.hangUp(a, b)
}
