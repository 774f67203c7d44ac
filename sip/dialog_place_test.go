package sip

import (
	"runtime"
	"sync"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// When the 200 to a BYE is there, the place of the call is free and its leg has ended.
func TestByeFreesThePlace(t *testing.T) {
	rooms := newRooms()
	_, addr := startServer(t, "udp", Config{Rooms: rooms, Limits: Limits{Dialogs: 1}})
	p := newPhone(t, "udp", addr)
	for range 200 {
		p.callID, p.toTag = newTag(), ""
		p.call()
		leg := rooms.leg(t)
		leg.want(t, "answer", "confirmed")
		p.request("BYE", "")
		p.response("BYE", 200)
		if len(leg.events) != 1 {
			t.Fatal("the BYE was answered before the leg was told")
		}
	}
}

// Whoever hangs up a call as soon as it is in the table comes after its entry: a leg that was
// entered is ended, and the caller is refused.
func TestHangUpOnceAdmitted(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms})
	stop := make(chan struct{})
	var hunter sync.WaitGroup
	hunter.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			s.mu.Lock()
			for _, d := range s.dialogs {
				d.hangUp(Cause{Code: 480, Text: "not now"})
			}
			s.mu.Unlock()
			runtime.Gosched()
		}
	})
	p := newPhone(t, "udp", addr)
	for range 200 {
		p.callID, p.toTag = newTag(), ""
		p.request("INVITE", offerSDP)
		for ended := false; !ended; {
			m := p.next()
			if m.CallID().Value() != p.callID { // repeated, of an earlier call
				continue
			}
			switch m := m.(type) {
			case *sipgo.Request:
				p.reply(m, 200, "")
				ended = true
			case *sipgo.Response:
				switch {
				case m.StatusCode >= 300:
					p.refusedACK(m)
					ended = true
				case m.StatusCode == 200:
					p.toTag, _ = m.To().Params.Get("tag")
					p.ack(p.seq, "")
				}
			}
		}
	}
	close(stop)
	hunter.Wait()
	eventually(t, func() bool { n := s.Snapshot(); return n.Dialogs == 0 && n.Pending == 0 })
	for len(rooms.legs) > 0 {
		if l := <-rooms.legs; l.ends != 1 {
			t.Fatalf("a leg was ended %d times", l.ends)
		}
	}
}
