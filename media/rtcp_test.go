package media

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"pgregory.net/rapid"
)

func saysBye(t *testing.T, b []byte, ssrc uint32) bool {
	t.Helper()
	for _, p := range unmarshal(t, b) {
		if bye, ok := p.(*rtcp.Goodbye); ok && slices.Contains(bye.Sources, ssrc) {
			return true
		}
	}
	return false
}

func unmarshal(t *testing.T, b []byte) []rtcp.Packet {
	t.Helper()
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		t.Fatalf("%v: %x", err, b)
	}
	return packets
}

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

// Two sessions exchange reports over a path of 35 ms each way.
func TestRoundTrip(t *testing.T) {
	a := testSession(func(c *SessionConfig) { c.SSRC, c.Rand = 1, rand.New(rand.NewPCG(3, 4)) })
	b := testSession(func(c *SessionConfig) { c.SSRC, c.Epoch = 2, time.Unix(5, 0) }) // another clock
	const path = 35 * time.Millisecond
	type flight struct {
		at time.Duration
		b  []byte
		to *Session
	}
	var flights []flight
	for slot := range 50 * 60 {
		now := time.Duration(slot) * 20 * time.Millisecond
		for i, s := range []*Session{a, b} {
			other := []*Session{b, a}[i]
			packet := s.Build(nil, 0, 160, false, make([]byte, 160))
			if i == 0 && slot%10 == 0 {
				continue // a tenth of a's packets is lost
			}
			flights = append(flights, flight{now + path, packet, other})
			if r := s.Report(now, nil); len(r) > 0 {
				flights = append(flights, flight{now + path, r, other})
			}
		}
		for len(flights) > 0 && flights[0].at <= now {
			f := flights[0]
			flights = flights[1:]
			f.to.Receive(f.at, f.b, phone)
		}
	}
	for _, s := range []*Session{a, b} {
		if d := s.Stats().RoundTrip - 2*path; d.Abs() > time.Millisecond {
			t.Errorf("round trip %v, want %v", s.Stats().RoundTrip, 2*path)
		}
	}
	if st := a.Stats(); st.RemoteFraction < 20 || st.RemoteFraction > 31 || st.RemoteLost < 200 || st.RemoteJitter > time.Millisecond {
		t.Errorf("what b says of a: %+v", st)
	}
	if st := b.Stats(); st.RemoteFraction != 0 || st.RemoteLost != 0 {
		t.Errorf("what a says of b: %+v", st)
	}
}

func TestReceiveRTCP(t *testing.T) {
	mux := func(c *SessionConfig) { c.Terms.Mux = true }
	marshal := func(packets ...rtcp.Packet) []byte {
		b, err := rtcp.Marshal(packets)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	rr := &rtcp.ReceiverReport{SSRC: 9}
	bye := marshal(rr, &rtcp.Goodbye{Sources: []uint32{9}, Reason: "over"})
	now := time.Minute
	s := testSession(mux)
	k := &talker{ssrc: 9}
	hears(s, &now, k, phone, 5)
	for _, c := range []struct {
		name string
		b    []byte
		from netip.AddrPort
		ok   bool
	}{
		{"by the RTP port", marshal(rr), phone, true},
		{"from another port", marshal(rr), phonesPort, true},
		{"from another address", marshal(rr), stranger, false},
		{"a BYE from another address", bye, stranger, false},
		{"reduced size", marshal(&rtcp.PictureLossIndication{SenderSSRC: 9, MediaSSRC: 1}), phone, true},
		{"cut off", marshal(rr)[:7], phone, false},
		{"padded before the end", append([]byte{0xa0, typeRR, 0, 1, 0, 0, 0, 9}, marshal(rr)...), phone, false},
		{"padded at the end", append(marshal(rr), 0xa0, typeRR, 0, 2, 0, 0, 0, 9, 0, 0, 0, 4), phone, true},
		{"trailing bytes", append(marshal(rr), 1, 2), phone, false},
		{"trailing RTP", append(marshal(rr), 0x80, 0, 0, 0), phone, false},
		{"only two bytes", []byte{0x80, 201}, phone, false},
	} {
		before := s.Stats()
		if _, v := s.Receive(now, c.b, c.from); v != (Verdict{Kind: Control}) {
			t.Errorf("%s: %+v", c.name, v)
		}
		now += time.Second
		after := s.Stats()
		if got := after.RemoteReports > before.RemoteReports; got != c.ok || (after.BadReports == before.BadReports) != c.ok {
			t.Errorf("%s: taken %v", c.name, got)
		}
		if c.ok && after.LastRTCP != now-time.Second {
			t.Errorf("%s: last RTCP at %v", c.name, after.LastRTCP)
		}
		if after.Left {
			t.Errorf("%s: the peer has left", c.name)
		}
	}
	s.ReceiveRTCP(now, marshal(rr, &rtcp.Goodbye{Sources: []uint32{8}}), phone)
	if s.Stats().Left {
		t.Error("a BYE of another source is taken for the peer's")
	}
	s.ReceiveRTCP(now, bye, phone)
	if !s.Stats().Left {
		t.Error("BYE is not noted")
	}
	if hears(s, &now, k, phone, 1); s.Stats().Left {
		t.Error("the peer has left, though it is heard")
	}
}

// RT-11, RFC 3611, 4.5: a receiver reference time is answered, once, with the delay since.
func TestReceiverReferenceTime(t *testing.T) {
	s := testSession()
	now := time.Duration(0)
	nextReport(t, s, &now, false)
	xr, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: 9},
		&rtcp.ExtendedReport{SenderSSRC: 9, Reports: []rtcp.ReportBlock{&rtcp.ReceiverReferenceTimeReportBlock{NTPTimestamp: 0x1122334455667788}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	asked := now
	s.ReceiveRTCP(now, xr, phone)
	now += 20 * time.Millisecond
	packets := nextReport(t, s, &now, false)
	last, ok := packets[len(packets)-1].(*rtcp.ExtendedReport)
	if !ok || last.SenderSSRC != 0x1000 || len(last.Reports) != 1 {
		t.Fatalf("%v", packets)
	}
	dlrr, ok := last.Reports[0].(*rtcp.DLRRReportBlock)
	if !ok || len(dlrr.Reports) != 1 || dlrr.Reports[0].SSRC != 9 || dlrr.Reports[0].LastRR != 0x33445566 {
		t.Fatalf("%v", last.Reports[0])
	}
	if got := time.Duration(dlrr.Reports[0].DLRR) * time.Second / 65536; (got - (now - asked)).Abs() > time.Millisecond {
		t.Errorf("delay %v, want %v", got, now-asked)
	}
	now += 20 * time.Millisecond
	if packets := nextReport(t, s, &now, false); len(packets) != 2 {
		t.Errorf("answered again: %v", packets)
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

// The last sender report goes back only when it is of the source heard, and a round trip that cannot
// be is not believed.
func TestReportsOfOthers(t *testing.T) {
	s := testSession()
	now := time.Minute
	k := &talker{ssrc: 9}
	hears(s, &now, k, phone, 5)
	send := func(p rtcp.Packet) {
		b, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		s.ReceiveRTCP(now, b, phone)
	}
	block := func() rtcp.ReceptionReport {
		now += time.Second
		hears(s, &now, k, phone, 1)
		return nextReport(t, s, &now, false)[0].(*rtcp.ReceiverReport).Reports[0]
	}
	send(&rtcp.SenderReport{SSRC: 8, NTPTime: 0x1122334455667788})
	if got := block(); got.LastSenderReport != 0 || got.Delay != 0 {
		t.Errorf("another source's report goes back: %+v", got)
	}
	at := now
	send(&rtcp.SenderReport{SSRC: 9, NTPTime: 0x1122334455667788})
	got := block()
	if delay := time.Duration(got.Delay) * time.Second / 65536; got.LastSenderReport != 0x33445566 || (delay-(now-at)).Abs() > time.Millisecond {
		t.Errorf("%+v, %v after it", got, now-at)
	}

	for _, c := range []struct {
		ssrc          uint32
		last          uint32 // before now, in 1/65536 s; 0: none
		delay         uint32
		trip, atLeast time.Duration
	}{
		{0x1000, 0, 100, 0, 0},                      // nothing of ours arrived there yet
		{0x2000, 65536, 0, 0, 0},                    // not about us
		{0x1000, 65536, 5 * 65536, 0, 0},            // back before it left
		{0x1000, 60 * 65536, 0, 0, 0},               // a minute
		{0x1000, 65536, 65540, time.Microsecond, 1}, // clocks drift: as good as none
		{0x1000, 2 * 65536, 65536, time.Second, time.Second},
	} {
		last := uint32(0)
		if c.last != 0 {
			last = s.middle(now) - c.last
		}
		send(&rtcp.ReceiverReport{SSRC: 9, Reports: []rtcp.ReceptionReport{{SSRC: c.ssrc, LastSenderReport: last, Delay: c.delay}}})
		if got := s.Stats().RoundTrip; got > c.trip || got < c.atLeast {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
