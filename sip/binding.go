package sip

import (
	"context"
	"net/netip"
	"time"
)

// Binding is one way to a user: a Contact that was registered, and the flow it was registered by. RFC 3261, 10; RFC 5626
type Binding struct {
	Contact   string   // URI with its parameters, as it was registered
	Instance  string   // +sip.instance, empty when there is none
	RegID     int      // reg-id, 0 when there is none
	Q         int      // preference in thousandths, 1000 when not said
	Path      []string // Path URIs in the order of the header (RFC 3327)
	CallID    string
	CSeq      uint32
	Expires   time.Time
	Since     time.Time // when it was registered first
	UserAgent string

	Transport string         // "UDP", "TCP" or "TLS"
	Source    netip.AddrPort // where the REGISTER came from
	Local     netip.AddrPort // the address of ours it came to
	Flow      string         // names the connection in this process; empty by UDP
}

// Location keeps the bindings. Its methods are called by any goroutine. What it has returned without error survives
// the death of the process.
type Location interface {
	// Bindings are those of a user, the ones that have expired too.
	Bindings(ctx context.Context, user, domain string) ([]Binding, error)
	// Update replaces the bindings of a user by what change makes of them, atomically: no other Update of the same
	// user comes between. When change fails nothing is stored and its error is returned. change may be called again.
	Update(ctx context.Context, user, domain string, change func([]Binding) ([]Binding, error)) ([]Binding, error)
}
