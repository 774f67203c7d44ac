package main

import (
	"testing"

	"trivox/media"
)

// Every reason for which a packet is dropped has a name of its own in the metrics.
func TestDropsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for d := range (media.SessionStats{}).Dropped {
		name := dropNames[media.Drop(d)]
		if (name == "") != (media.Drop(d) == media.NotDropped) || name != "" && seen[name] {
			t.Errorf("reason %d is called %q", d, name)
		}
		seen[name] = true
	}
}
