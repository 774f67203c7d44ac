package media

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"pgregory.net/rapid"
)

// nextReport runs the session until it reports; it sends one packet every 20 ms when it is to.
func nextReport(t *testing.T, s *Session, now *time.Duration, send bool) []rtcp.Packet {
	t.Helper()
	for range 1000 {
		if send {
			s.Build(nil, 0, 160, false, make([]byte, 160))
		}
		if b := s.Report(*now, nil); len(b) > 0 {
			return unmarshal(t, b)
		}
		*now += 20 * time.Millisecond
	}
	t.Fatal("no report in 20 s")
	return nil
}

func TestReport(t *testing.T) {
	s := testSession()
	now := time.Duration(0)
	packets := nextReport(t, s, &now, false)
	if rr, ok := packets[0].(*rtcp.ReceiverReport); !ok || rr.SSRC != 0x1000 || len(rr.Reports) != 0 {
		t.Errorf("before anything was sent or heard: %v", packets)
	}
	sdes, ok := packets[1].(*rtcp.SourceDescription)
	if !ok || len(sdes.Chunks) != 1 || sdes.Chunks[0].Source != 0x1000 || sdes.Chunks[0].Items[0].Text != "room@example.org" {
		t.Errorf("SDES %v", packets[1])
	}

	k := &talker{ssrc: 9, seq: 65000}
	for i := range 1000 {
		b := k.next()
		if i%4 != 1 {
			s.Receive(now, b, phone)
		}
		now += 20 * time.Millisecond
		s.Build(nil, 0, 160, false, make([]byte, 160))
	}
	packets = unmarshal(t, s.Report(now, nil))
	sr, ok := packets[0].(*rtcp.SenderReport)
	if !ok || sr.SSRC != 0x1000 || sr.PacketCount != 1000 || sr.OctetCount != 160000 || len(sr.Reports) != 1 {
		t.Fatalf("%v", packets[0])
	}
	wall := time.Unix(1_700_000_000, 0).Add(now)
	if sec := uint32(wall.Unix() + 2208988800); uint32(sr.NTPTime>>32) != sec {
		t.Errorf("NTP seconds %d, want %d", sr.NTPTime>>32, sec)
	}
	if frac := float64(uint32(sr.NTPTime)) / (1 << 32) * 1e9; frac-float64(wall.Nanosecond()) > 1 || frac-float64(wall.Nanosecond()) < -1 {
		t.Errorf("NTP fraction is %v ns, want %d", frac, wall.Nanosecond())
	}
	block := sr.Reports[0]
	if block.SSRC != 9 || block.FractionLost != 64 || block.TotalLost != 250 || block.LastSequenceNumber != 65999 || block.LastSenderReport != 0 {
		t.Errorf("%+v", block)
	}

	// Without sending for two intervals it is a receiver again (RFC 3550, 6.4).
	now += time.Second
	if packets := nextReport(t, s, &now, false); packets[0].(*rtcp.SenderReport).PacketCount != 1000 {
		t.Errorf("%v", packets[0])
	}
	now += time.Second
	packets = nextReport(t, s, &now, false)
	if _, ok := packets[0].(*rtcp.ReceiverReport); !ok {
		t.Errorf("%T after two intervals without sending", packets[0])
	}
}

// The RTP timestamps of sender reports lie on one line with their NTP times, and near the packets'.
func TestReportTimestampsAreOnALine(t *testing.T) {
	s := testSession()
	var first *rtcp.SenderReport
	reports := 0
	for slot := range 50 * 120 {
		now := time.Duration(slot) * 20 * time.Millisecond
		if slot%7 == 3 { // the tick is late: that must not show
			now += 5 * time.Millisecond
		}
		s.Build(nil, 0, 160, false, nil)
		b := s.Report(now, nil)
		if len(b) == 0 {
			continue
		}
		sr, ok := unmarshal(t, b)[0].(*rtcp.SenderReport)
		if !ok {
			t.Fatalf("slot %d: no sender report", slot)
		}
		reports++
		if off := int32(s.stamp - sr.RTPTime); off < -320 || off > 320 {
			t.Errorf("slot %d: %d units off the packets", slot, off)
		}
		if first == nil {
			first = sr
			continue
		}
		seconds := float64(sr.NTPTime-first.NTPTime) / (1 << 32)
		if off := float64(sr.RTPTime-first.RTPTime) - seconds*8000; off < -2 || off > 2 {
			t.Errorf("slot %d: %v units off the line", slot, off)
		}
	}
	if reports < 15 || reports > 50 {
		t.Errorf("%d reports in two minutes", reports)
	}
}

// RFC 3550, 6.3.1: around 5 s apart, never the same.
func TestReportInterval(t *testing.T) {
	s := testSession()
	var now, last, sum time.Duration
	seen := map[time.Duration]bool{}
	s.Report(now, nil)
	if s.rtcp.due > reportInterval {
		t.Errorf("first report after %v", s.rtcp.due)
	}
	const n = 2000
	for range n {
		now = s.rtcp.due
		if len(s.Report(now, nil)) == 0 {
			t.Fatal("no report when due")
		}
		if len(s.Report(now, nil)) != 0 {
			t.Fatal("two reports at once")
		}
		d := now - last
		if last != 0 {
			if d < 2*time.Second || d > 6200*time.Millisecond {
				t.Errorf("interval %v", d)
			}
			sum += d
			seen[d] = true
		}
		last = now
	}
	if mean := sum / (n - 1); mean < 4*time.Second || mean > 4300*time.Millisecond { // 5 s / 1.21828
		t.Errorf("mean interval %v", mean)
	}
	if len(seen) < n/2 {
		t.Errorf("only %d different intervals", len(seen))
	}
}

func TestNoRTCP(t *testing.T) {
	s := testSession(func(c *SessionConfig) { c.Terms.NoRTCP = true })
	for i := range 2000 {
		if b := s.Report(time.Duration(i)*20*time.Millisecond, nil); len(b) != 0 {
			t.Fatalf("a report with b=RS:0, b=RR:0: %x", b)
		}
	}
	if s.RemoteRTCP().IsValid() {
		t.Errorf("RTCP would go to %v", s.RemoteRTCP())
	}
}

func TestRemoteRTCP(t *testing.T) {
	named := netip.MustParseAddrPort("127.0.0.1:4444")
	outside := netip.MustParseAddrPort("203.0.113.5:30000")
	outsideRTCP := netip.MustParseAddrPort("203.0.113.5:31111")
	for _, c := range []struct {
		name   string
		change func(*Terms)
		rtp    netip.AddrPort // where RTP comes from, if any
		rtcp   netip.AddrPort // where RTCP comes from, if any
		want   string
	}{
		{"port above", func(*Terms) {}, phone, phone, "127.0.0.1:4001"},
		{"a=rtcp", func(t *Terms) { t.RemoteRTCP = named }, phone, phonesPort, "127.0.0.1:4444"},
		{"rtcp-mux", func(t *Terms) { t.Mux = true; t.RemoteRTCP = named }, phone, netip.AddrPort{}, "127.0.0.1:4000"},
		{"rtcp-mux follows the latch", func(t *Terms) { t.Mux = true; t.NAT = true }, outside, outside, "203.0.113.5:30000"},
		{"NAT, no RTCP yet", func(t *Terms) { t.NAT = true; t.RemoteRTCP = named }, outside, netip.AddrPort{}, "203.0.113.5:30001"},
		{"NAT, RTCP heard", func(t *Terms) { t.NAT = true; t.RemoteRTCP = named }, outside, outsideRTCP, "203.0.113.5:31111"},
		{"no port above", func(t *Terms) { t.Remote = netip.MustParseAddrPort("127.0.0.1:65535") }, netip.AddrPort{}, netip.AddrPort{}, "invalid AddrPort"},
	} {
		terms := testTerms()
		c.change(&terms)
		s := testSession(func(sc *SessionConfig) { sc.Terms = terms })
		now := time.Duration(0)
		if c.rtp.IsValid() {
			hears(s, &now, &talker{ssrc: 1}, c.rtp, 5)
		}
		if c.rtcp.IsValid() {
			s.ReceiveRTCP(now, []byte{0x80, typeRR, 0, 1, 0, 0, 0, 1}, c.rtcp)
		}
		if got := s.RemoteRTCP().String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Whatever we send, pion reads: any CNAME, any reason.
func TestGoodbye(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cname := rapid.StringN(0, -1, 300).Draw(t, "cname")
		reason := rapid.StringN(0, -1, 300).Draw(t, "reason")
		s := testSession(func(c *SessionConfig) { c.CNAME = cname })
		if b := s.Goodbye(nil, reason); len(b) != 0 {
			t.Fatalf("BYE of one who never sent: %x", b)
		}
		s.Build(nil, 0, 160, false, nil)
		packets, err := rtcp.Unmarshal(s.Goodbye(nil, reason))
		if err != nil || len(packets) != 3 {
			t.Fatalf("%v, %v", packets, err)
		}
		sdes, bye := packets[1].(*rtcp.SourceDescription), packets[2].(*rtcp.Goodbye)
		if got, want := sdes.Chunks[0].Items[0].Text, cname[:min(255, len(cname))]; got != want {
			t.Errorf("CNAME %q, want %q", got, want)
		}
		if bye.Sources[0] != 0x1000 || bye.Reason != reason[:min(255, len(reason))] {
			t.Errorf("%+v", bye)
		}
	})
}
