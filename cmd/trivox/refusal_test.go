package main

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"trivox/cluster/conference"
	"trivox/media"
	"trivox/sip"
)

// What may be had again soon is refused with 503 and Retry-After, so that a proxy tries another server (RFC 3261, 21.5.4).
func TestRefusalOfWhatIsExhausted(t *testing.T) {
	for _, err := range []error{
		media.ErrNoPorts, conference.ErrTooMany, conference.ErrShuttingDown, conference.ErrBusy,
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
	} {
		var r *sip.Refusal
		if !errors.As(refusal(fmt.Errorf("media: socket: %w", err)), &r) || r.Code != 503 || r.RetryAfter == 0 {
			t.Errorf("%v: %v, want 503 with Retry-After", err, r)
		}
	}
}
