package main

import "testing"

// flat is the most that memory may grow, in bytes a call (DESIGN 11).
const flat = 100

// Two thousand calls made and ended leave nothing behind: goroutines, sockets and port pairs are what they were, and
// memory is flat as far as so few calls can tell. The collector runs often here (GOGC), or it would move the resident
// memory by more than a leak could in so short a time; and the trend may be off by three times its standard error.
// Ten thousand calls tell without either: see TestSoakTenThousandCalls.
func TestTwoThousandCalls(t *testing.T) {
	t.Parallel()
	if slope, doubt := comings(t, 2000, 2*remembered, "GOGC=20"); slope > flat+3*doubt {
		t.Errorf("memory grows by %.0f bytes a call, give or take %.0f; want under %d", slope, doubt, flat)
	}
}
