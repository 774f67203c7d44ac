package media

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
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
		if _, v := s.Receive(now, c.b, c.from); v.Kind != Control || (v.Drop == NotDropped) != c.ok {
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
