package phone

import (
	"errors"
	"runtime"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func (d *Dialog) isInviting() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inviting
}

func TestReinviteByServer(t *testing.T) {
	u, a := startUAS(t, "udp"), open(t, "udp")
	answers := make(chan string, 1)
	d, s := dial(t, a, u, Events{
		Offer: func(offer []byte) ([]byte, error) {
			switch string(offer) {
			case "":
				return []byte("v=0 my own"), nil
			case "v=0 video only":
				return nil, errors.New("no audio in the offer")
			}
			return append([]byte("re "), offer...), nil
		},
		Dialled: func(b []byte) error { answers <- string(b); return nil },
		Answer:  func(b []byte) error { answers <- string(b); return nil },
	})
	if got := wait(t, "the answer to the INVITE", answers); got != "v=0 answer" {
		t.Errorf("answer %q", got)
	}
	ask := func(method sip.RequestMethod, body, ackBody string) *sip.Response {
		t.Helper()
		for d.isInviting() { // the ACK before is on its way
			runtime.Gosched()
		}
		res, err := s.Do(within(t), requestTo(s, method, body))
		if err != nil {
			t.Fatal(err)
		}
		if method == sip.INVITE && res.IsSuccess() {
			ack := requestTo(s, sip.ACK, ackBody)
			if err := s.WriteRequest(ack); err != nil {
				t.Fatal(err)
			}
		}
		return res
	}
	res := ask(sip.INVITE, "v=0 hold", "")
	if res.StatusCode != 200 || string(res.Body()) != "re v=0 hold" || res.Contact() == nil {
		t.Errorf("re-INVITE: %s", res)
	}
	res = ask(sip.INVITE, "v=0 video only", "")
	if res.StatusCode != 488 {
		t.Errorf("offer that is refused: %s", res)
	}
	contains(t, res.GetHeader("Warning").Value(), "no audio in the offer")
	if res = ask(sip.INVITE, "", "v=0 late"); string(res.Body()) != "v=0 my own" {
		t.Errorf("re-INVITE without offer: %s", res)
	}
	if got := wait(t, "the answer in ACK", answers); got != "v=0 late" {
		t.Errorf("answer in ACK: %q", got)
	}
	if res = ask(sip.UPDATE, "", ""); res.StatusCode != 200 || len(res.Body()) != 0 {
		t.Errorf("UPDATE of a session timer: %s", res)
	}
	if res = ask(sip.UPDATE, "v=0 new", ""); string(res.Body()) != "re v=0 new" {
		t.Errorf("UPDATE with an offer: %s", res)
	}
}

func TestReinviteByUs(t *testing.T) {
	u, a := startUAS(t, "udp"), open(t, "udp")
	d, _ := dial(t, a, u, Events{})
	wait(t, "ACK", u.acks)
	// This server takes a re-INVITE for a new call and refuses nothing.
	answer, err := d.Reinvite(within(t), []byte("v=0 hold"))
	if err != nil || string(answer) != "v=0 answer" {
		t.Errorf("%q, %v", answer, err)
	}
	if seq := wait(t, "ACK", u.acks).CSeq().SeqNo; seq != 2 {
		t.Errorf("ACK has CSeq %d, want 2", seq)
	}
}
