package sip

import (
	"sync"
	"time"
)

// gatePerSecond is how many lines about strangers the log takes; all are counted.
const gatePerSecond = 20

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
