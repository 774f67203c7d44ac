package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"trivox/cmd/trivox/internal/phone"
	"trivox/media/codec"
)

// line is how a telephone calls: a zero one by UDP from 127.0.0.1 with PCMU, saying nothing.
type line struct {
	codec     codec.Codec
	transport string
	local     netip.Addr
	say       sound
	user      string
}

// uri is that of a room of the server by the line's transport and family.
func (l line) uri(s *server, room string) string {
	return "sip:" + room + "@" + s.address("sip", l.transport, l.local.Is6()).String()
}

// telephone is a phone of the test's own: it says what it is told to and keeps what it hears.
type telephone struct {
	*ear
	voice  *voice
	agent  *phone.Agent
	dialog *phone.Dialog
	socket *net.UDPConn
	media  netip.AddrPort // of the server
	codec  codec.Codec
}

// openAgent is a SIP agent that ends with the test.
func openAgent(t testing.TB, l line) *phone.Agent {
	t.Helper()
	a, err := phone.Open(phone.Config{Local: netip.AddrPortFrom(l.local, 0), Transport: l.transport, User: l.user})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("closing the phone: %v", err)
		}
	})
	return a
}

// bind opens an RTP socket at any port of the address.
func bind(t testing.TB, at netip.Addr) *net.UDPConn {
	t.Helper()
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return socket
}

// dial calls a room of the server and is in it when it returns.
func dial(t testing.TB, s *server, room string, l line) *telephone {
	t.Helper()
	if l.transport == "" {
		l.transport = "udp"
	}
	if l.codec.Name == "" {
		l.codec = codec.PCMU
	}
	if !l.local.IsValid() {
		l.local = netip.MustParseAddr("127.0.0.1")
	}
	if l.say == nil {
		l.say = nothing
	}
	p := &telephone{agent: openAgent(t, l), codec: l.codec, socket: bind(t, l.local)}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	p.dialog, err = p.agent.Dial(ctx, phone.Call{URI: l.uri(s, room), Offer: offer(localPort(p.socket), l.codec, 1, "sendrecv")})
	if err != nil {
		t.Fatal(err)
	}
	if p.media, err = mediaOf(p.dialog.Answer()); err != nil {
		t.Fatal(err)
	}
	p.ear = hear(t, p.socket, l.codec, func() int { return int(s.metric("trivox_tick_overruns_total")) })
	p.voice = speak(t, newSource(p.socket, p.media), l.codec, l.say)
	t.Cleanup(p.hangUp)
	return p
}

// hangUp ends the call if it has not ended.
func (p *telephone) hangUp() {
	p.t.Helper()
	select {
	case <-p.dialog.Done():
		return
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.dialog.Bye(ctx, ""); err != nil {
		p.t.Errorf("BYE: %v", err)
	}
}

// turn makes it say something else.
func (p *telephone) turn(to sound) { p.voice.say.Store(&to) }

func localPort(socket *net.UDPConn) netip.AddrPort {
	return socket.LocalAddr().(*net.UDPAddr).AddrPort()
}

// offer is an SDP with one codec and telephone-event.
func offer(at netip.AddrPort, c codec.Codec, version int, direction string) []byte {
	family := "IP4"
	if at.Addr().Is6() {
		family = "IP6"
	}
	rtpmap := fmt.Sprintf("%s/%d", c.Name, c.ClockRate)
	if c.Channels > 1 {
		rtpmap += "/" + strconv.Itoa(c.Channels)
	}
	return []byte(strings.Join([]string{"v=0", fmt.Sprintf("o=- 1 %d IN %s %s", version, family, at.Addr()), "s=-",
		fmt.Sprintf("c=IN %s %s", family, at.Addr()), "t=0 0",
		fmt.Sprintf("m=audio %d RTP/AVP %d 101", at.Port(), c.PayloadType),
		fmt.Sprintf("a=rtpmap:%d %s", c.PayloadType, rtpmap),
		"a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=ptime:20", "a=" + direction, ""}, "\r\n"))
}

var (
	connectionLine = regexp.MustCompile(`(?m)^c=IN IP[46] (\S+)`)
	audioLine      = regexp.MustCompile(`(?m)^m=audio (\d+)`)
)

// mediaOf is where an SDP says that sound is to be sent.
func mediaOf(sdp []byte) (netip.AddrPort, error) {
	c, m := connectionLine.FindSubmatch(sdp), audioLine.FindSubmatch(sdp)
	if c == nil || m == nil {
		return netip.AddrPort{}, fmt.Errorf("no address in the SDP %q", sdp)
	}
	return netip.ParseAddrPort(net.JoinHostPort(string(c[1]), string(m[1])))
}
