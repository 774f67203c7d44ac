package sip

import (
	"net/netip"
	"slices"
	"sync"

	"trivox/sip/limits"
)

// askedMost bounds, in each of two generations, those of whom is known how they answer a challenge.
const askedMost = 1 << 15

// asked is a user, as the request says, at a source. What is learnt of him there changes nothing for others who say that they are him.
type asked struct {
	aor    string
	source netip.Prefix
}

// orders decides which algorithms a challenge offers. RFC 8760 wants all that are known, best first; but old phones read
// one challenge only, the first, or fail on a list with an algorithm that they do not know (pjproject#2408,
// creytiv/re#139). So what last worked is offered alone, and every second challenge in a row that is left unanswered
// offers the plainest algorithm alone: such a phone gets in at its second try. Nothing is lost by it: whoever could strip
// a challenge on its way could do so before. (RG-5)
type orders struct {
	mu         sync.Mutex
	worked     recent[asked, Algorithm] // only who knows a password is here
	unanswered recent[asked, uint8]     // challenges
}

func newOrders() *orders {
	return &orders{worked: newRecent[asked, Algorithm](askedMost), unanswered: newRecent[asked, uint8](askedMost)}
}

// next gives the algorithms for a challenge, best first, of those allowed.
func (o *orders) next(aor string, source netip.Addr, allowed []Algorithm) []Algorithm {
	if len(allowed) < 2 {
		return allowed
	}
	who := asked{aor, limits.Prefix(source)}
	o.mu.Lock()
	defer o.mu.Unlock()
	n, _ := o.unanswered.get(who)
	o.unanswered.set(who, (n+1)%4+(n+1)/4*2) // 1, 2, 3, then 2 and 3 by turns
	if n%2 == 1 {
		return allowed[len(allowed)-1:]
	}
	if a, ok := o.worked.get(who); ok && n == 0 {
		if i := slices.Index(allowed, a); i >= 0 {
			return allowed[i : i+1]
		}
	}
	return allowed
}

// heard says that a challenge was answered, rightly or wrongly.
func (o *orders) heard(aor string, source netip.Addr) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.unanswered.delete(asked{aor, limits.Prefix(source)})
}

// answered remembers what worked.
func (o *orders) answered(aor string, source netip.Addr, a Algorithm) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.worked.set(asked{aor, limits.Prefix(source)}, a)
}
