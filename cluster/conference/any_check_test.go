package conference

import (
	"slices"
	"testing"
	"time"
)

// check is what is true in every slot.
func (x *hustle) check() {
	x.t.Helper()
	if got := x.ports.InUse(); got != len(x.members) {
		x.t.Errorf("%d port pairs for %d calls", got, len(x.members))
	}
	if got := int(x.worker.legs.Load()); got != len(x.members) {
		x.t.Errorf("the worker believes in %d legs of %d", got, len(x.members))
	}
	lines := 0
	for _, c := range x.worker.conferences {
		lines += len(c.lines)
		x.checkConference(c)
	}
	if lines != len(x.members) || len(x.server.rooms) != len(x.worker.conferences) {
		x.t.Errorf("%d lines in %d conferences, %d calls in %d rooms", lines, len(x.worker.conferences), len(x.members), len(x.server.rooms))
	}
	for _, m := range x.members {
		x.checkStamps(m)
	}
}

func (x *hustle) checkConference(c *conference) {
	floors, legs, rate := 0, 0, lowRate
	for i, l := range c.lines {
		if l.lobby == nil {
			rate = max(rate, l.format.codec.SampleRate)
		}
		if c.rtp[i] != l.pair.RTP || c.rtcp[i] != l.pair.RTCP {
			x.t.Errorf("line %d has another's sockets", i)
		}
		if l.group == nil || l.group.coder.format != l.format || !slices.Contains(c.groups, l.group) {
			x.t.Errorf("line %d is in no group of its format", i)
		}
		if !l.floor {
			continue
		}
		floors++
		m := x.members[slices.IndexFunc(x.members, func(m *member) bool { return m.leg == l.leg })]
		m.floors++
		if m.muted || m.holds != "" || m.lobby {
			x.t.Errorf("%s has the floor, muted %v, holding %q, outside %v", l.leg.id, m.muted, m.holds, m.lobby)
		}
	}
	for _, g := range c.groups {
		legs += g.legs
		if g.legs < 1 {
			x.t.Errorf("a group of %s has %d legs", g.coder.format.codec.Name, g.legs)
		}
	}
	if floors > c.cfg.NMax || legs != len(c.lines) || c.wanted != rate || c.rate != rate && c.waited > 2*rateSlots {
		x.t.Errorf("%d floors; %d legs in groups of %d; mixed at %d Hz for %d slots, heard at %d", floors, legs, len(c.lines),
			c.rate, c.waited, rate)
	}
}

// checkStamps holds timestamps against time: a stream never runs ahead of it or falls behind.
func (x *hustle) checkStamps(m *member) {
	a := &m.anchor
	if m.deaf() {
		a.set, a.seen = false, m.packets
		return
	}
	if m.packets == a.seen {
		return
	}
	a.seen = m.packets
	if !a.set {
		a.set, a.at, a.stamp, a.rate = true, x.now, m.lastTS, m.codec.ClockRate
		return
	}
	went := time.Duration(int32(m.lastTS-a.stamp)) * time.Second / time.Duration(a.rate)
	if off := went - (x.now - a.at); off > 2*m.ptime || off < -2*m.ptime {
		x.t.Errorf("%s of %s, %v: in %v timestamps went on by %v", m.leg.ID(), m.codec.Name, m.ptime, x.now-a.at, went)
		a.set = false
	}
}

// settle leaves everybody alone for a while, and listens.
func (x *hustle) settle() {
	x.stretch(packetsIn(3 * time.Second))
	for _, m := range x.members {
		m.heard = nil
	}
	x.stretch(packetsIn(1200 * time.Millisecond))
	eligible := make(map[string]int)
	floors := make(map[string]int)
	for _, m := range x.members {
		floors[m.room] += m.floors
		if m.eligible() {
			eligible[m.room]++
		}
	}
	for room, n := range eligible {
		if want := min(n, 3) * x.slots; floors[room] != want {
			x.t.Errorf("%d talk in %s; of %d floors in %d slots %d were taken", n, room, want, x.slots, floors[room])
		}
	}
	for _, m := range x.members {
		x.listen(m)
	}
}

// listen judges what one hears: all of those who had the floor throughout, none of those who never had it.
func (x *hustle) listen(m *member) {
	if m.deaf() {
		if len(m.heard) > 0 {
			x.t.Errorf("%s holds %q and was sent %d samples", m.leg.ID(), m.holds, len(m.heard))
		}
		return
	}
	for _, o := range x.members {
		got := m.level(o.hertz, time.Second)
		heard := o.room == m.room && o != m && o.floors == x.slots && !m.lobby
		silent := o.room != m.room || o == m || o.floors == 0 || m.lobby
		if heard && (got < 0.6*amplitude || got > 1.6*amplitude) || silent && got > amplitude/10 {
			x.t.Errorf("%s (%s, %v) hears %v Hz of %s (%s, %v) at %.4f; heard %v", m.leg.ID(), m.codec.Name, m.ptime,
				o.hertz, o.leg.ID(), o.codec.Name, o.ptime, got, heard)
		}
	}
}

// steady: with nothing new the worker takes no memory.
func (x *hustle) steady() {
	x.stretch(100)
	phones := x.phones
	x.phones = nil
	defer func() { x.phones = phones }()
	n := testing.AllocsPerRun(50, func() {
		x.now += Slot
		x.worker.tick(x.now, 0)
	})
	if n > 0 {
		x.t.Errorf("a slot allocates %v times", n)
	}
}
