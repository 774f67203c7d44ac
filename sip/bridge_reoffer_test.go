package sip

import (
	"context"
	"errors"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

const secondSDP = "v=0\r\no=- 9 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\na=second\r\n"

// reofferRooms are rooms whose legs to phones have another offer.
type reofferRooms struct {
	*fakeRooms
	second []byte
	err    error
}

func (r *reofferRooms) Enter(ctx context.Context, c Call) (Leg, error) {
	l, err := r.fakeRooms.Enter(ctx, c)
	if err != nil || !c.Callee {
		return l, err
	}
	return &reofferLeg{l.(*fakeLeg), r}, nil
}

type reofferLeg struct {
	*fakeLeg
	rooms *reofferRooms
}

func (l *reofferLeg) Reoffer() ([]byte, error) {
	l.events <- "reoffer"
	return l.rooms.second, l.rooms.err
}

// openReoffering is openOffice where legs to phones have that second offer.
func openReoffering(t *testing.T, direct bool, second string, err error) *office {
	t.Helper()
	rooms := &reofferRooms{fakeRooms: newRooms(), err: err}
	if second != "" {
		rooms.second = []byte(second)
	}
	o := openOffice(t, "udp", direct, Config{Rooms: rooms})
	o.rooms = rooms.fakeRooms
	return o
}

// A phone that takes nothing of our offer gets the other one, in the same call with the next CSeq. RFC 3261, 8.1.3.5
func TestBridgeSecondOffer(t *testing.T) {
	for _, code := range []int{488, 606, 415} {
		o := openReoffering(t, false, secondSDP, nil)
		a, b := o.caller(), o.phone(1000)
		a.request("INVITE", offerSDP)
		first := b.rung()
		if string(first.Body()) != answerSDP {
			t.Errorf("%s", first)
		}
		b.reply(first, code, "")
		b.asked("ACK")
		second := b.rung()
		if string(second.Body()) != secondSDP || second.CSeq().SeqNo != first.CSeq().SeqNo+1 || header(second, "call-id") != header(first, "call-id") ||
			header(second, "from") != header(first, "from") || header(second, "via") == header(first, "via") {
			t.Errorf("%d: %s\n%s", code, first, second)
		}
		b.reply(second, 180, "")
		a.response("INVITE", 180)
		b.take(second, bobSDP)
		a.answered()
		legA, legB := o.rooms.leg(t), o.rooms.leg(t)
		legA.want(t, "answer", "confirmed")
		legB.want(t, "offer", "reoffer", "setanswer", "confirmed")
		a.request("BYE", "")
		a.response("BYE", 200)
		bye := b.asked("BYE")
		if bye.CSeq().SeqNo != second.CSeq().SeqNo+1 {
			t.Errorf("%s", bye)
		}
		b.reply(bye, 200, "")
		o.quiet(legA, legB)
		if n := o.server.Snapshot(); n.Answered != 1 {
			t.Errorf("%+v", n)
		}
	}
}

// There is no third offer, and no second one where the leg has none, the refusal is of another kind, or the descriptions are
// the phones' own.
func TestBridgeNoFurtherOffer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		direct bool
		second string
		err    error
		codes  []int // of the phone, one for each INVITE that it gets
		told   []string
		want   int
	}{
		{"refused twice", false, secondSDP, nil, []int{488, 488}, []string{"offer", "reoffer", "end"}, 488},
		{"refused, then busy", false, secondSDP, nil, []int{488, 486}, []string{"offer", "reoffer", "end"}, 486},
		{"no other offer", false, "", nil, []int{488}, []string{"offer", "reoffer", "end"}, 488},
		{"the leg has failed", false, secondSDP, errors.New("ended"), []int{488}, []string{"offer", "reoffer", "end"}, 488},
		{"busy", false, secondSDP, nil, []int{486}, []string{"offer", "end"}, 486},
		{"sound goes past us", true, secondSDP, nil, []int{488}, []string{"end"}, 488},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := openReoffering(t, tt.direct, tt.second, tt.err)
			a, b := o.caller(), o.phone(1000)
			a.request("INVITE", offerSDP)
			for _, code := range tt.codes {
				b.reply(b.rung(), code, "")
				b.asked("ACK")
			}
			a.refusedACK(a.response("INVITE", tt.want))
			legA, legB := o.rooms.leg(t), o.rooms.leg(t)
			legA.want(t, "end")
			legB.want(t, tt.told...)
			o.quiet(legA, legB)
			for len(b.in) > 0 {
				if r, ok := b.next().(*sipgo.Request); ok && r.Method == sipgo.INVITE {
					t.Errorf("one more: %s", r)
				}
			}
			if n := o.server.Snapshot(); n.Called != uint64(len(tt.codes)) {
				t.Errorf("%+v", n)
			}
		})
	}
}

// The caller cancels between the two offers, or while the second one rings.
func TestBridgeSecondOfferCancelled(t *testing.T) {
	o := openReoffering(t, false, secondSDP, nil)
	a, b := o.caller(), o.phone(1000)
	a.request("INVITE", offerSDP)
	b.reply(b.rung(), 488, "")
	b.asked("ACK")
	second := b.rung()
	b.reply(second, 180, "")
	a.response("INVITE", 180)
	a.raw("CANCEL", a.seq, "")
	a.response("CANCEL", 200)
	a.refusedACK(a.response("INVITE", 487))
	cancel := b.asked("CANCEL")
	if header(cancel, "via") != header(second, "via") || !strings.HasPrefix(header(cancel, "cseq"), "2 ") {
		t.Errorf("%s", cancel)
	}
	b.reply(cancel, 200, "")
	b.reply(second, 487, "")
	b.asked("ACK")
	o.quiet(o.rooms.leg(t), o.rooms.leg(t))
}
