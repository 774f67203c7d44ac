package sip

import (
	"testing"
	"time"
)

func TestGate(t *testing.T) {
	var g gate
	now := time.Unix(100, 0)
	for second := range 3 {
		passed := 0
		for range 5 * gatePerSecond {
			if g.pass(now.Add(time.Duration(second) * time.Second)) {
				passed++
			}
		}
		if passed != gatePerSecond {
			t.Errorf("second %d: %d passed, want %d", second, passed, gatePerSecond)
		}
	}
}
