package media

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
)

func TestSessionBuilds(t *testing.T) {
	s := testSession()
	var p rtp.Packet
	seq, stamp := uint16(100), uint32(5000)
	for i := range 70000 {
		samples := uint32(160 + i%3)
		b := s.Build(nil, 8, samples, i%5 == 0, []byte("abc"))
		if err := p.Unmarshal(b); err != nil {
			t.Fatal(err)
		}
		if p.SequenceNumber != seq || p.Timestamp != stamp || p.SSRC != 0x1000 || p.PayloadType != 8 || p.Marker != (i%5 == 0) || string(p.Payload) != "abc" {
			t.Fatalf("packet %d: %v", i, p)
		}
		seq++
		stamp += samples
		if i%1000 == 0 {
			s.Skip(480)
			stamp += 480
		}
		if i == 30000 { // a re-INVITE changes nothing here
			s.Update(0, testTerms())
		}
	}
	if st := s.Stats(); st.Sent != 70000 || st.SentOctets != 210000 {
		t.Errorf("%+v", st)
	}
	terms := testTerms()
	terms.LevelID = 5
	s.Update(0, terms)
	if err := p.Unmarshal(s.BuildLevel([]byte{}, 0, 160, false, Level{Voice: true, DBov: 30}, []byte("xyz"))); err != nil {
		t.Fatal(err)
	}
	var level rtp.AudioLevelExtension
	if err := level.Unmarshal(p.GetExtension(5)); err != nil || level.Level != 30 || !level.Voice || string(p.Payload) != "xyz" {
		t.Errorf("%v: level %+v, %v", p, level, err)
	}
	s.Update(0, testTerms())
	if err := p.Unmarshal(s.BuildLevel(nil, 0, 160, false, Level{}, nil)); err != nil || p.Extension {
		t.Errorf("an extension that was not agreed on: %v, %v", p, err)
	}
}

// RFC 3711, 3.3.1: a first sequence number of 2^15 or more could be taken for a wrap.
func TestSessionDrawsItsNumbers(t *testing.T) {
	seen := map[uint32]bool{}
	for i := range uint64(200) {
		s := NewSession(SessionConfig{Rand: rand.New(rand.NewPCG(i, 0)), Terms: testTerms()})
		if s.seq >= 1<<15 || s.ssrc == 0 || seen[s.ssrc] {
			t.Errorf("seq %d, SSRC %d", s.seq, s.ssrc)
		}
		seen[s.ssrc] = true
	}
}

// RT-12: our own packets that come back are dropped and counted, whatever else is going on.
func TestSessionLoop(t *testing.T) {
	s := testSession()
	now := time.Duration(0)
	k := &talker{ssrc: 1}
	for range 50 {
		b := s.Build(nil, 0, 160, false, make([]byte, 160))
		if _, v := s.Receive(now, b, phone); v.Drop != Looped {
			t.Fatalf("%+v", v)
		}
		if got := hears(s, &now, k, phone, 1); got != 1 {
			t.Fatal("the peer is not heard beside the loop")
		}
		if _, v := s.Receive(now, b, stranger); v.Drop != Foreign {
			t.Fatalf("a stranger with our SSRC: %+v", v)
		}
	}
	if st := s.Stats(); st.Loops != 50 || st.Collisions != 0 || s.SSRC() != 0x1000 {
		t.Errorf("%+v", st)
	}
}

// RFC 3550, 8.2: the peer has our SSRC by chance. It is heard, and we take another.
func TestSessionCollision(t *testing.T) {
	s := testSession()
	for range 10 {
		s.Build(nil, 0, 160, false, make([]byte, 160))
	}
	now := time.Duration(0)
	k := &talker{ssrc: 0x1000, seq: 40000, stamp: 1 << 30}
	if got := hears(s, &now, k, phone, 10); got != 10 {
		t.Errorf("%d of 10 heard", got)
	}
	if s.SSRC() == 0x1000 || s.Stats().Collisions != 1 {
		t.Errorf("SSRC %#x, %+v", s.SSRC(), s.Stats())
	}
	// Whoever returns that one too is a loop, not chance.
	k = &talker{ssrc: s.SSRC(), seq: 20000, stamp: 1 << 29}
	if got := hears(s, &now, k, phone, 10); got != 0 || s.Stats().Loops != 10 {
		t.Errorf("%d of 10 heard, %+v", got, s.Stats())
	}
	if b := s.Report(now, nil); len(b) == 0 || !saysBye(t, b, 0x1000) {
		t.Errorf("no BYE for the old SSRC: %x", b)
	}
	if b := s.Report(now, nil); len(b) != 0 {
		t.Errorf("another report at once: %x", b)
	}
}

// A peer that takes whatever SSRC we have, each time from another port, does not make us change for ever.
func TestSessionCollisionsAreBounded(t *testing.T) {
	s := testSession()
	for i := range uint16(20) {
		from := netip.AddrPortFrom(phone.Addr(), 5000+i)
		s.Receive(0, (&talker{ssrc: s.SSRC(), seq: 40000, stamp: 1 << 30}).next(), from)
	}
	if st := s.Stats(); st.Collisions != maxCollisions || st.Loops != 20-maxCollisions {
		t.Errorf("%+v", st)
	}
}
