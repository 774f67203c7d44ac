package sip

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// The whole way of a call: it rings, is answered, and either side hangs up; over UDP and TCP, with the sound through us or past us.
func TestBridge(t *testing.T) {
	for _, network := range []string{"udp", "tcp", "tls"} {
		for _, direct := range []bool{false, true} {
			for _, calleeHangsUp := range []bool{false, true} {
				name := network + map[bool]string{false: " through", true: " past"}[direct] + map[bool]string{false: " caller", true: " callee"}[calleeHangsUp]
				t.Run(name, func(t *testing.T) {
					o := openOffice(t, network, direct, Config{})
					a, b := o.caller(), o.phone(1000)
					a.request("INVITE", offerSDP, "Subject: tea", "X-Internal: 10.1.2.3")
					invite := b.rung()
					legA, legB := o.rooms.leg(t), o.rooms.leg(t)
					checkInvite(t, invite, o, b, direct)
					checkCalls(t, legA.call, legB.call, direct)
					b.reply(invite, 100, "")
					b.reply(invite, 183, "")
					b.reply(invite, 180, "")
					ringing := a.response("INVITE", 180)
					if len(ringing.Body()) != 0 || !ringing.To().Params.Has("tag") || ringing.Contact() == nil {
						t.Errorf("%s", ringing)
					}
					ack := b.take(invite, bobSDP)
					if ack.Recipient.User != "bob" || ack.CSeq().SeqNo != 1 || len(ack.Body()) != 0 {
						t.Errorf("%s", ack)
					}
					res := a.answered()
					want := answerSDP
					if direct {
						want = bobSDP
					}
					if string(res.Body()) != want || strings.Contains(header(res, "contact"), "isfocus") {
						t.Errorf("%s", res)
					}
					if header(res, "to") != header(ringing, "to") {
						t.Errorf("another tag: %s, %s", header(res, "to"), header(ringing, "to"))
					}
					if !direct {
						legA.want(t, "answer")
						legB.want(t, "offer", "setanswer")
					}
					legA.want(t, "confirmed")
					legB.want(t, "confirmed")
					first, second, who := a, b, "the caller hung up"
					if calleeHangsUp {
						first, second, who = b, a, "the callee hung up"
					}
					first.request("BYE", "")
					first.response("BYE", 200)
					bye := second.asked("BYE")
					if got := header(bye, "reason"); got != `SIP;cause=200;text="`+who+`"` {
						t.Errorf("Reason %s", got)
					}
					second.reply(bye, 200, "")
					legA.want(t, "end")
					legB.want(t, "end")
					if legA.cause.ByPeer == calleeHangsUp || legB.cause.ByPeer != calleeHangsUp || legA.cause.Text != who || legB.cause.Text != who {
						t.Errorf("%+v, %+v", legA.cause, legB.cause)
					}
					o.quiet(legA, legB)
				})
			}
		}
	}
}

// What the phone gets: nothing of the caller's dialog or network, and who calls. (UA-11)
func checkInvite(t *testing.T, invite *sipgo.Request, o *office, b *phone, direct bool) {
	t.Helper()
	body := answerSDP
	if direct {
		body = offerSDP
	}
	for name, want := range map[string]string{
		"from": `"Alice" <sip:alice@example.com>;tag=` + b.toTag, "to": "<sip:bob@example.com>;tag=" + b.fromTag,
		"max-forwards": "69", "supported": "timer", "session-expires": "1800;refresher=uac", "subject": "tea", "x-internal": "",
		"allow": "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE", "user-agent": "trivox", "require": "", "content-type": "application/sdp",
		"contact": "<sip:alice@" + o.addr.String() + map[string]string{"tcp": ";transport=tcp", "tls": ";transport=tls"}[o.network] + ">", "cseq": "1 INVITE",
	} {
		if got := header(invite, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if string(invite.Body()) != body || "<"+invite.Recipient.String()+">" != b.contact {
		t.Errorf("%s", invite)
	}
}

func checkCalls(t *testing.T, a, b Call, direct bool) {
	t.Helper()
	if a.Bridge == "" || a.Bridge != b.Bridge || a.Callee || !b.Callee || a.Direct != direct || b.Direct != direct || a.CallID == b.CallID {
		t.Errorf("%+v, %+v", a, b)
	}
	if b.Caller.URI != "sip:bob@example.com" || b.User != "bob" || !b.Source.IsValid() || !b.Local.IsValid() || !b.Listener.IsValid() || b.Network == "" {
		t.Errorf("%+v", b)
	}
}

// The caller cancels while it rings: 487 for him, CANCEL with his reason for the phone. (TX-6)
func TestBridgeCancelled(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	invite := b.rung()
	b.reply(invite, 180, "")
	a.response("INVITE", 180)
	a.raw("CANCEL", a.seq, "", `Reason: SIP;cause=200;text="Call completed elsewhere"`)
	a.response("CANCEL", 200)
	a.refusedACK(a.response("INVITE", 487))
	cancel := b.asked("CANCEL")
	if header(cancel, "reason") != `SIP;cause=200;text="Call completed elsewhere"` || header(cancel, "via") != header(invite, "via") || header(cancel, "cseq") != "1 CANCEL" {
		t.Errorf("%s", cancel)
	}
	b.reply(cancel, 200, "")
	b.reply(invite, 487, "")
	b.asked("ACK")
	legA, legB := o.rooms.leg(t), o.rooms.leg(t)
	legA.want(t, "end")
	legB.want(t, "offer", "end")
	if legA.cause.Code != 487 || !legA.cause.ByPeer || legB.cause.Code != 487 || legB.cause.ByPeer {
		t.Errorf("%+v, %+v", legA.cause, legB.cause)
	}
	o.quiet(legA, legB)
}

// The CANCEL waits for a sign of life, and crosses the 200: ACK, then BYE. (TX-6)
func TestBridgeCancelCrossesAnswer(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	invite := b.rung()
	a.raw("CANCEL", a.seq, "")
	a.response("CANCEL", 200)
	a.refusedACK(a.response("INVITE", 487))
	legA, legB := o.rooms.leg(t), o.rooms.leg(t)
	legA.want(t, "end")
	legB.want(t, "offer", "end")
	for len(b.in) > 0 {
		if r, ok := b.next().(*sipgo.Request); ok && r.Method == sipgo.CANCEL {
			t.Error("CANCEL before any answer")
		}
	}
	b.take(invite, bobSDP)
	b.reply(b.asked("BYE"), 200, "")
	o.quiet(legA, legB)
}

// Who cannot be called at all. Who asks does not learn whether the user exists but by the code.
func TestBridgeNotReachable(t *testing.T) {
	users := newDirectory("bob@example.com", "eve@example.com")
	users.change("eve@example.com", func(a *Account) { a.Disabled = true })
	o := openOffice(t, "udp", false, Config{
		Directory: users, Domain: func(string) string { return "example.com" }, Allowed: func(netip.Addr) (bool, string) { return true, "" },
	})
	check := func(user string, code int) {
		t.Helper()
		for _, method := range []string{"INVITE", "OPTIONS"} {
			a := o.caller()
			a.user = user
			a.request(method, map[string]string{"INVITE": offerSDP}[method])
			res := a.response(method, code)
			if code != 503 && header(res, "warning") != `399 trivox "nobody can be reached at this address now"` {
				t.Errorf("%s: %s", method, header(res, "warning"))
			}
			if method == "INVITE" {
				a.refusedACK(res)
			}
		}
	}
	check("bob", 480)
	check("mallory", 404)
	check("eve", 480)
	o.bind(Binding{Contact: "sip:bob@127.0.0.1:9", Q: 1000, Expires: time.Now().Add(-time.Second)})
	check("bob", 480)
	o.bind(Binding{Contact: "tel:+49", Q: 1000, Expires: time.Now().Add(time.Hour)})
	check("bob", 480)
	o.location.fail(errors.New("no disk"))
	check("bob", 503)
	o.location.fail(nil)
	o.phone(1000)
	a := o.caller()
	a.request("OPTIONS", "")
	if res := a.response("OPTIONS", 200); strings.Contains(header(res, "contact"), "isfocus") {
		t.Errorf("%s", res)
	}
	a.user = "tea" // a room as ever
	a.request("OPTIONS", "")
	if res := a.response("OPTIONS", 200); !strings.Contains(header(res, "contact"), "isfocus") {
		t.Errorf("%s", res)
	}
	o.quiet()
}

// The policy that says where a call goes may refuse it.
func TestBridgeRouteRefuses(t *testing.T) {
	o := openOffice(t, "udp", false, Config{Route: func(context.Context, Call) (Route, error) {
		return Route{}, &Refusal{Code: 403, Warning: "not for you"}
	}})
	for _, method := range []string{"INVITE", "OPTIONS"} {
		a := o.caller()
		a.request(method, "")
		if res := a.response(method, 403); method == "INVITE" {
			a.refusedACK(res)
		}
	}
	o.quiet()
}

// A call to a URI elsewhere goes there, without what is said within a trust domain only. (ID-1)
func TestBridgeOutside(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		far, farAddr := startServer(t, network, Config{Rooms: newRooms()})
		uri := "sip:tea@" + farAddr.String()
		if network == "tcp" {
			uri += ";transport=tcp"
		}
		o := openOffice(t, network, true, Config{Route: func(context.Context, Call) (Route, error) { return Route{Out: uri, Direct: true}, nil }})
		a := o.caller()
		a.request("INVITE", offerSDP)
		a.answered()
		farLeg := far.cfg.Rooms.(*fakeRooms).leg(t)
		if farLeg.call.Caller.URI != "sip:alice@example.com" {
			t.Errorf("%+v", farLeg.call)
		}
		farLeg.want(t, "answer", "confirmed")
		a.request("BYE", "")
		a.response("BYE", 200)
		farLeg.want(t, "end")
		if farLeg.cause.Text != "the caller hung up" {
			t.Errorf("%+v", farLeg.cause)
		}
		o.quiet(o.rooms.leg(t), o.rooms.leg(t))
	}
}

// Who is called by sips is called by TLS, or not at all. RFC 3261, 26.2.2 (SE-5)
func TestBridgeSecure(t *testing.T) {
	o := openOffice(t, "tls", false, Config{})
	a, b := o.caller(), o.phone(1000)
	a.scheme, a.contact = "sips", "<sips:alice@"+a.conn.LocalAddr().String()+">"
	a.request("INVITE", offerSDP)
	invite := b.rung()
	if !strings.HasPrefix(header(invite, "to"), "<sips:bob@example.com>") || invite.Via().Transport != "TLS" {
		t.Errorf("%s", invite)
	}
	b.take(invite, bobSDP)
	if res := a.answered(); !strings.HasPrefix(header(res, "contact"), "<sips:bob@") {
		t.Errorf("%s", res)
	}
	o.hangUp(a, b)

	if _, err := o.server.Listen("udp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	_, _ = o.location.Update(context.Background(), "bob", "example.com", func(old []Binding) ([]Binding, error) {
		at := o.server.listening()[1].local
		return []Binding{{Contact: "sip:bob@127.0.0.1:9", Transport: "UDP", Source: netip.MustParseAddrPort("127.0.0.1:9"), Local: at, Expires: time.Now().Add(time.Hour)}}, nil
	})
	a.callID, a.toTag = a.callID+"2", ""
	a.request("INVITE", offerSDP)
	a.refusedACK(a.response("INVITE", 480))
	if n := o.server.Snapshot(); n.Called != 1 {
		t.Errorf("%+v", n)
	}
	o.quiet()
}

// A phone behind a proxy is called by its Path. RFC 3327, 5.1 (RG-3)
func TestBridgePath(t *testing.T) {
	o := openOffice(t, "udp", false, Config{})
	a, b := o.caller(), o.phone(1000)
	_, _ = o.location.Update(context.Background(), "bob", "example.com", func(old []Binding) ([]Binding, error) {
		old[0].Path = []string{"sip:p1.example.com;lr", "sip:p2.example.com;lr"}
		return old, nil
	})
	a.request("INVITE", offerSDP)
	invite := b.rung()
	if routes := invite.GetHeaders("route"); len(routes) != 2 || routes[0].Value() != "<sip:p1.example.com;lr>" || routes[1].Value() != "<sip:p2.example.com;lr>" {
		t.Errorf("%s", invite)
	}
	b.take(invite, bobSDP)
	a.answered()
	a.request("BYE", "")
	a.response("BYE", 200)
	bye := b.asked("BYE") // Path is of registration, the route set of the dialog is that of Record-Route
	if len(bye.GetHeaders("route")) != 0 {
		t.Errorf("%s", bye)
	}
	b.reply(bye, 200, "")
	o.quiet()
}

// A phone that wants a longer session interval gets it, once. (ST-2)
func TestBridgeSessionIntervalRaised(t *testing.T) {
	o := openOffice(t, "udp", false, Config{SessionExpires: 100 * time.Second})
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	b.reply(b.rung(), 422, "", "Min-SE: 300")
	b.asked("ACK")
	invite := b.rung()
	if header(invite, "session-expires") != "300;refresher=uac" || header(invite, "min-se") != "300" || invite.CSeq().SeqNo != 2 {
		t.Errorf("%s", invite)
	}
	ack := b.take(invite, bobSDP, "Session-Expires: 300;refresher=uac")
	if ack.CSeq().SeqNo != 2 {
		t.Errorf("%s", ack)
	}
	a.answered()
	s := o.server
	s.inDialog(t, b, func(d *dialog) {
		if d.session.terms != (sessionTerms{interval: 300 * time.Second, ours: true}) {
			t.Errorf("%+v", d.session.terms)
		}
	})
	s.age(t, b)
	update := b.asked("UPDATE")
	if header(update, "min-se") != "300" || header(update, "session-expires") != "300;refresher=uac" {
		t.Errorf("%s", update)
	}
	b.reply(update, 200, "", "Session-Expires: 300;refresher=uac")
	a.request("BYE", "")
	a.response("BYE", 200)
	b.reply(b.asked("BYE"), 200, "")
	o.quiet(o.rooms.leg(t), o.rooms.leg(t))
}
