package sip

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"

	"trivox/sip/limits"
)

// divertToUsers lets phones send calls on to users, and with a plus sign elsewhere; tea is a room.
func divertToUsers(_ context.Context, c Call) (Route, error) {
	switch {
	case c.Caller.User == "":
		return Route{}, &Refusal{Code: 403, Rule: "test", Warning: "nobody diverts"}
	case c.User == "tea":
		return Route{}, nil
	case strings.HasPrefix(c.User, "+"):
		return Route{Out: c.URI}, nil
	case c.Host == "forbidden.example":
		return Route{}, &Refusal{Code: 403, Rule: "test", Warning: "not there"}
	}
	return Route{User: c.User, Domain: "example.com"}, nil
}

// everywhere is a domain of ours.
func everywhere(string) string { return "example.com" }

// diverting is an office whose phones may send calls on.
func diverting(t *testing.T, c Config) *office {
	t.Helper()
	c.Divert, c.Domain = divertToUsers, everywhere
	return openOffice(t, "udp", false, c)
}

// sendsOn lets a phone that is called answer so.
func (p *phone) sendsOn(code int, contact string, extra ...string) {
	p.t.Helper()
	p.diverts(p.rung(), code, contact, extra...)
}

func (p *phone) diverts(invite *sipgo.Request, code int, contact string, extra ...string) {
	p.t.Helper()
	p.reply(invite, code, "", append(extra, "Contact: "+contact)...)
	p.asked("ACK")
}

// diversions are the values of that header.
func diversions(req *sipgo.Request) (list []string) {
	for _, h := range req.GetHeaders("diversion") {
		list = append(list, h.Value())
	}
	return list
}

// A phone sends a call on to another user: his phone rings in its place, is told whom the call was for, and the caller that
// he is being forwarded. RFC 3261, 8.1.3.4 and 21.1.3; RFC 5806 (UA-10)
func TestBridgeDiverted(t *testing.T) {
	for _, code := range []int{300, 301, 302} {
		o := diverting(t, Config{})
		a, b, c := o.caller(), o.phone(1000), o.phoneOf("carol", 1000)
		a.request("INVITE", offerSDP)
		called := b.rung()
		if code == 302 { // nobody lifted there
			b.reply(called, 180, "")
			a.response("INVITE", 180)
		}
		b.diverts(called, code, `"Carol, upstairs" <sip:carol@example.com;transport=udp?Subject=x>;expires=60`)
		a.response("INVITE", 181)
		invite := c.rung()
		for name, want := range map[string]string{
			"from": `"Alice" <sip:alice@example.com>;tag=` + c.toTag, "to": "<sip:carol@example.com>;tag=" + c.fromTag,
			"diversion": "<sip:bob@example.com>;reason=unknown;counter=1", "max-forwards": "68", "subject": "",
		} {
			if got := header(invite, name); got != want {
				t.Errorf("%d: %s: %q, want %q", code, name, got, want)
			}
		}
		c.reply(invite, 180, "")
		a.response("INVITE", 180)
		c.take(invite, bobSDP)
		a.answered()
		legs := []*fakeLeg{o.rooms.leg(t), o.rooms.leg(t), o.rooms.leg(t)}
		legs[1].want(t, "offer", "end")
		if cause := legs[1].cause; cause.Code != code || cause.Text != "diverted to carol@example.com" || !cause.ByPeer {
			t.Errorf("%+v", cause)
		}
		if callee := legs[2].call; callee.User != "carol" || callee.Caller.User != "carol@example.com" || callee.Bridge != legs[0].call.Bridge {
			t.Errorf("%+v", callee)
		}
		a.request("BYE", "")
		a.response("BYE", 200)
		c.reply(c.asked("BYE"), 200, "")
		o.quiet(legs...)
		if n := o.server.Snapshot(); n.Diverted != 1 || n.Called != 2 {
			t.Errorf("%+v", n)
		}
	}
}

// A phone with sound before the answer sends the call on: its sound goes with it, and the next phone's is heard.
func TestBridgeDivertedWithSound(t *testing.T) {
	o := diverting(t, Config{})
	a, b, c := o.caller(), o.phone(1000), o.phoneOf("carol", 1000)
	a.request("INVITE", offerSDP)
	called := b.rung()
	b.reply(called, 183, earlySDP)
	res := a.response("INVITE", 183)
	b.diverts(called, 302, "<sip:carol@example.com>")
	a.response("INVITE", 181)
	invite := c.rung()
	legs := []*fakeLeg{o.rooms.leg(t), o.rooms.leg(t), o.rooms.leg(t)}
	legs[1].want(t, "offer", "early", "setanswer", "end")
	c.reply(invite, 183, earlySDP)
	said(t, a.response("INVITE", 183), answerSDP, toTag(res))
	c.take(invite, bobSDP)
	said(t, a.answered(), answerSDP, toTag(res))
	legs[2].want(t, "offer", "early", "setanswer", "setanswer", "answered", "confirmed")
	o.hangUp(a, c)
	o.quiet(legs...)
}

// From one to the next: each is named with his reason, the last one first, but for who does not want to be. RFC 5806; RFC 3323
func TestBridgeDivertedTwice(t *testing.T) {
	for _, tt := range []struct {
		name          string
		first, second []string // headers
		want          []string
	}{
		{"plain", nil, nil, []string{"carol@example.com>;reason=unknown", "bob@example.com>;reason=unknown"}},
		{"reasons", []string{`Diversion: "B" <sip:eve@example.net>;reason="User-Busy";privacy=off, <sip:x@y>;reason=away`}, []string{"Diversion: sip:carol@x;reason=unconditional;privacy=name"},
			[]string{"carol@example.com>;reason=unconditional", "bob@example.com>;reason=user-busy"}},
		{"private", []string{"Privacy: id"}, []string{"Diversion: <sip:c@x>;reason=sleeping"}, []string{"carol@example.com>;reason=unknown"}},
		{"both private", []string{"Diversion: <sip:c@x>;privacy=full"}, []string{"Privacy: user"}, nil},
		{"malformed", []string{"Diversion: <"}, []string{"Diversion: <sip:c@x>;reason=\""}, []string{"carol@example.com>;reason=unknown", "bob@example.com>;reason=unknown"}},
	} {
		o := diverting(t, Config{})
		a, b, c, d := o.caller(), o.phone(1000), o.phoneOf("carol", 1000), o.phoneOf("dave", 1000)
		a.request("INVITE", offerSDP)
		b.sendsOn(302, "<sip:carol@example.com>", tt.first...)
		c.sendsOn(302, "<sip:dave@example.com>", tt.second...)
		invite := d.rung()
		got := diversions(invite)
		for i := range got {
			got[i] = strings.TrimSuffix(strings.TrimPrefix(got[i], "<sip:"), ";counter=1")
		}
		if !slices.Equal(got, tt.want) || header(invite, "max-forwards") != "67" {
			t.Errorf("%s: %q, want %q\n%s", tt.name, got, tt.want, invite)
		}
		d.reply(invite, 486, "")
		a.response("INVITE", 181)
		a.response("INVITE", 181)
		a.refusedACK(a.response("INVITE", 486))
		o.quiet()
	}
}

// The phones of whom a phone names: by the Contact's preference, then by their own; before all who waited, and beside who rings.
func TestBridgeDivertedByPreference(t *testing.T) {
	o := diverting(t, Config{})
	a, b, beside, last := o.caller(), o.phone(1000), o.phone(1000), o.phone(100)
	carol, carolLater, dave := o.phoneOf("carol", 1000), o.phoneOf("carol", 10), o.phoneOf("dave", 500)
	a.request("INVITE", offerSDP)
	ringing := beside.rung()
	beside.reply(ringing, 180, "")
	a.response("INVITE", 180)
	b.sendsOn(302, "<sip:carol@x>;q=0.2, <sip:dave@x>;q=0.7")
	a.response("INVITE", 181)
	dave.reply(dave.rung(), 480, "")
	dave.asked("ACK")
	beside.reply(ringing, 480, "")
	beside.asked("ACK")
	for _, p := range []*phone{carol, carolLater} {
		p.reply(p.rung(), 480, "")
		p.asked("ACK")
	}
	last.take(last.rung(), bobSDP)
	a.answered()
	o.hangUp(a, last)
}

// A call comes nowhere twice, and not back to its caller: then it is over. RFC 5393 (UA-10)
func TestBridgeDivertedInCircles(t *testing.T) {
	for _, way := range [][]string{{"alice"}, {"bob"}, {"carol", "bob"}, {"carol", "alice"}, {"carol", "dave", "carol"}, {"carol", "carol"}} {
		var log logText
		o := diverting(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		phones := map[string]*phone{}
		for _, user := range []string{"alice", "bob", "carol", "dave"} {
			phones[user] = o.phoneOf(user, 1000)
		}
		a, at := o.caller(), "bob"
		a.request("INVITE", offerSDP)
		for i, next := range way {
			phones[at].sendsOn(302, "<sip:"+next+"@example.com>")
			if at = next; i < len(way)-1 {
				a.response("INVITE", 181)
			}
		}
		res := a.response("INVITE", 480)
		if got := header(res, "warning"); got != `399 trivox "the phone answered Redirected"` {
			t.Errorf("%v: %s", way, got)
		}
		a.refusedACK(res)
		o.quiet()
		if n := o.server.Snapshot(); n.Called != uint64(len(way)) || !strings.Contains(log.String(), "rule=divert.loop") {
			t.Errorf("%v: %+v\n%s", way, n, log.String())
		}
	}
}

// What is not followed counts as 480, and the log has the rule where there is one. (UA-10)
func TestBridgeNotDiverted(t *testing.T) {
	for _, tt := range []struct {
		code          int
		contact, text string // of the log; "": nothing
	}{
		{302, "<sip:carol@forbidden.example>", `rule=test`}, {302, "<sip:tea@example.com>", `rule=divert.room`}, {302, "<sip:nobody@example.com>", notHere},
		{302, "<tel:+49301>", `rule=divert.uri`}, {302, "<http://example.com>", `rule=divert.uri`}, {302, "<sip:example.com>", `rule=divert.uri`},
		{302, "*", `rule=divert.uri`}, {302, "<sip:" + strings.Repeat("c", contactMost) + "@example.com>", `rule=divert.uri`},
		{302, "", ""}, {305, "<sip:carol@example.com>", ""}, {380, "<sip:carol@example.com>", ""},
	} {
		var log logText
		o := diverting(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		a, b := o.caller(), o.phone(1000)
		o.phoneOf("carol", 1000)
		a.request("INVITE", offerSDP)
		if tt.contact == "" {
			b.reply(b.rung(), tt.code, "")
		} else {
			b.sendsOn(tt.code, tt.contact)
		}
		a.refusedACK(a.response("INVITE", 480))
		o.quiet()
		if got := log.String(); strings.Contains(got, "diversion not followed") != (tt.text != "") || !strings.Contains(got, tt.text) || o.server.Snapshot().Called != 1 {
			t.Errorf("%d %s:\n%s", tt.code, tt.contact, got)
		}
	}
}

// Who is to be called by sips is called by TLS or not at all, if the phone says so or the caller did. RFC 3261, 26.2.2 (SE-5)
func TestBridgeDivertedSecurely(t *testing.T) {
	o := openOffice(t, "tls", false, Config{Divert: divertToUsers, Domain: everywhere})
	a, b, c := o.caller(), o.phone(1000), o.phoneOf("carol", 1000)
	a.scheme, a.contact = "sips", "<sips:alice@"+a.conn.LocalAddr().String()+">"
	a.request("INVITE", offerSDP)
	b.sendsOn(302, "<sip:carol@example.com>")
	a.response("INVITE", 181)
	invite := c.rung()
	if !strings.HasPrefix(header(invite, "to"), "<sips:carol@") || !strings.HasPrefix(header(invite, "diversion"), "<sips:bob@") {
		t.Errorf("%s", invite)
	}
	c.take(invite, bobSDP)
	a.answered()
	o.hangUp(a, c)

	o = diverting(t, Config{})
	a, b = o.caller(), o.phone(1000)
	o.phoneOf("carol", 1000) // by UDP
	a.request("INVITE", offerSDP)
	b.sendsOn(302, "<sips:carol@example.com>")
	a.response("INVITE", 181)
	a.refusedACK(a.response("INVITE", 480))
	o.quiet()
	if n := o.server.Snapshot(); n.Called != 1 {
		t.Errorf("%+v", n)
	}
}

// A call is diverted so often, to so many phones, and elsewhere as often as its user may call; what is above is counted.
func TestBridgeDivertedTooOften(t *testing.T) {
	o := diverting(t, Config{Limits: Limits{Branches: 2, Diversions: 2}})
	a, b := o.caller(), o.phone(1000)
	carol := []*phone{o.phoneOf("carol", 1000), o.phoneOf("carol", 1000)}
	dave := []*phone{o.phoneOf("dave", 500), o.phoneOf("dave", 500)}
	o.phoneOf("eve", 1000)
	a.request("INVITE", offerSDP)
	b.sendsOn(302, "<sip:carol@x>, <sip:dave@x>;q=0.5, <sip:eve@x>;q=0.4") // eve is not even looked up
	a.response("INVITE", 181)
	for _, p := range carol {
		p.sendsOn(302, "<sip:eve@x>")
	}
	called := dave[0] // of his phones only one may still be called
	eventually(t, func() bool {
		if len(dave[1].in) > 0 {
			called = dave[1]
		}
		return len(dave[0].in)+len(dave[1].in) > 0
	})
	called.reply(called.rung(), 486, "")
	a.refusedACK(a.response("INVITE", 486))
	o.quiet()
	if n := o.server.Snapshot(); n.Called != 4 || n.Diverted != 2 || n.Limited != 4 {
		t.Errorf("%+v", n)
	}
}

// Elsewhere a call goes with whom it was for, and goes no further; it counts as one by the user whose phone sends it there.
func TestBridgeDivertedElsewhere(t *testing.T) {
	var log logText
	o := diverting(t, Config{
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Guard:  Guard{Config: limits.Config{UserInvite: limits.Rate{PerMinute: 1, Burst: 1}}},
	})
	a, b, gate := o.caller(), o.phone(1000), o.newPhone()
	o.phoneOf("carol", 1000)
	contact := fmt.Sprintf("<sip:+4930@%s>", gate.conn.LocalAddr())
	a.request("INVITE", offerSDP)
	b.sendsOn(302, contact)
	a.response("INVITE", 181)
	invite := gate.rung()
	if got := header(invite, "diversion"); got != "<sip:bob@example.com>;reason=unknown;counter=1" || invite.Recipient.User != "+4930" || header(invite, "p-asserted-identity") != "" {
		t.Errorf("%s", invite)
	}
	gate.reply(invite, 302, "", "Contact: <sip:carol@example.com>")
	a.refusedACK(a.response("INVITE", 480))

	a = o.caller()
	a.request("INVITE", offerSDP)
	b.sendsOn(302, contact)
	a.refusedACK(a.response("INVITE", 480))
	o.quiet()
	if n := o.server.Snapshot(); n.Called != 3 || n.Diverted != 1 || n.OverRate != 1 || !strings.Contains(log.String(), "rule=limits.user") {
		t.Errorf("%+v\n%s", n, log.String())
	}
}

// The caller gives up while it is found out where the call goes on to, and a phone sends it on too late: nobody else rings.
func TestBridgeDivertedTooLate(t *testing.T) {
	o := openOffice(t, "udp", false, Config{Domain: everywhere, Divert: func(ctx context.Context, _ Call) (Route, error) {
		<-ctx.Done()
		return Route{}, ctx.Err()
	}})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	b.sendsOn(302, "<sip:carol@example.com>")
	a.raw("CANCEL", a.seq, "")
	a.response("CANCEL", 200)
	a.refusedACK(a.response("INVITE", 487))
	o.quiet(o.rooms.leg(t), o.rooms.leg(t))

	o = diverting(t, Config{})
	a, b = o.caller(), o.phone(1000)
	o.phoneOf("carol", 1000)
	a.request("INVITE", offerSDP)
	invite := b.rung()
	b.reply(invite, 180, "")
	a.response("INVITE", 180)
	a.raw("CANCEL", a.seq, "")
	a.response("CANCEL", 200)
	a.refusedACK(a.response("INVITE", 487))
	b.reply(b.asked("CANCEL"), 200, "")
	b.reply(invite, 302, "", "Contact: <sip:carol@example.com>")
	b.asked("ACK")
	o.quiet(o.rooms.leg(t), o.rooms.leg(t))
	if n := o.server.Snapshot(); n.Called != 1 || n.Diverted != 0 {
		t.Errorf("%+v", n)
	}
}

// Max-Forwards falls with each diversion, and one more than it allows is not followed. (UA-11)
func TestBridgeDivertedForwards(t *testing.T) {
	for forwards, most := range map[sipgo.MaxForwardsHeader]int{1: 0, 2: 1, 3: 2, 70: 9} {
		invite := sipgo.NewRequest(sipgo.INVITE, sipgo.Uri{Host: "x"})
		invite.AppendHeader(&forwards)
		b := &bridge{server: &Server{cfg: Config{Limits: Limits{Diversions: 9}}}, invite: invite}
		for n := 1; n < 10; n++ {
			x := detour{Route{User: "carol", Domain: "x"}, []target{{diversions: make([]diversion, n)}}}
			if r := b.mayDivert("bob@x", x, 1); (r == nil) != (n <= most) || r != nil && r.Code != 483 {
				t.Errorf("Max-Forwards %d, diversion %d: %v", forwards, n, r)
			}
		}
	}
}

// Who calls, as a loop is known by.
func TestAddressOf(t *testing.T) {
	s := &Server{cfg: Config{Domain: ourDomain}}
	for _, tt := range []struct {
		who  Identity
		want string
	}{
		{Identity{User: "alice@example.com", URI: anonymousURI}, "alice@example.com"}, {Identity{URI: "sip:alice@192.0.2.254"}, "alice@example.com"},
		{Identity{URI: "sip:alice@example.net"}, ""}, {Identity{URI: "tel:+49"}, ""}, {Identity{}, ""},
	} {
		if got := s.addressOf(tt.who); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.who, got, tt.want)
		}
	}
}
