package media

import (
	"net/netip"
	"time"
)

// Settings of who is heard (RT-4).
const (
	packetsToMove  = 3                      // of the known source, from a new port
	packetsToEnter = 2                      // of an unknown source, in sequence (RFC 3550, A.1)
	silenceToYield = 500 * time.Millisecond // a source silent so long gives way to another
	windowOfUpdate = 5 * time.Second        // after signalling another source may take over
	settleOfSSRC   = time.Second            // a port that changed its SSRC so lately must prove the next
)

// latch decides which source is heard on a leg's port, and where the leg's sound is sent to.
// Nobody is heard from an address that signalling did not name, unless the peer is behind NAT: then
// the first valid source is taken, and its address is the one from then on; with SRTP whoever has the
// key is the peer, from wherever it comes.
type latch struct {
	named   netip.AddrPort // by SDP
	nat     bool
	target  netip.AddrPort // where to send
	from    netip.AddrPort // of the source heard; invalid: none yet
	ssrc    uint32
	heard   time.Duration // when, last
	changed time.Duration // when the SSRC changed on one port, last
	changes bool
	opened  time.Duration // end of the window after signalling
	trial   trial

	authentic bool // packets are known to be the peer's: it is judged only of those that SRTP let in
}

// trial is a source that is not heard yet.
type trial struct {
	from  netip.AddrPort
	ssrc  uint32
	next  uint16
	count int
}

type hearing uint8

const (
	notHeard hearing = iota // a rival, or one on trial
	foreign                 // from an address that nobody named
	known                   // the source heard so far
	moved                   // the same source, from a new port
	entered                 // another source takes over
)

// name takes what signalling says. Another address than before is sent to at once, but a peer behind
// NAT that is latched to already is sent to where it is heard from.
func (l *latch) name(now time.Duration, named netip.AddrPort, nat bool) {
	switch {
	case !Sendable(named): // hold by RFC 2543, or nonsense: nothing is sent
		l.target = netip.AddrPort{}
	case nat && l.from.IsValid():
		l.target = l.from
	case named != l.named || !l.target.IsValid():
		l.target = named
	}
	l.named, l.nat = named, nat
	l.opened = now + windowOfUpdate
}

// allows tells whether a source at this IP address may be heard at all.
func (l *latch) allows(now time.Duration, ip netip.Addr) bool {
	if l.named.IsValid() && ip == l.named.Addr() {
		return true
	}
	return l.nat && (l.authentic || !l.from.IsValid() || ip == l.from.Addr() || now < l.opened)
}

// hears tells whether this is the source heard so far.
func (l *latch) hears(from netip.AddrPort, ssrc uint32) bool {
	return l.from.IsValid() && from == l.from && ssrc == l.ssrc
}

// judge takes one packet with a payload type we know and decides whether it is heard.
func (l *latch) judge(now time.Duration, from netip.AddrPort, ssrc uint32, seq uint16) hearing {
	if l.hears(from, ssrc) {
		l.heard = now
		if l.trial.ssrc == ssrc || l.trial.from == from { // it has not left its port, nor changed its SSRC
			l.trial.count = 0
		}
		return known
	}
	if !l.allows(now, from.Addr()) {
		return foreign
	}
	need, ok := l.needs(now, from, ssrc)
	if !ok || l.try(from, ssrc, seq) < need {
		return notHeard
	}
	return l.enter(now, from, ssrc)
}

// needs is how many packets in sequence the source must send before it is heard; ok is false when it
// is not heard at all now.
func (l *latch) needs(now time.Duration, from netip.AddrPort, ssrc uint32) (need int, ok bool) {
	switch {
	case from == l.from: // another SSRC
		if l.changes && now-l.changed < settleOfSSRC {
			return packetsToEnter, true
		}
		return 1, true
	case !l.from.IsValid(), now < l.opened, now-l.heard >= silenceToYield:
		if from == l.named {
			return 1, true
		}
		return packetsToEnter, true
	case ssrc == l.ssrc: // another port
		return packetsToMove, true
	}
	return 0, false
}

// try counts the packets in sequence of the source on trial.
func (l *latch) try(from netip.AddrPort, ssrc uint32, seq uint16) int {
	t := &l.trial
	if t.from != from || t.ssrc != ssrc || t.next != seq {
		t.count = 0
	}
	*t = trial{from: from, ssrc: ssrc, next: seq + 1, count: t.count + 1}
	return t.count
}

// enter makes this the source that is heard. Where it is sent to follows it when the peer is behind
// NAT, or has so far sent from where it receives (RFC 4961), as NAT rebinding and phones that change
// ports need; a peer that sends from another port than it named is sent to where it said.
func (l *latch) enter(now time.Duration, from netip.AddrPort, ssrc uint32) hearing {
	result := entered
	switch {
	case ssrc == l.ssrc && l.from.IsValid():
		result = moved
	case from == l.from:
		l.changed, l.changes = now, true
	}
	if l.nat || l.from.IsValid() && l.target == l.from || from == l.named {
		l.target = from
	}
	if from != l.from {
		l.opened = 0
	}
	l.from, l.ssrc, l.heard = from, ssrc, now
	l.trial = trial{}
	return result
}
