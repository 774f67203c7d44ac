package sip

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	gosip "github.com/emiago/sipgo/sip"
)

// A call from beginning to end, by the caller, over both transports. RFC 3261, 13 and 15
func TestCallEndedByCaller(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			rooms := newRooms()
			s, addr := startServer(t, network, Config{Rooms: rooms})
			p := newPhone(t, network, addr)
			res := p.call()
			leg := rooms.leg(t)
			leg.want(t, "answer", "confirmed")
			if got := string(res.Body()); got != answerSDP {
				t.Errorf("body %q", got)
			}
			want := "<sip:tea@" + addr.String()
			if network == "tcp" {
				want += ";transport=tcp"
			}
			if got := header(res, "contact"); got != want+">;isfocus" {
				t.Errorf("Contact %q", got)
			}
			if got := header(res, "allow"); got != "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE" {
				t.Errorf("Allow %q", got)
			}
			if got := header(res, "supported"); got != "timer" {
				t.Errorf("Supported %q", got)
			}
			c := leg.call
			if c.User != "tea" || c.Host != "127.0.0.1" || c.Caller != (Identity{URI: "sip:alice@example.com", Display: "Alice", Trusted: true}) ||
				c.CallID != p.callID || c.Source != addrPort(p.conn.LocalAddr()) || c.Local != addr.Addr() {
				t.Errorf("call %+v", c)
			}
			p.request("BYE", "", `Reason: SIP;cause=200;text="goodbye"`)
			p.response("BYE", 200)
			leg.want(t, "end")
			if leg.cause != (Cause{Code: 200, Text: "goodbye", ByPeer: true}) {
				t.Errorf("cause %+v", leg.cause)
			}
			if n := s.Snapshot(); n.Dialogs != 0 || n.Pending != 0 || n.Answered != 1 || n.EndedByPeer != 1 {
				t.Errorf("%+v", n)
			}
		})
	}
}

// HangUp sends one BYE, however often it is asked, with a Reason that a person can read.
func TestCallEndedByRoom(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			rooms := newRooms()
			s, addr := startServer(t, network, Config{Rooms: rooms})
			p := newPhone(t, network, addr)
			p.call()
			leg := rooms.leg(t)
			leg.want(t, "answer", "confirmed")
			for range 3 {
				leg.call.HangUp(Cause{Code: 200, Text: `the "host" ended it`})
			}
			bye := p.asked("BYE")
			if got := header(bye, "reason"); got != `SIP;cause=200;text="the \"host\" ended it"` {
				t.Errorf("Reason %s", got)
			}
			leg.want(t, "end")
			if leg.cause.ByPeer || leg.cause.Code != 200 {
				t.Errorf("cause %+v", leg.cause)
			}
			p.reply(bye, 200, "")
			eventually(t, func() bool { n := s.Snapshot(); return n.Dialogs == 0 && n.ClientTransactions == 0 })
			if leg.ends != 1 {
				t.Errorf("%d ends", leg.ends)
			}
		})
	}
}

// sipgo's own client gets through.
func TestCallFromSipgoClient(t *testing.T) {
	rooms := newRooms()
	_, addr := startServer(t, "udp", Config{Rooms: rooms})
	ua, err := sipgo.NewUA()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ua.Close() }()
	client, err := sipgo.NewClient(ua, sipgo.WithClientHostname("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	dialogs := sipgo.NewDialogClientCache(client, gosip.ContactHeader{Address: gosip.Uri{User: "a", Host: "127.0.0.1", Port: 5999}})
	d, err := dialogs.Invite(ctx, gosip.Uri{User: "tea", Host: "127.0.0.1", Port: int(addr.Port())}, []byte(offerSDP))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.WaitAnswer(ctx, sipgo.AnswerOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := d.Ack(ctx); err != nil {
		t.Fatal(err)
	}
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	if err := d.Bye(ctx); err != nil {
		t.Fatal(err)
	}
	leg.want(t, "end")
}

// The offer may come from us, in the 200, and the answer in the ACK. RFC 3264, 4; RFC 3261, 13.2.1 (OA-4)
func TestLateOffer(t *testing.T) {
	for _, tt := range []struct{ name, ack, reason string }{
		{"answered", offerSDP, ""},
		{"no answer", "", "SIP;cause=488;text=\"no answer in the ACK of an INVITE without offer\""},
		{"bad answer", offerSDP + "a=bad\r\n", "SIP;cause=488;text=\"not an answer\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rooms := newRooms()
			_, addr := startServer(t, "udp", Config{Rooms: rooms})
			p := newPhone(t, "udp", addr)
			p.request("INVITE", "")
			res := p.response("INVITE", 200)
			p.toTag, _ = res.To().Params.Get("tag")
			leg := rooms.leg(t)
			leg.want(t, "offer")
			p.ack(p.seq, tt.ack)
			if tt.ack != "" {
				leg.want(t, "setanswer")
			}
			if tt.reason == "" {
				leg.want(t, "confirmed")
				return
			}
			leg.want(t, "end")
			bye := p.asked("BYE")
			if got := header(bye, "reason"); got != tt.reason {
				t.Errorf("Reason %s", got)
			}
			p.reply(bye, 200, "")
		})
	}
}

// An INVITE that is cancelled while the room thinks gets 487, and the room is told to stop.
func TestCancel(t *testing.T) {
	rooms := newRooms()
	rooms.enter = func(ctx context.Context, _ Call, _ *fakeLeg) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.request("INVITE", offerSDP)
	p.raw("CANCEL", p.seq, "")
	var invite, cancel *gosip.Response
	for invite == nil || cancel == nil {
		r, ok := p.next().(*gosip.Response)
		if !ok || r.StatusCode == 100 {
			continue
		}
		if r.CSeq().MethodName == gosip.CANCEL {
			cancel = r
		} else {
			invite = r
		}
	}
	if cancel.StatusCode != 200 || invite.StatusCode != 487 || !strings.Contains(header(invite, "warning"), "the caller cancelled") {
		t.Errorf("%v\n%v", cancel, invite)
	}
	p.refusedACK(invite)
	eventually(t, func() bool { n := s.Snapshot(); return n.Dialogs == 0 && n.Pending == 0 && n.Cancelled == 1 })
}

// eventually waits for something that happens behind the scenes; it looks rather than sleeps.
func eventually(t testing.TB, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not happen")
		}
	}
}
