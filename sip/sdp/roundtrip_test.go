package sdp

import (
	"net/netip"
	"testing"
)

func ours() Local {
	return Local{
		Addr: netip.MustParseAddr("192.0.2.1"), Port: 10000, RTCPPort: 10001, SessionID: 42, Version: 1,
		DTMF: true, CN: true, LevelExt: true,
		Codecs: []Codec{
			{Name: "opus", ClockRate: 48000, Channels: 2, PayloadType: 96},
			{Name: "G722", ClockRate: 8000, Channels: 1, PayloadType: 9},
			{Name: "PCMU", ClockRate: 8000, Channels: 1, PayloadType: 0},
			{Name: "PCMA", ClockRate: 8000, Channels: 1, PayloadType: 8},
		},
	}
}

func TestBothSidesAgree(t *testing.T) {
	a, b := ours(), ours()
	b.Addr, b.Port = netip.MustParseAddr("192.0.2.2"), 20000
	offer := Offer(a, nil)
	answer, mb, err := Answer(offer, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s\n%s", offer, answer)
	ma, err := Accept(offer, answer, a, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v\n%+v", ma, mb)
	if ma.SendPT != mb.RecvPT || ma.RecvPT != mb.SendPT || ma.DTMFSend != mb.DTMFRecv || ma.PTime != mb.PTime || ma.LevelExt != mb.LevelExt {
		t.Errorf("sides differ:\n%+v\n%+v", ma, mb)
	}
}
