package sip

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

const earlySDP = "v=0\r\no=- 7 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 7000 RTP/AVP 8\r\n"

// tagged is an INVITE as another phone behind the same address answers it.
func tagged(invite *sipgo.Request, tag string) *sipgo.Request {
	other := invite.Clone()
	other.To().Params.Remove("tag")
	other.To().Params.Add("tag", tag)
	return other
}

// said checks a provisional or final answer that tells the caller of sound.
func said(t *testing.T, res *sipgo.Response, body, tag string) {
	t.Helper()
	if string(res.Body()) != body || header(res, "content-type") != "application/sdp" || tag != "" && toTag(res) != tag {
		t.Errorf("want the description\n%sand the tag %q:\n%s", body, tag, res)
	}
}

// Sound before the answer goes through the server: the caller gets its answer to his offer with a 183 that makes a dialog, and the
// same with the 200, whatever description the phone's 200 has, and from whichever phone. (RT-5, UA-2, Q13)
func TestBridgeEarlySound(t *testing.T) {
	for _, code := range []int{180, 183} {
		for final, again := range map[string]bool{earlySDP: false, bobSDP: true, "": false} {
			t.Run(fmt.Sprintf("%d, %d bytes in the 200", code, len(final)), func(t *testing.T) {
				o := openOffice(t, "udp", false, Config{})
				a, b := o.caller(), o.phone(1000)
				a.request("INVITE", offerSDP, "Record-Route: <sip:p1.example.com;lr>")
				invite := b.rung()
				legA, legB := o.rooms.leg(t), o.rooms.leg(t)
				b.reply(invite, code, earlySDP)
				res := a.response("INVITE", 183)
				said(t, res, answerSDP, "")
				if header(res, "contact") == "" || len(res.GetHeaders("record-route")) != 1 || header(res, "require") != "" {
					t.Errorf("%s", res)
				}
				b.reply(invite, code, earlySDP) // comes again
				b.reply(invite, 183, "")        // says nothing new
				b.reply(invite, 180, "")
				b.reply(invite, 180, "")
				if ringing := a.response("INVITE", 180); toTag(ringing) != toTag(res) || len(ringing.Body()) > 0 || len(ringing.GetHeaders("record-route")) != 1 {
					t.Errorf("%s", ringing)
				}
				b.take(invite, final)
				said(t, a.answered(), answerSDP, toTag(res))
				legA.want(t, "early", "answer", "answered", "confirmed")
				legB.want(t, "offer", "early", "setanswer")
				if again {
					legB.want(t, "setanswer")
				}
				legB.want(t, "answered", "confirmed")
				o.hangUp(a, b)
				o.quiet(legA, legB)
			})
		}
	}
}

// A proxy behind the address forks: each new phone's description is followed, a repeated one of before is not, and the one that
// answers may be yet another. (UA-2)
func TestBridgeEarlySoundForkedElsewhere(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	invite := b.rung()
	legA, legB := o.rooms.leg(t), o.rooms.leg(t)
	first, second := tagged(invite, "first"), tagged(invite, "second")
	b.reply(first, 183, earlySDP)
	a.response("INVITE", 183)
	b.reply(second, 183, earlySDP+"a=x:2\r\n")
	a.response("INVITE", 183)
	b.reply(first, 183, earlySDP)
	b.reply(second, 183, earlySDP+"a=x:2\r\n")
	b.take(invite, bobSDP)
	a.answered()
	legA.want(t, "early", "answer", "answered", "confirmed")
	legB.want(t, "offer", "early", "setanswer", "early", "setanswer", "setanswer", "answered", "confirmed")
	o.hangUp(a, b)
	o.quiet(legA, legB)
}

// legsOf gives the leg of the caller and those of phones, in their order.
func (o *office) legsOf(phones ...*phone) (caller *fakeLeg, called []*fakeLeg) {
	o.t.Helper()
	called = make([]*fakeLeg, len(phones))
	for range 1 + len(phones) {
		l := o.rooms.leg(o.t)
		if !l.call.Callee {
			caller = l
		}
		for i, p := range phones {
			if l.call.CallID == p.callID {
				called[i] = l
			}
		}
	}
	return caller, called
}

// sounding tells how many phones have sound before the answer, of the one call that there is.
func (o *office) sounding() int {
	caller, n := o.callerDialog(), make(chan int)
	caller.post(func() { n <- len(caller.bridge.early.phones) })
	return <-n
}

// Of several phones with sound before the answer the caller hears the first; when it gives up, the next one; when none is left and
// one rings, his own ringing. Then one answers that had no such sound.
func TestBridgeEarlySoundOfMany(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, phones := o.caller(), []*phone{o.phone(500), o.phone(500), o.phone(500)}
	a.request("INVITE", offerSDP)
	var invites []*sipgo.Request
	for _, p := range phones {
		invites = append(invites, p.rung())
	}
	caller, called := o.legsOf(phones...)
	phones[0].reply(invites[0], 183, earlySDP)
	res := a.response("INVITE", 183)
	phones[1].reply(invites[1], 183, earlySDP) // nobody hears it yet
	eventually(t, func() bool { return o.sounding() == 2 })
	phones[2].reply(invites[2], 180, "")
	a.response("INVITE", 180)
	called[0].want(t, "offer", "early", "setanswer")
	called[1].want(t, "offer")
	phones[0].reply(invites[0], 486, "")
	said(t, a.response("INVITE", 183), answerSDP, toTag(res))
	called[0].want(t, "end")
	called[1].want(t, "early", "setanswer")
	phones[1].reply(invites[1], 486, "")
	if res := a.response("INVITE", 180); len(res.Body()) > 0 {
		t.Errorf("%s", res)
	}
	phones[2].take(invites[2], bobSDP)
	said(t, a.answered(), answerSDP, toTag(res))
	caller.want(t, "early", "answer", "answered", "confirmed")
	called[1].want(t, "end")
	called[2].want(t, "offer", "setanswer", "confirmed")
	o.hangUp(a, phones[2])
	o.quiet(append(called, caller)...)
}

// Another phone answers than the one that is heard; who was heard is cancelled.
func TestBridgeEarlySoundOfTheLoser(t *testing.T) {
	for _, direct := range []bool{false, true} {
		o := openOffice(t, "udp", direct, Config{})
		a, b, c := o.caller(), o.phone(500), o.phone(500)
		a.request("INVITE", offerSDP)
		heard, wins := b.rung(), c.rung()
		b.reply(heard, 183, earlySDP)
		res := a.response("INVITE", 183)
		c.take(wins, bobSDP)
		final := a.answered()
		if direct { // another dialog, as if it had been forked on the way
			said(t, res, earlySDP, "")
			said(t, final, bobSDP, "")
			if toTag(final) == toTag(res) {
				t.Errorf("another phone's description in the early dialog: %s", final)
			}
		} else {
			said(t, final, answerSDP, toTag(res))
		}
		b.reply(b.asked("CANCEL"), 200, "")
		b.reply(heard, 487, "")
		b.asked("ACK")
		c.request("INFO", "Signal=1", "Content-Type: application/dtmf-relay") // of the new dialog
		if direct {
			info := a.asked("INFO")
			if tag, _ := info.From().Params.Get("tag"); tag != toTag(final) {
				t.Errorf("%s", info)
			}
			a.reply(info, 200, "")
		}
		c.response("INFO", map[bool]int{false: 415, true: 200}[direct])
		o.hangUp(a, c)
		o.quiet()
	}
}

// Sound past the server: the description goes through as it is, one of one phone only, and the 200 belongs to the early dialog when
// it says the same, or nothing.
func TestBridgeEarlySoundPast(t *testing.T) {
	for _, final := range []string{earlySDP, "", bobSDP} {
		o := openOffice(t, "udp", true, Config{})
		a, b := o.caller(), o.phone(1000)
		a.request("INVITE", offerSDP)
		invite := b.rung()
		b.reply(invite, 183, earlySDP)
		res := a.response("INVITE", 183)
		said(t, res, earlySDP, "")
		b.reply(invite, 183, bobSDP) // the caller keeps to the first
		b.reply(invite, 180, "")
		if res := a.response("INVITE", 180); len(res.Body()) > 0 {
			t.Errorf("%s", res)
		}
		a.toTag = toTag(res)
		a.request("INFO", "Signal=1", "Content-Type: application/dtmf-relay") // there is nobody to pass it on to
		a.response("INFO", 500)
		want, same := earlySDP, true
		switch final {
		case "": // what it said last, which is not what the caller has
			want, same = bobSDP, false
		case bobSDP:
			want, same = bobSDP, false
		}
		b.take(invite, final)
		a.seq-- // the INVITE is acknowledged, not the INFO
		ok := a.answered()
		a.seq++
		said(t, ok, want, "")
		if (toTag(ok) == toTag(res)) != same {
			t.Errorf("the early dialog has the tag %s, the answer %s", toTag(res), toTag(ok))
		}
		o.hangUp(a, b)
		legA, legB := o.rooms.leg(t), o.rooms.leg(t)
		legA.want(t, "confirmed", "end")
		legB.want(t, "confirmed", "end")
		o.quiet(legA, legB)
	}
}

// Past the server only one phone's sound comes before the answer: when it is gone the caller's own phone rings.
func TestBridgeEarlySoundPastOfMany(t *testing.T) {
	o := openOffice(t, "udp", true, Config{})
	a, b, c := o.caller(), o.phone(500), o.phone(500)
	a.request("INVITE", offerSDP)
	first, second := b.rung(), c.rung()
	b.reply(first, 183, earlySDP)
	said(t, a.response("INVITE", 183), earlySDP, "")
	c.reply(second, 183, bobSDP)
	b.reply(first, 480, "")
	if res := a.response("INVITE", 180); len(res.Body()) > 0 {
		t.Errorf("%s", res)
	}
	c.take(second, bobSDP)
	said(t, a.answered(), bobSDP, "")
	o.hangUp(a, c)
	o.quiet()
}

// A description that cannot be used is one of a phone that rings, and does not end the call.
func TestBridgeEarlySoundUnusable(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	invite := b.rung()
	legA, legB := o.rooms.leg(t), o.rooms.leg(t)
	b.reply(invite, 183, "v=0 bad")
	a.response("INVITE", 180)
	b.take(invite, bobSDP)
	a.answered()
	legA.want(t, "answer", "confirmed")
	legB.want(t, "offer", "early", "setanswer", "answered", "setanswer", "confirmed")
	o.hangUp(a, b)
	o.quiet(legA, legB)

	a = o.caller() // one after another that could be used changes nothing
	a.request("INVITE", offerSDP)
	invite = b.rung()
	legA, legB = o.rooms.leg(t), o.rooms.leg(t)
	b.reply(invite, 183, earlySDP)
	a.response("INVITE", 183)
	b.reply(invite, 183, "v=0 bad")
	legB.want(t, "offer", "early", "setanswer", "early", "setanswer")
	b.take(invite, earlySDP)
	said(t, a.answered(), answerSDP, "")
	legB.want(t, "answered", "confirmed")
	o.hangUp(a, b)
	o.quiet(legA, legB)
}

// The caller whose offer cannot be answered hears so at once.
func TestBridgeEarlySoundOfferUnusable(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	o.rooms.enter = func(_ context.Context, c Call, l *fakeLeg) error {
		l.answer = func([]byte) ([]byte, error) { return nil, errors.New("no audio in it") }
		return nil
	}
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	invite := b.rung()
	b.reply(invite, 183, earlySDP)
	a.refusedACK(a.response("INVITE", 488))
	b.reply(b.asked("CANCEL"), 200, "")
	b.reply(invite, 487, "")
	o.quiet(o.rooms.leg(t), o.rooms.leg(t))
}

// Who makes no offer hears nothing before the answer.
func TestBridgeEarlySoundWithoutOffer(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", "")
	invite := b.rung()
	legA, legB := o.rooms.leg(t), o.rooms.leg(t)
	b.reply(invite, 183, earlySDP)
	if res := a.response("INVITE", 180); len(res.Body()) > 0 {
		t.Errorf("%s", res)
	}
	b.take(invite, bobSDP)
	res := a.response("INVITE", 200)
	a.toTag = toTag(res)
	a.ack(a.seq, offerSDP)
	legA.want(t, "offer", "setanswer", "confirmed")
	legB.want(t, "offer", "setanswer", "confirmed")
	o.hangUp(a, b)
	o.quiet(legA, legB)
}

// While he hears a machine the caller presses keys, by INFO too; then he cancels, or the machine refuses the call.
func TestBridgeEarlySoundEnds(t *testing.T) {
	for _, cancels := range []bool{true, false} {
		o := openOffice(t, "udp", false, Config{ParseInfo: func(_ string, body []byte) (byte, time.Duration, bool) { return body[0], time.Second, true }})
		a, b := o.caller(), o.phone(1000)
		a.request("INVITE", offerSDP)
		invite, branch := b.rung(), a.branch
		legA, legB := o.rooms.leg(t), o.rooms.leg(t)
		b.reply(invite, 183, earlySDP)
		res := a.response("INVITE", 183)
		a.toTag = toTag(res)
		a.request("INFO", "5", "Content-Type: application/dtmf")
		a.response("INFO", 200)
		a.request("UPDATE", offerSDP) // not before the answer
		a.response("UPDATE", 500)
		legA.want(t, "early", "answer", "digit 5 1s")
		a.branch, a.toTag = branch, ""
		if cancels {
			a.raw("CANCEL", 1, "")
			a.response("CANCEL", 200)
			a.refusedACK(a.response("INVITE", 487))
			b.reply(b.asked("CANCEL"), 200, "")
			b.reply(invite, 487, "")
		} else {
			b.reply(invite, 486, "")
			a.refusedACK(a.response("INVITE", 486))
		}
		b.asked("ACK")
		legA.want(t, "end")
		legB.want(t, "offer", "early", "setanswer", "end")
		o.quiet(legA, legB)
	}
}

// How many descriptions a phone may give before its answer is bounded.
func TestBridgeEarlySoundLimit(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	invite := b.rung()
	legA, legB := o.rooms.leg(t), o.rooms.leg(t)
	legB.want(t, "offer")
	for i := range earlyDescriptions {
		b.reply(invite, 183, earlySDP+fmt.Sprintf("a=x:%d\r\n", i))
		legB.want(t, "early", "setanswer")
		a.response("INVITE", 183)
	}
	b.reply(invite, 183, earlySDP)
	eventually(t, func() bool { return o.server.Snapshot().Limited == 1 })
	b.take(invite, bobSDP)
	a.answered()
	legB.want(t, "setanswer", "answered", "confirmed")
	o.hangUp(a, b)
	o.quiet(legA, legB)
}

// The 183 is told again each minute, and to who repeats his INVITE. (TX-1)
func TestBridgeEarlySoundAgain(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	invite := b.rung()
	b.reply(invite, 183, earlySDP)
	res := a.response("INVITE", 183)
	a.toTag = toTag(res)
	o.server.inDialog(t, a, func(d *dialog) { d.bridge.tell(d.bridge.told) }) // the minute is over
	if again := a.response("INVITE", 183); again.String() != res.String() {
		t.Errorf("%s", again)
	}
	a.toTag = ""
	a.raw("INVITE", a.seq, offerSDP)
	said(t, a.response("INVITE", 183), answerSDP, toTag(res))
	b.take(invite, bobSDP)
	a.answered()
	o.hangUp(a, b)
}
