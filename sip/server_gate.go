package sip

import (
	"sync"
	"time"
)

const (
	gatePerSecond = 20  // lines about strangers that the log takes; all are counted
	uriLogged     = 256 // bytes of a URI of theirs that a line has
)

// gate keeps strangers from filling the log.
type gate struct {
	mu     sync.Mutex
	second int64
	passed int
}

// pass says whether one more may pass at now.
func (g *gate) pass(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := now.Unix(); s != g.second {
		g.second, g.passed = s, 0
	}
	g.passed++
	return g.passed <= gatePerSecond
}
