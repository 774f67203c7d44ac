package sip

import (
	"context"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// The rooms may refuse a leg of either side, or hang either up.
func TestBridgeRoomsEndIt(t *testing.T) {
	for _, callee := range []bool{false, true} {
		o := openOffice(t, "udp", false, Config{})
		o.rooms.enter = func(_ context.Context, c Call, l *fakeLeg) error {
			if c.Callee == callee {
				return &Refusal{Code: 503, Warning: "no port is free"}
			}
			return nil
		}
		a := o.caller()
		o.phone(1000)
		a.request("INVITE", offerSDP)
		a.refusedACK(a.response("INVITE", map[bool]int{false: 503, true: 500}[callee]))
		o.quiet()
	}
	for _, early := range []bool{true, false} {
		for _, callee := range []bool{false, true} {
			o := openOffice(t, "udp", false, Config{})
			a, b := o.caller(), o.phone(1000)
			var legA, legB *fakeLeg
			var invite *sipgo.Request
			if early {
				a.request("INVITE", offerSDP)
				invite = b.rung()
				b.reply(invite, 180, "")
				a.response("INVITE", 180)
				legA, legB = o.rooms.leg(t), o.rooms.leg(t)
			} else {
				legA, legB = o.connect(a, b)
			}
			leg := legA
			if callee {
				leg = legB
			}
			leg.call.HangUp(Cause{Code: 480, Text: "kicked"})
			if early {
				a.refusedACK(a.response("INVITE", 480))
				b.reply(b.asked("CANCEL"), 200, "")
				b.reply(invite, 487, "")
			} else {
				for _, p := range []*phone{a, b} {
					bye := p.asked("BYE")
					if header(bye, "reason") != `SIP;cause=480;text="kicked"` {
						t.Errorf("Reason %s", header(bye, "reason"))
					}
					p.reply(bye, 200, "")
				}
			}
			o.quiet(legA, legB)
		}
	}
}

// Drain ends both sides of every call, those that ring too, and waits for them.
func TestBridgeDrain(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, b := o.caller(), o.phone(1000)
	legA, legB := o.connect(a, b)
	a2 := o.caller()
	a2.request("INVITE", offerSDP)
	invite := b.ringsAgain()
	a2.response("INVITE", 180)
	drained := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		drained <- o.server.Drain(ctx)
	}()
	a2.refusedACK(a2.response("INVITE", 503))
	a.reply(a.asked("BYE"), 200, "")
	for answered := 0; answered < 2; {
		r, ok := b.next().(*sipgo.Request)
		if !ok {
			continue
		}
		switch r.Method {
		case sipgo.BYE:
			b.reply(r, 200, "")
			answered++
		case sipgo.CANCEL:
			b.reply(r, 200, "")
			b.reply(invite, 487, "")
			answered++
		}
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	o.quiet(legA, legB, o.rooms.leg(t), o.rooms.leg(t))
}

// Close gives every leg its end, whatever the call was doing.
func TestBridgeClose(t *testing.T) {
	o := openOffice(t, "udp", true, Config{})
	a, b := o.caller(), o.phone(1000)
	legA, legB := o.connect(a, b)
	a.request("INVITE", offerSDP+onHold)
	b.asked("INVITE")
	a2 := o.caller()
	a2.request("INVITE", offerSDP)
	b.ringsAgain()
	a2.response("INVITE", 180)
	if err := o.server.Close(); err != nil {
		t.Error(err)
	}
	for _, l := range []*fakeLeg{legA, legB, o.rooms.leg(t), o.rooms.leg(t)} {
		l.want(t, "end")
		if l.ends != 1 {
			t.Errorf("%d ends", l.ends)
		}
	}
}

// A caller whose connection is lost while it rings gets nothing more; the phone stops ringing when that is noticed.
func TestBridgeCallerLost(t *testing.T) {
	o := openOffice(t, "tcp", false, Config{})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	invite := b.rung()
	a.close()
	eventually(t, func() bool { return o.server.Snapshot().Edge.Conns == 1 })
	b.reply(invite, 180, "") // cannot be told
	b.reply(b.asked("CANCEL"), 200, "")
	b.reply(invite, 487, "")
	legA, legB := o.rooms.leg(t), o.rooms.leg(t)
	legA.want(t, "end")
	if legA.cause.Code != 408 {
		t.Errorf("%+v", legA.cause)
	}
	o.quiet(legA, legB)
}
