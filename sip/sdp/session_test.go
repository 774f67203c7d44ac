package sdp

import (
	"slices"
	"strings"
	"testing"
)

// OA-4, OA-5, RFC 3264, 8: our offer inside a session that the peer began.
func TestOfferInsideASession(t *testing.T) {
	us := ours()
	_, m, err := Answer(crlf(head+"m=video 4000 RTP/AVP 31\nm=audio 5000 RTP/AVPF 0 111 96\na=rtpmap:111 opus/48000/2\na=rtpmap:96 telephone-event/8000\n"), us, nil)
	if err != nil {
		t.Fatal(err)
	}
	offer := Offer(us, &m)
	d, err := Parse(offer)
	if err != nil || len(d.Media) != 2 || d.Media[0].Port != 0 || d.Media[0].Kind != "video" {
		t.Fatalf("%v\n%s", err, offer)
	}
	a := d.Media[1]
	if a.Profile != "RTP/AVPF" || a.Formats[0] != "0" {
		t.Errorf("profile %s, formats %v: the codec in use comes first", a.Profile, a.Formats)
	}
	for _, c := range a.codecs() {
		switch {
		case c.Name == "opus" && c.PayloadType != 111, c.Name == telephoneEvent && c.ClockRate == 8000 && c.PayloadType != 96:
			t.Errorf("%s has %d now", c.Name, c.PayloadType)
		case c.PayloadType == 111 && c.Name != "opus", c.PayloadType == 96 && c.Name != telephoneEvent:
			t.Errorf("%d means %s now", c.PayloadType, c.Name)
		}
	}
	if d.Origin.Version != "2" {
		t.Errorf("version %s of an offer that differs", d.Origin.Version)
	}
	if d.direction(&a) != SendRecv {
		t.Errorf("offer is %v", d.direction(&a))
	}
}

// OA-6, Q7: the peer answers other numbers than we offered.
func TestOtherNumbersInTheAnswer(t *testing.T) {
	us := ours()
	offer := Offer(us, nil) // opus 96, events 101 and 97
	m, err := Accept(offer, crlf(head+"m=audio 5000 RTP/AVP 122 120 0\na=rtpmap:122 opus/48000/2\na=fmtp:122 useinbandfec=1\na=rtpmap:120 telephone-event/8000\n"), us, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m.SendPT != 122 || m.RecvPT != 96 || !slices.Equal(m.AlsoRecvPT, []uint8{122}) || !m.Codec.Opus().FEC {
		t.Errorf("send %d receive %d and %v", m.SendPT, m.RecvPT, m.AlsoRecvPT)
	}
	if m.DTMFSend != 120 || m.DTMFRecv != 101 || m.DTMFRate != 8000 || !slices.Equal(m.AlsoDTMF, []uint8{120}) {
		t.Errorf("events send %d receive %d and %v", m.DTMFSend, m.DTMFRecv, m.AlsoDTMF)
	}
	if len(m.AlsoReceive) != 1 || m.AlsoReceive[0].Name != "PCMU" {
		t.Errorf("also %v", m.AlsoReceive)
	}
	// A number that means another codec in our offer is not taken for this one.
	m, err = Accept(offer, crlf(head+"m=audio 5000 RTP/AVP 101\na=rtpmap:101 opus/48000/2\n"), us, nil)
	if err != nil || m.SendPT != 101 || m.RecvPT != 96 || len(m.AlsoRecvPT) != 0 {
		t.Errorf("%v send %d receive %d and %v", err, m.SendPT, m.RecvPT, m.AlsoRecvPT)
	}
	// An answer without rtpmap means what our offer said.
	m, err = Accept(offer, crlf(head+"m=audio 5000 RTP/AVP 96 101\n"), us, nil)
	if err != nil || m.Codec.Name != "opus" || m.DTMFSend != 101 {
		t.Errorf("%v %+v", err, m)
	}
}

// Q24: the peer's next offer has another number for the same codec, or the
// same for another.
func TestNumbersThatMove(t *testing.T) {
	us := ours()
	_, m, err := Answer(crlf(head+"m=audio 5000 RTP/AVP 96\na=rtpmap:96 opus/48000/2\n"), us, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, m, err = Answer(crlf(head+"m=audio 5000 RTP/AVP 107\na=rtpmap:107 opus/48000/2\n"), us, &m)
	if err != nil || m.SendPT != 107 || m.Same {
		t.Fatalf("%v %+v", err, m)
	}
	if o := string(Offer(us, &m)); !strings.Contains(o, "a=rtpmap:107 opus/48000/2") || strings.Contains(o, "a=rtpmap:96 ") {
		t.Errorf("the number in use is 107:\n%s", o)
	}
}

func TestAnswersThatRefuse(t *testing.T) {
	us := ours()
	offer := Offer(us, nil)
	for _, c := range []struct {
		answer  string
		warning int
	}{
		{head + "m=audio 0 RTP/AVP 0\n", WarnMedia},
		{head, WarnMedia},
		{head + "m=audio 5000 RTP/AVP 18\n", WarnFormat},
		{head + "m=audio 5000 RTP/AVP 101\na=rtpmap:101 telephone-event/8000\n", WarnFormat},
		{head + "m=audio 5000 RTP/SAVP 0\n", WarnTransport},
		{"", WarnParameter},
	} {
		_, err := Accept(offer, crlf(c.answer), us, nil)
		wantRefusal(t, err, c.warning, "")
	}
}

// Q2: hold, then an offerless re-INVITE to resume.
func TestResumeByOurOffer(t *testing.T) {
	us := ours()
	_, held, err := Answer(crlf(head+"m=audio 5000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\na=inactive\n"), us, nil)
	if err != nil || !held.Hold || held.Direction != Inactive {
		t.Fatalf("%v %+v", err, held)
	}
	offer := Offer(us, &held)
	if !strings.Contains(string(offer), "a=sendrecv\r\n") {
		t.Errorf("not a full offer:\n%s", offer)
	}
	m, err := Accept(offer, crlf(head+"m=audio 5000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n"), us, &held)
	if err != nil || m.Hold || m.Direction != SendRecv || m.Version != held.Version+1 {
		t.Errorf("%v %+v", err, m)
	}
	// The same again is no change.
	again := Offer(us, &m)
	if d, _ := Parse(again); d.Origin.Version != "2" {
		t.Errorf("version %s of the same offer", d.Origin.Version)
	}
}
