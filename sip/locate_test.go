package sip

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
	"pgregory.net/rapid"
)

// locator is a server of whose sockets only the names count.
func locator(t testing.TB, d Resolver, networks ...string) *Server {
	t.Helper()
	s, err := NewServer(Config{Rooms: newRooms(), Resolver: d})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range networks {
		s.listeners = append(s.listeners, &listener{server: s, network: n, local: netip.MustParseAddrPort("192.0.2.254:5060")})
	}
	return s
}

// all gives the servers of a URI as "UDP 192.0.2.1:5060", and what was said at their end.
func (s *Server) all(t testing.TB, uri string) (found []string, why error) {
	t.Helper()
	u, err := callable(uri)
	if err != nil {
		t.Fatal(err)
	}
	networks, err := s.networksFor(u)
	if err != nil {
		return nil, err
	}
	l, err := s.locate(t.Context(), u, networks...)
	for err == nil {
		var h hop
		if h, err = l.next(t.Context()); err == nil {
			found = append(found, h.network+" "+h.remote.String())
		}
	}
	return found, err
}

// Where a URI leads. RFC 3263, 4.1 and 4.2; RFC 2782 (TR-9)
func TestLocate(t *testing.T) {
	world := dns{
		"_sip._udp.example.com": {"10 60 5070 gw1.example.com.", "10 40 5071 gw2.example.com.", "20 0 5060 gw3.example.com."},
		"_sip._tcp.example.com": {"0 0 5080 gw2.example.com."}, "_sips._tcp.example.com": {"0 0 5061 gw1.example.com."},
		"example.com": {"192.0.2.80"}, "gw1.example.com": {"192.0.2.1", "::ffff:192.0.2.11", "2001:db8::1"}, "gw2.example.com": {"192.0.2.2"},
		"gw3.example.com":     {"192.0.2.3"},
		"_sip._udp.lame.test": {"fails"}, "lame.test": {"192.0.2.4"}, "dead.test": {"fails"},
		"_sip._udp.closed.test": {"0 0 0 ."}, "closed.test": {"192.0.2.5"},
		"_sip._udp.tcp.test": {"0 0 0 ."}, "_sip._tcp.tcp.test": {"0 0 5060 gw3.example.com."},
		"_sip._udp.half.test": {"0 0 0 gw1.example.com.", "1 0 5060 gone.test.", "2 0 5060 dead.test.", "3 0 5060 gw3.example.com."},
		"_sip._udp.in.test":   {"0 0 5060 localhost.", "1 0 5060 any.in.test.", "2 0 25 gw3.example.com."},
		"localhost":           {"127.0.0.1"}, "any.in.test": {"0.0.0.0", "224.0.0.1", "169.254.169.254", "255.255.255.255", "10.0.0.1"},
		"self.test": {"127.0.1.1"}, "six.test": {"2001:db8::1"},
	}
	for _, tt := range []struct{ uri, want, why string }{
		{"sip:x@192.0.2.9", "UDP 192.0.2.9:5060", "no other server"},
		{"sip:x@192.0.2.9;transport=tcp", "TCP 192.0.2.9:5060", ""},
		{"sip:x@example.com:5060", "UDP 192.0.2.80:5060", ""},
		{"sip:x@example.com:5999;transport=tcp", "TCP 192.0.2.80:5999", ""},
		{"sip:x@example.com", "UDP 192.0.2.1:5070, UDP 192.0.2.11:5070, UDP 192.0.2.2:5071, UDP 192.0.2.3:5060, TCP 192.0.2.2:5080", ""},
		{"sip:x@EXAMPLE.com.;transport=udp", "UDP 192.0.2.1:5070, UDP 192.0.2.11:5070, UDP 192.0.2.2:5071, UDP 192.0.2.3:5060", ""},
		{"sip:x@example.com;transport=tcp", "TCP 192.0.2.2:5080", ""},
		{"sip:x@example.com;transport=tls", "TLS 192.0.2.1:5061, TLS 192.0.2.11:5061", ""},
		{"sips:x@example.com;transport=tcp", "TLS 192.0.2.1:5061, TLS 192.0.2.11:5061", ""},
		{"sip:x@gw3.example.com", "UDP 192.0.2.3:5060", ""},
		{"sips:x@gw3.example.com", "TLS 192.0.2.3:5061", ""},
		{"sip:x@lame.test", "UDP 192.0.2.4:5060", ""},
		{"sip:x@dead.test", "", "misbehaving"},
		{"sip:x@nowhere.test", "", "no such host"},
		{"sip:x@closed.test", "", "no such service"},
		{"sip:x@tcp.test", "TCP 192.0.2.3:5060", ""},
		{"sip:x@half.test", "UDP 192.0.2.3:5060", "misbehaving"},
		{"sip:x@in.test", "UDP 10.0.0.1:5060, UDP 192.0.2.3:25", "which nobody is called at by name"},
		{"sip:x@self.test", "", "self.test is 127.0.1.1 in DNS"},
		{"sip:x@LocalHost", "UDP 127.0.0.1:5060", ""},
		{"sip:x@six.test", "", "no socket of the family"},
		{"sip:x@example.com;transport=ws", "", "transport ws is not built"},
	} {
		got, why := locator(t, world, networkUDP, networkTCP, networkTLS).all(t, tt.uri)
		if strings.Join(got, ", ") != tt.want || !strings.Contains(why.Error(), tt.why) {
			t.Errorf("%s: %q, then %v; want %s, %s", tt.uri, got, why, tt.want, tt.why)
		}
	}
	for _, tt := range []struct {
		networks []string
		want     string
	}{
		{[]string{networkTCP}, "TCP 192.0.2.2:5080"}, {[]string{networkTLS}, ""},
		{[]string{networkUDP}, "UDP 192.0.2.1:5070, UDP 192.0.2.11:5070, UDP 192.0.2.2:5071, UDP 192.0.2.3:5060"},
	} {
		if got, why := locator(t, world, tt.networks...).all(t, "sip:x@example.com"); strings.Join(got, ", ") != tt.want {
			t.Errorf("%v: %q, %v", tt.networks, got, why)
		}
	}
}

// Whatever DNS says, there is an end to it, and none of it leads into this machine. (STYLE 16)
func TestLocateBounds(t *testing.T) {
	address := rapid.SampledFrom([]string{"127.0.0.1", "192.0.2.1", "192.0.2.2", "0.0.0.0", "239.1.1.1", "169.254.0.1", "::1", "2001:db8::1", "::ffff:127.0.0.1", "10.0.0.1"})
	rapid.Check(t, func(r *rapid.T) {
		d := dns{"example.com": rapid.SliceOfN(address, 0, 9).Draw(r, "addresses")}
		for i := range 4 {
			d[fmt.Sprintf("gw%d.example.com", i)] = rapid.SliceOfN(address, 0, 9).Draw(r, "addresses")
		}
		record := rapid.Custom(func(r *rapid.T) string {
			target := rapid.SampledFrom([]string{".", "gw0.example.com.", "gw1.example.com.", "gw2.example.com.", "gw3.example.com.", "gone."}).Draw(r, "target")
			return fmt.Sprintf("0 0 %d %s", rapid.Uint16().Draw(r, "port"), target)
		})
		for _, name := range []string{"_sip._udp.example.com", "_sip._tcp.example.com"} {
			d[name] = rapid.SliceOfN(record, 0, 12).Draw(r, name)
		}
		s := locator(t, d, networkUDP, networkTCP)
		found, why := s.all(t, "sip:x@example.com")
		if len(found) > recordsMost*addressesMost || why == nil {
			r.Fatalf("%d servers, %v", len(found), why)
		}
		for _, f := range found {
			at := netip.MustParseAddrPort(strings.Fields(f)[1])
			if a := at.Addr(); !slices.Contains([]string{"192.0.2.1", "192.0.2.2", "10.0.0.1"}, a.String()) || at.Port() == 0 {
				r.Fatalf("%s is called", f)
			}
		}
	})
}

// The limits are reached, and counted.
func TestLocateLimits(t *testing.T) {
	d := dns{"gw.example.com": slices.Repeat([]string{"192.0.2.1"}, addressesMost+3), "_sip._udp.example.com": slices.Repeat([]string{"0 0 5060 gw.example.com."}, recordsMost+3)}
	s := locator(t, d, networkUDP)
	found, _ := s.all(t, "sip:x@example.com")
	if n := s.count.limited.Load(); len(found) != recordsMost*addressesMost || n != recordsMost+1 {
		t.Errorf("%d servers, limited %d times", len(found), n)
	}
}

// Who was down a moment ago comes last; so many are remembered, and forgotten in time.
func TestServersRest(t *testing.T) {
	var r resting
	now := time.Now()
	at := func(i int) hop {
		return hop{networkUDP, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(i))}
	}
	r.note(now, at(1), time.Second)
	r.note(now, at(2), time.Hour)
	for _, tt := range []struct {
		after time.Duration
		h     hop
		want  bool
	}{
		{0, at(1), true}, {0, hop{networkTCP, at(1).remote}, false}, {0, at(3), false}, {time.Second, at(1), false},
		{restMost - 1, at(2), true}, {restMost, at(2), false},
	} {
		if got := r.rests(now.Add(tt.after), tt.h); got != tt.want {
			t.Errorf("%v after %v: %v", tt.h, tt.after, got)
		}
	}
	for i := range restingMost + 5 {
		r.note(now, at(i), time.Minute)
	}
	if len(r.until) != restingMost || r.rests(now, at(restingMost+1)) {
		t.Errorf("%d are remembered", len(r.until))
	}
	later := now.Add(time.Minute)
	r.note(later, at(restingMost+1), time.Minute)
	if len(r.until) != 1 || !r.rests(later, at(restingMost+1)) {
		t.Errorf("%d are remembered", len(r.until))
	}
}

// RFC 3261, 20.33
func TestRestOf(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": restUsual, "0": 0, "7": 7 * time.Second, "18000;duration=3600": restMost, "120 (in a meeting)": 2 * time.Minute, "soon": restUsual, "-1": restUsual,
		"99999999999999999999": restMost,
	} {
		res := sipgo.NewResponse(503, "Service Unavailable")
		if value != "" {
			res.AppendHeader(sipgo.NewHeader("Retry-After", value))
		}
		if got := restOf(res); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}
