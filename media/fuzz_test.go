package media

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// FuzzRTP: what we take, pion takes too and reads alike; nothing a stranger sends harms a Session.
func FuzzRTP(f *testing.F) {
	f.Add((&talker{ssrc: 1}).next(), uint8(1))
	f.Add([]byte{0xb1, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 9, 0xbe, 0xde, 0, 1, 0x10, 0x85, 0, 0, 'x', 1}, uint8(1))
	f.Add([]byte{0x90, 0x80, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x10, 0, 0, 1, 1, 1, 0x85, 0, 'x'}, uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, id uint8) {
		s := testSession(func(c *SessionConfig) { c.Terms.LevelID = id })
		for range 3 {
			s.Receive(0, b, phone)
		}
		h, ok := parseRTP(b)
		h.extensions.Find(id)
		if !ok {
			return
		}
		if len(h.payload) > len(b)-rtpHeaderSize || len(h.extensions.Body)%4 != 0 {
			t.Errorf("%+v of %d bytes", h, len(b))
		}
		var p rtp.Packet
		if err := p.Unmarshal(b); err != nil {
			return // pion also refuses extensions that are malformed inside, we only pass them over
		}
		if p.SequenceNumber != h.seq || p.Timestamp != h.timestamp || p.SSRC != h.ssrc || p.PayloadType != h.pt || p.Marker != h.marker || !bytes.Equal(p.Payload, h.payload) {
			t.Errorf("pion reads %v, we %+v", p, h)
		}
		if p.Extension && id != 0 && (p.ExtensionProfile == 0xbede && id < 15 || p.ExtensionProfile == 0x1000) {
			want := p.GetExtension(id)
			if got, ok := h.extensions.Find(id); ok != (want != nil) || !bytes.Equal(got, want) {
				t.Errorf("element %d: pion has %x, we %x", id, want, got)
			}
		}
	})
}

// FuzzRTCP: nothing that comes as RTCP harms a Session or what it reports next; what it takes adds up.
func FuzzRTCP(f *testing.F) {
	for _, p := range [][]rtcp.Packet{
		{&rtcp.SenderReport{SSRC: 1, NTPTime: 5 << 32, Reports: []rtcp.ReceptionReport{{SSRC: 0x1000, LastSenderReport: 4, Delay: 3, Jitter: 1}}}},
		{&rtcp.ReceiverReport{SSRC: 1}, &rtcp.Goodbye{Sources: []uint32{1}, Reason: "x"}},
		{&rtcp.ExtendedReport{SenderSSRC: 1, Reports: []rtcp.ReportBlock{&rtcp.ReceiverReferenceTimeReportBlock{NTPTimestamp: 1 << 40}}}},
	} {
		b, err := rtcp.Marshal(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := testSession()
		now := time.Hour
		s.Report(now, nil)
		hears(s, &now, &talker{ssrc: 1}, phone, 3)
		s.ReceiveRTCP(now, b, phone)
		st := s.Stats()
		if st.RemoteReports+st.BadReports != 1 || st.RoundTrip < 0 || st.RoundTrip > maxRoundTrip || st.RemoteJitter < 0 {
			t.Errorf("%+v", st)
		}
		if _, err := rtcp.Unmarshal(s.Report(now+time.Minute, nil)); err != nil {
			t.Errorf("our report after it: %v", err)
		}
	})
}

// FuzzInfo: any body is a digit or an error.
func FuzzInfo(f *testing.F) {
	for _, body := range []string{"Signal=5\r\nDuration=160\r\n", " Signal = 11", "d=1", "#", "\r\n=\r\n"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := ParseInfo(body)
		if err == nil && (bytes.IndexByte([]byte(keys), d.Key) < 0 || d.Duration < 0 || d.Duration > longestDuration) {
			t.Errorf("%+v", d)
		}
	})
}

// FuzzEvents: any sequence of event payloads makes at most one digit for each new timestamp or key.
func FuzzEvents(f *testing.F) {
	f.Add([]byte{1, 0x0a, 0, 160, 1, 0x8a, 1, 64}, uint32(0), uint8(20))
	f.Add([]byte{3, 10, 0xff, 0xff, 3, 10, 0, 1}, uint32(1), uint8(200))
	f.Fuzz(func(t *testing.T, b []byte, stamp uint32, gap uint8) {
		d := NewDigits(8000)
		now, got, sent := time.Duration(0), 0, 0
		for ; len(b) >= 4; b = b[4:] {
			if b[0]&0x40 != 0 {
				stamp += uint32(b[1])
			}
			d.Receive(now, stamp, b[:4:4])
			sent++
			now += time.Duration(gap) * time.Millisecond
			d.Expire(now)
			for digit, ok := d.Next(); ok; digit, ok = d.Next() {
				if got++; digit.Duration < 0 || digit.Duration > longestDigit {
					t.Errorf("%+v", digit)
				}
			}
		}
		d.Receive(now, stamp, b)
		if got > sent {
			t.Errorf("%d digits of %d packets", got, sent)
		}
	})
}
