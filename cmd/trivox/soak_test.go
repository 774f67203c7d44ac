//go:build soak

package main

import "testing"

// flat is the most that memory may grow, in bytes a call (DESIGN 11).
const flat = 100

// Ten thousand calls made and ended leave nothing behind, and memory is flat (DESIGN 11). They begin when the collector
// has gone round a few times with as many calls remembered as ever will be.
func TestSoakTenThousandCalls(t *testing.T) {
	if slope, _ := comings(t, 10000, 3*remembered); slope > flat {
		t.Errorf("memory grows by %.0f bytes a call, want under %d", slope, flat)
	}
}
