package sdp

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
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

// side draws one party: some of the codecs in some order, with some numbers.
func side(t *rapid.T, name string, addr string) Local {
	l := ours()
	l.Addr = netip.MustParseAddr(addr)
	l.Port = uint16(rapid.IntRange(1024, 32000).Draw(t, name+" port")) &^ 1
	l.RTCPPort = l.Port + uint16(rapid.IntRange(1, 3).Draw(t, name+" rtcp"))
	perm := rapid.Permutation(l.Codecs).Draw(t, name+" codecs")
	l.Codecs = slices.Clone(perm[:rapid.IntRange(1, len(perm)).Draw(t, name+" count")])
	for i := range l.Codecs {
		if l.Codecs[i].Name == "opus" {
			l.Codecs[i].PayloadType = uint8(rapid.IntRange(96, 127).Draw(t, name+" opus"))
		}
	}
	l.PreferOurs = rapid.Bool().Draw(t, name+" prefers")
	l.DTMF, l.CN = rapid.Bool().Draw(t, name+" dtmf"), rapid.Bool().Draw(t, name+" cn")
	l.LevelExt = rapid.Bool().Draw(t, name+" level")
	l.PTime = time.Duration(rapid.IntRange(1, 6).Draw(t, name+" ptime")) * 10 * time.Millisecond
	l.Direction = Direction(rapid.IntRange(0, 3).Draw(t, name+" direction"))
	l.SRTP = Policy(rapid.IntRange(0, 2).Draw(t, name+" srtp"))
	l.Keys = randomness(name[0])
	return l
}

// RFC 3264: what both read from one exchange is the same agreement.
func TestBothSidesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := side(t, "a", "192.0.2.1"), side(t, "b", "192.0.2.2")
		var pa, pb *Media
		for range rapid.IntRange(1, 4).Draw(t, "exchanges") {
			if rapid.Bool().Draw(t, "b offers") {
				a, b, pa, pb = b, a, pb, pa
			}
			a.Direction = Direction(rapid.IntRange(0, 3).Draw(t, "direction"))
			offer := Offer(a, pa)
			answer, mb, err := Answer(offer, b, pb)
			if !share(a, b) {
				if err == nil {
					t.Fatalf("agreed on nothing:\n%s\n%s", offer, answer)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, offer)
			}
			ma, err := Accept(offer, answer, a, pa)
			if err != nil {
				t.Fatalf("%v\n%s\n%s", err, offer, answer)
			}
			agree2(t, a, b, ma, mb)
			checkAnswer(t, offer, answer, mb)
			pa, pb = &ma, &mb
		}
	})
}

// share tells whether two sides can agree on anything: a codec, and clear or encrypted sound.
func share(a, b Local) bool {
	if a.SRTP == Off && b.SRTP == Required || a.SRTP == Required && b.SRTP == Off {
		return false
	}
	for _, c := range a.Codecs {
		if _, ok := same(b.Codecs, c); ok {
			return true
		}
	}
	return false
}

func agree2(t *rapid.T, a, b Local, ma, mb Media) {
	switch {
	case !ma.Codec.is(mb.Codec), ma.SendPT != mb.RecvPT, ma.RecvPT != mb.SendPT:
		t.Fatalf("codecs differ:\n%+v\n%+v", ma, mb)
	case ma.DTMFSend != mb.DTMFRecv, ma.DTMFRecv != mb.DTMFSend, ma.DTMFRate != mb.DTMFRate:
		t.Fatalf("events differ:\n%+v\n%+v", ma, mb)
	case (ma.DTMFSend >= 0) != (a.DTMF && b.DTMF):
		t.Fatalf("events %d", ma.DTMFSend)
	case ma.CN != mb.CN, ma.LevelExt != mb.LevelExt, ma.RTCPMux != mb.RTCPMux:
		t.Fatalf("extras differ:\n%+v\n%+v", ma, mb)
	case ma.Direction != mb.Direction.Reverse():
		t.Fatalf("directions %v and %v", ma.Direction, mb.Direction)
	case ma.Remote != netip.AddrPortFrom(b.Addr, b.Port), mb.Remote != netip.AddrPortFrom(a.Addr, a.Port):
		t.Fatalf("sent to %v and %v", ma.Remote, mb.Remote)
	case (ma.Crypto != nil) != (a.SRTP != Off && b.SRTP != Off):
		t.Fatalf("encrypted: %v by policies %v and %v", ma.Encryption(), a.SRTP, b.SRTP)
	case (ma.Crypto == nil) != (mb.Crypto == nil):
		t.Fatalf("encrypted for one: %+v, %+v", ma.Crypto, mb.Crypto)
	case ma.Crypto != nil && (ma.Crypto.Suite != mb.Crypto.Suite || ma.Crypto.Tag != mb.Crypto.Tag ||
		!bytes.Equal(ma.Crypto.Send, mb.Crypto.Recv) || !bytes.Equal(ma.Crypto.Recv, mb.Crypto.Send)):
		t.Fatalf("keys differ: %+v, %+v", ma.Crypto, mb.Crypto)
	case ma.RemoteRTCP.Port() != b.RTCPPort, mb.RemoteRTCP.Port() != a.RTCPPort:
		t.Fatalf("RTCP to %v and %v", ma.RemoteRTCP, mb.RemoteRTCP)
	}
}
