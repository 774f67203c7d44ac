package sip

import (
	"maps"
	"testing"
)

// What came and what was answered is told by method and code, whoever answered it, and only what
// got no answer counts as dropped.
func TestCounts(t *testing.T) {
	rooms := newRooms()
	s, addr := startServer(t, "udp", Config{Rooms: rooms, Limits: Limits{Dialogs: 1, Queue: 1}})
	p := newPhone(t, "udp", addr)
	p.call()
	rooms.leg(t).want(t, "answer", "confirmed")
	late := newPhone(t, "udp", addr)
	late.request("INVITE", offerSDP)
	late.refusedACK(late.response("INVITE", 503)) // hits a limit, and is answered
	late.toTag = "gone"
	late.ack(1, "") // stray
	late.toTag = ""
	for _, method := range []string{"INVENTED", "invite", "ANOTHER"} {
		late.request(method, "")
		late.response(method, 501)
	}
	late.request("REGISTER", "")
	late.response("REGISTER", 405)
	late.request("OPTIONS", "", "To: <sip:twice@x>") // refused by the edge
	late.response("OPTIONS", 400)
	late.request("ACK", "", "To: <sip:twice@x>")
	late.write("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKx\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: x\r\nCSeq: 1\r\n\r\n")
	late.write("\r\n\r\n") // keeps a NAT open, and is no message
	hold := rooms.hold()
	s.inDialog(t, p, func(d *dialog) { d.post(hold.wait) })
	p.request("OPTIONS", "") // fills the queue
	p.ack(1, "")
	eventually(t, func() bool { return s.Snapshot().Dropped["queue"] == 1 })
	hold.open()
	p.response("OPTIONS", 200)
	p.request("BYE", "")
	p.response("BYE", 200)
	eventually(t, func() bool { return s.Snapshot().Edge.Junk == 1 })
	n := s.Snapshot()
	if want := map[string]uint64{"INVITE": 2, "ACK": 5, "OPTIONS": 2, "BYE": 1, "REGISTER": 1, "other": 3}; !maps.Equal(n.Requests, want) {
		t.Errorf("requests %v, want %v", n.Requests, want)
	}
	if want := map[int]uint64{200: 3, 400: 1, 405: 1, 501: 3, 503: 1}; !maps.Equal(n.Responses, want) {
		t.Errorf("responses %v, want %v", n.Responses, want)
	}
	if want := map[string]uint64{"unreadable": 2, "unfinished": 0, "stray": 1, "queue": 1, "closing": 0,
		"rate": 0, "banned": 0, "late": 0, "scanner": 0}; !maps.Equal(n.Dropped, want) {
		t.Errorf("dropped %v, want %v", n.Dropped, want)
	}
}
