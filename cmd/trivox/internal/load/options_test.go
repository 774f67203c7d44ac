package load

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func parse(t *testing.T, args ...string) (plan, error) {
	t.Helper()
	var o Options
	k, err := kong.New(&o, kong.Name("load"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse(args); err != nil {
		t.Fatal(err)
	}
	return o.check()
}

func TestOptions(t *testing.T) {
	p, err := parse(t, "sip:tea@127.0.0.1")
	if err != nil || p.Legs != 10 || p.Talkers != 3 || p.codec.Name != "PCMU" || p.Seconds != 20 || p.Conferences != 1 || p.Ramp != 50 || p.Threads != 1 {
		t.Errorf("%v %+v", err, p)
	}
	p, err = parse(t, "sip:tea@127.0.0.1", "--legs", "2500", "--codec", "Opus", "--local-rtp", "::1")
	if err != nil || p.Threads != 2 || p.codec.Name != "opus" || !p.local.Is6() {
		t.Errorf("%v %+v", err, p)
	}
	for args, want := range map[string]int{
		"--legs 1": 1, "--legs 2": 2, "--legs 4": 3, "--legs 4 --conferences 4": 1, "--legs 5 --conferences 3": 2, "--legs 1 --talkers 0": 0,
	} {
		if p, err := parse(t, append([]string{"sip:tea@h"}, strings.Fields(args)...)...); err != nil || p.Talkers != want {
			t.Errorf("%s: %v, %d talkers, want %d", args, err, p.Talkers, want)
		}
	}
	for _, bad := range []string{
		"tea@127.0.0.1", "tel:1", "sip:127.0.0.1", "sip:@h", "sip:tea@h --legs 0", "sip:tea@h --legs 20001", "sip:tea@h --conferences 11",
		"sip:tea@h --codec G729", "sip:tea@h --seconds 0", "sip:tea@h --ramp 0", "sip:tea@h --ramp NaN", "sip:tea@h --talkers 11", "sip:tea@h --legs 1 --talkers 3", "sip:tea@h --talkers=-2",
		"sip:tea@h --local-rtp x", "sip:tea@h --threads 3", "sip:tea@h --bitrate 1",
	} {
		if _, err := parse(t, strings.Fields(bad)...); err == nil || !strings.Contains(err.Error(), "need ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestTarget(t *testing.T) {
	for _, c := range []struct {
		uri   string
		n, of int
		want  string
	}{
		{"sip:tea@h:5070", 1, 1, "sip:tea@h:5070"},
		{"sip:tea@h;transport=tcp", 3, 50, "sip:tea3@h;transport=tcp"},
		{"sip:%d@h", 3, 50, "sip:3@h"},
		{"sip:c-%d-x@h", 1, 1, "sip:c-1-x@h"},
	} {
		u, err := parseTarget(c.uri)
		if err != nil || u.uri(c.n, c.of) != c.want {
			t.Errorf("%s: %v %s, want %s", c.uri, err, u.uri(c.n, c.of), c.want)
		}
	}
}
