package sdp

import (
	"strings"
	"testing"
	"time"
)

// crlf turns the text of a table into the bytes on the wire.
func crlf(s string) []byte {
	return []byte(strings.ReplaceAll(strings.TrimPrefix(s, "\n"), "\n", "\r\n"))
}

// The offers are written after what these programs send by default.
var realOffers = []struct {
	name, offer, codec string
	pt                 uint8
	dtmf               int
	rate               int
	cn                 int
	level              uint8
	ptime              time.Duration
	remote, rtcp       string
	mux                bool
	lines              int
}{
	{"yealink", `
v=0
o=- 20012 20012 IN IP4 192.168.1.20
s=SDP data
c=IN IP4 192.168.1.20
t=0 0
m=audio 11780 RTP/AVP 9 0 8 18 101
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=fmtp:101 0-15
a=rtpmap:101 telephone-event/8000
a=ptime:20
a=sendrecv
`, "G722", 9, 101, 8000, -1, 0, 20 * time.Millisecond, "192.168.1.20:11780", "192.168.1.20:11781", false, 1},
	{"polycom", `
v=0
o=- 1387302150 1387302150 IN IP4 10.1.1.7
s=Polycom IP Phone
c=IN IP4 10.1.1.7
t=0 0
a=sendrecv
m=audio 2226 RTP/AVP 115 9 0 8 18 127
a=rtpmap:115 G7221/32000
a=fmtp:115 bitrate=48000
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:127 telephone-event/8000
`, "G722", 9, 127, 8000, -1, 0, 20 * time.Millisecond, "10.1.1.7:2226", "10.1.1.7:2227", false, 1},
	{"cisco", `
v=0
o=Cisco-SIPUA 9971 0 IN IP4 10.2.0.5
s=SIP Call
b=AS:4064
t=0 0
m=audio 17326 RTP/AVP 0 8 116 18 101
c=IN IP4 10.2.0.5
b=TIAS:64000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:116 iLBC/8000
a=fmtp:116 mode=20
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=yes
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=sendrecv
m=video 17328 RTP/AVP 100 126 97
c=IN IP4 10.2.0.5
a=rtpmap:100 H264/90000
a=fmtp:100 profile-level-id=64000b
a=sendrecv
m=application 17330 UDP/BFCP *
c=IN IP4 10.2.0.5
a=floorctrl:c-only
`, "PCMU", 0, 101, 8000, -1, 0, 20 * time.Millisecond, "10.2.0.5:17326", "10.2.0.5:17327", false, 3},
	{"asterisk", `
v=0
o=- 1547246361 1547246361 IN IP4 203.0.113.4
s=Asterisk
c=IN IP4 203.0.113.4
t=0 0
m=audio 18462 RTP/AVP 107 8 0 101
a=rtpmap:107 opus/48000/2
a=fmtp:107 useinbandfec=1
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=maxptime:150
a=sendrecv
`, "opus", 107, 101, 8000, -1, 0, 20 * time.Millisecond, "203.0.113.4:18462", "203.0.113.4:18463", false, 1},
	{"freeswitch", `
v=0
o=FreeSWITCH 1539677341 1539677342 IN IP4 198.51.100.9
s=FreeSWITCH
c=IN IP4 198.51.100.9
t=0 0
m=audio 29134 RTP/AVP 102 9 0 8 103 101 13
a=rtpmap:102 opus/48000/2
a=fmtp:102 useinbandfec=1; maxaveragebitrate=30000; maxplaybackrate=48000; ptime=20; minptime=10; maxptime=40
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:103 telephone-event/48000
a=fmtp:103 0-15
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtpmap:13 CN/8000
a=ptime:20
`, "opus", 102, 103, 48000, -1, 0, 20 * time.Millisecond, "198.51.100.9:29134", "198.51.100.9:29135", false, 1},
	{"linphone", `
v=0
o=alice 2890 1907 IN IP4 192.168.0.14
s=Talk
c=IN IP4 192.168.0.14
t=0 0
a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
a=record:off
m=audio 7078 RTP/AVPF 96 97 98 0 8 101 99
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:97 speex/16000
a=fmtp:97 vbr=on
a=rtpmap:98 speex/8000
a=fmtp:98 vbr=on
a=rtpmap:101 telephone-event/48000
a=rtpmap:99 telephone-event/8000
a=rtcp-mux
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=rtcp-fb:* trr-int 5000
m=video 9078 RTP/AVPF 96
a=rtpmap:96 VP8/90000
a=rtcp-fb:* trr-int 5000
`, "opus", 96, 101, 48000, -1, 1, 20 * time.Millisecond, "192.168.0.14:7078", "192.168.0.14:7078", true, 2},
	{"baresip", `
v=0
o=- 1234567890 98765 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
a=tool:baresip 1.0.0
m=audio 10088 RTP/AVP 96 0 8 101
b=AS:125
a=rtpmap:96 opus/48000/2
a=fmtp:96 stereo=1;sprop-stereo=1
a=rtpmap:0 PCMU/8000/1
a=rtpmap:8 PCMA/8000/1
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtcp:10089 IN IP4 127.0.0.1
a=sendrecv
a=label:1
a=rtcp-rsize
a=ssrc:1234 cname:sip:alice@127.0.0.1
a=ptime:20
`, "opus", 96, 101, 8000, -1, 0, 20 * time.Millisecond, "127.0.0.1:10088", "127.0.0.1:10089", false, 1},
	{"sipp", `
v=0
o=user1 53655765 2353687637 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 6000 RTP/AVP 0
a=rtpmap:0 PCMU/8000
`, "PCMU", 0, -1, 0, -1, 0, 20 * time.Millisecond, "127.0.0.1:6000", "127.0.0.1:6001", false, 1},
	{"ims handset, AMR first", `
v=0
o=sip:001010123456789 1714117 1714117 IN IP6 2001:db8::77
s=-
c=IN IP6 2001:db8::77
b=AS:41
b=RS:512
b=RR:1537
t=0 0
a=tcap:1 RTP/AVPF
a=sendrecv
m=audio 50010 RTP/AVP 104 102 105 9 0 100
b=AS:41
a=pcfg:1 t=1
a=rtpmap:104 AMR-WB/16000/1
a=fmtp:104 mode-change-capability=2;max-red=0
a=rtpmap:102 AMR/8000/1
a=fmtp:102 mode-change-capability=2;max-red=0
a=rtpmap:105 telephone-event/16000
a=fmtp:105 0-15
a=rtpmap:100 telephone-event/8000
a=fmtp:100 0-15
a=ptime:20
a=maxptime:240
a=curr:qos local none
a=curr:qos remote none
a=des:qos mandatory local sendrecv
a=des:qos optional remote sendrecv
`, "G722", 9, 100, 8000, -1, 0, 20 * time.Millisecond, "[2001:db8::77]:50010", "[2001:db8::77]:50011", false, 1},
	{"innovaphone: noise listed, suppression off", `
v=0
o=- 1 1 IN IP4 172.16.0.2
s=-
c=IN IP4 172.16.0.2
t=0 0
m=audio 16384 RTP/AVP 8 0 13 101
a=rtpmap:13 CN/8000
a=rtpmap:101 telephone-event/8000
a=silenceSupp:off - - - -
a=ptime:30
`, "PCMA", 8, 101, 8000, -1, 0, 30 * time.Millisecond, "172.16.0.2:16384", "172.16.0.2:16385", false, 1},
	{"spa, 30 ms and noise", `
v=0
o=- 7211 7211 IN IP4 172.16.0.3
s=-
c=IN IP4 172.16.0.3
t=0 0
m=audio 16390 RTP/AVP 0 100 13
a=rtpmap:0 PCMU/8000
a=rtpmap:100 NSE/8000
a=fmtp:100 192-193
a=rtpmap:13 CN/8000
a=ptime:30
`, "PCMU", 0, -1, 0, 13, 0, 30 * time.Millisecond, "172.16.0.3:16390", "172.16.0.3:16391", false, 1},
	{"two audio lines, the secure one first", `
v=0
o=3cx 5 5 IN IP4 198.51.100.77
s=3cxVCE Audio Call
c=IN IP4 198.51.100.77
t=0 0
m=audio 9300 RTP/SAVP 0 8
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz
m=audio 9302 RTP/AVP 0 8
`, "PCMU", 0, -1, 0, -1, 0, 20 * time.Millisecond, "198.51.100.77:9302", "198.51.100.77:9303", false, 2},
}

func TestRealOffers(t *testing.T) {
	for _, c := range realOffers {
		t.Run(c.name, func(t *testing.T) {
			us := ours()
			if strings.HasPrefix(c.remote, "[") {
				us.Addr = ipv6
			}
			answer, m, err := Answer(crlf(c.offer), us, nil)
			if err != nil {
				t.Fatal(err)
			}
			if m.Codec.Name != c.codec || m.SendPT != c.pt || m.RecvPT != c.pt {
				t.Errorf("codec %s send %d receive %d, want %s %d", m.Codec.Name, m.SendPT, m.RecvPT, c.codec, c.pt)
			}
			if m.DTMFSend != c.dtmf || m.DTMFRecv != c.dtmf || m.DTMFRate != c.rate || m.CN != c.cn {
				t.Errorf("events %d/%d at %d, noise %d; want %d at %d, %d", m.DTMFSend, m.DTMFRecv, m.DTMFRate, m.CN, c.dtmf, c.rate, c.cn)
			}
			if m.LevelExt != c.level || m.PTime != c.ptime || m.RTCPMux != c.mux {
				t.Errorf("level %d ptime %v mux %v, want %d %v %v", m.LevelExt, m.PTime, m.RTCPMux, c.level, c.ptime, c.mux)
			}
			if m.Remote.String() != c.remote || m.RemoteRTCP.String() != c.rtcp {
				t.Errorf("to %v and %v, want %s and %s", m.Remote, m.RemoteRTCP, c.remote, c.rtcp)
			}
			if m.Direction != SendRecv || m.Hold || m.NoRTCP {
				t.Errorf("direction %v hold %v without RTCP %v", m.Direction, m.Hold, m.NoRTCP)
			}
			checkAnswer(t, crlf(c.offer), answer, m)
		})
	}
}

// checkAnswer holds for every answer: it parses, has the offer's lines in the
// offer's order, one of them taken and the others refused (RFC 3264, 6).
func checkAnswer(t interface {
	Helper()
	Errorf(string, ...any)
}, offer, answer []byte, m Media) {
	t.Helper()
	o, err := Parse(offer)
	if err != nil {
		t.Errorf("offer: %v", err)
		return
	}
	a, err := Parse(answer)
	if err != nil {
		t.Errorf("answer: %v\n%s", err, answer)
		return
	}
	if len(a.Media) != len(o.Media) {
		t.Errorf("%d lines for %d\n%s", len(a.Media), len(o.Media), answer)
		return
	}
	for i := range a.Media {
		if a.Media[i].Kind != o.Media[i].Kind && !strings.EqualFold(a.Media[i].Kind, o.Media[i].Kind) {
			t.Errorf("line %d is %q for %q", i, a.Media[i].Kind, o.Media[i].Kind)
		}
		if len(a.Media[i].Formats) == 0 || (a.Media[i].Port != 0) != (i == m.Index) {
			t.Errorf("line %d: port %d, formats %v, taken is %d", i, a.Media[i].Port, a.Media[i].Formats, m.Index)
		}
	}
	if m.Remote.IsValid() && (!sendable(m.Remote.Addr()) || m.Remote.Port() == 0) {
		t.Errorf("would send to %v", m.Remote)
	}
	if m.PTime < 10*time.Millisecond || m.PTime > 60*time.Millisecond {
		t.Errorf("packets of %v", m.PTime)
	}
}

func TestChromiumIsRefusedForItsTransport(t *testing.T) {
	_, _, err := Answer(crlf(`
v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:x2Wc
a=fingerprint:sha-256 00:11
a=setup:actpass
a=mid:0
a=rtcp-mux
a=rtpmap:111 opus/48000/2
`), ours(), nil)
	wantRefusal(t, err, WarnTransport, "UDP/TLS/RTP/SAVPF")
}
