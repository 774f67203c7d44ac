package main

import "testing"

// few is what two thousand calls can tell of a trend: without a leak it was between -112 and 180 bytes a call, since
// the collector moves the resident memory more than a leak of so little could. What the server holds for one call is
// more than this: 1.5 kB for a call that is over. Ten thousand calls tell exactly: see TestSoakTenThousandCalls.
const few = 400

// Two thousand calls made and ended leave nothing behind: goroutines, sockets and port pairs are what they were, and
// memory is flat as far as so few calls can tell, with a collector that runs often (GOGC): the trend does not exceed the
// limit by more than its own uncertainty, which a busy machine makes larger.
func TestTwoThousandCalls(t *testing.T) {
	t.Parallel()
	if slope, doubt := comings(t, 2000, 2*remembered, "GOGC=20"); slope-doubt > few {
		t.Errorf("memory grows by %.0f bytes a call, give or take %.0f; want under %d", slope, doubt, few)
	}
}
