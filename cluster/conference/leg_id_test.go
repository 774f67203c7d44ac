package conference

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Names sort by the time of the call, have one length, and differ when calls come at once.
func TestLegNames(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	at, last, seen := time.UnixMilli(0), "", map[string]bool{}
	for range 1000 {
		id := newID(at, r)
		if len(id) != 16 || id[:8] <= last {
			t.Fatalf("at %v: %q after one that began with %q: need 16 characters that sort by time", at.UTC(), id, last)
		}
		last = id[:8]
		for range 10 {
			if id := newID(at, r); seen[id] {
				t.Fatalf("%q came twice", id)
			} else {
				seen[id] = true
			}
		}
		at = at.Add(time.Duration(1+r.Int64N(int64(15*24*time.Hour/time.Millisecond))) * time.Millisecond)
	}
}
