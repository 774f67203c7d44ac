package media

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
)

var (
	phone      = netip.MustParseAddrPort("127.0.0.1:4000")
	phonesPort = netip.MustParseAddrPort("127.0.0.1:4002") // another port of the same address
	stranger   = netip.MustParseAddrPort("127.0.0.9:4000")
)

func testTerms() Terms {
	return Terms{Remote: phone, ClockRate: 8000, Sound: []uint8{0, 8}, Events: []uint8{101}}
}

func testSession(change ...func(*SessionConfig)) *Session {
	c := SessionConfig{
		SSRC: 0x1000, Seq: 100, Timestamp: 5000, CNAME: "room@example.org",
		Rand: rand.New(rand.NewPCG(1, 2)), Epoch: time.Unix(1_700_000_000, 0), Terms: testTerms(),
	}
	for _, f := range change {
		f(&c)
	}
	return NewSession(c)
}

// talker makes the packets of a phone, one every 20 ms.
type talker struct {
	ssrc  uint32
	seq   uint16
	stamp uint32
	pt    uint8
}

func (k *talker) next() []byte {
	b := appendRTP(nil, k.pt, false, k.seq, k.stamp, k.ssrc)
	k.seq++
	k.stamp += 160
	return append(b, make([]byte, 160)...)
}

// hears sends n packets 20 ms apart, the first at *now, and returns how many were heard.
func hears(s *Session, now *time.Duration, k *talker, from netip.AddrPort, n int) (heard int) {
	for range n {
		if _, v := s.Receive(*now, k.next(), from); v.Kind == Sound {
			heard++
		}
		*now += 20 * time.Millisecond
	}
	return heard
}

func TestSessionReceives(t *testing.T) {
	s := testSession()
	p := rtp.Packet{
		Header:  rtp.Header{Version: 2, Marker: true, PayloadType: 8, SequenceNumber: 7, Timestamp: 99, SSRC: 55, CSRC: []uint32{1, 2}, Padding: true, PaddingSize: 4},
		Payload: []byte("sound"),
	}
	if err := p.SetExtension(3, []byte{0x85}); err != nil {
		t.Fatal(err)
	}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, v := s.Receive(time.Second, b, phone)
	if v != (Verdict{Kind: Sound, NewSource: true}) {
		t.Errorf("verdict %+v", v)
	}
	if got.Seq != 7 || got.Timestamp != 99 || got.SSRC != 55 || got.PT != 8 || !got.Marker || got.Arrival != time.Second || string(got.Payload) != "sound" || got.Level != -1 {
		t.Errorf("packet %+v", got)
	}
	terms := testTerms()
	terms.LevelID = 3
	s.Update(time.Second, terms)
	b[3]++ // sequence number
	if got, v := s.Receive(time.Second+20*time.Millisecond, b, phone); got.Level != 5 || v != (Verdict{Kind: Sound}) {
		t.Errorf("level %d, verdict %+v", got.Level, v)
	}
}

func TestSessionKinds(t *testing.T) {
	s := testSession()
	now := time.Duration(0)
	k := &talker{ssrc: 1, seq: 10}
	for _, c := range []struct {
		pt   uint8
		want Verdict
	}{
		{0, Verdict{Kind: Sound, NewSource: true}},
		{8, Verdict{Kind: Sound}},
		{13, Verdict{Kind: Noise}}, // though not agreed on (RT-7)
		{101, Verdict{Kind: Event}},
		{96, Verdict{Drop: UnknownType}},
		{0, Verdict{Kind: Sound}},
	} {
		k.pt = c.pt
		if _, v := s.Receive(now, k.next(), phone); v != c.want {
			t.Errorf("payload type %d: %+v, want %+v", c.pt, v, c.want)
		}
		now += 20 * time.Millisecond
	}
	if st := s.Stats(); st.Lost != 0 || st.Source.Packets != 6 || st.Dropped[UnknownType] != 1 {
		t.Errorf("an unknown payload type is not a loss: %+v", st)
	}
	// A stranger's payload type does not even begin a trial.
	other := &talker{ssrc: 2, seq: 10, pt: 96}
	if _, v := s.Receive(now, other.next(), stranger); v.Drop != UnknownType {
		t.Errorf("%+v", v)
	}
}

func TestSessionDropsMalformed(t *testing.T) {
	good := (&talker{ssrc: 1}).next()
	with := func(f func(b []byte) []byte) []byte { return f(append([]byte(nil), good...)) }
	for name, b := range map[string][]byte{
		"nothing":        {},
		"short":          good[:11],
		"version 1":      with(func(b []byte) []byte { b[0] = 0x40; return b }),
		"CSRCs missing":  with(func(b []byte) []byte { b[0] |= 15; return b[:12+59] }),
		"no extension":   with(func(b []byte) []byte { b[0] |= 0x10; return b[:15] }),
		"long extension": with(func(b []byte) []byte { b[0] |= 0x10; b[14], b[15] = 0, 40; return b }),
		"padding 0":      with(func(b []byte) []byte { b[0] |= 0x20; b[len(b)-1] = 0; return b }),
		"padding 161":    with(func(b []byte) []byte { b[0] |= 0x20; b[len(b)-1] = 161; return b }),
		"padding of none": with(func(b []byte) []byte {
			b[0] |= 0x20
			return b[:12]
		}),
	} {
		s := testSession()
		if _, v := s.Receive(0, b, phone); v.Drop != Malformed {
			t.Errorf("%s: %+v", name, v)
		}
		if s.Stats().Dropped[Malformed] != 1 || s.Stats().HeardRTP {
			t.Errorf("%s: %+v", name, s.Stats())
		}
	}
	s := testSession()
	if _, v := s.Receive(0, good[:12], phone); v.Drop != Empty || !s.Stats().HeardRTP {
		t.Errorf("without payload: %+v, heard %v", v, s.Stats().HeardRTP)
	}
}

// RT-3, RFC 3550, A.1: the same source jumps in sequence; the second packet of the new run confirms it
// for the counts. Nothing is dropped here: the jitter buffer judges what it can play.
func TestSessionSequenceJump(t *testing.T) {
	s := testSession()
	now := time.Duration(0)
	k := &talker{ssrc: 1, seq: 65530, stamp: 1 << 31}
	if got := hears(s, &now, k, phone, 20); got != 20 {
		t.Fatalf("over the wrap: %d of 20 heard", got)
	}
	if st := s.Stats(); st.Source.Expected != 20 || st.Lost != 0 {
		t.Errorf("over the wrap: %+v", st)
	}
	stray := *k
	stray.seq += 9999
	hears(s, &now, &stray, phone, 1)
	hears(s, &now, k, phone, 5)
	hears(s, &now, &stray, phone, 1) // its next one, but the run was broken
	hears(s, &now, k, phone, 5)
	if st := s.Stats(); st.Restarts != 0 || st.Lost != 0 {
		t.Errorf("stray numbers: %+v", st)
	}
	k.seq += 3 // lost
	hears(s, &now, k, phone, 1)
	k.seq += 20000
	for i := range 3 {
		if _, v := s.Receive(now, k.next(), phone); v != (Verdict{Kind: Sound}) {
			t.Errorf("packet %d after the jump: %+v", i, v)
		}
	}
	if st := s.Stats(); st.Restarts != 1 || st.Lost != 3 || st.Source.Expected != 2 {
		t.Errorf("after the jump: %+v", st)
	}
}

func TestSessionCountsLoss(t *testing.T) {
	s := testSession()
	now := time.Duration(0)
	k := &talker{ssrc: 1, seq: 65000}
	for i := range 1000 {
		b := k.next()
		if i%10 != 3 {
			s.Receive(now, b, phone)
		}
		now += 20 * time.Millisecond
	}
	if st := s.Stats(); st.Lost != 100 || st.Source.Expected != 1000 || st.Source.Jitter != 0 || st.Received != 900 {
		t.Errorf("%+v", st)
	}
	k = &talker{ssrc: 2, seq: 5} // another source: the loss of the first is not forgotten
	hears(s, &now, k, phone, 10)
	if st := s.Stats(); st.Lost != 100 || st.Source.Lost != 0 || st.Sources != 2 || st.Source.SSRC != 2 {
		t.Errorf("%+v", st)
	}
}

func TestSessionJitter(t *testing.T) {
	// RFC 3550, A.8 with arrivals 10 ms early and late in turn: every step differs by 20 ms from the
	// packet time, and the estimate nears that.
	s := testSession()
	k := &talker{ssrc: 1}
	for i := range 500 {
		at := time.Duration(i)*20*time.Millisecond + time.Second
		if i%2 == 1 {
			at += 20 * time.Millisecond
		}
		s.Receive(at, k.next(), phone)
	}
	if j := s.Stats().Source.Jitter; j < 19*time.Millisecond || j > 20*time.Millisecond {
		t.Errorf("jitter %v", j)
	}
	// Neither an event, whose packets share a timestamp, nor a hold is jitter.
	s = testSession()
	k = &talker{ssrc: 1}
	now := time.Second
	hears(s, &now, k, phone, 10)
	k.pt = 101
	for range 10 {
		s.Receive(now, k.next(), phone)
		k.stamp -= 160
		now += 20 * time.Millisecond
	}
	k.pt = 0
	k.stamp += 10 * 160
	hears(s, &now, k, phone, 10)
	now += time.Minute // the timestamp stands still
	hears(s, &now, k, phone, 10)
	if j := s.Stats().Source.Jitter; j != 0 {
		t.Errorf("jitter %v", j)
	}
}

func TestSessionDoesNotAllocate(t *testing.T) {
	s := testSession(func(c *SessionConfig) { c.Terms.LevelID = 3 })
	now := time.Duration(0)
	k := &talker{ssrc: 1}
	in := appendRTP(nil, 0, false, 0, 0, 1)
	in[0] |= 0x10
	in = append(appendLevel(in, 3, Level{DBov: 20}), make([]byte, 160)...)
	out := make([]byte, 0, 1500)
	payload := make([]byte, 160)
	report := testSession(func(c *SessionConfig) { c.SSRC = 1 })
	heard, reports := 0, 0
	if n := testing.AllocsPerRun(2000, func() {
		in[2], in[3] = byte(k.seq>>8), byte(k.seq)
		k.seq++
		k.stamp += 160
		in[4], in[5], in[6], in[7] = byte(k.stamp>>24), byte(k.stamp>>16), byte(k.stamp>>8), byte(k.stamp)
		if p, v := s.Receive(now, in, phone); v.Kind == Sound && p.Level == 20 {
			heard++
		}
		s.Receive(now, in, stranger)
		report.Receive(now, s.Build(out, 0, 160, false, payload), phone)
		if b := s.Report(now, out); len(b) > 0 {
			report.ReceiveRTCP(now, b, phone)
			reports++
		}
		_ = s.Remote()
		_ = s.Stats()
		s.Goodbye(out, "over")
		now += 20 * time.Millisecond
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if heard < 2000 || reports < 5 || report.Stats().RemoteReports == 0 {
		t.Errorf("%d heard, %d reports", heard, reports)
	}
}

func BenchmarkSession(b *testing.B) {
	s := testSession()
	in := (&talker{ssrc: 1}).next()
	out := make([]byte, 0, 1500)
	b.Run("receive", func(b *testing.B) {
		seq := uint16(0)
		for b.Loop() {
			in[2], in[3] = byte(seq>>8), byte(seq)
			seq++
			s.Receive(time.Duration(seq)*20*time.Millisecond, in, phone)
		}
	})
	b.Run("build", func(b *testing.B) {
		for b.Loop() {
			s.Build(out, 0, 160, false, in[12:])
		}
	})
}
