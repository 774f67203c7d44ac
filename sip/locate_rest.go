package sip

import (
	"strconv"
	"strings"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// How long a server elsewhere that failed comes last.
const (
	restUsual = 30 * time.Second
	restMost  = 5 * time.Minute // whatever its Retry-After says
)

// restingMost bounds how many servers are remembered to have failed.
const restingMost = 1024

// resting are the servers elsewhere that failed a moment ago. A call tries the other servers of its URI before them, so that
// not every call waits for one that is down. RFC 3263, 4.3
type resting struct {
	mu    sync.Mutex
	until map[hop]time.Time
}

// note has a server rest for d. Where too many do, it is not remembered.
func (r *resting) note(now time.Time, h hop, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.until) >= restingMost {
		for k, t := range r.until {
			if !now.Before(t) {
				delete(r.until, k)
			}
		}
	}
	if _, known := r.until[h]; !known && len(r.until) >= restingMost {
		return
	}
	if r.until == nil {
		r.until = make(map[hop]time.Time)
	}
	r.until[h] = now.Add(min(d, restMost))
}

// rests tells whether a server has failed a moment ago.
func (r *resting) rests(now time.Time, h hop) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, known := r.until[h]
	if known && !now.Before(t) {
		delete(r.until, h)
		return false
	}
	return known
}

// restOf is how long a server that answered 503 asks to be left alone, restUsual where it does not say. RFC 3261, 20.33
func restOf(res *sipgo.Response) time.Duration {
	v := strings.TrimSpace(headerValue(res, "retry-after", ""))
	end := 0
	for end < len(v) && '0' <= v[end] && v[end] <= '9' {
		end++
	}
	if end == 0 {
		return restUsual
	}
	n, err := strconv.ParseUint(v[:end], 10, 32)
	if err != nil {
		return restMost // more than fits
	}
	return min(time.Duration(n)*time.Second, restMost)
}
