package sip

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// RFC 4028, 9 and the table of the refresher (ST-1, ST-4)
func TestSessionAnswer(t *testing.T) {
	const s = time.Second
	policy := sessionPolicy{expires: 1800 * s, minSE: 90 * s}
	tests := []struct {
		name string
		ask  sessionAsk
		want sessionTerms
		ok   bool
	}{
		{"nothing asked, timer not known: we refresh", sessionAsk{}, sessionTerms{1800 * s, true, false}, true},
		{"timer known, no interval: ours", sessionAsk{supported: true}, sessionTerms{1800 * s, true, false}, true},
		{"interval, nobody named: we refresh, for phones that never do (Q17)", sessionAsk{expires: 600 * s, supported: true}, sessionTerms{600 * s, true, false}, true},
		{"the caller refreshes", sessionAsk{expires: 600 * s, refresher: "uac", supported: true}, sessionTerms{600 * s, false, true}, true},
		{"the caller wants us to refresh", sessionAsk{expires: 600 * s, refresher: "uas", supported: true}, sessionTerms{600 * s, true, false}, true},
		{"longer than ours is shortened", sessionAsk{expires: 7200 * s, refresher: "uac", supported: true}, sessionTerms{1800 * s, false, true}, true},
		{"never below the peer's Min-SE", sessionAsk{expires: 7200 * s, minSE: 3600 * s, supported: true}, sessionTerms{3600 * s, true, false}, true},
		{"exactly the minimum (Q16)", sessionAsk{expires: 90 * s, supported: true}, sessionTerms{90 * s, true, false}, true},
		{"too small: 422", sessionAsk{expires: 89 * s, supported: true}, sessionTerms{}, false},
		{"too small but the caller does not know the timer: a proxy asked", sessionAsk{expires: 60 * s}, sessionTerms{90 * s, true, false}, true},
		{"uac named without timer supported: still us", sessionAsk{expires: 300 * s, refresher: "uac"}, sessionTerms{300 * s, true, false}, true},
	}
	for _, tt := range tests {
		got, ok := policy.answer(tt.ask)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: %+v %v, want %+v %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

// RFC 4028, 7.2: what the 2xx to our refresh says.
func TestSessionConfirmed(t *testing.T) {
	const s = time.Second
	policy := sessionPolicy{expires: 1800 * s, minSE: 90 * s}
	sent := sessionTerms{interval: 1800 * s, ours: true}
	tests := []struct {
		name string
		ask  sessionAsk
		want sessionTerms
	}{
		{"the peer does not know the timer", sessionAsk{}, sessionTerms{interval: 1800 * s, ours: true}},
		{"shortened, we go on", sessionAsk{expires: 600 * s, refresher: "uac"}, sessionTerms{interval: 600 * s, ours: true}},
		{"the peer takes over", sessionAsk{expires: 600 * s, refresher: "uas"}, sessionTerms{interval: 600 * s}},
		{"refresher missing means uac, which is us (ST-4)", sessionAsk{expires: 600 * s}, sessionTerms{interval: 600 * s, ours: true}},
		{"lengthened, which it may not", sessionAsk{expires: 1<<31*s - s, refresher: "uas"}, sessionTerms{interval: 1800 * s}},
		{"absurdly short", sessionAsk{expires: 1 * s}, sessionTerms{interval: 90 * s, ours: true}},
	}
	for _, tt := range tests {
		if got := policy.confirmed(sent, tt.ask); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// RFC 4028, 10 (ST-3): refresh at N/2, BYE at N - min(32, N/3).
func TestSessionDue(t *testing.T) {
	const s = time.Second
	for _, tt := range []struct {
		terms sessionTerms
		want  time.Duration
	}{
		{sessionTerms{interval: 1800 * s, ours: true}, 900 * s},
		{sessionTerms{interval: 90 * s, ours: true}, 45 * s},
		{sessionTerms{interval: 1800 * s}, 1768 * s},
		{sessionTerms{interval: 90 * s}, 60 * s},
		{sessionTerms{interval: 96 * s}, 64 * s},
		{sessionTerms{interval: 99 * s}, 67 * s},
	} {
		if got := tt.terms.due(); got != tt.want {
			t.Errorf("%+v: due %v, want %v", tt.terms, got, tt.want)
		}
	}
}

// Whatever a peer asks for, the interval is one that RFC 4028 allows and the BYE comes before it ends.
func TestSessionBounds(t *testing.T) {
	policy := sessionPolicy{expires: 1800 * time.Second, minSE: 120 * time.Second}
	rapid.Check(t, func(t *rapid.T) {
		a := sessionAsk{
			expires:   time.Duration(rapid.IntRange(0, 100000).Draw(t, "expires")) * time.Second,
			minSE:     time.Duration(rapid.IntRange(0, 86400).Draw(t, "minse")) * time.Second,
			refresher: rapid.SampledFrom([]string{"", "uac", "uas"}).Draw(t, "refresher"),
			supported: rapid.Bool().Draw(t, "supported"),
		}
		terms, ok := policy.answer(a)
		if !ok {
			if !a.supported || a.expires >= policy.minSE {
				t.Fatalf("422 for %+v", a)
			}
			return
		}
		if terms.interval < policy.minSE || terms.interval < a.minSE || terms.due() <= 0 || terms.due() >= terms.interval {
			t.Fatalf("%+v gave %+v due %v", a, terms, terms.due())
		}
		if terms.require && !a.supported {
			t.Fatalf("timer required of a peer that does not know it: %+v", a)
		}
	})
}

func TestParseSessionExpires(t *testing.T) {
	for _, tt := range []struct {
		v         string
		expires   time.Duration
		refresher string
	}{
		{"90", 90 * time.Second, ""},
		{" 1800 ; refresher = UAS ", 1800 * time.Second, "uas"},
		{"1800;x=1;refresher=uac", 1800 * time.Second, "uac"},
		{"", 0, ""}, {"soon", 0, ""}, {"-1", 0, ""}, {"99999999999999", 0, ""},
	} {
		if e, r := parseSessionExpires(tt.v); e != tt.expires || r != tt.refresher {
			t.Errorf("%q: %v %q, want %v %q", tt.v, e, r, tt.expires, tt.refresher)
		}
	}
}

func FuzzParseSessionExpires(f *testing.F) {
	f.Add("1800;refresher=uac")
	f.Add(";;;=")
	f.Fuzz(func(t *testing.T, v string) {
		if e, _ := parseSessionExpires(v); e < 0 || e%time.Second != 0 {
			t.Fatalf("%q: %v", v, e)
		}
	})
}
