package sip

import (
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

const (
	onHold   = "a=sendonly\r\n"
	heldBack = "a=recvonly\r\n"
)

// hangUp ends a call from p's side, q being the other.
func (o *office) hangUp(p, q *phone, legs ...*fakeLeg) {
	o.t.Helper()
	p.request("BYE", "")
	p.response("BYE", 200)
	q.reply(q.asked("BYE"), 200, "")
	for _, l := range legs {
		l.want(o.t, "end")
	}
	o.quiet(legs...)
}

// With the sound through us, hold and resume is between each phone and its leg.
func TestBridgeHoldThrough(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, b := o.caller(), o.phone(1000)
	legA, legB := o.connect(a, b)
	for p, leg := range map[*phone]*fakeLeg{a: legA, b: legB} {
		for _, body := range []string{offerSDP + onHold, offerSDP} {
			p.request("INVITE", body)
			if res := p.response("INVITE", 200); string(res.Body()) != answerSDP {
				t.Errorf("%s", res)
			}
			p.ack(p.seq, "")
			leg.want(t, "answer")
		}
		p.request("INVITE", "") // and without offer (OA-4)
		p.response("INVITE", 200)
		p.ack(p.seq, offerSDP)
		leg.want(t, "offer", "setanswer")
		p.request("UPDATE", "")
		p.response("UPDATE", 200)
		p.request("OPTIONS", "")
		p.response("OPTIONS", 200)
	}
	if len(a.in)+len(b.in) > 0 {
		t.Error("something was passed on")
	}
	o.hangUp(a, b, legA, legB)
}

// With the sound past us, each side's offer goes to the other as it is, and the answer comes back. Every order of who and how.
func TestBridgeHoldPast(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		o := openOffice(t, network, true, Config{})
		a, b := o.caller(), o.phone(1000)
		legA, legB := o.connect(a, b)
		for _, pair := range [][2]*phone{{a, b}, {b, a}} {
			p, q := pair[0], pair[1]
			for _, method := range []string{"INVITE", "UPDATE", "INVITE"} {
				offer, answer := offerSDP+method+onHold, bobSDP+method+heldBack
				p.request(method, offer)
				req := q.asked("INVITE")
				if string(req.Body()) != offer || header(req, "session-expires") == "" || header(req, "contact") == "" {
					t.Errorf("%s", req)
				}
				q.reply(req, 200, answer)
				if ack := q.asked("ACK"); len(ack.Body()) != 0 || ack.CSeq().SeqNo != req.CSeq().SeqNo {
					t.Errorf("%s", ack)
				}
				if res := p.response(method, 200); string(res.Body()) != answer {
					t.Errorf("%s", res)
				}
				if method == "INVITE" {
					p.ack(p.seq, "")
				}
			}
			p.request("INVITE", offerSDP+"INVITE"+onHold) // the same again only refreshes: nothing to pass on
			if res := p.response("INVITE", 200); string(res.Body()) != bobSDP+"INVITE"+heldBack {
				t.Errorf("%s", res)
			}
			p.ack(p.seq, "")
		}
		if len(legA.events)+len(legB.events) > 0 {
			t.Error("the record of a call was asked for sound")
		}
		o.hangUp(b, a, legA, legB)
	}
}

// An INVITE without offer asks the other phone for one; the answer goes to it in its ACK. (OA-4, Q2)
func TestBridgeReinviteWithoutOfferPast(t *testing.T) {
	o := openOffice(t, "udp", true, Config{})
	a, b := o.caller(), o.phone(1000)
	legA, legB := o.connect(a, b)
	for _, pair := range [][2]*phone{{a, b}, {b, a}} {
		p, q := pair[0], pair[1]
		p.request("INVITE", "")
		req := q.asked("INVITE")
		if len(req.Body()) != 0 {
			t.Errorf("%s", req)
		}
		q.reply(req, 200, bobSDP+"offer")
		if res := p.response("INVITE", 200); string(res.Body()) != bobSDP+"offer" {
			t.Errorf("%s", res)
		}
		q.reply(req, 200, bobSDP+"offer") // its 2xx comes again while the ACK waits
		q.request("INVITE", offerSDP+"crossing")
		q.refusedACK(q.response("INVITE", 491))
		p.ack(p.seq, offerSDP+"answer")
		if ack := q.asked("ACK"); string(ack.Body()) != offerSDP+"answer" || header(ack, "content-type") != "application/sdp" {
			t.Errorf("%s", ack)
		}
		q.reply(req, 200, bobSDP+"offer")
		if ack := q.asked("ACK"); string(ack.Body()) != offerSDP+"answer" {
			t.Errorf("%s", ack)
		}
	}
	o.hangUp(a, b, legA, legB)
}

// No answer in the ACK ends the call; the phone that made the offer gets its ACK first.
func TestBridgeNoAnswerToOfferPast(t *testing.T) {
	o := openOffice(t, "udp", true, Config{})
	a, b := o.caller(), o.phone(1000)
	legA, legB := o.connect(a, b)
	a.request("INVITE", "")
	b.reply(b.asked("INVITE"), 200, bobSDP+"offer")
	a.response("INVITE", 200)
	a.ack(a.seq, "")
	if ack := b.asked("ACK"); string(ack.Body()) != offerSDP {
		t.Errorf("%s", ack)
	}
	b.reply(b.asked("BYE"), 200, "")
	a.reply(a.asked("BYE"), 200, "")
	legA.want(t, "end")
	legB.want(t, "end")
	o.quiet(legA, legB)
}

// What the other side refuses leaves the session as it was. (UA-5)
func TestBridgeOfferRefusedPast(t *testing.T) {
	o := openOffice(t, "udp", true, Config{})
	a, b := o.caller(), o.phone(1000)
	legA, legB := o.connect(a, b)
	for code, want := range map[int]int{488: 488, 491: 491, 500: 500, 503: 500, 606: 488, 401: 500} {
		for _, pair := range [][2]*phone{{a, b}, {b, a}} {
			p, q := pair[0], pair[1]
			p.request("INVITE", offerSDP+onHold)
			q.reply(q.asked("INVITE"), code, "")
			q.asked("ACK")
			p.refusedACK(p.response("INVITE", want))
		}
	}
	a.request("INVITE", offerSDP) // what A said last still stands
	if res := a.response("INVITE", 200); string(res.Body()) != bobSDP {
		t.Errorf("%s", res)
	}
	a.ack(a.seq, "")
	a.request("INVITE", offerSDP+onHold)
	b.reply(b.asked("INVITE"), 481, "") // the phone knows nothing of the call any more
	b.asked("ACK")
	a.refusedACK(a.response("INVITE", 500))
	b.reply(b.asked("BYE"), 481, "")
	a.reply(a.asked("BYE"), 200, "")
	legA.want(t, "end")
	legB.want(t, "end")
	o.quiet(legA, legB)
}

// Both sides make an offer at once: each gets 491, nobody waits for the other. RFC 3261, 14.2 (UA-4)
func TestBridgeOffersCross(t *testing.T) {
	o := openOffice(t, "udp", true, Config{})
	a, b := o.caller(), o.phone(1000)
	legA, legB := o.connect(a, b)
	a.request("INVITE", offerSDP+onHold)
	ours := b.asked("INVITE")
	b.request("INVITE", bobSDP+onHold)
	b.refusedACK(b.response("INVITE", 491))
	a.request("UPDATE", offerSDP+"again") // and a second offer of the same side: 500
	a.response("UPDATE", 500)
	b.reply(ours, 491, "")
	b.asked("ACK")
	a.seq--
	a.branch--
	a.refusedACK(a.response("INVITE", 491))
	a.seq++
	a.branch++
	b.request("INVITE", bobSDP+onHold) // now alone
	req := a.asked("INVITE")
	a.reply(req, 200, offerSDP+heldBack)
	a.asked("ACK")
	b.response("INVITE", 200)
	b.ack(b.seq, "")
	o.hangUp(a, b, legA, legB)
}

// The other phone says nothing: 504 within 64*T1, and the session goes on.
func TestBridgeOfferNotAnswered(t *testing.T) {
	o := openOffice(t, "udp", true, Config{Timers: quick()})
	a, b := o.caller(), o.phone(1000)
	legA, legB := o.connect(a, b)
	a.request("INVITE", offerSDP+onHold)
	req := b.asked("INVITE")
	b.reply(req, 100, "")
	a.refusedACK(a.response("INVITE", 504))
	b.reply(b.asked("CANCEL"), 200, "")
	b.reply(req, 487, "")
	b.asked("ACK")
	eventually(t, func() bool { return o.slotFree(a) })
	a.request("UPDATE", offerSDP+onHold)
	req = b.asked("INVITE")
	b.reply(req, 200, bobSDP)
	b.asked("ACK")
	a.response("UPDATE", 200)
	o.hangUp(a, b, legA, legB)
}

// slotFree says that no exchange is open in the call of p.
func (o *office) slotFree(p *phone) (free bool) {
	o.server.inDialog(o.t, p, func(d *dialog) { free = d.bridge.exchange.Load() == nil })
	return free
}

// The offer is cancelled and the other phone agrees at the same moment: it is given back what stood before. (UA-5)
func TestBridgeOfferCancelled(t *testing.T) {
	o := openOffice(t, "udp", true, Config{})
	a, b := o.caller(), o.phone(1000)
	legA, legB := o.connect(a, b)
	a.request("INVITE", offerSDP+onHold)
	req := b.asked("INVITE")
	a.raw("CANCEL", a.seq, "")
	a.response("CANCEL", 200)
	a.refusedACK(a.response("INVITE", 487))
	eventually(t, func() bool {
		gone := false
		o.server.inDialog(t, b, func(d *dialog) { gone = d.reoffering != nil && d.reoffering.abandoned })
		return gone
	})
	b.reply(req, 200, bobSDP+heldBack)
	b.asked("ACK")
	again := b.asked("INVITE")
	if string(again.Body()) != offerSDP {
		t.Errorf("%s", again)
	}
	b.reply(again, 200, bobSDP)
	b.asked("ACK")
	eventually(t, func() bool { return o.slotFree(a) })

	a.request("INVITE", offerSDP+onHold) // cancelled in time
	req = b.asked("INVITE")
	b.reply(req, 180, "")
	a.raw("CANCEL", a.seq, "")
	a.response("CANCEL", 200)
	a.refusedACK(a.response("INVITE", 487))
	b.reply(b.asked("CANCEL"), 200, "")
	b.reply(req, 487, "")
	b.asked("ACK")
	o.hangUp(a, b, legA, legB)
}

// BYE while an offer is on its way, from either side. (TX-7)
func TestBridgeByeDuringOffer(t *testing.T) {
	for _, offerer := range []bool{true, false} {
		o := openOffice(t, "udp", true, Config{Timers: quick()})
		a, b := o.caller(), o.phone(1000)
		legA, legB := o.connect(a, b)
		a.request("INVITE", offerSDP+onHold)
		req := b.asked("INVITE")
		b.reply(req, 100, "")
		if offerer {
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
			a.branch--
			a.raw("ACK", a.seq-1, "")
			b.reply(b.asked("BYE"), 200, "")
		} else {
			b.request("BYE", "")
			b.response("BYE", 200)
			a.refusedACK(a.response("INVITE", 487))
			a.reply(a.asked("BYE"), 200, "")
		}
		b.reply(req, 200, bobSDP) // is acknowledged though the call has ended
		b.asked("ACK")
		legA.want(t, "end")
		legB.want(t, "end")
		o.quiet(legA, legB)
		eventually(t, func() bool { return o.server.Snapshot().ClientTransactions == 0 })
	}
}

// DTMF in INFO goes through with its answer; what is empty or of a package is ours.
func TestBridgeInfo(t *testing.T) {
	o := openOffice(t, "udp", true, Config{})
	a, b := o.caller(), o.phone(1000)
	legA, legB := o.connect(a, b)
	for _, pair := range [][2]*phone{{a, b}, {b, a}} {
		p, q := pair[0], pair[1]
		for code, want := range map[int]int{200: 200, 415: 415, 503: 500} {
			p.request("INFO", "Signal=5\r\n", "Content-Type: application/dtmf-relay")
			req := q.asked("INFO")
			if string(req.Body()) != "Signal=5\r\n" || header(req, "content-type") != "application/dtmf-relay" {
				t.Errorf("%s", req)
			}
			q.reply(req, code, "")
			p.response("INFO", want)
		}
		p.request("INFO", "")
		p.response("INFO", 200)
		p.request("INFO", "x", "Content-Type: text/plain", "Info-Package: x")
		p.response("INFO", 469)
	}
	o.hangUp(a, b, legA, legB)

	o = openOffice(t, "udp", false, Config{ParseInfo: func(_ string, body []byte) (byte, time.Duration, bool) { return body[0], time.Second, true }})
	a, b = o.caller(), o.phone(1000)
	legA, legB = o.connect(a, b)
	b.request("INFO", "7", "Content-Type: application/dtmf")
	b.response("INFO", 200)
	legB.want(t, "digit 7 1s")
	o.hangUp(b, a, legA, legB)
}

// Each INFO on its way is one of a bounded number.
func TestBridgeInfosAreBounded(t *testing.T) {
	o := openOffice(t, "tcp", true, Config{Limits: Limits{Queue: 3}})
	a, b := o.caller(), o.phone(1000)
	legA, legB := o.connect(a, b)
	var open []*sipgo.Request
	for range 3 {
		a.request("INFO", "Signal=5\r\n", "Content-Type: application/dtmf-relay")
		open = append(open, b.asked("INFO"))
	}
	a.request("INFO", "Signal=5\r\n", "Content-Type: application/dtmf-relay")
	a.response("INFO", 503)
	for _, req := range open {
		b.reply(req, 200, "")
		a.response("INFO", 200)
	}
	o.hangUp(a, b, legA, legB)
}

// We refresh the session of each side on its own; an answer that has changed goes to the other side. (ST-3)
func TestBridgeRefreshPast(t *testing.T) {
	o := openOffice(t, "udp", true, Config{})
	a, b := o.caller(), o.phone(1000)
	legA, legB := o.connect(a, b)
	o.server.age(t, b)
	b.reply(b.asked("UPDATE"), 200, "", "Session-Expires: 1800;refresher=uac")
	o.server.age(t, a) // allows no UPDATE
	req := a.asked("INVITE")
	if string(req.Body()) != bobSDP {
		t.Errorf("%s", req)
	}
	a.reply(req, 200, offerSDP+"changed")
	a.asked("ACK")
	req = b.asked("INVITE")
	if string(req.Body()) != offerSDP+"changed" {
		t.Errorf("%s", req)
	}
	b.reply(req, 200, bobSDP)
	b.asked("ACK")
	eventually(t, func() bool { return o.slotFree(a) })
	o.hangUp(a, b, legA, legB)
}

// A caller without offer gets ours, whatever the policy says: then the sound goes through. (OA-4)
func TestBridgeLateOffer(t *testing.T) {
	o := openOffice(t, "udp", true, Config{})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", "")
	invite := b.rung()
	legA, legB := o.rooms.leg(t), o.rooms.leg(t)
	b.take(invite, bobSDP)
	res := a.response("INVITE", 200)
	if string(res.Body()) != answerSDP || legA.call.Direct || legB.call.Direct {
		t.Errorf("%s", res)
	}
	a.toTag, _ = res.To().Params.Get("tag")
	a.ack(a.seq, offerSDP)
	legA.want(t, "offer", "setanswer", "confirmed")
	legB.want(t, "offer", "setanswer", "confirmed")
	o.hangUp(a, b, legA, legB)
}
