package media

import (
	"net/netip"
	"testing"
	"time"
)

// latchStep is some packets, 20 ms apart, of one source or of two in turn.
type latchStep struct {
	pause   time.Duration
	update  *Terms // before the packets
	from    netip.AddrPort
	ssrc    uint32
	also    netip.AddrPort // a second source that sends in turn with the first
	alsoIs  uint32
	packets int
	want    int // heard of the first
	alsoHas int // heard of the second
	fresh   int // verdicts with NewSource
	remote  netip.AddrPort
}

func runLatch(t *testing.T, terms Terms, steps []latchStep) *Session {
	t.Helper()
	s := testSession(func(c *SessionConfig) { c.Terms = terms })
	if got := s.Remote(); got != terms.Remote && Sendable(terms.Remote) {
		t.Errorf("before the first packet: remote %v, want what SDP says", got)
	}
	now := time.Second
	talkers := map[uint32]*talker{}
	for i, step := range steps {
		now += step.pause
		if step.update != nil {
			s.Update(now, *step.update)
		}
		got, also, fresh := 0, 0, 0
		send := func(from netip.AddrPort, ssrc uint32, heard *int) {
			if talkers[ssrc] == nil {
				talkers[ssrc] = &talker{ssrc: ssrc, seq: uint16(ssrc * 77), stamp: ssrc * 7777}
			}
			_, v := s.Receive(now, talkers[ssrc].next(), from)
			if v.Kind == Sound {
				*heard++
			}
			if v.NewSource {
				fresh++
			}
		}
		for range step.packets {
			send(step.from, step.ssrc, &got)
			if step.also.IsValid() {
				send(step.also, step.alsoIs, &also)
			}
			now += 20 * time.Millisecond
		}
		if got != step.want || also != step.alsoHas || fresh != step.fresh {
			t.Errorf("step %d: heard %d and %d with %d new sources, want %d, %d, %d", i, got, also, fresh, step.want, step.alsoHas, step.fresh)
		}
		if s.Remote() != step.remote {
			t.Errorf("step %d: remote %v, want %v", i, s.Remote(), step.remote)
		}
	}
	return s
}

// Who is heard from a leg's port, and where it is sent to (RT-4).
func TestLatch(t *testing.T) {
	terms := testTerms()
	moved := testTerms()
	moved.Remote = netip.MustParseAddrPort("127.0.0.1:5000")
	elsewhere := testTerms()
	elsewhere.Remote = netip.MustParseAddrPort("127.0.0.7:5000")
	held := testTerms()
	held.Remote = netip.MustParseAddrPort("0.0.0.0:4000")
	begin := latchStep{from: phone, ssrc: 1, packets: 10, want: 10, fresh: 1, remote: phone}

	for name, steps := range map[string][]latchStep{
		"the source that SDP names, at once": {begin},
		"another port of the address: when two packets are in sequence; sent is to where SDP says": {
			{from: phonesPort, ssrc: 1, packets: 10, want: 9, fresh: 1, remote: phone},
		},
		"another address: never": {
			{from: stranger, ssrc: 1, packets: 50, remote: phone},
			begin,
			{from: stranger, ssrc: 1, packets: 50, remote: phone},
			{from: stranger, ssrc: 2, packets: 50, remote: phone},
			{pause: 10 * time.Second, from: stranger, ssrc: 2, packets: 50, remote: phone},
			{update: &terms, from: stranger, ssrc: 3, packets: 50, remote: phone},
		},
		"a new port with the same SSRC: from the third packet on": {
			begin,
			{from: phonesPort, ssrc: 1, packets: 10, want: 8, remote: phonesPort},
			{from: phone, ssrc: 1, packets: 10, want: 8, remote: phone}, // and back
		},
		"a new port with the same SSRC while the old one still sends: not": {
			begin,
			{from: phone, ssrc: 1, also: phonesPort, alsoIs: 1, packets: 50, want: 50, remote: phone},
		},
		"a new SSRC from the same port: at once": {
			begin,
			{from: phone, ssrc: 2, packets: 10, want: 10, fresh: 1, remote: phone},
			{pause: 2 * time.Second, from: phone, ssrc: 3, packets: 10, want: 10, fresh: 1, remote: phone},
		},
		"another new SSRC soon after: when two packets are in sequence": {
			begin,
			{from: phone, ssrc: 2, packets: 2, want: 2, fresh: 1, remote: phone},
			{from: phone, ssrc: 3, packets: 10, want: 9, fresh: 1, remote: phone},
		},
		"two SSRCs in turn from one port do not alternate": {
			begin,
			{from: phone, ssrc: 1, also: phone, alsoIs: 2, packets: 40, want: 1, alsoHas: 40, fresh: 1, remote: phone},
		},
		"both new while the old source sends: not": {
			begin,
			{from: phone, ssrc: 1, also: phonesPort, alsoIs: 2, packets: 50, want: 50, remote: phone},
			{from: phonesPort, ssrc: 2, packets: 5, remote: phone},
		},
		"both new after 500 ms without the old source": {
			begin,
			{pause: 460 * time.Millisecond, from: phonesPort, ssrc: 2, packets: 1, remote: phone},
			{from: phonesPort, ssrc: 2, packets: 10, want: 9, fresh: 1, remote: phonesPort},
			{from: phone, ssrc: 1, packets: 10, remote: phonesPort}, // it is the rival now
		},
		"both new after a re-INVITE, though the old source still sends": {
			begin,
			{update: &terms, from: phonesPort, ssrc: 2, also: phone, alsoIs: 1, packets: 10, want: 9, alsoHas: 1, fresh: 1, remote: phonesPort},
			{from: phone, ssrc: 1, packets: 10, remote: phonesPort},
		},
		"both new long after a re-INVITE: not": {
			begin,
			{update: &terms, pause: 0, from: phone, ssrc: 1, packets: 300, want: 300, remote: phone},
			{from: phone, ssrc: 1, also: phonesPort, alsoIs: 2, packets: 10, want: 10, remote: phone},
		},
		"a re-INVITE names another port: sent to at once, heard at once": {
			begin,
			{update: &moved, from: phone, ssrc: 1, packets: 3, want: 3, remote: moved.Remote},
			{from: moved.Remote, ssrc: 1, packets: 10, want: 10, remote: moved.Remote},
		},
		"a re-INVITE names another address": {
			begin,
			{update: &elsewhere, from: phone, ssrc: 1, packets: 3, want: 3, remote: elsewhere.Remote},
			{from: elsewhere.Remote, ssrc: 9, packets: 10, want: 10, fresh: 1, remote: elsewhere.Remote},
			{from: phone, ssrc: 1, packets: 60, remote: elsewhere.Remote},
		},
		"held by 0.0.0.0: not sent to; and back": {
			begin,
			{update: &held, from: phone, ssrc: 1, packets: 3, want: 3},
			{update: &terms, from: phone, ssrc: 1, packets: 3, want: 3, remote: phone},
		},
	} {
		t.Run(name, func(t *testing.T) { runLatch(t, terms, steps) })
	}
}

// What the packets of a source on trial must be like.
func TestLatchTrial(t *testing.T) {
	third := netip.MustParseAddrPort("127.0.0.1:4004")
	type packet struct {
		from netip.AddrPort
		ssrc uint32
		seq  uint16
		want hearing
	}
	for name, packets := range map[string][]packet{
		"in sequence": {
			{phonesPort, 1, 5, notHeard}, {phonesPort, 1, 6, notHeard}, {phonesPort, 1, 7, moved}, {phonesPort, 1, 8, known},
		},
		"over the wrap": {
			{phonesPort, 1, 65534, notHeard}, {phonesPort, 1, 65535, notHeard}, {phonesPort, 1, 0, moved},
		},
		"not in sequence": {
			{phonesPort, 1, 5, notHeard}, {phonesPort, 1, 7, notHeard}, {phonesPort, 1, 9, notHeard}, {phonesPort, 1, 9, notHeard},
			{phonesPort, 1, 10, notHeard}, {phonesPort, 1, 11, moved},
		},
		"the same numbers as the port that still sends": {
			{phone, 1, 5, known}, {phonesPort, 1, 5, notHeard}, {phone, 1, 6, known}, {phonesPort, 1, 6, notHeard},
			{phone, 1, 7, known}, {phonesPort, 1, 7, notHeard}, {phone, 1, 8, known}, {phonesPort, 1, 8, notHeard},
		},
		"two ports in turn": {
			{phonesPort, 1, 5, notHeard}, {third, 1, 6, notHeard}, {phonesPort, 1, 7, notHeard}, {third, 1, 8, notHeard}, {phonesPort, 1, 9, notHeard},
		},
	} {
		l := latch{named: phone, target: phone}
		if got := l.judge(0, phone, 1, 1); got != entered {
			t.Fatal(got)
		}
		for i, p := range packets {
			if got := l.judge(time.Duration(i)*10*time.Millisecond, p.from, p.ssrc, p.seq); got != p.want {
				t.Errorf("%s: packet %d: %v, want %v", name, i, got, p.want)
			}
		}
	}
}

// A peer behind NAT: the first valid source is taken and followed, and stays.
func TestLatchNAT(t *testing.T) {
	terms := testTerms()
	terms.NAT = true
	terms.Remote = netip.MustParseAddrPort("192.168.1.5:4000")
	outside := netip.MustParseAddrPort("203.0.113.5:30000")
	outsidePort := netip.MustParseAddrPort("203.0.113.5:30001")
	attacker := netip.MustParseAddrPort("198.51.100.66:6666")
	renamed := terms
	renamed.Remote = netip.MustParseAddrPort("10.0.0.8:4000")
	network := netip.MustParseAddrPort("203.0.113.99:1024")
	begin := latchStep{from: outside, ssrc: 1, packets: 10, want: 9, fresh: 1, remote: outside}
	for name, steps := range map[string][]latchStep{
		"first valid source": {begin},
		"others afterwards: not": {
			begin,
			{from: outside, ssrc: 1, also: attacker, alsoIs: 1, packets: 20, want: 20, remote: outside},
			{pause: 10 * time.Second, from: attacker, ssrc: 7, packets: 20, remote: outside},
		},
		"a re-bound port: after three packets": {
			begin,
			{from: outsidePort, ssrc: 1, packets: 10, want: 8, remote: outsidePort},
		},
		"another network after a re-INVITE": {
			begin,
			{update: &terms, from: network, ssrc: 1, packets: 10, want: 9, remote: network},
		},
		"a re-INVITE alone keeps the latch": {
			begin,
			{update: &terms, from: outside, ssrc: 1, packets: 10, want: 10, remote: outside},
			{update: &renamed, remote: outside},
			{from: outside, ssrc: 1, packets: 10, want: 10, remote: outside},
		},
	} {
		t.Run(name, func(t *testing.T) { runLatch(t, terms, steps) })
	}
}

func TestRemoteFollowsDirection(t *testing.T) {
	s := testSession()
	terms := testTerms()
	terms.NoSend = true
	s.Update(0, terms)
	if s.Remote().IsValid() || !s.RemoteRTCP().IsValid() {
		t.Errorf("not to send: RTP to %v, RTCP to %v", s.Remote(), s.RemoteRTCP())
	}
	for _, bad := range []string{"0.0.0.0:4000", "[::]:4000", "127.0.0.1:0", "239.1.2.3:4000"} {
		terms = testTerms()
		terms.Remote = netip.MustParseAddrPort(bad)
		for _, nat := range []bool{false, true} {
			terms.NAT = nat
			s := testSession(func(c *SessionConfig) { c.Terms = terms })
			if s.Remote().IsValid() || s.RemoteRTCP().IsValid() {
				t.Errorf("%s: RTP to %v, RTCP to %v", bad, s.Remote(), s.RemoteRTCP())
			}
		}
	}
}
