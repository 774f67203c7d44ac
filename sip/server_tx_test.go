package sip

import (
	"testing"
	"testing/synctest"
	"time"
)

// Who is asked for a password on an INVITE gets one answer to each INVITE that he sends, fills no table of what is open,
// and need not acknowledge. RFC 3261, 26.3.2.4
func TestChallengeLeavesNothingOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := guarded(newRooms())
		c.Limits.Open = 2
		s, net := startOnEther(t, c)
		p := net.phone(t, "198.51.100.1:5060")
		p.uri = "sip:tea@example.com"
		p.request("INVITE", offerSDP)
		first := p.response("INVITE", 401)
		<-time.After(20 * time.Second) // virtual
		if n := len(p.in); n > 0 {
			t.Errorf("%d more answers came by themselves", n)
		}
		p.raw("INVITE", p.seq, offerSDP)
		if again := p.response("INVITE", 401); again.String() != first.String() {
			t.Errorf("another answer:\n%s\n%s", again, first)
		}
		p.refusedACK(first)
		synctest.Wait()
		if n := s.Snapshot(); n.ServerTransactions != 0 || n.Finished != 1 || n.Challenged != 1 || n.Dropped["stray"] != 0 {
			t.Errorf("%+v", n)
		}
		for range 5 {
			p.request("INVITE", offerSDP)
			p.response("INVITE", 401)
		}
		<-time.After(time.Minute) // virtual
		if n := s.Snapshot(); n.Finished != 0 || n.Limited != 0 {
			t.Errorf("%+v", n)
		}
	})
}
