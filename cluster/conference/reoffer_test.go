package conference

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"trivox/sip/sdp"
)

// A phone that is called and may encrypt is offered RTP/SAVP, and when it refuses that, once, RTP/AVP with keys (RFC 8643). No
// other call has a second offer.
func TestReoffer(t *testing.T) {
	h := newHall(t, nil)
	enter := func(called bool, policy sdp.Policy) *Leg {
		t.Helper()
		leg, err := h.server.Enter(context.Background(), Request{
			Conference: "call-1", Local: netip.MustParseAddr("127.0.0.1"), Called: called, SRTP: policy, HangUp: func(Cause) {},
		})
		if err != nil {
			t.Fatal(err)
		}
		h.phones = append(h.phones, &phone{leg: leg})
		return leg
	}
	offered := func(leg *Leg, profile string, keys bool) string {
		t.Helper()
		b, err := leg.Offer()
		if err != nil || !strings.Contains(string(b), " "+profile+" ") || strings.Contains(string(b), "a=crypto:") != keys {
			t.Errorf("want %s, keys %v: %v\n%s", profile, keys, err, b)
		}
		return string(b)
	}
	none := func(leg *Leg) {
		t.Helper()
		if b, err := leg.Reoffer(); b != nil || err != nil {
			t.Errorf("another offer: %v\n%s", err, b)
		}
	}

	leg := enter(true, sdp.Offered)
	first := offered(leg, "RTP/SAVP", true)
	b, err := leg.Reoffer()
	second := string(b)
	if err != nil || !strings.Contains(second, " RTP/AVP ") || !strings.Contains(second, "a=crypto:") {
		t.Fatalf("the second offer: %v\n%s", err, second)
	}
	if a, b := originOf(first), originOf(second); a == b {
		t.Errorf("two offers with the origin %q", a)
	}
	none(leg)
	offered(leg, "RTP/AVP", true)
	clear := "v=0\r\no=- 1 1 IN IP4 127.0.1.1\r\ns=-\r\nc=IN IP4 127.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
	if err := leg.SetAnswer([]byte(clear)); err != nil {
		t.Errorf("an answer in clear to the second offer: %v", err)
	}
	none(leg)

	none(enter(true, sdp.Offered)) // nothing was offered that could be refused
	for _, c := range []struct {
		called  bool
		policy  sdp.Policy
		profile string
	}{{true, sdp.Off, "RTP/AVP"}, {true, sdp.Required, "RTP/SAVP"}, {false, sdp.Offered, "RTP/AVP"}, {false, sdp.Off, "RTP/AVP"}, {false, sdp.Required, "RTP/SAVP"}} {
		leg := enter(c.called, c.policy)
		offered(leg, c.profile, c.policy != sdp.Off)
		none(leg)
		offered(leg, c.profile, c.policy != sdp.Off)
	}
}

func originOf(text string) string {
	_, rest, _ := strings.Cut(text, "\no=")
	origin, _, _ := strings.Cut(rest, "\r\n")
	return origin
}
