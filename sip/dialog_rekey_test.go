package sip

import (
	"bytes"
	"fmt"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// Rekey is Rekeyer's. Each offer differs from the one before.
func (l *fakeLeg) Rekey() ([]byte, error) {
	l.events <- "rekey"
	l.rekeys++
	return fmt.Appendf([]byte(answerSDP), "a=x-keys:%d\r\n", l.rekeys), nil
}

// Rekeyed is Rekeyer's.
func (l *fakeLeg) Rekeyed(answer []byte) error {
	switch {
	case answer == nil:
		l.events <- "not rekeyed"
	case bytes.Contains(answer, []byte("bad")):
		l.events <- "badly rekeyed"
		return &Refusal{Code: 488, Warning: "a bad answer"}
	default:
		l.events <- "rekeyed"
	}
	return nil
}

// keys makes what the leg's offer for a re-INVITE is.
func keys(n int) string { return fmt.Sprintf("%sa=x-keys:%d\r\n", answerSDP, n) }

// wantOffer checks the body of a re-INVITE.
func wantOffer(t *testing.T, req *sipgo.Request, body string) {
	t.Helper()
	if string(req.Body()) != body || header(req, "content-type") != "application/sdp" || header(req, "contact") == "" {
		t.Errorf("re-INVITE\n%s\nwant the offer\n%s", req, body)
	}
}

// hurry ends the wait after a 491.
func (s *Server) hurry(p *phone) {
	t := p.t.(*testing.T)
	eventually(t, func() bool {
		goesOn := false
		s.inDialog(t, p, func(d *dialog) {
			if !d.ourInvite && d.rekeying.timer.Stop() {
				d.askRekey()
			}
			goesOn = d.ourInvite && d.rekeying.tries == 2
		})
		return goesOn
	})
}

// Q6, UA-4, UA-5: one re-INVITE asks for new keys, and what the peer answers decides what the session is from then on: the next
// refresh shows it.
func TestRekey(t *testing.T) {
	for _, tt := range []struct {
		name  string
		peer  func(s *Server, p *phone, req *sipgo.Request)
		leg   []string
		after string // our description from then on; "": the call has ended
	}{
		{"taken", func(_ *Server, p *phone, req *sipgo.Request) {
			p.reply(req, 200, offerSDP+"a=x-new\r\n")
			p.asked("ACK")
		}, []string{"rekeyed"}, keys(1)},
		{"refused", func(_ *Server, p *phone, req *sipgo.Request) { p.reply(req, 488, "") }, []string{"not rekeyed"}, answerSDP},
		{"no answer in the 200", func(_ *Server, p *phone, req *sipgo.Request) {
			p.reply(req, 200, "")
			p.asked("ACK")
		}, []string{"not rekeyed"}, answerSDP},
		{"a bad answer", func(_ *Server, p *phone, req *sipgo.Request) {
			p.reply(req, 200, offerSDP+"a=bad\r\n")
			p.asked("ACK")
		}, []string{"badly rekeyed"}, answerSDP},
		{"crossed by another", func(s *Server, p *phone, req *sipgo.Request) {
			p.request("INVITE", offerSDP) // glare
			p.refusedACK(p.response("INVITE", 491))
			p.reply(req, 491, "")
			p.asked("ACK")
			s.hurry(p)
			again := p.asked("INVITE")
			wantOffer(p.t.(*testing.T), again, keys(2))
			p.reply(again, 200, offerSDP)
			p.asked("ACK")
		}, []string{"rekey", "rekeyed"}, keys(2)},
		{"too short an interval", func(_ *Server, p *phone, req *sipgo.Request) {
			p.reply(req, 422, "", "Min-SE: 3600")
			again := p.asked("INVITE")
			if got := header(again, "session-expires"); got != "3600;refresher=uac" {
				p.t.Errorf("Session-Expires %q", got)
			}
			p.reply(again, 200, offerSDP, "Session-Expires: 3600")
			p.asked("ACK")
		}, []string{"rekey", "rekeyed"}, keys(2)},
		{"crossed for ever", func(_ *Server, p *phone, req *sipgo.Request) {
			p.reply(req, 422, "", "Min-SE: 3600") // quicker than 491, and bounded alike
			for range rekeyTries - 1 {
				p.reply(p.asked("INVITE"), 422, "", "Min-SE: 3600")
			}
		}, []string{"rekey", "rekey", "rekey", "not rekeyed"}, answerSDP},
		{"unknown call", func(_ *Server, p *phone, req *sipgo.Request) {
			p.reply(req, 481, "")
			p.reply(p.asked("BYE"), 481, "")
		}, []string{"not rekeyed", "end"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rooms := newRooms()
			s, addr := startServer(t, "udp", Config{Rooms: rooms})
			p := newPhone(t, "udp", addr)
			p.call()
			leg := rooms.leg(t)
			leg.want(t, "answer", "confirmed")
			for range 3 { // while one request is under way others change nothing
				leg.call.Rekey()
			}
			req := p.asked("INVITE")
			wantOffer(t, req, keys(1))
			tt.peer(s, p, req)
			leg.want(t, append([]string{"rekey"}, tt.leg...)...)
			if tt.after == "" {
				return
			}
			s.inDialog(t, p, func(d *dialog) {
				if d.rekeying.leg != nil || d.ourInvite {
					t.Error("the request has not ended")
				}
			})
			s.age(t, p)
			refresh := p.asked("INVITE")
			wantOffer(t, refresh, tt.after)
			p.reply(refresh, 200, offerSDP)
			p.asked("ACK")
			for len(leg.events) > 0 {
				if got := <-leg.events; got != "setanswer" {
					t.Errorf("the leg was told %q", got)
				}
			}
		})
	}
}

// A request for new keys waits for the ACK of our 2xx, is nothing to a call that has ended, and reaches the phone of its leg in
// a call between two.
func TestRekeyWhenItCanBe(t *testing.T) {
	t.Run("after the ACK", func(t *testing.T) {
		rooms := newRooms()
		s, addr := startServer(t, "udp", Config{Rooms: rooms, Timers: Timers{T2: quick().T2}})
		p := newPhone(t, "udp", addr)
		p.invite()
		leg := rooms.leg(t)
		leg.want(t, "answer")
		leg.call.Rekey()
		s.inDialog(t, p, func(d *dialog) {
			if d.ourInvite || d.rekeying.timer == nil {
				t.Error("a re-INVITE went out before the ACK")
			}
		})
		p.ack(p.seq, "")
		leg.want(t, "confirmed", "rekey")
		p.reply(p.asked("INVITE"), 200, offerSDP)
		p.asked("ACK")
		leg.want(t, "rekeyed")
		p.request("BYE", "")
		p.response("BYE", 200)
		leg.want(t, "end")
		leg.call.Rekey()
	})
	t.Run("between two", func(t *testing.T) {
		o := openOffice(t, "udp", false, Config{})
		a, b := o.caller(), o.phone(1000)
		legA, legB := o.connect(a, b)
		for leg, p := range map[*fakeLeg]*phone{legA: a, legB: b} {
			leg.call.Rekey()
			req := p.asked("INVITE")
			wantOffer(t, req, keys(1))
			p.reply(req, 200, bobSDP)
			p.asked("ACK")
			leg.want(t, "rekey", "rekeyed")
		}
		a.request("BYE", "")
		a.response("BYE", 200)
		b.reply(b.asked("BYE"), 200, "")
		o.quiet(legA, legB)
	})
}
