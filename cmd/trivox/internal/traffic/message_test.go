package traffic

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMessages(t *testing.T) {
	res := []byte("SIP/2.0 200 OK\r\nv: SIP/2.0/UDP 127.0.0.1:5;branch=z9hG4bKload-1f.;rport\r\nTO: <sip:a@b>;tag=x\r\nm:  \"A <b>\" <sip:a@1.2.3.4;x=1>;q=1\r\n" +
		"Record-Route: <sip:p1;lr>\r\nrecord-route: <sip:p2;lr>\r\n\r\nTo: body\r\n")
	if n, ok := branchOf(res); n != 0x1f || !ok || status(res) != 200 || !isResponse(res) {
		t.Errorf("branch %x %v, status %d", n, ok, status(res))
	}
	if to, contact := string(header(res, "To", "t")), string(address(header(res, "Contact", "m"))); to != "<sip:a@b>;tag=x" || contact != "b" && contact != "sip:a@1.2.3.4;x=1" {
		t.Errorf("To %q, Contact %q", to, contact)
	}
	var routes []string
	for _, r := range all(res, "Record-Route", "") {
		routes = append(routes, string(r))
	}
	if !slices.Equal(routes, []string{"<sip:p1;lr>", "<sip:p2;lr>"}) {
		t.Errorf("Record-Route %q", routes)
	}
	for _, other := range []string{"", "SIP/2.0 ", "SIP/2.0 2x0 OK", "SIP/2.0 700 X", "branch=z9hG4bKload-", "z9hG4bKload-zz.", "z9hG4bKload-12345678901234567."} {
		if _, ok := branchOf([]byte(other)); ok || status([]byte(other)) != 0 {
			t.Errorf("%q is something", other)
		}
	}
	for v, want := range map[string]string{"<sip:a>": "sip:a", "sip:a;x": "sip:a", "  sip:a ": "sip:a", "": ""} {
		if got := string(address([]byte(v))); got != want {
			t.Errorf("%q: %q", v, got)
		}
	}
	got := string(answer([]byte("BYE sip:a SIP/2.0\r\nVia: 1\r\nVia: 2\r\nf: me\r\nTo: you\r\nX: y\r\nCall-ID: c\r\nCSeq: 1 BYE\r\n\r\n"), "200 OK"))
	if got != "SIP/2.0 200 OK\r\nVia: 1\r\nVia: 2\r\nf: me\r\nTo: you\r\nCall-ID: c\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n" {
		t.Errorf("%q", got)
	}
}

// Whatever comes by the wire does no harm.
func FuzzMessage(f *testing.F) {
	f.Add([]byte("SIP/2.0 401 X\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKload-1.\r\nWWW-Authenticate: Digest realm=\"r\\\", nonce=\"n\", qop=auth\r\n\r\n"))
	f.Add([]byte("BYE sip:a SIP/2.0\r\nVia: x\r\n\r\n"))
	f.Add([]byte("WWW-Authenticate:Digest nonce=,=\"\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		status(b)
		branchOf(b)
		address(header(b, "Contact", "m"))
		if out := answer(b, "200 OK"); !strings.HasSuffix(string(out), "\r\n\r\n") {
			t.Errorf("%q", out)
		}
		c := credentials{user: "u", password: "p"}
		if c.challenged(b) && len(c.append(nil, "REGISTER", "sip:d")) == 0 {
			t.Error("a challenge has no answer")
		}
	})
}

func TestOptions(t *testing.T) {
	good := Common{Parallel: 1, Seconds: 1, Sockets: 1, Users: 1, User: "u"}
	for _, c := range []struct {
		uri    string
		change func(*Signal)
		want   string
	}{
		{"sip:tea@h", nil, ""}, {"SIP:tea@h:5070", nil, ""}, {"sip:tea@[::1]:5070", nil, ""},
		{"sips:tea@h", nil, "need sip:"}, {"tea", nil, "need sip:"}, {"sip:tea@", nil, "need sip:"}, {"sip:tea@h;transport=tcp", nil, "without parameters"},
		{"sip:h", nil, "need sip:room@host"},
		{"sip:tea@h", func(s *Signal) { s.Rate = -1 }, "--rate"}, {"sip:tea@h", func(s *Signal) { s.Seconds = 0 }, "--seconds"},
		{"sip:tea@h", func(s *Signal) { s.Local = "::1" }, ""}, {"sip:tea@h", func(s *Signal) { s.Local = "here" }, `--local "here"`},
		{"sip:tea@h", func(s *Signal) { s.Parallel = 0 }, "--parallel"}, {"sip:tea@h", func(s *Signal) { s.Sockets = 65 }, "--sockets"},
		{"sip:tea@h", func(s *Signal) { s.Users = 2 }, "need %d in it"}, {"sip:tea@h", func(s *Signal) { s.User = "a b" }, "need plain words"},
		{"sip:tea@h", func(s *Signal) { s.Rooms = 0 }, "--rooms"}, {"sip:tea@h", func(s *Signal) { s.Hold = -1 }, "--hold"},
	} {
		s := Signal{URI: c.uri, Common: good, Rooms: 1}
		if c.change != nil {
			c.change(&s)
		}
		_, err := s.check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.uri, err, c.want)
		}
	}
	for uri, want := range map[string]string{"sip:h": "", "sip:a@h": "no user part", "h": "need sip:"} {
		r := Register{URI: uri, Common: good, Expires: 60}
		if _, err := r.check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", uri, err)
		}
	}
	s := Signal{Common: Common{User: "u%d"}, Rooms: 3}
	tea := target{user: "tea", host: "::1", port: "5070"}
	if got := s.room(tea, 1); got != "sip:tea2@[::1]:5070" {
		t.Error(got)
	}
	if got := s.room(target{user: "a%db", host: "h", port: "5060"}, 1) + " " + s.name(4); got != "sip:a2b@h u5" {
		t.Error(got)
	}
}

// Quantiles are those of a sorted list, to the end of a step.
func TestLatencies(t *testing.T) {
	var l, other latencies
	if l.spread() != nil {
		t.Error("nothing has a spread")
	}
	var list []time.Duration
	d := 17 * time.Microsecond
	for i := range 3000 {
		d = (d*1103515245 + 12345) % (3 * time.Second)
		if d < 0 {
			d = -d
		}
		list = append(list, d)
		if i%2 == 0 {
			l.add(d)
		} else {
			other.add(d)
		}
	}
	l.merge(&other)
	slices.Sort(list)
	for _, q := range []float64{0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1} {
		want := list[max(0, int(q*float64(len(list)))-1)]
		if got := l.quantile(q); got < want || got > want+2*coarseStep+list[len(list)-1]/100 {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
	if l.worst != list[len(list)-1] || l.n != 3000 {
		t.Errorf("worst %v of %d", l.worst, l.n)
	}
	l.add(time.Hour)
	l.add(-time.Second)
	if l.quantile(1) != time.Hour {
		t.Error("an hour is not the worst")
	}
}
