package sip

import (
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// inDialog runs f in the queue of p's dialog, as everything does.
func (s *Server) inDialog(t *testing.T, p *phone, f func(d *dialog)) {
	t.Helper()
	s.mu.Lock()
	d := s.dialogs[dialogID{p.callID, p.toTag, p.fromTag}]
	s.mu.Unlock()
	if d == nil {
		t.Fatal("no dialog")
	}
	done := make(chan struct{})
	d.post(func() { f(d); close(done) })
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("the dialog does not work off its queue")
	}
}

// age makes the last refresh so old that what is due happens now.
func (s *Server) age(t *testing.T, p *phone) {
	t.Helper()
	s.inDialog(t, p, func(d *dialog) {
		d.session.since = time.Now().Add(-d.session.terms.due())
		d.sessionDue()
	})
}

// What the 200 says about the timer. RFC 4028, 9 (ST-1)
func TestSessionTimerAnswered(t *testing.T) {
	_, addr := startServer(t, "udp", Config{Rooms: newRooms()})
	for _, tt := range []struct {
		name    string
		headers []string
		expires string
		require string
	}{
		{"not known", nil, "1800;refresher=uas", ""},
		{"known", []string{"Supported: timer"}, "1800;refresher=uas", ""},
		{"compact (TR-6)", []string{"k: timer", "x: 300;refresher=uac"}, "300;refresher=uac", "timer"},
		{"JsSIP", []string{"Supported: timer,ice,replaces,outbound", "Session-Expires: 90"}, "90;refresher=uas", ""},
		{"caller refreshes", []string{"Supported: timer", "Session-Expires: 3600;refresher=uac", "Min-SE: 120"}, "1800;refresher=uac", "timer"},
	} {
		p := newPhone(t, "udp", addr)
		res := p.call(tt.headers...)
		if got := header(res, "session-expires"); got != tt.expires {
			t.Errorf("%s: Session-Expires %q, want %q", tt.name, got, tt.expires)
		}
		if got := header(res, "require"); got != tt.require {
			t.Errorf("%s: Require %q, want %q", tt.name, got, tt.require)
		}
		p.request("BYE", "")
		p.response("BYE", 200)
	}
}

// We refresh by UPDATE when the peer allows it, else by re-INVITE with the description unchanged.
// RFC 4028, 7.4 (ST-3)
func TestSessionRefreshed(t *testing.T) {
	for _, tt := range []struct{ name, allow, method, body string }{
		{"by UPDATE", "Allow: INVITE, ACK, BYE, UPDATE", "UPDATE", ""},
		{"by re-INVITE", "Allow: INVITE, ACK, BYE", "INVITE", answerSDP},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rooms := newRooms()
			s, addr := startServer(t, "udp", Config{Rooms: rooms})
			p := newPhone(t, "udp", addr)
			p.call("Supported: timer", tt.allow)
			leg := rooms.leg(t)
			leg.want(t, "answer", "confirmed")
			s.age(t, p)
			req := p.asked(tt.method)
			if got := header(req, "session-expires"); got != "1800;refresher=uac" {
				t.Errorf("Session-Expires %q", got)
			}
			if string(req.Body()) != tt.body || header(req, "supported") != "timer" || header(req, "contact") == "" {
				t.Errorf("%s", req)
			}
			p.reply(req, 200, map[bool]string{true: offerSDP}[tt.method == "INVITE"], "Session-Expires: 600;refresher=uac", "Contact: <sip:new@127.0.0.1:9>")
			if tt.method == "INVITE" {
				ack := p.asked("ACK")
				if ack.CSeq().SeqNo != req.CSeq().SeqNo || ack.Recipient.User != "new" {
					t.Errorf("ACK %s", ack)
				}
				p.reply(req, 200, offerSDP) // a 2xx that comes again gets the same ACK (TX-3)
				if again := p.asked("ACK"); again.String() != ack.String() {
					t.Errorf("another ACK:\n%s\n%s", ack, again)
				}
			}
			eventually(t, func() bool {
				var terms sessionTerms
				s.inDialog(t, p, func(d *dialog) { terms = d.session.terms })
				return terms == sessionTerms{interval: 600 * time.Second, ours: true}
			})
			if len(leg.events) != 0 {
				t.Errorf("an unchanged answer was given to the leg: %s", <-leg.events)
			}
		})
	}
}

// An answer that differs from the last one is given to the leg.
func TestSessionRefreshChangesAnswer(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.call()
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	s.age(t, p)
	p.reply(p.asked("INVITE"), 200, offerSDP+"a=ptime:20\r\n")
	p.asked("ACK")
	leg.want(t, "setanswer")
}

// RFC 4028, 10 (ST-3): BYE when the peer was to refresh and did not.
func TestSessionNotRefreshedByPeer(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	p := newPhone(t, "udp", addr)
	p.call("Supported: timer", "Session-Expires: 90;refresher=uac")
	leg := rooms.leg(t)
	leg.want(t, "answer", "confirmed")
	s.inDialog(t, p, func(d *dialog) { d.sessionDue() }) // not yet
	p.request("UPDATE", "", "Supported: timer", "Session-Expires: 90;refresher=uac")
	if got := header(p.response("UPDATE", 200), "session-expires"); got != "90;refresher=uac" {
		t.Errorf("Session-Expires %q", got)
	}
	s.age(t, p)
	bye := p.asked("BYE")
	if got := header(bye, "reason"); got != `SIP;cause=408;text="the session was not refreshed"` {
		t.Errorf("Reason %s", got)
	}
	p.reply(bye, 200, "")
	leg.want(t, "end")
}

// What the answers to our refresh lead to. (ST-2, ST-3, UA-4, UA-5)
func TestSessionRefreshRefused(t *testing.T) {
	start := func(t *testing.T, allow string) (*Server, *phone, *fakeLeg) {
		rooms := newRooms()
		s, addr := startServer(t, "udp", Config{Rooms: rooms, Timers: quick()})
		p := newPhone(t, "udp", addr)
		p.call("Allow: " + allow)
		leg := rooms.leg(t)
		leg.want(t, "answer", "confirmed")
		s.age(t, p)
		return s, p, leg
	}
	t.Run("422 raises the interval", func(t *testing.T) {
		_, p, _ := start(t, "UPDATE")
		first := p.asked("UPDATE")
		p.reply(first, 422, "", "Min-SE: 3600")
		second := p.asked("UPDATE")
		if header(second, "session-expires") != "3600;refresher=uac" || header(second, "min-se") != "3600" || second.CSeq().SeqNo != first.CSeq().SeqNo+1 {
			t.Errorf("%s", second)
		}
		p.reply(second, 200, "", "Session-Expires: 3600")
	})
	t.Run("422 for ever is given up", func(t *testing.T) {
		s, p, _ := start(t, "UPDATE")
		for range 1 + sessionRaises {
			p.reply(p.asked("UPDATE"), 422, "", "Min-SE: 3600")
		}
		eventually(t, func() bool { n := s.Snapshot(); return n.Refreshes == 1+sessionRaises && n.ClientTransactions == 0 })
	})
	t.Run("405 to UPDATE: re-INVITE", func(t *testing.T) {
		_, p, _ := start(t, "UPDATE")
		p.reply(p.asked("UPDATE"), 405, "")
		p.reply(p.asked("INVITE"), 200, offerSDP)
		p.asked("ACK")
	})
	t.Run("481 ends the call", func(t *testing.T) {
		_, p, leg := start(t, "UPDATE")
		p.reply(p.asked("UPDATE"), 481, "")
		leg.want(t, "end")
		p.reply(p.asked("BYE"), 481, "")
	})
	t.Run("no answer ends the call", func(t *testing.T) {
		_, p, leg := start(t, "UPDATE")
		leg.want(t, "end")
		bye := p.asked("BYE")
		if got := header(bye, "reason"); got != `SIP;cause=408;text="the session could not be refreshed: Request Timeout"` {
			t.Errorf("Reason %s", got)
		}
		p.reply(bye, 200, "")
	})
	t.Run("500 is tried again later", func(t *testing.T) {
		s, p, leg := start(t, "UPDATE")
		s.inDialog(t, p, func(d *dialog) { d.session.terms.interval = time.Hour })
		p.reply(p.asked("UPDATE"), 500, "")
		eventually(t, func() bool { return s.Snapshot().ClientTransactions == 0 })
		p.request("OPTIONS", "")
		p.response("OPTIONS", 200)
		if len(leg.events) != 0 {
			t.Error("the call ended")
		}
	})
	t.Run("491 to our re-INVITE, peer's refused meanwhile", func(t *testing.T) {
		s, p, leg := start(t, "INVITE")
		ours := p.asked("INVITE")
		p.request("INVITE", offerSDP) // glare
		p.refusedACK(p.response("INVITE", 491))
		p.reply(ours, 491, "")
		p.asked("ACK")
		eventually(t, func() bool {
			select {
			case m := <-p.in: // it may wait no time at all before it tries again (RFC 3261, 14.1)
				if again, ok := m.(*sipgo.Request); ok && again.Method == sipgo.INVITE {
					p.reply(again, 491, "")
				}
			default:
			}
			done := false
			s.inDialog(t, p, func(d *dialog) {
				if done = !d.ourInvite; done {
					d.session.stop()
				}
			})
			return done
		})
		p.request("INVITE", offerSDP)
		p.response("INVITE", 200)
		p.ack(p.seq, "")
		leg.want(t, "answer")
	})
}

// The queue of one dialog keeps the order of the wire, and is bounded. (Trap 10)
func TestRequestsKeepTheirOrder(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		rooms := newRooms()
		_, addr := startServer(t, network, Config{Rooms: rooms, ParseInfo: func(_ string, body []byte) (byte, time.Duration, bool) {
			return body[0], 0, true
		}})
		p := newPhone(t, network, addr)
		p.call()
		leg := rooms.leg(t)
		leg.want(t, "answer", "confirmed")
		digits := "0123456789ABCD*#0123456789" // fewer than the queue takes
		for _, c := range digits {
			p.request("INFO", string(c), "Content-Type: application/dtmf")
		}
		p.request("BYE", "")
		for _, c := range digits {
			leg.want(t, "digit "+string(c)+" 0s")
		}
		leg.want(t, "end")
	}
}

func TestQueueOfDialogIsBounded(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms, Limits: Limits{Queue: 4}})
	p := newPhone(t, "udp", addr)
	p.call()
	rooms.leg(t).want(t, "answer", "confirmed")
	hold := rooms.hold()
	s.mu.Lock()
	d := s.dialogs[dialogID{p.callID, p.toTag, p.fromTag}]
	s.mu.Unlock()
	d.post(hold.wait)
	for range 5 {
		p.request("OPTIONS", "")
	}
	res := p.response("OPTIONS", 503)
	if header(res, "retry-after") == "" {
		t.Error("no Retry-After")
	}
	p.request("BYE", "") // is never lost to a full queue
	eventually(t, func() bool { return d.peerBye.Load() })
	hold.open()
	for range 4 {
		p.response("OPTIONS", 200)
	}
	p.response("BYE", 200)
	if n := s.Snapshot(); n.Limited != 1 {
		t.Errorf("%d limited", n.Limited)
	}
}
