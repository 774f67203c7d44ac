package sip

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// What is asked of a phone that answers nothing, and of one that does.
func TestOrders(t *testing.T) {
	both := []Algorithm{SHA256, MD5}
	o := newOrders()
	next := func(want ...Algorithm) {
		t.Helper()
		if got := o.next("alice@example.com", phoneA, both); !slices.Equal(got, want) {
			t.Errorf("asked %v, want %v", got, want)
		}
	}
	next(SHA256, MD5)
	next(MD5) // it did not answer: an old one
	o.heard("alice@example.com", phoneA)
	o.answered("alice@example.com", phoneA, MD5)
	next(MD5)
	next(MD5) // by turns from here
	next(SHA256, MD5)
	next(MD5)
	next(SHA256, MD5)
	o.heard("alice@example.com", phoneA)
	o.answered("alice@example.com", phoneA, SHA256)
	next(SHA256)
	if got := o.next("alice@example.com", phoneB, both); !slices.Equal(got, both) {
		t.Errorf("somebody else was asked %v: he learns how alice's phone is", got)
	}
	if got := o.next("alice@example.com", phoneA, []Algorithm{MD5}); !slices.Equal(got, []Algorithm{MD5}) {
		t.Errorf("asked %v", got)
	}
	o.heard("alice@example.com", phoneA)
	o.answered("alice@example.com", phoneA, SHA512256)
	next(SHA256, MD5) // what worked is allowed no more
}

// Strangers fill neither table beyond its bound, and not that of what worked at all. (STYLE 16)
func TestOrdersAreBounded(t *testing.T) {
	o := newOrders()
	o.answered("alice@example.com", phoneA, MD5)
	for i := range 3 * askedMost {
		o.next(fmt.Sprintf("user%d@example.com", i), netip.AddrFrom4([4]byte{10, 0, 0, 1}), []Algorithm{SHA256, MD5})
	}
	if n := o.unanswered.len(); n > 2*askedMost {
		t.Errorf("%d entries", n)
	}
	if got := o.next("alice@example.com", phoneA, []Algorithm{SHA256, MD5}); !slices.Equal(got, []Algorithm{MD5}) {
		t.Errorf("asked %v: what worked was forgotten", got)
	}
}
