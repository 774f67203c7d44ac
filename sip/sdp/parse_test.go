package sdp

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
)

const plain = "v=0\r\no=- 1 2 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n"

// What phones get wrong changes nothing of what is read.
func TestTolerance(t *testing.T) {
	want, err := Parse([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	if want.Origin.Version != "2" || want.Connection.Address != "192.0.2.9" || len(want.Media) != 1 || want.Media[0].Port != 4000 {
		t.Fatalf("%+v", want)
	}
	for name, s := range map[string]string{
		"no last line end": strings.TrimSuffix(plain, "\r\n"),
		"LF only":          strings.ReplaceAll(plain, "\r\n", "\n"),
		"CR only":          strings.ReplaceAll(plain, "\r\n", "\r"),
		"empty lines":      "\r\n" + strings.ReplaceAll(plain, "\r\n", "\r\n\r\n"),
		"spaces at ends":   strings.ReplaceAll(plain, "\r\n", "  \r\n"),
		"spaces before":    strings.ReplaceAll(plain, "\r\n", "\r\n "),
		"two spaces":       strings.Replace(plain, "4000 RTP", "4000  RTP", 1),
		"unknown lines":    strings.ReplaceAll(plain, "t=0", "x=foo\r\n!!\r\ny\r\nt=0"),
		"no s= and t=":     strings.Replace(strings.Replace(plain, "s=-\r\n", "", 1), "t=0 0\r\n", "", 1),
		"no v=":            strings.TrimPrefix(plain, "v=0\r\n"),
		"odd order":        "s=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\no=- 1 2 IN IP4 192.0.2.9\r\nv=0\r\n" + plain[strings.Index(plain, "m="):],
		"a port count":     strings.Replace(plain, "4000", "4000/2", 1),
		"a second o=":      strings.Replace(plain, "m=", "o=- 3 4 IN IP4 192.0.2.1\r\nm=", 1),
	} {
		got, err := Parse([]byte(s))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\n%+v", name, err, got)
		}
	}
	got, err := Parse([]byte(strings.Replace(plain, "o=- 1", "o=My phone 1", 1)))
	if err != nil || got.Origin.User != "My phone" || got.Origin.ID != "1" {
		t.Errorf("%v %+v", err, got.Origin)
	}
}

func TestBounds(t *testing.T) {
	for name, s := range map[string]string{
		"nothing":     "",
		"no SDP":      "Signal=5\r\nDuration=160\r\n",
		"version 1":   "v=1\r\n" + plain,
		"too long":    plain + strings.Repeat("a", MaxBytes),
		"too many m=": plain + strings.Repeat("m=audio 1 RTP/AVP 0\r\n", MaxMedia),
		"too many a=": plain + strings.Repeat("a=x\r\n", MaxLines),
	} {
		if d, err := Parse([]byte(s)); err == nil {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if d, err := Parse([]byte(strings.Repeat("m=audio 1 RTP/AVP 0\r\n", MaxMedia))); err != nil || len(d.Media) != MaxMedia {
		t.Errorf("%v", err)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, c := range realOffers {
		f.Add(crlf(c.offer))
	}
	f.Add([]byte(plain))
	f.Add(crlf(head + "m=holo 1 FOO/BAR x y\nm=audio 5000 RTP/AVP 18 0\na=group:BUNDLE a\nm=text\nm=\n"))
	us := ours()
	f.Fuzz(func(t *testing.T, b []byte) {
		answer, m, err := Answer(b, us, nil)
		if err != nil {
			return
		}
		checkAnswer(t, b, answer, m)
		_, again, err := Answer(b, us, &m)
		if err != nil || again.Version != m.Version || !again.Same {
			t.Errorf("the same offer again: %v, version %d after %d", err, again.Version, m.Version)
		}
		offer := Offer(us, &m)
		if d, err := Parse(offer); err != nil || len(d.Media) != len(m.Others) {
			t.Errorf("our next offer: %v\n%s", err, offer)
		}
	})
}

func FuzzAccept(f *testing.F) {
	for _, c := range realOffers {
		f.Add(crlf(c.offer))
	}
	us := ours()
	offer := Offer(us, nil)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Accept(offer, b, us, nil)
		if err != nil {
			return
		}
		if _, ok := same(us.Codecs, m.Codec); !ok {
			t.Errorf("took %+v", m.Codec)
		}
		if m.Remote.IsValid() && !sendable(m.Remote.Addr()) {
			t.Errorf("would send to %v", m.Remote)
		}
	})
}

// BenchmarkLongOffer is the worst a stranger can send in one datagram.
func BenchmarkLongOffer(b *testing.B) {
	var s strings.Builder
	s.WriteString(strings.TrimSuffix(plain, "\r\n") + "\r\nm=audio 1 RTP/AVP")
	for pt := range 128 {
		s.WriteString(" " + strconv.Itoa(pt))
	}
	for s.Len() < MaxBytes-40 && strings.Count(s.String(), "\n") < MaxLines-2 {
		s.WriteString("\r\na=rtpmap:127 x/8000")
	}
	offer := []byte(s.String())
	us := ours()
	us.Codecs = us.Codecs[:1]
	for b.Loop() {
		if _, _, err := Answer(offer, us, nil); err == nil {
			b.Fatal("took it")
		}
	}
}
