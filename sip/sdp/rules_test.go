package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var ipv6 = netip.MustParseAddr("2001:db8::1")

const head = "v=0\no=- 7 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\n"

func wantRefusal(t *testing.T, err error, warning int, part string) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Warning != warning || !strings.Contains(r.Text, part) {
		t.Errorf("%v, want warning %d with %q", err, warning, part)
	}
}

// OA-1, OA-2, OA-10: what refuses one line, and what the whole session.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		media   string
		warning int
		part    string
	}{
		{"", WarnMedia, "no audio"},
		{"m=video 5000 RTP/AVP 31\n", WarnMedia, "video"},
		{"m=audio 0 RTP/AVP 0\n", WarnMedia, "port 0"},
		{"m=audio -1 RTP/AVP 0\n", WarnMedia, "port 0"},
		{"m=audio 70000 RTP/AVP 0\n", WarnMedia, "port 0"},
		{"m=audio 5000 RTP/AVP\n", WarnMedia, "port 0"},
		{"m=audio 5000 RTP/SAVP 0\n", WarnTransport, "RTP/SAVP"},
		{"m=audio 5000 TCP/MSRP *\n", WarnTransport, "TCP/MSRP"},
		{"m=audio 5000 RTP/AVP 18 4\n", WarnFormat, "type 18"},
		{"m=audio 5000 RTP/AVP 96\n", WarnFormat, "type 96"},
		{"m=audio 5000 RTP/AVP 0\na=rtpmap:0 SPEEX/8000\n", WarnFormat, "SPEEX"},
		{"m=audio 5000 RTP/AVP 96\na=rtpmap:96 AMR-WB/16000\n", WarnFormat, "AMR-WB"},
		{"m=audio 5000 RTP/AVP 0\nc=ATM NSAP 47.0091\n", WarnNetwork, "IN"},
		{"m=audio 5000 RTP/AVP 0\nc=IN IP9 1.2.3\n", WarnAddress, "IP4"},
		{"m=audio 5000 RTP/AVP 0\nc=IN IP6 2001:db8::9\n", WarnAddress, "2001:db8::9"},
		{"m=image 5000 udptl t38\nm=audio 0 RTP/AVP 0\n", WarnMedia, ""},         // Q12
		{"m=video 5000 RTP/AVP 31\nm=audio 5002 RTP/AVP 18\n", WarnFormat, "18"}, // the audio is what matters
	} {
		_, _, err := Answer(crlf(head+c.media), ours(), nil)
		wantRefusal(t, err, c.warning, c.part)
	}
	_, _, err := Answer([]byte("hello"), ours(), nil)
	wantRefusal(t, err, WarnParameter, "cannot be read")
}

// RFC 3264, 6 (OA-1): what cannot be taken is refused line by line.
func TestRefusedBesideTaken(t *testing.T) {
	offer := crlf(head + "m=holo 1 FOO/BAR x y\nm=audio 5000 RTP/AVP 18 0\nm=video 3227 RTP/AVP 31\na=rtpmap:31 LPC\n" +
		"m=audio 5004 RTP/AVP 8\nm=text\n")
	answer, m, err := Answer(offer, ours(), nil)
	if err != nil {
		t.Fatal(err)
	}
	checkAnswer(t, offer, answer, m)
	if m.Index != 1 || m.Codec.Name != "PCMU" {
		t.Errorf("took line %d with %s", m.Index, m.Codec.Name)
	}
	for _, want := range []string{"m=holo 0 FOO/BAR x y\r\n", "m=audio 10000 RTP/AVP 0\r\n", "m=video 0 RTP/AVP 31\r\n", "m=audio 0 RTP/AVP 8\r\n", "m=text 0 RTP/AVP 0\r\n"} {
		if !strings.Contains(string(answer), want) {
			t.Errorf("no %q in\n%s", want, answer)
		}
	}
}

// OA-3, Q1: who may speak, and who holds.
func TestDirectionAndHold(t *testing.T) {
	for _, c := range []struct {
		session, conn, media string
		want                 Direction
		hold, sent           bool
	}{
		{"", "", "", SendRecv, false, true},
		{"", "", "a=sendonly\n", RecvOnly, true, true},
		{"", "", "a=recvonly\n", SendOnly, false, true},
		{"", "", "a=inactive\n", Inactive, true, true},
		{"a=sendonly\n", "", "", RecvOnly, true, true},
		{"a=inactive\n", "", "a=sendrecv\n", SendRecv, false, true},
		{"", "c=IN IP4 0.0.0.0\n", "", RecvOnly, true, false},
		{"", "c=IN IP4 0.0.0.0\n", "a=sendonly\n", RecvOnly, true, false},
		{"", "c=IN IP4 0.0.0.0\n", "a=inactive\n", Inactive, true, false},
		{"", "c=IN IP6 ::\n", "", RecvOnly, true, false}, // on an IPv4 leg: Cisco dual stack
		{"", "c=IN IP4 0.0.0.0\n", "a=recvonly\n", Inactive, true, false},
	} {
		offer := crlf(strings.Replace(head, "t=0 0\n", "t=0 0\n"+c.session, 1) + "m=audio 5000 RTP/AVP 0\n" + c.conn + c.media)
		answer, m, err := Answer(offer, ours(), nil)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if m.Direction != c.want || m.Hold != c.hold || m.Remote.IsValid() != c.sent {
			t.Errorf("%+v: %v hold %v to %v", c, m.Direction, m.Hold, m.Remote)
		}
		if !strings.Contains(string(answer), "a="+c.want.String()+"\r\n") || !strings.Contains(string(answer), "m=audio 10000 ") {
			t.Errorf("%+v:\n%s", c, answer)
		}
	}
}

// An address that cannot be sent to makes a leg that is not sent to.
func TestAddresses(t *testing.T) {
	for _, c := range []struct{ conn, remote, host string }{
		{"c=IN IP4 192.0.2.77", "192.0.2.77:5000", ""},
		{"c=IN IP4 192.0.2.77/127", "192.0.2.77:5000", ""},
		{"c=IN IP6 ::ffff:192.0.2.77", "192.0.2.77:5000", ""},
		{"c=IN IP4 224.2.1.1/127/3", "invalid AddrPort", ""},
		{"c=IN IP6 ff02::1", "invalid AddrPort", ""},
		{"c=IN IP4 255.255.255.255", "invalid AddrPort", ""},
		{"c=IN IP4 0.1.2.3", "invalid AddrPort", ""},
		{"c=IN IP4 999.1.1.1", "invalid AddrPort", ""},
		{"c=IN IP4", "invalid AddrPort", ""},
		{"c=IN IP6 fe80::1%eth0", "invalid AddrPort", ""},
		{"c=IN IP4 phone.example.com", "invalid AddrPort", "phone.example.com"},
	} {
		offer := crlf(strings.Replace(head, "c=IN IP4 192.0.2.9", c.conn, 1) + "m=audio 5000 RTP/AVP 0\n")
		answer, m, err := Answer(offer, ours(), nil)
		if err != nil {
			t.Errorf("%s: %v", c.conn, err)
			continue
		}
		if m.Remote.String() != c.remote || m.RemoteHost != c.host || m.Hold {
			t.Errorf("%s: to %v host %q hold %v", c.conn, m.Remote, m.RemoteHost, m.Hold)
		}
		checkAnswer(t, offer, answer, m)
		if c.host != "" {
			m = m.Resolved(netip.MustParseAddr("224.0.0.1"))
			if m.Remote.IsValid() {
				t.Errorf("%s: resolved to multicast", c.conn)
			}
			m = m.Resolved(netip.MustParseAddr("192.0.2.5"))
			if m.Remote.String() != "192.0.2.5:5000" || m.RemoteRTCP.String() != "192.0.2.5:5001" {
				t.Errorf("%s: resolved to %v, %v", c.conn, m.Remote, m.RemoteRTCP)
			}
		}
	}
}

// OA-8: the packets we send.
func TestPacketTime(t *testing.T) {
	for _, c := range []struct {
		lines string
		opus  bool
		want  int
	}{
		{"", false, 20}, {"a=ptime:10\n", false, 10}, {"a=ptime:30\n", false, 30}, {"a=ptime:60\n", false, 60},
		{"a=ptime:120\n", false, 20}, {"a=ptime:0\n", false, 20}, {"a=ptime:5\n", false, 20}, {"a=ptime:20.0\n", false, 20},
		{"a=ptime: 40 \n", false, 40}, {"a=ptime:25\n", false, 20}, {"a=maxptime:10\n", false, 10}, {"a=maxptime:5\n", false, 10},
		{"a=ptime:40\na=maxptime:20\n", false, 20}, {"a=maxptime:150\n", false, 20}, {"a=ptime:x\n", false, 20},
		{"a=ptime:30\n", true, 20}, {"a=ptime:50\n", true, 40}, {"a=fmtp:96 minptime=40\n", true, 40}, {"a=ptime:10\n", true, 10},
	} {
		m := "m=audio 5000 RTP/AVP 0\n"
		if c.opus {
			m = "m=audio 5000 RTP/AVP 96\na=rtpmap:96 opus/48000/2\n"
		}
		_, got, err := Answer(crlf(head+m+c.lines), ours(), nil)
		if err != nil || got.PTime != time.Duration(c.want)*time.Millisecond {
			t.Errorf("%q: %v %v, want %d ms", c.lines, got.PTime, err, c.want)
		}
	}
	narrow := ours()
	narrow.MinPTime, narrow.MaxPTime, narrow.PTime, narrow.AnnounceMaxPTime = 20*time.Millisecond, 40*time.Millisecond, 40*time.Millisecond, 120*time.Millisecond
	answer, m, err := Answer(crlf(head+"m=audio 5000 RTP/AVP 0\na=ptime:60\n"), narrow, nil)
	if err != nil || m.PTime != 40*time.Millisecond || !strings.Contains(string(answer), "a=maxptime:120\r\n") {
		t.Errorf("%v %v\n%s", m.PTime, err, answer)
	}
}

// OA-9, RT-10: where RTCP goes, and when none does.
func TestRTCP(t *testing.T) {
	for _, c := range []struct {
		lines   string
		rtcp    string
		mux, no bool
	}{
		{"", "192.0.2.9:5001", false, false},
		{"a=rtcp:5555\n", "192.0.2.9:5555", false, false},
		{"a=rtcp:5555 IN IP4 192.0.2.10\n", "192.0.2.10:5555", false, false},
		{"a=rtcp:none\n", "192.0.2.9:5001", false, false},
		{"a=rtcp-mux\n", "192.0.2.9:5000", true, false},
		{"a=rtcp-mux\na=rtcp:5555\n", "192.0.2.9:5000", true, false},
		{"b=RS:0\nb=RR:0\n", "192.0.2.9:5001", false, true},
		{"b=RS:0\n", "192.0.2.9:5001", false, false},
		{"b=RS:0\nb=RR:600\n", "192.0.2.9:5001", false, false},
	} {
		answer, m, err := Answer(crlf(head+"m=audio 5000 RTP/AVP 0\n"+c.lines), ours(), nil)
		if err != nil || m.RemoteRTCP.String() != c.rtcp || m.RTCPMux != c.mux || m.NoRTCP != c.no {
			t.Errorf("%q: %v to %v mux %v none %v", c.lines, err, m.RemoteRTCP, m.RTCPMux, m.NoRTCP)
		}
		if strings.Contains(string(answer), "a=rtcp-mux") != c.mux {
			t.Errorf("%q:\n%s", c.lines, answer)
		}
	}
	// A number that looks like RTCP and multiplexing exclude each other (RFC 5761, 4).
	_, m, err := Answer(crlf(head+"m=audio 5000 RTP/AVP 72\na=rtpmap:72 PCMU/8000\na=rtcp-mux\n"), ours(), nil)
	if err != nil || m.RTCPMux || m.RecvPT != 72 {
		t.Errorf("%v mux %v on %d", err, m.RTCPMux, m.RecvPT)
	}
}

// RT-9 (RFC 6464; RFC 8285, 5): answered when offered, from the peer to us.
func TestLevelExtension(t *testing.T) {
	for _, c := range []struct {
		lines, answer string
		id            uint8
	}{
		{"", "", 0},
		{"a=extmap:3 " + levelURI + "\n", "a=extmap:3 " + levelURI + "\r\n", 3},
		{"a=extmap:3 " + levelURI + " vad=off\n", "a=extmap:3 " + levelURI + " vad=off\r\n", 3},
		{"a=extmap:14/sendonly " + levelURI + "\n", "a=extmap:14/recvonly " + levelURI + "\r\n", 14},
		{"a=extmap:1/recvonly " + levelURI + "\n", "", 0},
		{"a=extmap:15 " + levelURI + "\n", "", 0},
		{"a=extmap:0 " + levelURI + "\n", "", 0},
		{"a=extmap:2 urn:ietf:params:rtp-hdrext:toffset\n", "", 0},
	} {
		answer, m, err := Answer(crlf(head+"m=audio 5000 RTP/AVP 0\n"+c.lines), ours(), nil)
		if err != nil || m.LevelExt != c.id {
			t.Errorf("%q: %v id %d, want %d", c.lines, err, m.LevelExt, c.id)
		}
		if c.answer == "" && strings.Contains(string(answer), "extmap") || !strings.Contains(string(answer), c.answer) {
			t.Errorf("%q:\n%s", c.lines, answer)
		}
	}
	off := ours()
	off.LevelExt = false
	answer, m, _ := Answer(crlf(head+"m=audio 5000 RTP/AVP 0\na=extmap:3 "+levelURI+"\n"), off, nil)
	if m.LevelExt != 0 || strings.Contains(string(answer), "extmap") {
		t.Errorf("answered though off:\n%s", answer)
	}
}

// OA-5: the peer's order, or ours when that is set.
func TestOrder(t *testing.T) {
	offer := crlf(head + "m=audio 5000 RTP/AVP 18 8 0 9 111\na=rtpmap:111 OPUS/48000/2\n")
	us := ours()
	_, m, err := Answer(offer, us, nil)
	if err != nil || m.Codec.Name != "PCMA" {
		t.Errorf("%v %s", err, m.Codec.Name)
	}
	us.PreferOurs = true
	answer, m, err := Answer(offer, us, nil)
	if err != nil || m.SendPT != 111 || !strings.Contains(string(answer), "a=rtpmap:111 opus/48000/2\r\n") {
		t.Errorf("%v %+v\n%s", err, m.Codec, answer)
	}
}

func TestOpusParameters(t *testing.T) {
	_, m, err := Answer(crlf(head+"m=audio 5000 RTP/AVP 96\na=rtpmap:96 opus/48000/2\n"+
		"a=fmtp:96 useinbandfec=1; maxaveragebitrate=24000 ;cbr=0;usedtx=1;minptime=10;maxplaybackrate=16000\n"), ours(), nil)
	want := Opus{FEC: true, DTX: true, MaxAverageBitrate: 24000, MaxPlaybackRate: 16000, MinPTime: 10}
	if err != nil || m.Codec.Opus() != want {
		t.Errorf("%v %+v", err, m.Codec.Opus())
	}
}

// RFC 8843, 7.3: a group of one line that is left.
func TestBundle(t *testing.T) {
	offer := crlf(strings.Replace(head, "t=0 0\n", "t=0 0\na=group:BUNDLE a v\n", 1) +
		"m=audio 5000 RTP/AVPF 0\na=mid:a\na=rtcp-mux\nm=video 5000 RTP/AVPF 96\na=mid:v\na=rtpmap:96 VP8/90000\n")
	answer, m, err := Answer(offer, ours(), nil)
	if err != nil || !m.RTCPMux || !strings.Contains(string(answer), "a=group:BUNDLE a\r\n") || m.Profile != "RTP/AVPF" {
		t.Errorf("%v\n%s", err, answer)
	}
	checkAnswer(t, offer, answer, m)
}

// OA-7: our version rises only with a change; the peer's does not matter.
func TestVersions(t *testing.T) {
	us := ours()
	_, first, err := Answer(crlf(head+"m=audio 5000 RTP/AVP 0\n"), us, nil)
	if err != nil || first.Version != 1 || first.Same {
		t.Fatalf("%v version %d same %v", err, first.Version, first.Same)
	}
	for i, c := range []struct {
		version, media string
		want           uint64
		same           bool
	}{
		{"1", "m=audio 5000 RTP/AVP 0\n", 1, true},
		{"99", "m=audio 5000 RTP/AVP 0\n", 1, true},
		{"1", "m=audio 5000 RTP/AVP 0\na=sendonly\n", 2, false}, // changed without a new version
		{"0", "m=audio 5002 RTP/AVP 0\n", 1, false},             // ours is as before
		{"18446744073709551617", "m=audio 5000 RTP/AVP 8\n", 2, false},
	} {
		offer := crlf(strings.Replace(head, "7 1 IN IP4 192.0.2.9", "7 "+c.version+" IN IP4 192.0.2."+fmt.Sprint(20+i), 1) + c.media)
		answer, m, err := Answer(offer, us, &first)
		if err != nil || m.Version != c.want || m.Same != c.same || !strings.Contains(string(answer), fmt.Sprintf("o=- 42 %d ", c.want)) {
			t.Errorf("%+v: %v version %d same %v\n%s", c, err, m.Version, m.Same, answer)
		}
	}
}

// What is missing or wrong in an rtpmap line.
func TestRtpmap(t *testing.T) {
	for _, c := range []struct {
		lines string
		codec Codec
		dtmf  int
	}{
		{"a=rtpmap:96 telephone-event\na=rtpmap:0 PCMU\n", Codec{"PCMU", 8000, 1, 0, ""}, 96},
		{"a=rtpmap:96 telephone-event/x\na=rtpmap:0  pcmu/8000/1 \n", Codec{"pcmu", 8000, 1, 0, ""}, 96},
		{"a=rtpmap: 0 PCMU/8000\na=rtpmap:96\n", Codec{"PCMU", 8000, 1, 0, ""}, -1},
		{"a=rtpmap:0 PCMU/8000\na=rtpmap:0 SPEEX/8000\n", Codec{"PCMU", 8000, 1, 0, ""}, -1},
		{"a=rtpmap:0 SPEEX/8000\na=rtpmap:96 opus/48000\n", Codec{"opus", 48000, 1, 96, ""}, -1},
		{"a=rtpmap:0 SPEEX/8000\na=rtpmap:9 G722/16000\n", Codec{"G722", 8000, 1, 9, ""}, -1},
		{"a=rtpmap:300 x/8000\na=rtpmap:0 /8000\n", Codec{"PCMU", 8000, 1, 0, ""}, -1},
	} {
		_, m, err := Answer(crlf(head+"m=audio 5000 RTP/AVP 0 96 9 999 -1 x 0\n"+c.lines), ours(), nil)
		if err != nil || m.Codec != c.codec || m.DTMFSend != c.dtmf {
			t.Errorf("%q: %v %+v, events %d", c.lines, err, m.Codec, m.DTMFSend)
		}
	}
}
