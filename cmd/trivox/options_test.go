package main

import "testing"

// OPTIONS to a room is answered as an INVITE would be: one that is open, locked, full, or one too many (RFC 3261, 11.2;
// SIP.md UA-6).
func TestOptionsAnswersAsInvite(t *testing.T) {
	t.Parallel()
	s := serve(t, "[rooms]\nmax_rooms = 2\nmax_participants = 2\n")
	dial(t, s, "full", line{user: "one"})
	dial(t, s, "full", line{user: "two"})
	ask := func(method, room string) string {
		w := openWire(t, s, room)
		if method == "INVITE" {
			w.invite()
		} else {
			w.send(method, "ask", "")
		}
		status, _ := w.answer()
		if method == "INVITE" {
			w.send("ACK", map[bool]string{true: "ack", false: "invite"}[status == "200"], "")
		}
		if method == "INVITE" && status == "200" {
			w.send("BYE", "bye", "")
			if status, _ := w.answer(); status != "200" {
				t.Fatalf("BYE got %s", status)
			}
		}
		return status
	}
	same := func(room, want string) {
		t.Helper()
		for _, method := range []string{"OPTIONS", "INVITE"} {
			if got := ask(method, room); got != want {
				t.Errorf("%s to %s got %s, want %s", method, room, got, want)
			}
		}
	}
	if got, want := s.show("full").URI, s.room("full"); got != want {
		t.Errorf("the API gives %s as the room's URI, want %s", got, want)
	}
	same("full", "486")
	same("new", "200")
	dial(t, s, "other", line{})
	same("other", "200")
	same("new", "503")
	if status, body := s.ask("POST", "/v1/conferences/other/lock", ""); status != 204 {
		t.Fatalf("lock: %d %s", status, body)
	}
	same("other", "403")
	same("no%00name", "404")
}
