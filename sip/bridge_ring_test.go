package sip

import (
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Of three phones one answers: the others are cancelled and told that they missed nothing. (PX-2)
func TestBridgeForks(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, phones := o.caller(), []*phone{o.phone(500), o.phone(500), o.phone(500)}
	a.request("INVITE", offerSDP)
	var invites []*sipgo.Request
	for _, p := range phones {
		invite := p.rung()
		p.reply(invite, 180, "")
		invites = append(invites, invite)
	}
	if phones[0].callID == phones[1].callID || phones[0].toTag == phones[1].toTag {
		t.Error("two branches are one dialog")
	}
	a.response("INVITE", 180)
	phones[1].take(invites[1], bobSDP)
	a.answered()
	for _, i := range []int{0, 2} {
		cancel := phones[i].asked("CANCEL")
		if got := header(cancel, "reason"); got != `SIP;cause=200;text="Call completed elsewhere"` {
			t.Errorf("Reason %s", got)
		}
		phones[i].reply(cancel, 200, "")
	}
	phones[0].reply(invites[0], 487, "")
	phones[0].asked("ACK")
	phones[2].take(invites[2], bobSDP) // at the same moment: too late
	phones[2].reply(phones[2].asked("BYE"), 200, "")
	eventually(t, func() bool { return o.server.Snapshot().Dialogs == 2 })
	a.request("BYE", "")
	a.response("BYE", 200)
	phones[1].reply(phones[1].asked("BYE"), 200, "")
	legs := []*fakeLeg{o.rooms.leg(t), o.rooms.leg(t), o.rooms.leg(t), o.rooms.leg(t)}
	o.quiet(legs...)
	if n := o.server.Snapshot(); n.Called != 3 || n.Answered != 1 {
		t.Errorf("%+v", n)
	}
}

// A proxy behind one Contact forks: the second 2xx gets its own ACK, then BYE. (UA-2)
func TestBridgeSecondAnswer(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	invite := b.rung()
	b.take(invite, bobSDP, "Record-Route: <sip:p1.example.com;lr>, <sip:"+b.conn.LocalAddr().String()+";lr>")
	a.answered()
	other := invite.Clone()
	other.To().Params.Add("tag", "second")
	b.reply(other, 200, bobSDP, "Contact: <sip:second@"+b.conn.LocalAddr().String()+">")
	ack := b.asked("ACK")
	if tag, _ := ack.To().Params.Get("tag"); tag != "second" || ack.Recipient.User != "second" {
		t.Errorf("%s", ack)
	}
	bye := b.asked("BYE")
	if tag, _ := bye.To().Params.Get("tag"); tag != "second" {
		t.Errorf("%s", bye)
	}
	b.reply(bye, 200, "")
	b.reply(other, 200, bobSDP) // comes again: the same ACK, and no second BYE
	b.asked("ACK")
	a.request("BYE", "")
	a.response("BYE", 200)
	bye = b.asked("BYE")
	routes := bye.GetHeaders("route")
	if tag, _ := bye.To().Params.Get("tag"); tag != b.fromTag || len(routes) != 2 || !strings.Contains(routes[1].Value(), "p1.example.com") {
		t.Errorf("%s", bye)
	}
	b.reply(bye, 200, "")
	o.quiet(o.rooms.leg(t), o.rooms.leg(t))
}

// Phones of one preference after those of a better one: when these fail, or do not answer in time. (PX-2)
func TestBridgeByPreference(t *testing.T) {
	o := openOffice(t, "udp", false, Config{RingNext: time.Second})
	a, second, first, third := o.caller(), o.phone(500), o.phone(900), o.phone(100)
	a.request("INVITE", offerSDP)
	invite := first.rung()
	eventually(t, func() bool { return o.server.Snapshot().Called == 1 })
	first.reply(invite, 486, "")
	first.asked("ACK")
	invite = second.rung()
	second.reply(invite, 180, "")
	a.response("INVITE", 180)
	late := third.rung() // nobody lifted the second
	second.reply(second.asked("CANCEL"), 200, "")
	second.reply(invite, 487, "")
	third.take(late, bobSDP)
	a.answered()
	a.request("BYE", "")
	a.response("BYE", 200)
	third.reply(third.asked("BYE"), 200, "")
	o.quiet(o.rooms.leg(t), o.rooms.leg(t), o.rooms.leg(t), o.rooms.leg(t))
}

// What phones answer, and what the caller hears of it. (PX-2, UA-10)
func TestBridgeRefused(t *testing.T) {
	for _, tt := range []struct {
		codes []int
		want  int
	}{
		{[]int{486}, 486}, {[]int{480, 486}, 486}, {[]int{603, 486}, 603}, {[]int{302}, 480}, {[]int{401}, 500}, {[]int{503}, 500}, {[]int{404}, 480},
	} {
		o := openOffice(t, "udp", false, Config{})
		a := o.caller()
		var phones []*phone
		for range tt.codes {
			phones = append(phones, o.phone(1000))
		}
		a.request("INVITE", offerSDP)
		var invites []*sipgo.Request
		for _, p := range phones {
			invites = append(invites, p.rung())
		}
		for i, p := range phones {
			invite := invites[i]
			if i == 0 {
				p.reply(invite, 180, "")
				a.response("INVITE", 180)
			}
			if i > 0 && tt.codes[0] >= 600 {
				p.reply(invite, 100, "")
				p.reply(p.asked("CANCEL"), 200, "")
			}
			p.reply(invite, tt.codes[i], "", "Contact: <sip:elsewhere@192.0.2.1>")
			p.asked("ACK")
		}
		res := a.response("INVITE", tt.want)
		if header(res, "warning") == "" || header(res, "reason") == "" || strings.Contains(res.String(), "192.0.2.1") {
			t.Errorf("%v: %s", tt.codes, res)
		}
		a.refusedACK(res)
		o.quiet()
	}
}

// Nobody lifts: after the ring time all are cancelled, and the caller gets 480.
func TestBridgeNobodyAnswers(t *testing.T) {
	o := openOffice(t, "udp", false, Config{Ring: 50 * time.Millisecond})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	invite := b.rung()
	b.reply(invite, 180, "") // where it is too late the caller does not hear of it
	res := a.final(480)
	if got := header(res, "warning"); got != `399 trivox "nobody answered"` {
		t.Errorf("Warning %s", got)
	}
	a.refusedACK(res)
	b.reply(b.asked("CANCEL"), 200, "")
	b.reply(invite, 487, "")
	o.quiet(o.rooms.leg(t), o.rooms.leg(t))
}

// Phones that are gone: no word from a datagram, no connection any more. The next preference is tried, else 480.
func TestBridgeDeadPhones(t *testing.T) {
	o := openOffice(t, "tcp", false, Config{Timers: quick()})
	a, dead, alive := o.caller(), o.phone(1000), o.phone(500)
	dead.close()
	eventually(t, func() bool { return o.server.Snapshot().Edge.Conns == 2 })
	a.request("INVITE", offerSDP)
	invite := alive.rung()
	alive.take(invite, bobSDP)
	a.answered()
	a.request("BYE", "")
	a.response("BYE", 200)
	alive.reply(alive.asked("BYE"), 200, "")
	o.quiet(o.rooms.leg(t), o.rooms.leg(t))

	o = openOffice(t, "udp", false, Config{Timers: quick()})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	b.rung() // and says nothing
	res := a.response("INVITE", 480)
	a.refusedACK(res)
	o.quiet(o.rooms.leg(t), o.rooms.leg(t))
}
