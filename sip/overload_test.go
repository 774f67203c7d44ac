package sip

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"trivox/sip/limits"
)

const behindBound = 100 * time.Millisecond

// fallBehind makes a backlog overloaded: 200 requests a second were handled, each a second after it came, until an hour from
// now, so that it is not over before the test says so.
func (b *backlog) fallBehind() (until time.Time) {
	until = time.Now().Add(time.Hour)
	for now := until.Add(-2 * time.Second); now.Before(until); now = now.Add(5 * time.Millisecond) {
		b.do(now, func(o *limits.Overload) {
			o.Begin()
			o.Handled(now, now.Add(-time.Second))
		})
	}
	return until
}

// wait adds so many requests that wait, or takes them away.
func (b *backlog) wait(n int) {
	b.do(time.Now(), func(o *limits.Overload) {
		for range n {
			o.Begin()
		}
		for range -n {
			o.Handled(time.Now(), time.Now())
		}
	})
}

func (b *backlog) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.overload.Waiting()
}

// A server that is behind refuses new calls at once, and goes on with what it has let in. RFC 3261, 21.5.4
func TestBehind(t *testing.T) {
	var log logText
	s, net := startOnEther(t, Config{Rooms: newRooms(), Logger: slog.New(slog.NewTextHandler(&log, nil)), Guard: Guard{Behind: behindBound}})
	old, fresh := net.phone(t, "192.0.2.1:5060"), net.phone(t, "192.0.2.2:5060")
	old.call()
	until := s.calls.fallBehind()

	fresh.call() // nobody waits
	fresh.request("BYE", "")
	fresh.response("BYE", 200)
	fresh.toTag = ""

	s.calls.wait(1000)
	tags := map[string]bool{}
	message := fresh.request("INVITE", offerSDP)
	for range 3 {
		res := fresh.response("INVITE", 503)
		if after := header(res, "retry-after"); len(after) != 1 || after < "1" || after > "5" {
			t.Errorf("Retry-After %q, want 1 to 5", after)
		}
		tag, _ := res.To().Params.Get("tag")
		tags[tag] = true
		fresh.refusedACK(res)
		fresh.write(message) // the 503 was lost
	}
	fresh.response("INVITE", 503)
	if len(tags) != 1 {
		t.Errorf("repetitions were answered with different tags: %v (RFC 3261, 8.2.7)", tags)
	}
	fresh.request("OPTIONS", "")
	fresh.response("OPTIONS", 200)
	old.request("INVITE", offerSDP) // a call that is up goes on, whatever its requests waited for
	net.age.Store(int64(time.Minute))
	old.response("INVITE", 200)
	old.ack(old.seq, "")
	old.request("BYE", "")
	old.response("BYE", 200)
	if n := s.Snapshot(); n.Late != 4 || n.Dialogs != 0 || n.Responses[503] != 4 {
		t.Errorf("%d were late, %d dialogs, responses %v", n.Late, n.Dialogs, n.Responses)
	}
	// Of 20 that wait at 200 a second the last is handled in time, unless it was late at the door.
	s.calls.wait(-985)
	fresh.to = "sip:stage@example.com" // with "tag" in it: it might belong to a dialog, and is not dropped unread
	fresh.request("INVITE", offerSDP)
	fresh.refusedACK(fresh.final(503))
	net.age.Store(0)
	fresh.toTag = ""
	fresh.request("INVITE", offerSDP)
	res := fresh.final(200)
	fresh.toTag, _ = res.To().Params.Get("tag")
	fresh.ack(fresh.seq, "")

	// What has not even been read in time is not answered, and comes again.
	dropped := s.Snapshot().Dropped["late"]
	net.age.Store(int64(time.Minute))
	lost := net.phone(t, "192.0.2.4:5060")
	message = lost.request("INVITE", offerSDP)
	lost.request("OPTIONS", "") // read after it
	lost.response("OPTIONS", 200)
	net.age.Store(0)
	lost.write(message)
	for lost.response("INVITE", 200).CSeq().SeqNo != 1 {
	}
	if n := s.Snapshot().Dropped["late"] - dropped; n != 1 {
		t.Errorf("%d were dropped as late, want 1", n)
	}

	s.calls.do(until.Add(10*time.Second), func(*limits.Overload) {})
	if text := log.String(); strings.Count(text, "the server is behind") != 1 || strings.Count(text, "no longer behind") != 1 || !strings.Contains(text, "refused=5") {
		t.Errorf("the log is to say once that it begins, and once that it has ended, with 5 refused:\n%s", text)
	}
	s.calls.wait(1000)
	second := net.phone(t, "192.0.2.3:5060")
	second.request("INVITE", offerSDP) // so many wait never
	second.refusedACK(second.final(503))
	s.SetGuard(Guard{})
	second.request("INVITE", offerSDP)
	second.final(200)
}

// So is a REGISTER refused, each kind for itself.
func TestBehindWithRegistrations(t *testing.T) {
	c, _, _ := guarded(newRooms())
	c.Guard = Guard{Behind: behindBound}
	s, net := startOnEther(t, c)
	p := net.phone(t, "192.0.2.1:5060")
	p.uri, p.from, p.to = "sip:example.com", "sip:alice@example.com", "sip:alice@example.com"
	s.calls.fallBehind()
	s.calls.wait(1000)
	p.request("REGISTER", "")
	p.response("REGISTER", 401)
	s.registrations.fallBehind()
	s.registrations.wait(1000)
	p.request("REGISTER", "")
	p.response("REGISTER", 503)
	s.registrations.wait(-1000)
	p.request("REGISTER", "")
	p.response("REGISTER", 401)
}

// However a request ends, it waits no longer.
func TestNothingWaitsForEver(t *testing.T) {
	rooms := newRooms()
	c, _, _ := guarded(rooms)
	c.Guard = Guard{Behind: behindBound, Everyone: true, Config: limits.Config{UserInvite: limits.Rate{PerMinute: 1, Burst: 1}}}
	s, net := startOnEther(t, c)
	p := net.phone(t, "192.0.2.1:5060")
	p.uri = "sip:tea@example.com"
	p.request("INVITE", offerSDP)
	asked := p.final(401)
	p.refusedACK(asked)
	proof := func(c credentialsOf, count int) []string { return []string{c.answer(t, asked, "INVITE", p.uri, count)} }
	wrong := credentialsOf{user: "alice", password: "wrong"}
	for _, tt := range []struct {
		code  int
		extra []string
	}{
		{401, nil}, {420, []string{"Require: magic"}}, {200, proof(aliceProof, 1)}, {503, proof(aliceProof, 2)}, {403, proof(wrong, 3)},
	} {
		p.toTag = ""
		p.request("INVITE", offerSDP, tt.extra...)
		if res := p.final(tt.code); tt.code == 200 {
			p.toTag, _ = res.To().Params.Get("tag")
			p.ack(p.seq, "")
			p.request("BYE", "")
			p.final(200)
		}
	}
	p.toTag = ""
	cancelled := p.request("INVITE", offerSDP) // and repeated while it is asked who calls
	p.write(cancelled)
	p.raw("CANCEL", p.seq, "")
	p.request("REGISTER", "")
	p.final(401)
	eventually(t, func() bool { return s.calls.waiting() == 0 && s.registrations.waiting() == 0 })
}
