package sip

import (
	"strconv"
	"strings"
	"time"
)

// leastMinSE is the smallest session interval that RFC 4028, 4 allows.
const leastMinSE = 90 * time.Second

// sessionAsk is what a request or a 2xx says about the session timer. RFC 4028, 4 and 5
type sessionAsk struct {
	expires   time.Duration // 0: no Session-Expires
	minSE     time.Duration // 0: no Min-SE
	refresher string        // "uac", "uas" or ""
	supported bool          // Supported or Require lists timer
}

// sessionPolicy is what this server wants.
type sessionPolicy struct {
	expires time.Duration // longest interval, and the one asked for when the peer names none
	minSE   time.Duration // shortest interval accepted
}

// sessionTerms is what both ends agreed on. The zero value is a session without timer.
type sessionTerms struct {
	interval time.Duration
	ours     bool // we refresh
	require  bool // the peer understands timer and refreshes: answer with Require: timer
}

// answer is the decision of a UAS about a request. ok is false when the interval asked for is
// too small (422 with Min-SE). RFC 4028, 9 (ST-1, ST-4)
func (p sessionPolicy) answer(a sessionAsk) (t sessionTerms, ok bool) {
	if a.expires > 0 && a.expires < p.minSE {
		if a.supported {
			return sessionTerms{}, false
		}
		a.expires = p.minSE // a proxy asked; the caller cannot be told, so the timer runs here
	}
	t.interval = p.expires
	if a.expires > 0 {
		t.interval = min(a.expires, p.expires)
	}
	t.interval = max(t.interval, a.minSE, p.minSE)
	// Phones list timer and never refresh, so a peer refreshes only if it asks to.
	t.ours = !a.supported || a.refresher != "uac"
	t.require = !t.ours
	return t, true
}

// confirmed gives the terms after a 2xx to a refresh of ours: the peer's word counts, and one
// that says nothing does not know the timer. It may shorten the interval, and not lengthen it. RFC 4028, 7.2 and 9
func (p sessionPolicy) confirmed(sent sessionTerms, a sessionAsk) sessionTerms {
	if a.expires <= 0 {
		return sessionTerms{interval: sent.interval, ours: true}
	}
	return sessionTerms{interval: max(min(a.expires, sent.interval), leastMinSE), ours: a.refresher != "uas"}
}

// due tells how long after the last refresh something has to happen: our refresh at half the
// interval, or BYE when the peer's has not come. RFC 4028, 10 (ST-3)
func (t sessionTerms) due() time.Duration {
	if t.ours {
		return t.interval / 2
	}
	return t.interval - min(32*time.Second, t.interval/3)
}

// refresher names who refreshes, as seen from the request that is answered: we are its UAS.
func (t sessionTerms) refresher() string {
	if t.ours {
		return "uas"
	}
	return "uac"
}

// parseSessionExpires reads a Session-Expires value; 0 when it is malformed, which counts as absent.
func parseSessionExpires(v string) (expires time.Duration, refresher string) {
	num, params, _ := strings.Cut(v, ";")
	expires = parseDeltaSeconds(num)
	for p := range strings.SplitSeq(params, ";") {
		k, val, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), "refresher") {
			refresher = strings.ToLower(strings.TrimSpace(val))
		}
	}
	return expires, refresher
}

// parseDeltaSeconds reads delta-seconds with optional parameters; 0 when malformed.
func parseDeltaSeconds(v string) time.Duration {
	num, _, _ := strings.Cut(v, ";")
	return time.Duration(max(deltaSeconds(num), 0)) * time.Second
}

// deltaSeconds reads a number of seconds; below 0 is none that can be read. RFC 3261, 25.1 (delta-seconds)
func deltaSeconds(s string) int64 {
	if n, ok := number([]byte(strings.TrimSpace(s)), 1<<32-1); ok {
		return int64(n)
	}
	return -1
}

func seconds(d time.Duration) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }
